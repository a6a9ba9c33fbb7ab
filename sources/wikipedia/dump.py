"""Dumps of MediaWiki: their header, their pages, and the streams that a multistream dump is made of.

A multistream dump is many bzip2 files one behind the other, 100 pages each. Each begins at a byte with a signature of
ten bytes, so that any worker finds the streams of its range by itself, and the index that comes with the dump is not
needed.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

from lxml import etree

from pile_builder.errors import InputError
from pile_builder.sources.xml_stream import xml_records
from pile_builder.streams import MAX_RECORD_BYTES, decompressed

STREAM_START = b"BZh91AY&SY"
"""bzip2's signature with blocks of 900 kB, then that of its first block."""
_CHUNK = 1 << 20
_END = "</mediawiki>"


@dataclass(frozen=True, slots=True)
class Site:
    """What a dump's header says of the wiki.

    Attributes:
        dbname: `enwiki`; also the part of a key that tells wikis apart.
        host: `https://en.wikipedia.org`, or "" where there is no header.
        language: its code (`en`, `zh-min-nan`).
        namespaces: the wiki's own names, lower case, of media, files and categories.
    """

    dbname: str = "wiki"
    host: str = ""
    language: str = ""
    namespaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """One page with its newest revision."""

    title: str
    namespace: str
    number: int
    revision: int
    timestamp: str
    model: str
    is_redirect: bool
    text: str


def read_pages(stream: BinaryIO, name: str) -> Iterator[Site | Page]:
    """Stream the header (if there is one) and the pages of a dump.

    Raises:
        InputError: `truncated`, `damaged` or `too_large`; what was yielded before stands.
    """
    for element in xml_records(stream, ("{*}siteinfo", "{*}page"), name):
        if str(element.tag).endswith("siteinfo"):
            yield _site(element)
        elif (page := _page(element)) is not None:
            yield page


def read_streams(stored: BinaryIO, start: int, end: int, name: str) -> Iterator[tuple[int, bytes]]:
    """Offsets and bytes of the bzip2 streams of a multistream dump that begin in a range of it.

    Raises:
        InputError: `too_large`: a stream has more than `MAX_RECORD_BYTES`; `damaged`: the file does not begin with one.
    """
    stored.seek(start)
    held, offset = stored.read(len(STREAM_START)), start
    if not start and held != STREAM_START:
        raise InputError("damaged", f"{name}: expected bzip2 with blocks of 900 kB, as dumps have, it begins {held!r}")
    first = True
    while True:
        # The first signature may begin with the last bytes of what is held.
        at = held.find(STREAM_START, 0 if first else len(STREAM_START))
        if at >= 0:
            if not first:
                yield offset, held[:at]
            held, offset, first = held[at:], offset + at, False
            if offset >= end:
                return
            continue
        if first:
            gone = max(len(held) - len(STREAM_START) + 1, 0)
            held, offset = held[gone:], offset + gone
            if offset >= end:
                return
        elif len(held) > MAX_RECORD_BYTES:
            raise InputError(
                "too_large", f"{name}: a bzip2 stream at {offset:,} of more than {MAX_RECORD_BYTES:,} bytes"
            )
        chunk = stored.read(_CHUNK)
        if not chunk:
            if not first:
                yield offset, held
            return
        held += chunk


def expanded(content: bytes, name: str, *, with_header: bool) -> BinaryIO:
    """One stream of a multistream dump as an XML document of its own, expanded while it is read.

    Args:
        content: its bzip2 bytes.
        name: for errors.
        with_header: whether it opens the document, as the first stream of a dump does.
    """
    inner = cast("BinaryIO", io.BufferedReader(decompressed(io.BytesIO(content), name), _CHUNK))
    return cast("BinaryIO", _Document(inner, b"" if with_header else b"<mediawiki>"))


class _Document:
    """Puts a root element around the pages of a stream; the last stream of a dump ends it by itself."""

    def __init__(self, inner: BinaryIO, head: bytes) -> None:
        self._inner = inner
        self._head = head
        self._tail = b""
        self._is_over = False

    def read(self, size: int) -> bytes:
        if self._head:
            head, self._head = self._head, b""
            return head
        if self._is_over:
            return b""
        chunk = self._inner.read(size)
        self._tail = (self._tail + chunk)[-40:]
        if chunk:
            return chunk
        self._is_over = True
        return b"" if self._tail.rstrip().endswith(_END.encode()) else _END.encode()


def _site(element: etree._Element) -> Site:
    host = "/".join((element.findtext("{*}base") or "").split("/")[:3])
    dbname = (element.findtext("{*}dbname") or "").strip()
    root = element.getparent()
    stated = root.get("{http://www.w3.org/XML/1998/namespace}lang") if root is not None else None
    code = host.partition("://")[2].partition(".")[0] if host.endswith("wikipedia.org") else ""
    names = [
        (each.text or "").strip().lower()
        for each in element.iter("{*}namespace")
        if each.get("key") in ("-2", "6", "14")
    ]
    return Site(dbname or "wiki", host, code or stated or "", tuple(one for one in names if one))


def _page(element: etree._Element) -> Page | None:
    revision = element.find("{*}revision")
    if revision is None:
        return None
    return Page(
        title=(element.findtext("{*}title") or "").strip(),
        namespace=(element.findtext("{*}ns") or "0").strip(),
        number=_number(element.findtext("{*}id")),
        revision=_number(revision.findtext("{*}id")),
        timestamp=(revision.findtext("{*}timestamp") or "").strip(),
        model=(revision.findtext("{*}model") or "wikitext").strip(),
        is_redirect=element.find("{*}redirect") is not None,
        text=revision.findtext("{*}text") or "",
    )


def _number(text: str | None) -> int:
    return int(text) if text and re.fullmatch(r"\s*[0-9]{1,15}\s*", text) else 0
