"""One page from the web, by HTTP, bounded in bytes and time whatever the server does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.client import responses
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from pile_builder.errors import InputError, PileError
from pile_builder.masking import public_url
from pile_builder.source import Raw
from pile_builder.sources.common_crawl.html import is_html, may_be_html
from pile_builder.sources.common_crawl.warc import Message, decode_body
from pile_builder.streams import MAX_RECORD_BYTES
from pile_builder.upstreams.http import new_session

SECONDS = 60.0
"""For everything: name, connection, redirects, body."""
MAX_BYTES = MAX_RECORD_BYTES
MAX_REDIRECTS = 10
_TIMEOUT = (10.0, 20.0)
_PART = 64 << 10


def fetch_page(url: str, seconds: float = SECONDS, limit: int = MAX_BYTES) -> Raw:
    """The page at an http(s) URL, under the URL that answered.

    Args:
        url: where.
        seconds: most time for everything.
        limit: most bytes of the body, as sent and as expanded.

    Raises:
        PileError: no answer in time, not 2xx, not HTML, too large; the message says which, and what helps.
    """
    if not urlsplit(url).hostname:
        msg = f"{url}: expected a URL with a host, such as https://example.org/page.html"
        raise PileError(msg)
    # A server that sends a byte now and then defeats timeouts of single reads: the whole has one of its own.
    done: list[Raw | PileError] = []
    thread = threading.Thread(target=lambda: done.append(_outcome(lambda: _get(url, limit), url)), daemon=True)
    thread.start()
    thread.join(seconds)
    if not done:
        msg = (
            f"{url}: expected the page within {seconds:g} seconds, it is not there yet. Save it to a file and give that"
        )
        raise PileError(msg)
    if isinstance(done[0], PileError):
        raise done[0]
    return done[0]


def _outcome(get: Callable[[], Raw], url: str) -> Raw | PileError:
    try:
        return get()
    except PileError as error:
        return error
    except requests.exceptions.TooManyRedirects:
        return PileError(
            f"{url}: expected a page, got more than {MAX_REDIRECTS} redirects. Give the address it ends at"
        )
    except (requests.exceptions.RequestException, HTTPError, OSError, ValueError) as error:
        why = f"{type(error).__name__}: {error}"[:300]
        return PileError(
            f"{url}: expected an answer, got none ({why}). Check the address and the network (HTTPS_PROXY), or save "
            "the page to a file and give that"
        )


def _get(url: str, limit: int) -> Raw:
    with new_session() as session:
        session.max_redirects = MAX_REDIRECTS
        session.headers["Accept"] = "text/html, application/xhtml+xml;q=0.9, */*;q=0.1"
        with session.get(url, stream=True, timeout=_TIMEOUT) as response:
            status = response.status_code
            if not 200 <= status < 300:
                said = f"{status} {responses.get(status, '')}".strip()
                msg = (
                    f"{url}: expected the page (status 200), got {said}. Check the address, or save the page to a file"
                )
                raise PileError(msg)
            media_type = response.headers.get("Content-Type", "")
            if not may_be_html(media_type):
                raise PileError(_not_html(url, media_type))
            parts: list[bytes] = []
            size = 0
            while part := response.raw.read(_PART, decode_content=False):
                parts.append(part)
                size += len(part)
                if size > limit:
                    raise PileError(_too_large(url, limit))
            message = Message(
                status, {name.lower(): value for name, value in response.headers.items()}, b"".join(parts)
            )
            address = public_url(response.url)
    # urllib3 has joined the chunks.
    headers = {name: value for name, value in message.headers.items() if name != "transfer-encoding"}
    try:
        body = decode_body(Message(status, headers, message.body), limit)
    except InputError as error:
        if error.rule in ("too_large", "bomb"):
            raise PileError(_too_large(url, limit)) from error
        msg = f"{url}: expected a whole page, what came is {error.rule}: {error.detail}. Try again"
        raise PileError(msg) from error
    if not is_html(media_type, body):
        raise PileError(_not_html(url, media_type or "bytes of no declared type"))
    return Raw(address, body, media_type, {"url": address})


def _not_html(url: str, media_type: str) -> str:
    return f"{url}: expected an HTML page, got {media_type.partition(';')[0][:80]}. Give the address of a page"


def _too_large(url: str, limit: int) -> str:
    return f"{url}: expected at most {limit:,} bytes, the page has more. A build rejects it as too_large"
