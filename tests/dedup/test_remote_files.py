"""Inputs and outputs of `pile dedup` that do not lie on this machine's file system."""

import gzip
import io
import json
import re
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from pile_builder.dedup.files import Options, deduplicate
from pile_builder.errors import PileError

BLOCK_BYTES = 5 << 20
"""What fsspec asks a server for at once."""


class Server(SimpleHTTPRequestHandler):
    """Serves a folder; ranges of bytes too, except below `whole`."""

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        span = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if span is None or self.path.startswith("/whole/"):
            super().do_GET()
            return
        start, end = map(int, span.groups())
        content = path.read_bytes()
        part = content[start : end + 1]
        self.send_response(206)
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Content-Range", f"bytes {start}-{start + len(part) - 1}/{len(content)}")
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address under which it is served."""
    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Server, directory=str(folder))) as server:
        # What a client hangs up on is of no interest here.
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def lines(*texts: str) -> bytes:
    return b"".join(json.dumps({"text": text}).encode() + b"\n" for text in texts)


def table(*texts: str) -> bytes:
    packed = io.BytesIO()
    pq.write_table(pa.table({"text": texts}), packed)
    return packed.getvalue()


INPUTS = {
    "a.jsonl": lines("one", "One!", "two"),
    "b.jsonl.gz": gzip.compress(lines("two", "three")),
    "c.jsonl.zst": zstandard.compress(lines("three", "four")),
    "d.parquet": table("four", "five"),
}
KEPT = {"a.jsonl": lines("one", "two"), "b.jsonl": lines("three"), "c.jsonl": lines("four")}


def test_inputs_and_outputs_by_url(tmp_path):
    memory, root = fsspec.filesystem("memory"), f"/{tmp_path.name}"
    for name, content in INPUTS.items():
        memory.pipe_file(f"{root}/in/{name}", content)
    memory.pipe_file(f"{root}/in/notes.txt", b"no input")
    for _ in range(2):
        # The second run replaces the first.
        report = deduplicate([f"memory:/{root}/in"], f"memory:/{root}/out", Options(form="jsonl"))
        assert [file["name"] for file in report["files"]] == ["a.jsonl", "b.jsonl", "c.jsonl", "d.parquet"]
        assert {name: memory.cat_file(f"{root}/out/{name}") for name in KEPT} == KEPT
        assert pq.read_table(io.BytesIO(memory.cat_file(f"{root}/out/d.parquet"))).to_pylist() == [{"text": "five"}]
        assert len(pq.read_table(io.BytesIO(memory.cat_file(f"{root}/out/duplicates.parquet")))) == 4
        assert orjson.loads(memory.cat_file(f"{root}/out/report.json"))["complete"]
        assert len(memory.find(f"{root}/out")) == 6


def test_a_remote_folder_is_not_written_over(tmp_path):
    memory, root = fsspec.filesystem("memory"), f"/{tmp_path.name}"
    source, out = f"memory:/{root}/in/a.jsonl", f"memory:/{root}/out"
    memory.pipe_file(f"{root}/in/a.jsonl", INPUTS["a.jsonl"])
    deduplicate([source], out, Options(form="jsonl"))
    with pytest.raises(PileError, match=r"another folder than that of the inputs, memory:.*/out/a.jsonl would be lost"):
        deduplicate([f"{out}/a.jsonl"], out, Options(form="jsonl"))
    with pytest.raises(PileError, match=r"expected a folder, got the file memory:"):
        deduplicate([source], source, Options())


def test_inputs_by_http(tmp_path, served):
    folder, address = served
    for name, content in INPUTS.items():
        (folder / name).write_bytes(content)
    out = tmp_path / "out"
    report = deduplicate([f"{address}/{name}" for name in INPUTS], str(out), Options(form="jsonl"))
    assert {name: (out / name).read_bytes() for name in KEPT} == KEPT
    assert pq.read_table(out / "d.parquet").to_pylist() == [{"text": "five"}]
    assert report["bytes_read"] == sum(map(len, INPUTS.values()))
    # The server's own listing, which says no sizes; and a name that two inputs share.
    for inputs in ([address], [f"{address}/*"], [*sorted(map(str, folder.iterdir())), f"{address}/a.jsonl"]):
        report = deduplicate(inputs, f"file://{out}", Options(form="jsonl"))
        assert report["kept"] == 5
        assert report["bytes_read"] == sum(file["bytes_read"] for file in report["files"]) > 0
    assert f"{address.removeprefix('http://')}/a.jsonl" in {file["name"] for file in report["files"]}


def test_http_servers_must_know_ranges_for_what_is_large(tmp_path, served):
    folder, address = served
    content = lines(*(f"{number} " * 1000 for number in range(3000)))
    assert len(content) > 2 * BLOCK_BYTES
    for name in ("large.jsonl", "whole/large.jsonl", "whole/small.jsonl"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(lines("one") if "small" in name else content)
    inputs = [f"{address}/large.jsonl", f"{address}/whole/small.jsonl"]
    assert deduplicate(inputs, str(tmp_path / "out"), Options(exact_only=True))["kept"] == 3001
    with pytest.raises(PileError, match=r"http://.*/whole/large.jsonl: expected a server that answers range requests"):
        deduplicate([f"{address}/whole/large.jsonl"], str(tmp_path / "none"), Options(exact_only=True))
    assert not (tmp_path / "none").exists()


def test_urls_that_cannot_be_used_say_why(tmp_path, served, monkeypatch):
    folder, address = served
    (folder / "a.jsonl").write_bytes(INPUTS["a.jsonl"])
    with pytest.raises(PileError, match=r"http://.*/none.jsonl: expected a file, .*; there is none"):
        deduplicate([f"{address}/none.jsonl"], str(tmp_path / "out"), Options())
    with pytest.raises(PileError, match=r"--out: expected a local folder or a store that can be written to"):
        deduplicate([f"{address}/a.jsonl"], f"{address}/out", Options())
    with pytest.raises(PileError, match=r"no://where: expected a path, or a URL .*; there is no no://"):
        deduplicate([f"{address}/a.jsonl"], "no://where", Options())
    monkeypatch.setitem(sys.modules, "s3fs", None)
    # Another test of this process may have used it.
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    with pytest.raises(PileError, match=r"s3://b/a.jsonl: .* not installed: pip install 'pile-builder\[s3\]'"):
        deduplicate(["s3://b/a.jsonl"], str(tmp_path / "out"), Options())
