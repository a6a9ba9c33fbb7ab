"""EPUB 2 and 3 to plain text: container, package, spine, XHTML. Nothing is written to disk, nothing fetched.

Paragraphs and headings become paragraphs between blank lines, lines of verse stay lines, note references become `[1]`
and the notes stay where the book keeps them. Emphasis, pictures and navigation leave no trace.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from lxml import etree

from pile_builder.errors import InputError
from pile_builder.sources.creative_commons import creative_commons
from pile_builder.sources.markup import EPUB_TYPE, local_name, page_text, parse_page
from pile_builder.sources.zip_archive import open_zip, zip_errors

MAX_MEMBERS = 20_000
MAX_PAGE_BYTES = 8 << 20
"""Largest XHTML or package file that is read; the largest seen holds 0.6 MB."""
MAX_TEXT_BYTES = 32 << 20
"""Most XHTML read from one book (seen: 1.2 MB)."""

_BOILERPLATE = frozenset(
    {
        "titlepage", "halftitlepage", "halftitle", "title-page", "copyright-page", "imprint", "colophon", "uncopyright",
        "cover", "toc", "loi", "lot", "loa", "lov", "landmarks", "page-list", "index", "other-credits",
    }
)  # fmt: skip
"""`epub:type` values (EPUB 3 Structural Semantics, Standard Ebooks) and EPUB 2 guide types of what is no text."""
_CONTAINER = "META-INF/container.xml"
_TEXT_TYPES = ("application/xhtml+xml", "application/x-dtbook+xml", "text/html", "text/x-oeb1-document")
_FONT_OBFUSCATION = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_CC0 = re.compile(r"\bCC0\b")
_PUBLIC_DOMAIN = re.compile(
    r"public domain in the USA|public domain in the United States|United States public domain", re.I
)


@dataclass(frozen=True, slots=True)
class Epub:
    """A book's text, and what its package says of it (`title`, `authors`, `date`, `license`, ...)."""

    text: str
    meta: Mapping[str, Any]


def parse(data: bytes) -> Epub:
    """Read a whole EPUB held in memory.

    Raises:
        InputError: `truncated`, `damaged`, `encrypted`, `bomb` or `too_large`.
    """
    # A file cut short has lost the directory at its end; what has one and fails is damaged.
    has_end = b"PK\x05\x06" in data[-66_000:]
    try:
        archive = open_zip(io.BytesIO(data), "EPUB")
    except InputError as error:
        raise InputError("damaged" if has_end and error.rule == "truncated" else error.rule, error.detail) from error
    with archive, zip_errors("EPUB"):
        return _read(archive)


def _read(archive: zipfile.ZipFile) -> Epub:
    if len(archive.infolist()) > MAX_MEMBERS:
        raise InputError("bomb", f"EPUB with {len(archive.infolist()):,} members")
    members = {info.filename: info for info in archive.infolist()}
    _refuse_protected(archive, members)
    package_name = _package_name(archive, members)
    package = _xml(_member(archive, members, package_name), package_name)
    base = posixpath.dirname(package_name)
    pages: list[str] = []
    size = 0
    for name in _spine(package, base):
        if name not in members:
            raise InputError("damaged", f"EPUB lacks {name!r}, which its reading order names")
        content = _member(archive, members, name)
        size += len(content)
        if size > MAX_TEXT_BYTES:
            raise InputError("too_large", f"EPUB with more than {MAX_TEXT_BYTES:,} bytes of text")
        page = parse_page(content)
        if page is not None and not _is_boilerplate(page):
            pages.append(page_text(page))
    return Epub("\n\n\n".join(page for page in pages if page), _meta(package))


def _package_name(archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo]) -> str:
    """The package that the container names; where an archive has lost its container, its only package file."""
    if _CONTAINER in members:
        container = _xml(_member(archive, members, _CONTAINER), _CONTAINER)
        return next((e.get("full-path", "") for e in container.iter("{*}rootfile") if e.get("full-path")), "")
    packages = [name for name in members if name.endswith(".opf")]
    return packages[0] if len(packages) == 1 else _CONTAINER


def _refuse_protected(archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo]) -> None:
    if any(info.flag_bits & 1 for info in members.values()):
        raise InputError("encrypted", "EPUB with a password")
    if "META-INF/encryption.xml" not in members:
        return
    listing = _xml(_member(archive, members, "META-INF/encryption.xml"), "META-INF/encryption.xml")
    methods = {e.get("Algorithm", "") for e in listing.iter("{*}EncryptionMethod")}
    if methods - set(_FONT_OBFUSCATION):
        raise InputError("encrypted", f"EPUB with rights management: {', '.join(sorted(methods))[:200]}")


