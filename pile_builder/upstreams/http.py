"""Requests to upstreams, polite: named, with timeouts, waiting as long as the server asks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import requests

from pile_builder import __version__

TIMEOUT = (10.0, 60.0)
"""Seconds to connect, and between two parts of an answer."""
MAX_WAIT = 600.0
"""Most seconds that a server's Retry-After is obeyed; it may say a year."""
BUSY = frozenset({429, 500, 502, 503, 504})
"""Answers after which the same request may succeed."""


def new_session() -> requests.Session:
    """A session that says who asks and wants bytes as they are stored."""
    session = requests.Session()
    session.headers.update({"User-Agent": f"pile-builder/{__version__}", "Accept-Encoding": "identity"})
    return session


def wait_asked(headers: Mapping[str, str], otherwise: float) -> float:
    """Seconds to wait by a Retry-After header (seconds or a date), at most `MAX_WAIT`."""
    given = headers.get("Retry-After", "").strip()
    seconds = otherwise
    if given.isdigit():
        seconds = float(given[:9])
    elif given:
        try:
            seconds = parsedate_to_datetime(given).timestamp() - time.time()
        except ValueError:
            seconds = otherwise
    return min(max(seconds, otherwise), MAX_WAIT)


def validator(headers: Mapping[str, str]) -> str:
    """What names this version of a file in If-Range: a strong ETag, or the date of change (RFC 9110, 13.1.5)."""
    etag = headers.get("ETag", "")
    return etag if etag and not etag.startswith("W/") else headers.get("Last-Modified", "")


def total_size(response: requests.Response) -> int | None:
    """Bytes of the whole file by an answer to a request for a part or all of it; None if it does not say."""
    _, _, total = response.headers.get("Content-Range", "").rpartition("/")
    if total.isdigit():
        return int(total)
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdigit() and response.status_code == 200 else None
