"""docs/new-source.md, done from the first command to the last; and skeletons that are right as they are written."""

import os
import re
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from pile_builder.contract.skeleton import write_skeleton
from pile_builder.errors import PileError

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(?P<kind>\w+) (?P<path>\S+)\n(?P<text>.*?)^```$|^    (?P<command>\S[^\n]*)$", re.M | re.S)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment on top of this one, so that what is installed there is gone afterwards."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    purelib = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    (purelib / "below.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    scripts = {
        "pip": f"{sys.executable} -m pip --disable-pip-version-check --python {python}",
        "pile": f"{python} -m pile_builder.cli",
    }
    for name, command in scripts.items():
        (folder / "bin" / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (folder / "bin" / name).chmod(0o755)
    return folder / "bin"


def test_the_document_is_true_and_short(programs: Path, tmp_path: Path):
    where, said, lines = tmp_path, {}, 0
    for found in BLOCK.finditer((ROOT / "docs" / "new-source.md").read_text()):
        if found["path"]:
            (where / found["path"]).write_text(found["text"])
            lines += found["text"].count("\n") if found["kind"] == "python" else 0
        elif found["command"].startswith("cd "):
            where /= found["command"][3:]
        else:
            words = shlex.split(found["command"])
            done = subprocess.run(
                words,
                cwd=where,
                env={"PATH": f"{programs}:/usr/bin:/bin", "COLUMNS": "160"},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{found['command']}\n{done.stdout}{done.stderr}"
            said[found["command"]] = done.stdout
    assert lines < 60
    assert "2 passed" in said["python -m pytest"]
    assert "almanac: keeps the contract" in said["pile sources test almanac"]
    shown = said["pile sources try almanac samples/almanac"]
    assert "The swallows are early." in shown
    assert "reject: no_text" in shown
    assert "Harbour Almanac" in said["pile sources list"]
    assert "1 splits" in said["pile manifest check almanac.yaml"]


@pytest.mark.parametrize("joins", [False, True])
def test_a_skeleton_is_clean_and_its_test_passes(joins: bool, tmp_path: Path):
    said = write_skeleton("old_letters", tmp_path, joins=joins)
    folder = tmp_path / "pile-source-old-letters"
    assert "    python -m pytest" in said
    binaries = Path(sys.executable).parent
    config = ["--config", str(ROOT / "pyproject.toml")]
    for command in (
        [binaries / "ruff", "check", *config, "--ignore", "D103", "."],
        [binaries / "ruff", "format", "--check", *config, "."],
        [binaries / "python", "-m", "mypy", "--config-file", ROOT / "pyproject.toml", "old_letters_source.py"],
        [binaries / "python", "-m", "pytest"],
    ):
        variables = {**os.environ, "MYPYPATH": str(_as_installed(tmp_path / "typed"))}
        words = list(map(str, command))
        done = subprocess.run(words, cwd=folder, env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def _as_installed(top: Path) -> Path:
    """The packages laid out as they are installed, for mypy, which does not follow an editable installation."""
    package = top / "pile_builder"
    if not package.exists():
        package.mkdir(parents=True)
        for path in (*(ROOT / "pile_builder").iterdir(), ROOT / "sources", ROOT / "pipelines"):
            (package / path.name).symlink_to(path)
    return top


def test_inside_this_project_it_says_what_to_add(tmp_path: Path):
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "pile-builder"\n')
    said = "\n".join(write_skeleton("letters", tmp_path))
    assert (tmp_path / "sources/letters.py").is_file()
    assert (tmp_path / "tests/sources/test_letters.py").is_file()
    assert 'letters = "pile_builder.sources.letters:Letters"' in said
    with pytest.raises(PileError, match="expected no such file"):
        write_skeleton("letters", tmp_path)


@pytest.mark.parametrize("name", ["Letters", "class", "../x", "books", ""])
def test_names_that_cannot_be(name: str, tmp_path: Path):
    with pytest.raises(PileError, match="name"):
        write_skeleton(name, tmp_path)
    assert not list(tmp_path.iterdir())
