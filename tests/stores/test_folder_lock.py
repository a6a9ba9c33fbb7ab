"""One builder at a time in a folder of this machine, and disks that take nothing."""

import errno
import fcntl
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pile_builder.cli import app
from pile_builder.errors import BuildError, HeldError, StoreError
from pile_builder.holding import holding
from pile_builder.manifest import Manifest
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.storage import LOCK, TEMPORARY, Store

HOLD = """
import sys
from pile_builder.holding import holding
with holding(sys.argv[1], "pile build"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the folder `out`."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "out")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_is_told_who_works_there_until_it_ends(other: subprocess.Popen[str], tmp_path: Path):
    out = tmp_path / "out"
    manifest = tmp_path / "m.yaml"
    manifest.write_text("name: m\nsources: {books: {inputs: [b.txt]}}\n")
    (tmp_path / "b.txt").write_text("words")
    refused = CliRunner().invoke(app, ["build", str(manifest), "--out", str(out)])
    assert isinstance(refused.exception, HeldError)
    assert f"`pile build` (process {other.pid} on " in str(refused.exception)
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert (out / LOCK).exists()
    with holding(str(out), "pile build"):
        pass
    assert not (out / LOCK).exists()


def test_several_may_look_but_then_nobody_builds(tmp_path: Path):
    root = str(tmp_path)
    with holding(root, "pile review", shared=True):
        with holding(root, "pile review", shared=True):
            pass
        with pytest.raises(HeldError, match="pile review"), holding(root, "pile build"):
            pass
    with holding(root, "pile build"), pytest.raises(HeldError), holding(root, "pile review", shared=True):
        pass


def test_a_file_system_without_locks_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StoreError, match="expected a file system with locks"), holding(str(tmp_path), "pile build"):
        pass


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mounts small disks in memory; only root may."""
    folders = []

    def mount(options: str) -> Path:
        folder = tmp_path / f"disk-{len(folders)}"
        folder.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip("needs to be root on Linux, to mount a small disk")
        folders.append(folder)
        return folder

    yield mount
    for folder in folders:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_read_only_disk_is_said(mounted: Callable[..., Path]):
    disk = mounted("ro")
    with pytest.raises(StoreError, match=r"expected a folder to write into, got .*Read-only"), holding(str(disk), "x"):
        pass


def test_a_full_disk_ends_a_build_that_goes_on_when_there_is_room(
    toy_manifest: Callable[..., Manifest], tmp_path: Path, mounted: Callable[..., Path]
):
    expected = build(toy_manifest(), str(tmp_path / "whole"), RunOptions())["digest"]
    need = sum(path.stat().st_size for path in (tmp_path / "whole").rglob("*") if path.is_file())
    disk = mounted("size=20m")
    ballast = disk / "ballast"
    out = disk / "out"
    # As much room as ingest needs for some of its blocks, then as much as assemble needs for some of its shards.
    for room in (need // 8, need * 3 // 4):
        free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
        with ballast.open("ab") as file:
            file.truncate(0)
            os.posix_fallocate(file.fileno(), 0, max(free - room, 1))
        with pytest.raises((BuildError, StoreError)) as stopped:
            build(toy_manifest(), str(out), RunOptions())
        assert re.search("no space left .*Free some", str(stopped.value))
        ballast.unlink()
    assert build(toy_manifest(), str(out), RunOptions())["digest"] == expected
    assert not list(disk.rglob(f"{TEMPORARY}*"))
    assert Store(str(out)).exists("manifest.lock.yaml")
