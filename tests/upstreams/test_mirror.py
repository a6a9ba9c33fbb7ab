"""Downloads from a server that misbehaves, and a corpus built from the mirror."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.testing

from pile_builder.cli import app
from pile_builder.errors import ManifestError, StoreError, StoreUnreachableError
from pile_builder.input_files import InputFile
from pile_builder.manifest import check_manifest, load_manifest
from pile_builder.source_contract import documents
from pile_builder.upstreams import download as downloading
from pile_builder.upstreams import mirror
from pile_builder.upstreams.download import Download, Limiter
from pile_builder.upstreams.http import new_session, wait_asked
from tests.upstreams.misbehaving import CONTENT, Handler, serving


@pytest.fixture
def server() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture
def download() -> Iterator[Download]:
    with new_session() as session:
        yield Download(session, Limiter(), first_wait=0.0)


@pytest.mark.parametrize("name", ["whole", "busy", "cut", "deaf", "lying", "shifted", "nameless"])
def test_the_file_is_whole_whatever_the_server_does(server: str, download: Download, name: str, tmp_path: Path):
    advanced: list[int] = []
    download.advance = advanced.append
    download.to_part(f"{server}/{name}.bin", tmp_path / "part", hashlib.sha256(CONTENT).hexdigest())
    assert (tmp_path / "part").read_bytes() == CONTENT
    assert sum(advanced) == len(CONTENT)
    assert [path.name for path in tmp_path.iterdir()] == ["part"]


def test_a_cut_file_is_resumed_by_ranges_of_its_version(server: str, download: Download, tmp_path: Path):
    download.to_part(f"{server}/cut.bin", tmp_path / "part")
    assert Handler.ranges[:2] == ["cut", 'cut bytes=300000- "one"']
    assert Handler.asked["cut"] == 4


def test_parts_of_two_versions_are_never_mixed(server: str, download: Download, tmp_path: Path):
    download.to_part(f"{server}/changing.bin", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == CONTENT[::-1]


def test_what_cannot_be_had_is_an_error(server: str, download: Download, tmp_path: Path):
    with pytest.raises(StoreError, match="HTTP 404; check the address"):
        download.to_part(f"{server}/gone.bin", tmp_path / "part")
    with pytest.raises(StoreUnreachableError, match="HTTP 429; run the command again"):
        download.to_part(f"{server}/always_busy.bin", tmp_path / "part")
    assert Handler.asked["always_busy"] == downloading.ATTEMPTS
    with pytest.raises(StoreError, match="twice another file came"):
        download.to_part(f"{server}/whole.bin", tmp_path / "part", "0" * 64)
    assert Handler.asked["whole"] == 2


def test_waits_are_as_asked_but_not_for_ever():
    assert wait_asked({"Retry-After": "7"}, 1) == 7
    assert wait_asked({"Retry-After": "999999999"}, 1) == 600
    assert wait_asked({"Retry-After": "soon"}, 1) == 1
    assert wait_asked({}, 2) == 2


def test_the_limit_holds_for_all_threads(monkeypatch: pytest.MonkeyPatch):
    slept: list[float] = []
    monkeypatch.setattr(downloading.time, "sleep", slept.append)
    monkeypatch.setattr(downloading.time, "monotonic", lambda: 100.0)
    limiter = Limiter(1_000)
    limiter.take(500)
    limiter.take(500)
    assert slept == [0.5, 1.0]


def _manifest(base: Path, root: str, **source: Any) -> Path:
    text = "\n".join(f"    {key}: {value}" for key, value in source.items())
    path = base / "m.yaml"
    path.write_text(f"name: x\nroot: {root!r}\nsources:\n  books:\n{text}\n")
    return path


@pytest.mark.parametrize("is_relative", [True, False])
def test_a_manifest_builds_from_the_mirror_with_the_same_keys(
    tmp_path: Path, download: Download, monkeypatch: pytest.MonkeyPatch, is_relative: bool
):
    samples = Path(__file__).parents[2] / "samples" / "books"
    with _files(samples) as address:
        inputs = "[90001.txt, 90002-8.txt]" if is_relative else f"['{address}/90001.txt']"
        manifest = load_manifest(_manifest(tmp_path, address if is_relative else "", inputs=inputs))
        to = str(tmp_path / "mirror")
        wanted = mirror.wanted_files(manifest, to)
        assert mirror.total_size(wanted)["missing_bytes"] == sum((samples / one.name).stat().st_size for one in wanted)
        count = mirror.fetch(wanted, to, download, {})
        mirror.write_manifest(manifest, to)
        assert count == len(wanted)
        assert not [one for one in mirror.wanted_files(manifest, to) if not one.is_there]
        there = documents(manifest.plugins["books"])
    here = load_manifest(f"{to}/{mirror.MANIFEST}")
    assert documents(here.plugins["books"]) == there
    if is_relative:
        again = load_manifest(_manifest(tmp_path, to, inputs=inputs))
        assert documents(again.plugins["books"]) == there


def test_files_that_a_list_of_paths_names_are_mirrored_too(tmp_path: Path, download: Download):
    samples = Path(__file__).parents[2] / "samples"
    (tmp_path / "warc.paths").write_text("common_crawl/CC-MAIN-20210304050000-00000.warc.gz\n")
    with _files(samples) as address:
        entry = {"inputs": [str(tmp_path / "warc.paths")], "options": {"prefix": f"{address}/"}}
        manifest = check_manifest({"name": "x", "sources": {"common_crawl": entry}}, str(tmp_path / "m.yaml"), {})
        to = str(tmp_path / "mirror")
        assert mirror.fetch(mirror.wanted_files(manifest, to), to, download, {}) == 1
        mirror.write_manifest(manifest, to)
        there = documents(manifest.plugins["common_crawl"])
    assert there
    assert documents(load_manifest(f"{to}/{mirror.MANIFEST}").plugins["common_crawl"]) == there


def test_the_command_says_what_it_does(tmp_path: Path):
    with _files(Path(__file__).parents[2] / "samples" / "books") as address:
        manifest = _manifest(tmp_path, address, inputs="[90001.txt, 90004.txt]")
        command = ["fetch", str(manifest), "--to", str(tmp_path / "mirror")]
        run = typer.testing.CliRunner().invoke
        assert "missing 90004.txt" in run(app, [*command, "--dry-run"]).output
        assert not (tmp_path / "mirror").exists()
        assert "2 files fetched" in run(app, command).output
        assert "0 files fetched" in run(app, [*command, "--rate", "1"]).output
        assert "there   90004.txt" in run(app, [*command, "--dry-run"]).output


def test_one_file_that_fails_leaves_the_others(server: str, tmp_path: Path, download: Download):
    data = {"name": "x", "root": server, "sources": {"books": {"inputs": ["a/whole.txt"]}}}
    manifest = check_manifest(data, str(tmp_path / "m.yaml"), {})
    to = str(tmp_path / "mirror")
    # It is there when the inputs are listed, and no more when it is fetched.
    vanished = mirror.Wanted("a/gone.txt", InputFile("a/gone.txt", f"{server}/a/gone.txt", 9), is_there=False)
    wanted = [vanished, *mirror.wanted_files(manifest, to)]
    with pytest.raises(StoreError, match="1 of 2 files"):
        mirror.fetch(wanted, to, download, {})
    assert (tmp_path / "mirror/a/whole.txt").read_bytes() == CONTENT
    assert not (tmp_path / "mirror/a/gone.txt").exists()


def test_a_mirror_may_be_a_store(server: str, tmp_path: Path, download: Download):
    import fsspec

    data = {"name": "x", "root": server, "sources": {"books": {"inputs": ["cut.txt"]}}}
    manifest = check_manifest(data, str(tmp_path / "m.yaml"), {})
    mirror.fetch(mirror.wanted_files(manifest, "memory://mirror"), "memory://mirror", download, {})
    assert fsspec.filesystem("memory").cat_file("/mirror/cut.txt") == CONTENT
    assert mirror.wanted_files(manifest, "memory://mirror")[0].is_there


def test_lists_of_checksums(tmp_path: Path):
    (tmp_path / "sums").write_text(f"{'a' * 64}  ./x/one.txt\n{'b' * 32} *two.txt\n\n")
    assert mirror.read_sums([str(tmp_path / "sums")]) == {"x/one.txt": "a" * 64, "two.txt": "b" * 32}
    (tmp_path / "sums").write_text("hello\n")
    with pytest.raises(ManifestError, match="DIGEST  NAME"):
        mirror.read_sums([str(tmp_path / "sums")])


def _files(folder: Path) -> Any:
    """A well-behaved server of a folder."""
    import functools
    import threading
    from contextlib import contextmanager
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    @contextmanager
    def running() -> Iterator[str]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        server.server_close()

    return running()
