"""Whether upstreams are alive, and whether they changed since somebody looked: `pile sources doctor`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
import requests

from pile_builder.errors import ManifestError
from pile_builder.input_files import file_system, is_remote
from pile_builder.upstreams.http import BUSY, TIMEOUT, new_session, total_size, wait_asked

HEAD_BYTES = 1_024
"""Of a file's beginning, to see whether its form changed."""
_COMPARED = ("size", "etag", "modified", "head")


@dataclass(frozen=True)
class Seen:
    """What a look at an upstream found.

    Attributes:
        url: of it.
        state: `alive`, `gone`, `refused`, `busy` or `unreachable`.
        detail: of anything but `alive`.
        size: stored bytes, if the server says.
        etag, modified: as the server says.
        head: the first line of a text, or the first eight bytes in hexadecimal; empty for web pages.
    """

    url: str
    state: str
    detail: str = ""
    size: int | None = None
    etag: str = ""
    modified: str = ""
    head: str = ""

    def changes(self, recorded: Mapping[str, Any]) -> list[str]:
        """What differs from a record, where both know it."""
        return [
            f"{name}: {recorded[name]} before, {getattr(self, name)} now"
            for name in _COMPARED
            if recorded.get(name) and getattr(self, name) and recorded[name] != getattr(self, name)
        ]


def look(url: str, timeout: tuple[float, float] = TIMEOUT) -> Seen:
    """Look at one upstream: one or two requests, of which no body beyond `HEAD_BYTES` is read."""
    if not url.startswith(("http://", "https://")):
        return _look_in_store(url)
    with new_session() as session:
        try:
            # A range of the beginning tells all that HEAD does, where servers refuse HEAD too.
            headers = {"Range": f"bytes=0-{HEAD_BYTES - 1}"}
            with session.get(url, headers=headers, timeout=timeout, stream=True) as answer:
                return _seen(url, answer)
        except requests.RequestException as error:
            return Seen(url, "unreachable", _reason(error))


def read_record(path: Path) -> dict[str, dict[str, Any]]:
    """What was recorded of upstreams, by URL; empty if there is no such file.

    Raises:
        ManifestError: the file is no record.
    """
    if not path.exists():
        return {}
    try:
        record = orjson.loads(path.read_bytes())
        return {url: dict(values) for url, values in record.items()}
    except (orjson.JSONDecodeError, AttributeError, TypeError, ValueError) as error:
        msg = f"{path}: expected a record that `pile sources doctor --record` wrote: {error}"
        raise ManifestError(msg) from error


def write_record(path: Path, seen: list[Seen]) -> None:
    """Record what is alive; what is not keeps its old entry."""
    record = read_record(path) | {one.url: dict(_entry(one)) for one in seen if one.state == "alive"}
    temporary = path.with_name(f".writing-{path.name}")
    temporary.write_bytes(orjson.dumps(record, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n")
    temporary.replace(path)


def _entry(seen: Seen) -> Iterator[tuple[str, Any]]:
    for name, value in asdict(seen).items():
        if name in _COMPARED and value:
            yield name, value


def _seen(url: str, answer: requests.Response) -> Seen:
    status = answer.status_code
    if status in (404, 410):
        return Seen(url, "gone", f"HTTP {status}")
    if status in BUSY:
        return Seen(url, "busy", f"HTTP {status}, wait {wait_asked(answer.headers, 0):.0f} s")
    if status == 416:
        return Seen(url, "alive", size=0)
    if status not in (200, 206):
        return Seen(url, "refused", f"HTTP {status}")
    is_page = "html" in answer.headers.get("Content-Type", "")
    head = "" if is_page else _head(answer.raw.read(HEAD_BYTES, decode_content=False))
    headers = answer.headers
    return Seen(
        url,
        "alive",
        size=None if is_page else total_size(answer),
        etag="" if is_page else headers.get("ETag", ""),
        modified="" if is_page else headers.get("Last-Modified", ""),
        head=head,
    )


def _head(data: bytes) -> str:
    line = data.split(b"\n", 1)[0][:200]
    text = line.decode("utf-8", "replace").strip()
    return text if text.isprintable() and "\ufffd" not in text and text else data[:8].hex(" ")


def _look_in_store(url: str) -> Seen:
    if not is_remote(url):
        return Seen(url, "unreachable", "expected a URL")
    try:
        fs, path = file_system(url)
        info = fs.info(path)
    except FileNotFoundError:
        return Seen(url, "gone", "not found")
    except PermissionError as error:
        return Seen(url, "refused", str(error))
    except Exception as error:
        # Stores of every kind, with libraries of every kind; what they say is shown.
        return Seen(url, "unreachable", f"{type(error).__name__}: {error}"[:200])
    modified = info.get("LastModified") or info.get("updated") or ""
    return Seen(
        url, "alive", "", int(info.get("size") or 0), str(info.get("ETag") or info.get("etag") or ""), str(modified)
    )


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.TooManyRedirects):
        return "redirected without end"
    if isinstance(error, requests.ConnectionError):
        text = str(error)
        return "no such host" if "resolve" in text or "Name or service" in text else "no connection"
    return f"{type(error).__name__}: {error}"[:200]
