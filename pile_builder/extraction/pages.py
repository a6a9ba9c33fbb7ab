"""One page to try extractors on: from a file, standard input, the web, or a web archive."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pile_builder.errors import InputError, PileError
from pile_builder.extraction.fetched import fetch_page
from pile_builder.input_files import InputFile, is_remote
from pile_builder.source import Raw
from pile_builder.sources.common_crawl import CommonCrawl, CommonCrawlConfig
from pile_builder.sources.common_crawl.html import is_html
from pile_builder.sources.common_crawl.warc import open_archive
from pile_builder.streams import MAX_RECORD_BYTES, read_all

STDIN = "-"
SHOWN_PAGES = 10
"""Pages of an archive that an error names."""
_NUMBERED = re.compile(r"(?P<file>.+)#(?P<number>[0-9]{1,9})")
_HTTP = ("http://", "https://")
_ARCHIVE = re.compile(r"\.warc(\.(gz|zst|lz4))?$", re.IGNORECASE)


def open_page(where: str, url: str = "", stdin: BinaryIO | None = None) -> Raw:
    """The page that a user means.

    Args:
        where: an HTML file, `-`, an http(s) URL, a WARC file (path or fsspec URL), or one with `#N`, its N-th page.
        url: of the page in a WARC file.
        stdin: what `-` reads.

    Raises:
        PileError: it is not there, no page, too large or damaged; the message says what would do.
    """
    if where == STDIN:
        return _of_bytes("standard input", _read(stdin, "standard input") if stdin else b"")
    file, number = where, 0
    found = _NUMBERED.fullmatch(where)
    if found and not _is_file(where) and (_is_file(found["file"]) or _ARCHIVE.search(found["file"])):
        file, number = found["file"], int(found["number"])
    if file.startswith(_HTTP) and not _ARCHIVE.search(file):
        if url:
            msg = f"--url {url}: expected a WARC file to look in, got {file}. Leave out --url, or give a WARC file"
            raise PileError(msg)
        return fetch_page(file)
    if not is_remote(file) and not _is_file(file):
        there = "a folder; give one file of it" if Path(file).is_dir() else "there is no such file"
        msg = f"{file}: expected an HTML file, a WARC file (FILE#N for its N-th page), an http(s) URL or -; {there}"
        raise PileError(msg)
    stored = InputFile(file, file, 0, version="as it is")
    try:
        with open_archive(stored) as stream:
            is_archive = stream.peek(5)[:5] == b"WARC/" if hasattr(stream, "peek") else False
            if not is_archive and not number and not url:
                return _of_bytes(file, _read(stream, file))
        if not is_archive and not _ARCHIVE.search(file):
            asked = f"#{number}" if number else f"--url {url}"
            msg = f"{file}: expected a WARC file because of {asked}, it is none. Leave that out for an HTML file"
            raise PileError(msg)
        return _of_archive(stored, number, url)
    except InputError as error:
        # What is said of the file names it already.
        msg = f"{file}: expected a whole file, it is {error.rule}: {error.detail.removeprefix(f'{file}: ')}"
        raise PileError(msg) from error


def archive_pages(file: InputFile) -> Iterator[Raw]:
    """The HTML pages of a WARC file in its order, those of other components' sites too.

    Raises:
        InputError: the file is damaged; what could be read came before.
    """
    source = CommonCrawl(CommonCrawlConfig(inputs=(), exclude_domains=()))
    for item in source.read_file(file):
        if isinstance(item, Raw) and not item.media_type.startswith("text/plain"):
            yield item


def _of_archive(file: InputFile, number: int, url: str) -> Raw:
    urls = []
    try:
        for count, raw in enumerate(archive_pages(file), 1):
            address = str(raw.meta.get("url", ""))
            if count == number or (url and not number and address == url):
                return raw
            urls.append(address)
    except InputError as error:
        if not urls:
            raise
        damage = f", and is {error.rule} after them"
    else:
        damage = ""
    listed = "".join(f"\n    #{count} {address}" for count, address in enumerate(urls[:SHOWN_PAGES], 1))
    more = f"\n    ... {len(urls) - SHOWN_PAGES:,} more" if len(urls) > SHOWN_PAGES else ""
    holds = f"it has {len(urls):,} HTML pages{damage}:{listed}{more}" if urls else f"it has no HTML page{damage}"
    if url:
        near = difflib.get_close_matches(url, urls[:5_000], n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else ""
        msg = f"{file.name}: expected a page at {url}, there is none{hint}\n{holds}"
    elif number:
        msg = f"{file.name}#{number}: expected a page of that number, {holds}"
    else:
        msg = f"{file.name}: expected one page; say which, by #N or --url; {holds}"
    raise PileError(msg)


def _of_bytes(name: str, body: bytes) -> Raw:
    if not body.strip():
        msg = f"{name}: expected an HTML page, it is empty"
        raise PileError(msg)
    if not is_html("text/html", body):
        msg = f"{name}: expected an HTML page or a WARC file, it begins with {body[:8]!r}"
        raise PileError(msg)
    return Raw(name, body, "text/html")


def _read(stream: BinaryIO, name: str) -> bytes:
    try:
        return read_all(stream)
    except InputError as error:
        if error.rule != "too_large":
            raise
        msg = f"{name}: expected at most {MAX_RECORD_BYTES:,} bytes, there are more. A build rejects it as too_large"
        raise PileError(msg) from error


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False
