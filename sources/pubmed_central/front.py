"""What a JATS article says of itself: ids, journal, date, type, licence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from pile_builder.sources.creative_commons import creative_commons
from pile_builder.sources.pubmed_central.jats import title_text
from pile_builder.sources.xml_inline import XLINK

PMC_URL = "https://pmc.ncbi.nlm.nih.gov/articles/"

_CC_WORDS = re.compile(
    r"creative commons\W+attribution(\W+non\W?commercial)?(?:\W+(?:and|or))?(\W+no\W?deriv\w*)?(\W+share\W?alike)?"
    r"(?:\W+license)?(?:\W+\(?CC[ -]BY[a-z -]*\)?)?(?:\W+(\d\.\d))?", re.I
)  # fmt: skip
_LETTERS = re.compile(r"\bCC[ -]BY((?:[ -](?:NC|ND|SA))*)(?:[ -](\d\.\d))?\b")
_DATES = ("epub", "pub", "epub-ppub", "ppub", "collection")


def metadata(article: etree._Element) -> Mapping[str, Any]:
    """Title, pmcid, pmid, doi, url, journal, date, language, article_type and license, as far as they are stated."""
    front = article.find("./{*}front/{*}article-meta")
    if front is None:
        return {}
    ids = {one.get("pub-id-type"): (one.text or "").strip() for one in front.iterchildren("{*}article-id")}
    number = (ids.get("pmcid") or ids.get("pmc") or "").removeprefix("PMC").partition(".")[0]
    title = front.find("./{*}title-group/{*}article-title")
    journal = article.find("./{*}front/{*}journal-meta//{*}journal-title")
    doi = ids.get("doi", "")
    found = {
        "title": re.sub(r"[*~^]|\$(?=\S)", "", title_text(title)) if title is not None else "",
        "pmcid": f"PMC{number}" if number else "",
        "pmid": ids.get("pmid", ""),
        "doi": doi,
        "url": f"{PMC_URL}PMC{number}/" if number else f"https://doi.org/{doi}" if doi else "",
        "journal": " ".join("".join(map(str, journal.itertext())).split()) if journal is not None else "",
        "date": _date(front),
        "language": (article.get("{http://www.w3.org/XML/1998/namespace}lang") or "").lower(),
        "article_type": article.get("article-type") or "",
        "license": _license(front),
    }
    return {key: value for key, value in found.items() if value}


def _date(front: etree._Element) -> str:
    """The day of publication, ISO, as exact as the best of the dates that are given."""
    dates: dict[str, str] = {}
    for date in front.iterchildren("{*}pub-date"):
        kind = date.get("pub-type") or date.get("date-type") or ""
        parts = [(date.findtext(f"./{{*}}{name}") or "").strip() for name in ("year", "month", "day")]
        text = ""
        for part, width in zip(parts, (4, 2, 2), strict=True):
            if not part.isdecimal() or len(part) > width:
                break
            text += f"{'-' if text else ''}{int(part):0{width}}"
        if text:
            dates.setdefault(kind, text)
    return next((dates[kind] for kind in _DATES if kind in dates), next(iter(dates.values()), ""))


def _license(front: etree._Element) -> str:
    """SPDX name of the licence; `LicenseRef-CC-BY` and the like where Creative Commons is named without a version."""
    stated = list(_statements(front))
    for text in stated:
        if name := creative_commons(text):
            return name
    for text in stated:
        if found := _LETTERS.search(text):
            return _cc(found[1].upper().replace(" ", "-"), found[2])
        if found := _CC_WORDS.search(text):
            terms = "".join(name for name, group in (("-NC", 1), ("-ND", 2), ("-SA", 3)) if found[group])
            return _cc(terms, found[4])
    return ""


def _cc(terms: str, version: str | None) -> str:
    return f"CC-BY{terms}-{version}" if version else f"LicenseRef-CC-BY{terms}"


def _statements(front: etree._Element) -> Iterator[str]:
    for permissions in front.iterchildren("{*}permissions"):
        for node in permissions.iter("{*}license_ref", "{*}license"):
            yield node.get(XLINK) or ""
            yield (node.text or "").strip()
            yield from (link.get(XLINK) or "" for link in node.iter("{*}ext-link", "{*}uri"))
            yield " ".join("".join(map(str, node.itertext())).split())
        yield " ".join(map(str, permissions.itertext("{*}copyright-statement")))
