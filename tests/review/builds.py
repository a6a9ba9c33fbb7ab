"""A finished build of pages, hostile ones among them, and a server over it."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.review.draw import draw
from pile_builder.review.labels import Labels
from pile_builder.review.server import ReviewServer
from pile_builder.review.texts import Texts
from pile_builder.storage import Store
from tests.pages import manifest_of, register_paged, write_pages

HOSTILE = (
    "</script><img src=x onerror=document.title='owned'><script>document.title='owned'</script>{{7*7}}${7*7}\u202e"
)
HOSTILE_URL = "https://web.example/<script>document.title='owned'</script>"
LONG_URL = "https://forum.example/long"
LABELS = ("keep", "bad", "other")


def build_pages(raw: Path, out: Path) -> Path:
    """Build the pages of tests.pages, a hostile one and one of 30,000 characters into `out`."""
    write_pages(raw)
    extra = {
        "web0": {"url": HOSTILE_URL, "text": f"the hostile page {HOSTILE} ends here", "license": ""},
        "forum0": {"url": LONG_URL, "text": " ".join(f"word{number}" for number in range(3500)), "license": ""},
    }
    for name, page in extra.items():
        with (raw / name).open("ab") as file:
            file.write(orjson.dumps(page) + b"\n")
    with pytest.MonkeyPatch.context() as patch:
        register_paged(patch)
        build(manifest_of(raw), str(out), RunOptions())
    return out


@contextmanager
def serving(
    out: Path, by: str = "ana", name: str = "pages", labels: tuple[str, ...] = LABELS, source: str = ""
) -> Iterator[ReviewServer]:
    """A server over a build; `source` stands in the place of the names of all sources."""
    store = Store(str(out))
    drawn = [replace(one, source=source or one.source) for one in draw(store, 200, 1)]
    server = ReviewServer(name, drawn, Texts(store), Labels(store), labels, by, 1)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(server: ReviewServer, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """Status and JSON of a request such as the page's; a header may be replaced, or left out when it is empty."""
    url = urlsplit(server.url)
    sent = {"Host": url.netloc, "Origin": f"http://{url.netloc}", "Content-Type": "application/json"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=10)
    data = None if body is None else orjson.dumps(body)
    connection.putrequest("GET" if data is None else "POST", path, skip_host=True)
    for name, value in sent.items():
        if value:
            connection.putheader(name, value)
    if data is not None:
        connection.putheader("Content-Length", str(len(data)))
    connection.endheaders(data)
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    return response.status, orjson.loads(answer) if "json" in response.headers["Content-Type"] else answer


def below(server: ReviewServer, path: str) -> str:
    return f"/{server.token}/{path}"