def _member(archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], name: str) -> bytes:
    """Read one member, bounded by what it really expands to, whatever the directory says."""
    if name not in members:
        raise InputError("damaged", f"EPUB without {name or 'a package file'!r}")
    with archive.open(members[name]) as stream:
        content = stream.read(MAX_PAGE_BYTES + 1)
    if len(content) > MAX_PAGE_BYTES:
        raise InputError("bomb", f"EPUB: {name!r} expands to more than {MAX_PAGE_BYTES:,} bytes")
    return content


def _xml(content: bytes, name: str) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False)
    try:
        return etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise InputError("damaged", f"EPUB: {name}: {error}") from error


def _spine(package: etree._Element, base: str) -> list[str]:
    """Names of the pages in reading order, each once, without what is declared to be no part of the text."""
    items = {e.get("id", ""): e for e in package.iterfind("{*}manifest/{*}item")}
    dropped = {
        _resolve(base, e.get("href", ""))
        for e in package.iterfind("{*}guide/{*}reference")
        if e.get("type", "").lower() in _BOILERPLATE
    }
    starts = {_resolve(base, e.get("href", "")) for e in package.iterfind("{*}guide/{*}reference[@type='text']")}
    names: dict[str, None] = {}
    for reference in package.iterfind("{*}spine/{*}itemref"):
        item = items.get(reference.get("idref", ""))
        if item is None or reference.get("linear") == "no" or "nav" in item.get("properties", "").split():
            continue
        name = _resolve(base, item.get("href", ""))
        is_text = item.get("media-type", "") in _TEXT_TYPES
        if is_text and (name not in dropped or name in starts):
            names[name] = None
    # Books of a single file point the guide's entries into it.
    return list(names) or [
        _resolve(base, e.get("href", "")) for e in items.values() if e.get("media-type") in _TEXT_TYPES
    ]


def _resolve(base: str, href: str) -> str:
    return posixpath.normpath(posixpath.join(base, unquote(href.partition("#")[0]))) if href else ""


def _is_boilerplate(page: etree._Element) -> bool:
    """Whether a page's body, or the one element in it, says that it is a title page, an imprint, a contents, ..."""
    body = page.find("{*}body")
    if body is None:
        body = page.find("body")
    if body is None:
        return False
    inside = [child for child in body if isinstance(child.tag, str)]
    declared = [body, *inside] if len(inside) == 1 else [body]
    return any(_BOILERPLATE & set((e.get(EPUB_TYPE) or e.get("epub:type") or "").split()) for e in declared)


def _meta(package: etree._Element) -> dict[str, Any]:
    values: dict[str, list[str]] = {}
    for element in package.iterfind("{*}metadata//*"):
        text = " ".join("".join(map(str, element.itertext())).split())
        if text and isinstance(element.tag, str) and element.tag.startswith("{http://purl.org/dc/elements/1.1/}"):
            values.setdefault(local_name(element), []).append(text)
    links = [*values.get("identifier", []), *values.get("source", [])]
    links = [link.removeprefix("url:") for link in links]
    number = next(
        (found[1] for link in links if (found := re.search(r"gutenberg\.org/(?:ebooks|files)/(\d{1,8})", link))), ""
    )
    date = re.match(r"\d{4}(?:-\d\d(?:-\d\d)?)?", next(iter(values.get("date", [])), ""))
    meta: dict[str, Any] = {
        "title": next(iter(values.get("title", [])), ""),
        "authors": list(dict.fromkeys(values.get("creator", []))),
        "date": date[0] if date else "",
        "language": next(iter(values.get("language", [])), "").split("-")[0].lower(),
        "license": _license(" ".join(values.get("rights", []))),
        "publisher": next(iter(values.get("publisher", [])), ""),
        "url": next((link for link in links if link.startswith(("http://", "https://"))), ""),
        "gutenberg_id": int(number or 0),
    }
    return {name: value for name, value in meta.items() if value}


def _license(rights: str) -> str:
    if found := creative_commons(rights):
        return found
    if _CC0.search(rights):
        return "CC0-1.0"
    return "LicenseRef-PublicDomain-US" if _PUBLIC_DOMAIN.search(rights) else "NOASSERTION"
