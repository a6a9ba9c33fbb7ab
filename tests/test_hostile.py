"""A corpus whose inputs are damaged or hostile: each ends as a counted reject, and the rest is built."""

import gzip
import io
import subprocess
import sys
import tarfile
from pathlib import Path

import orjson
import yaml

from tests import peak_memory

STORY = (
    "The ferry left the island at six in the morning, and the keeper of the tide tables was not on it. He had meant to "
    "go. His bag stood packed by the door, and the letter to his sister lay on the table with its stamp. But the wind "
    "had turned in the night, and a man who has written down the sea for thirty years does not leave when it does "
    "something new. So he stayed, and he counted the waves, and by noon he knew that the harbour would be dry before "
    "the week was out. "
)


def page(body: str | bytes, url: str) -> bytes:
    body = body.encode() if isinstance(body, str) else body
    html = b"<html><head><title>t</title></head><body><article><p>" + body + b"</p></article></body></html>"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(html)}\r\n\r\n".encode()
    return record(head + html, url)


def record(content: bytes, url: str) -> bytes:
    return (
        (
            f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{abs(hash(url)):032x}>\r\n"
            f"WARC-Date: 2024-01-01T00:00:00Z\r\nWARC-Target-URI: {url}\r\n"
            f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(content)}\r\n\r\n"
        ).encode()
        + content
        + b"\r\n\r\n"
    )


def good(number: int) -> bytes:
    return page(
        " ".join(f"{STORY} This is page {number}, paragraph {i} of it." for i in range(3)), f"http://a.example/{number}"
    )


def make_inputs(root: Path) -> None:
    web, books, code = root / "web", root / "books", root / "code"
    for folder in (web, books, code):
        folder.mkdir()
    pages = [good(number) for number in range(6)]
    (web / "0-good.warc.gz").write_bytes(b"".join(map(gzip.compress, pages[:3])))
    (web / "1-cut-gzip.warc.gz").write_bytes(b"".join(map(gzip.compress, pages[3:]))[:-60])
    (web / "2-cut-record.warc").write_bytes(good(7) + good(8)[:-400])
    (web / "3-empty.warc.gz").write_bytes(b"")
    (web / "4-bomb.warc.gz").write_bytes(gzip.compress(record(bytes(400 << 20), "http://a.example/bomb")))
    deep = page("<div>" * 100_000 + STORY, "http://a.example/deep")
    broken = page(b"\xff\xfe\x80 " + STORY.encode() * 3, "http://a.example/utf8")
    line = page("word" * (75 << 18), "http://a.example/line")
    (web / "5-pages.warc.gz").write_bytes(b"".join(gzip.compress(each, 1) for each in (deep, broken, good(9), line)))
    (books / "long-line.txt").write_bytes(b"a" * (300 << 20))
    (books / "empty.txt").write_bytes(b"")
    (books / "story.txt").write_text(STORY * 20)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in ("../../evil.py", "/tmp/evil2.py", "repo/good.py"):
            info = tarfile.TarInfo(name)
            body = f"# {name}\nprint('hello from a file that is long enough to look at')\n".encode()
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
        link = tarfile.TarInfo("repo/link.py")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    (code / "repo.tar.gz").write_bytes(packed.getvalue())
    (code / "cut.tar.gz").write_bytes(packed.getvalue()[:-40])


def build(folder: Path) -> tuple[subprocess.CompletedProcess[str], int]:
    """`pile build` of the manifest in a folder, and the largest of its processes, in bytes."""
    command = [sys.executable, "-m", "pile_builder.cli", "build", str(folder / "m.yaml"), "--out", str(folder / "out")]
    return peak_memory.run(command)


def test_hostile_inputs_are_rejects_and_the_rest_is_built(tmp_path: Path):
    make_inputs(tmp_path)
    manifest = {
        "name": "hostile",
        "root": ".",
        "sources": {
            "common_crawl": {"inputs": ["web"]},
            "books": {"inputs": ["books"]},
            "github": {"inputs": ["code/*.tar.gz"], "select": {"language": None}},
        },
        "dedup": None,
        "mix": {"validation": 0, "test": 0},
    }
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(manifest))
    done, peak = build(tmp_path)
    assert done.returncode == 0, done.stderr
    sources = orjson.loads((tmp_path / "out" / "report" / "summary.json").read_bytes())["sources"]
    web = sources["common_crawl"]
    for source in sources.values():
        assert source["read"] == source["kept"] + sum(source["dropped"].values())
    assert web["kept"] == 3 + 2 + 1 + 2, web
    assert web["dropped"]["ingest.truncated"] >= 2
    assert web["dropped"].keys() >= {"ingest.too_deep", "ingest.bomb"}, web
    assert sources["books"]["dropped"]["ingest.too_large"] == 1
    assert sources["books"]["kept"] == 1
    assert sources["github"]["kept"] >= 1
    assert "truncated" in " ".join(sources["github"]["dropped"])
    assert not list(tmp_path.rglob("evil*"))
    # Compiling the kernels for the first time takes some 600 MiB of this.
    assert peak < 2000 << 20, f"a process of the build used {peak / 2**20:.0f} MiB"


def test_a_missing_input_is_a_clear_error(tmp_path: Path):
    (tmp_path / "m.yaml").write_text("name: x\nsources: {books: {inputs: [gone.txt]}}\n")
    done, _ = build(tmp_path)
    assert done.returncode == 1
    assert "gone.txt" in done.stderr
    assert "not found" in done.stderr
    assert "Traceback" not in done.stderr
