"""A server on this machine that does to downloads what servers do: cuts, 503s, ignored ranges, wrong lengths."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

CONTENT = bytes(range(256)) * 4_000


class Handler(BaseHTTPRequestHandler):
    """Paths say how a file is served; the n-th request for one is told from the first."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[Counter[str]] = Counter()
    ranges: ClassVar[list[str]] = []
    lock = threading.Lock()

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2].partition(".")[0]
        with self.lock:
            self.asked[name] += 1
            count = self.asked[name]
            self.ranges.append(f"{name} {self.headers.get('Range', '')} {self.headers.get('If-Range', '')}".strip())
        self.close_connection = True
        if self.command == "HEAD" and name != "gone":
            return self.answer(200, CONTENT, send=b"")
        match name:
            case "gone":
                return self.answer(404, b"no")
            case "busy" if count <= 2:
                return self.answer(503, b"later", {"Retry-After": "0"})
            case "always_busy":
                return self.answer(429, b"later", {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"})
            case "silent":
                return None
            case "deaf":
                # Ranges are ignored, and the first answer is cut.
                return self.answer(200, CONTENT, send=CONTENT[:300_000] if count == 1 else CONTENT)
            case "lying" if count == 1:
                return self.answer(200, CONTENT, {"Content-Length": str(len(CONTENT) + 50)})
            case "changing" if count > 1:
                return self.ranged(CONTENT[::-1], "two")
            case "shifted" if "Range" in self.headers and count == 2:
                return self.answer(206, CONTENT[9:], {"Content-Range": f"bytes 9-{len(CONTENT) - 1}/{len(CONTENT)}"})
            case "nameless":
                return self.answer(200, CONTENT, {"ETag": ""}, send=CONTENT[:99_000] if count == 1 else CONTENT)
            case "loop":
                return self.answer(302, b"", {"Location": self.path})
            case "page":
                return self.answer(200, b"<html>", {"Content-Type": "text/html"})
            case "table":
                return self.answer(200, b"id,title,year\n1,x,1900\n", {"Content-Type": "text/csv"})
        return self.ranged(CONTENT, "one", cut=name in ("cut", "changing", "shifted"))

    def ranged(self, content: bytes, version: str, *, cut: bool = False) -> None:
        """Serve a range if one is asked of this version, cut after 300,000 bytes."""
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first = int(found[1]) if found else 0
        asked_of = self.headers.get("If-Range", f'"{version}"')
        if found and asked_of == f'"{version}"' and first >= len(content):
            return self.answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
        headers, status, whole = {"ETag": f'"{version}"'}, 200, content
        if found and asked_of == f'"{version}"':
            last = int(found[2]) if found[2] else len(content) - 1
            whole, status = content[first : last + 1], 206
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        return self.answer(status, whole, headers, send=whole[:300_000] if cut else whole)

    def answer(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, send: bytes | None = None
    ) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), "ETag": '"one"', **(headers or {})}.items():
            if value:
                self.send_header(key, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body if send is None else send)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[str]:
    """The address of a running server."""
    Handler.asked, Handler.ranges = Counter(), []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
