"""What a page says of itself: title, date, language, canonical address."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape

HEAD_CHARS = 256 << 10
"""How far into a page its head is looked for."""
MAX_VALUE = 500

_TAG = re.compile(r"<(html|meta|link)\b((?:\s[^<>]{0,4000})?)>", re.IGNORECASE)
_TIME = re.compile(r"<time\s[^<>]{0,500}?datetime=\"([^\"]{0,100})\"")
_ATTRIBUTE = re.compile(r"([a-zA-Z:_-]{1,40})=\"([^\"]{0,4000})\"")
_TITLE = re.compile(r"<title(?:\s[^<>]{0,500})?>([^<]{1,2000})</title>", re.IGNORECASE)
_LD_NAME = '"datePublished"'
_LD_DATE = re.compile(r"\s{0,9}:\s{0,9}\"([^\"<]{8,40})\"")
_DATE = re.compile(
    r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
    r"(?:[T ]\d\d:\d\d(?::\d\d)?(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)?"
)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8}){0,3}")
_DATE_NAMES = (
    *("article:published_time", "datepublished", "og:article:published_time", "date", "dc.date", "dc.date.issued"),
    *("dcterms.created", "dcterms.date", "pubdate", "publishdate", "publish_date", "sailthru.date", "parsely-pub-date"),
    *("citation_publication_date", "citation_date"),
)


@dataclass(frozen=True)
class Head:
    """Empty strings stand for what a page does not say.

    Attributes:
        title: the title element, or the title for social networks.
        date: ISO 8601, as published.
        language: a BCP 47 tag as declared (`en-GB`).
        url: the canonical address.
    """

    title: str = ""
    date: str = ""
    language: str = ""
    url: str = ""


def read_head(page: str, markup: str) -> Head:
    """Read the head of a page.

    Args:
        page: as lexbor serialises it, of which `HEAD_CHARS` characters are looked at.
        markup: as it came, with its linked data.
    """
    end = page.find("</head>", 0, HEAD_CHARS)
    end = end if end >= 0 else HEAD_CHARS
    title = _TITLE.search(page, 0, end)
    values: dict[str, str] = {}
    language = url = ""
    for match in _TAG.finditer(page, 0, end):
        name = match[1].lower()
        if name == "link" and "canonical" not in match[2].lower():
            continue
        attributes = {key.lower(): value for key, value in _ATTRIBUTE.findall(match[2])}
        if name == "meta":
            key = (attributes.get("property") or attributes.get("name") or attributes.get("itemprop") or "").lower()
            values.setdefault(key, attributes.get("content", ""))
        elif name == "html":
            language = attributes.get("lang", "") or attributes.get("xml:lang", "")
        elif attributes.get("rel", "").lower() == "canonical":
            url = url or attributes.get("href", "")
    date = next(
        (found[0] for value in _dates(page, markup, values) if (found := _DATE.match(value))),
        "",
    )
    matched = _LANGUAGE.fullmatch((language or values.get("og:locale", "")).strip())
    address = _plain(url or values.get("og:url", ""))
    return Head(
        _plain(title[1] if title else "") or _plain(values.get("og:title", "")),
        date,
        matched[0] if matched else "",
        address if address.startswith(("http://", "https://")) else "",
    )


def _dates(page: str, markup: str, values: Mapping[str, str]) -> Iterator[str]:
    """What may be the date of publication: of meta elements, of linked data, of the first time element."""
    yield from (values.get(name, "") for name in _DATE_NAMES)
    place = markup.find(_LD_NAME)
    if place >= 0 and (found := _LD_DATE.match(markup, place + len(_LD_NAME))):
        yield found[1]
    place = page.find("<time ")
    if place >= 0 and (found := _TIME.match(page, place)):
        yield found[1]


def _plain(value: str) -> str:
    return " ".join(unescape(value).split())[:MAX_VALUE]
