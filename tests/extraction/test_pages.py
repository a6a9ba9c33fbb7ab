"""Where a page to try comes from: files, standard input, archives, a server that means ill."""

import gzip
import io
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pile_builder.errors import PileError
from pile_builder.extraction.fetched import fetch_page
from pile_builder.extraction.pages import open_page
from tests.hostile.made import STORY, html, html_response

PAGE = html(STORY)


@pytest.fixture
def archive(tmp_path: Path) -> str:
    path = tmp_path / "two.warc.gz"
    path.write_bytes(
        b"".join(gzip.compress(html_response(f"{STORY} {n}", f"http://a.example/page/{n}")) for n in range(2))
    )
    return str(path)


def test_a_file_a_compressed_one_and_standard_input(tmp_path: Path):
    (tmp_path / "a.html").write_bytes(PAGE)
    (tmp_path / "b.html.gz").write_bytes(gzip.compress(PAGE))
    for where in ("a.html", "b.html.gz"):
        assert open_page(str(tmp_path / where)).payload == PAGE
    assert open_page("-", stdin=io.BytesIO(PAGE)).payload == PAGE
    (tmp_path / "c#1").write_bytes(PAGE)
    assert open_page(str(tmp_path / "c#1")).payload == PAGE


def test_a_page_of_an_archive_by_number_and_by_url(archive: str):
    assert open_page(f"{archive}#2").meta["url"] == "http://a.example/page/1"
    assert open_page(archive, "http://a.example/page/1").payload == open_page(f"{archive}#2").payload


@pytest.mark.parametrize(
    ("where", "url", "said"),
    [
        ("{archive}", "", r"say which, by #N or --url; it has 2 HTML pages:\n    #1 http://a.example/page/0"),
        ("{archive}#3", "", "expected a page of that number, it has 2"),
        ("{archive}", "http://a.example/pages/1", "did you mean http://a.example/page/1"),
        ("{archive}.gone", "", "there is no such file"),
        ("{folder}", "", "a folder; give one file of it"),
        ("{folder}/page.html#2", "", "expected a WARC file because of #2"),
        ("{folder}/page.html", "http://a.example/", "expected a WARC file because of --url"),
        ("{folder}/empty.html", "", "it is empty"),
        ("{folder}/a.pdf", "", "it begins with b'%PDF-1.4'"),
        ("{folder}/cut.html.gz", "", "it is truncated"),
        ("{folder}/a\0b", "", "there is no such file"),
        ("http://a.example/", "http://a.example/", "expected a WARC file to look in"),
        ("nowhere://x/y.html", "", "there is no nowhere://"),
        ("http:///page", "", "expected a URL with a host"),
    ],
)
def test_what_is_no_page_says_what_would_do(archive: str, tmp_path: Path, where: str, url: str, said: str):
    (tmp_path / "page.html").write_bytes(PAGE)
    (tmp_path / "empty.html").write_bytes(b" \n")
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4 ...")
    (tmp_path / "cut.html.gz").write_bytes(gzip.compress(PAGE)[:-20])
    with pytest.raises(PileError, match=said.replace("?", r"\?")):
        open_page(where.format(archive=archive, folder=tmp_path), url)


class _Server(BaseHTTPRequestHandler):
    """Each path misbehaves in its way."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.close_connection = True
        match self.path:
            case "/page":
                self.answer(PAGE)
            case "/moved":
                self.answer(b"", 302, {"Location": "/page"})
            case "/loop":
                self.answer(b"", 302, {"Location": "/loop"})
            case "/to-file":
                self.answer(b"", 302, {"Location": "file:///etc/passwd"})
            case "/packed":
                self.answer(gzip.compress(PAGE), 200, {"Content-Encoding": "gzip"})
            case "/bomb":
                self.answer(gzip.compress(bytes(80 << 20)), 200, {"Content-Encoding": "gzip"})
            case "/picture":
                self.answer(b"GIF89a", 200, {"Content-Type": "image/gif"})
            case "/lying":
                self.answer(b"%PDF-1.4", 200)
            case "/gone":
                self.answer(b"no", 404)
            case "/slow":
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                for _ in range(40):
                    self.wfile.write(b"<p>")
                    self.wfile.flush()
                    time.sleep(0.1)

    def answer(self, body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (
            {"Content-Type": "text/html", "Content-Length": str(len(body)), "Connection": "close"} | (headers or {})
        ).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Server) as running:
        running.daemon_threads = True
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


def test_pages_of_a_server(server: str):
    assert fetch_page(f"{server}/page").payload == PAGE
    assert fetch_page(f"{server}/moved").key == f"{server}/page"
    assert fetch_page(f"{server}/packed").payload == PAGE


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("loop", "more than 10 redirects"),
        ("to-file", "expected an answer"),
        ("bomb", "the page has more"),
        ("page", "expected at most 100 bytes"),
        ("picture", "expected an HTML page, got image/gif"),
        ("lying", "expected an HTML page, got text/html"),
        ("gone", "got 404 Not Found"),
        ("slow", "within 1 seconds"),
    ],
)
def test_a_server_that_means_ill(server: str, path: str, said: str):
    with pytest.raises(PileError, match=said):
        fetch_page(f"{server}/{path}", seconds=1, limit=100 if path == "page" else 1 << 20)


def test_a_server_that_is_not_there():
    with pytest.raises(PileError, match="expected an answer, got none"):
        fetch_page("http://127.0.0.1:9/page", seconds=5)
