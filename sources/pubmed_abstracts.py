"""PubMed: titles and abstracts of the yearly baseline."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from lxml import etree
from pydantic import Field

from pile_builder.errors import InputError
from pile_builder.input_files import InputFile
from pile_builder.source import Document, Fragment, Reject, Skipped, Source, SourceConfig, Upstream
from pile_builder.sources.xml_inline import Style, inline_text
from pile_builder.sources.xml_stream import xml_records
from pile_builder.streams import open_text_bytes

URL = "https://pubmed.ncbi.nlm.nih.gov/"
MIN_WORDS = 10
"""A shorter abstract is a note that there is none (seen: "No abstract available.", "Letter to the editor.")."""

_RECORDS = ("PubmedArticle", "PubmedBookArticle", "DeleteCitation")
_BULKY = (
    "ReferenceList",
    "MeshHeadingList",
    "ChemicalList",
    "AuthorList",
    "InvestigatorList",
    "KeywordList",
    "GrantList",
)
"""Lists of a record that no document needs; they are most of its bytes."""
_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name}
_SHORT = re.compile(r"[0-9]{1,2}")
_CUT_SHORT = re.compile(r" ?\(ABSTRACT TRUNCATED(?: AT \d+ WORDS)?\)\.?$", re.I)
_COPYRIGHT = re.compile(
    r"(?<=[.!?)\]])\s*(?:Copyright|\(c\)|©|CI - Copyright)[\s:,©()c]{0,9}(?:Copyright[\s:,©()c]{0,9})?(?:by |the )?"
    r"[^.]{0,60}?\b(?:19|20)\d\d\b.{0,200}$",
    re.I | re.S,
)
COPYRIGHT_CHARACTERS = 400
"""A copyright note is looked for in so much of the end of a paragraph."""
_UNLABELLED = frozenset(["", "UNLABELLED", "UNASSIGNED"])


class PubmedAbstracts(Source):
    """Abstracts of PubMed.

    Upstream: `https://ftp.ncbi.nlm.nih.gov/pubmed/baseline/pubmedYYnNNNN.xml.gz`, about 1,300 files of 30,000 records,
    a new set each December, and `updatefiles/` of the same form for every day after it. Licence: NLM claims none;
    abstracts may be the publishers' own.

    Comes out: one document per PMID, which is its key, from the newest version of its record (the highest version, of
    the file with the highest number), so that records of all files are joined: title, and the abstract's paragraphs
    with their labels (`METHODS: ...`); emphasis, sub- and superscripts as in pubmed_central; metadata title, pmid, url,
    doi, journal, date, language (the article's, MEDLINE's three letters). Dropped: copyright notes, abstracts in other
    languages, authors, index terms, references.

    Rejects: `in_pmc` (the full text is in PubMed Central, see `without_pmc`), `deleted` (by a later file),
    `no_abstract`, `no_title`, `damaged`, `truncated`, `bomb`, `too_large`.
    """

    class Config(SourceConfig):
        """Settings of the PubMed source."""

        without_pmc: bool = Field(
            default=True, description="leave out abstracts whose full text is in PubMed Central, as the Pile did"
        )

    config: Config
    pile_set_name: ClassVar[str] = "PubMed Abstracts"
    libraries: ClassVar[tuple[str, ...]] = ("lxml",)
    patterns: ClassVar[tuple[str, ...]] = ("*.xml.gz", "*.xml")
    compat: ClassVar[str] = (
        "title, one line feed, abstract in one paragraph without labels or marks; metadata pmid and language alone"
    )
    upstreams: ClassVar[tuple[Upstream, ...]] = (
        Upstream(
            "https://ftp.ncbi.nlm.nih.gov/pubmed/baseline/", size=52 << 30, files=1_334, unit=40 << 20, of="2026-01"
        ),
    )
    licence: ClassVar[str] = "none stated by NLM; abstracts may be the publishers' own"
    tried: ClassVar = "upstream"

    def read_file(self, file: InputFile) -> Iterator[Fragment | Reject | Skipped]:
        """Stream the records and deletions of one file."""
        base = file.name.rsplit("/", 1)[-1]
        with open_text_bytes(file) as stream:
            for record in xml_records(stream, _RECORDS, file.name):
                if record.tag == "DeleteCitation":
                    for pmid in record.iterfind("PMID"):
                        if key := _number(pmid):
                            yield Fragment(key, b"", base, {"deletes": _version(pmid)})
                    continue
                named = record.find("./*/PMID")
                key = _number(named) if named is not None else ""
                if named is None or not key:
                    yield Reject("damaged", "a record without PMID", key=f"{file.name}:{record.sourceline}")
                    continue
                version = _version(named)
                for bulk in list(record.iter(*_BULKY)):
                    parent = bulk.getparent()
                    if parent is not None:
                        parent.remove(bulk)
                yield Fragment(
                    key, etree.tostring(record, encoding="utf-8", with_tail=False), base, {"version": version}
                )

    def join(self, key: str, fragments: Sequence[Fragment]) -> Document | Reject:
        """Turn the newest record of a PMID into title and abstract."""
        deleted: dict[int, str] = {}
        newest: Fragment | None = None
        for fragment in fragments:
            if "deletes" in fragment.meta:
                deleted[fragment.meta["deletes"]] = fragment.order
        for fragment in fragments:
            version = fragment.meta.get("version", 0)
            if not version or fragment.order <= deleted.get(version, ""):
                continue
            if newest is None or (version, fragment.order) >= (newest.meta["version"], newest.order):
                newest = fragment
        if newest is None:
            return Reject("deleted")
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        try:
            record = etree.fromstring(newest.payload, parser)
            is_in_pmc = record.find("./*/ArticleIdList/ArticleId[@IdType='pmc']") is not None
            if self.config.without_pmc and is_in_pmc:
                return Reject("in_pmc")
            return self._document(record)
        except etree.XMLSyntaxError as error:
            return Reject("damaged", str(error))
        except InputError as error:
            return Reject(error.rule, error.detail)

    def _document(self, record: etree._Element) -> Document | Reject:
        article = record.find("./MedlineCitation/Article")
        article = record.find("./BookDocument") if article is None else article
        if article is None:
            return Reject("damaged", "expected MedlineCitation/Article or BookDocument")
        is_compat = self.config.compat == "pile-2020"
        paragraphs = [text for text in _paragraphs(article, is_plain=is_compat) if text]
        if sum(len(text.split()) for text in paragraphs) < MIN_WORDS:
            return Reject("no_abstract")
        title = _title(article, is_plain=is_compat)
        if not title:
            return Reject("no_title")
        meta = _meta(record, article, title)
        if is_compat:
            return Document(
                f"{title}\n{' '.join(paragraphs)}", {key: meta[key] for key in ("pmid", "language") if key in meta}
            )
        return Document("\n\n".join([title, *paragraphs]), meta)


def _number(pmid: etree._Element) -> str:
    text = (pmid.text or "").strip()
    return str(int(text)) if text.isdecimal() and len(text) < 20 else ""


def _version(pmid: etree._Element) -> int:
    text = pmid.get("Version") or "1"
    return int(text) if text.isdecimal() and 0 < len(text) < 6 and int(text) else 1


def _paragraphs(article: etree._Element, *, is_plain: bool) -> Iterator[str]:
    for part in article.iterfind("./Abstract/AbstractText"):
        text = _inline(part, is_plain=is_plain)
        label = (part.get("Label") or "").strip()
        if is_plain:
            yield text
            continue
        text = _CUT_SHORT.sub("", text)
        text = text[:-COPYRIGHT_CHARACTERS] + _COPYRIGHT.sub("", text[-COPYRIGHT_CHARACTERS:])
        # Some labels are repeated in the text.
        is_repeated = text.upper().startswith(label.upper()) and text[len(label) : len(label) + 1] in (":", ".", "-")
        if label.upper() in _UNLABELLED or is_repeated:
            yield text
        elif text:
            yield f"{label.rstrip(':')}: {text}"


def _title(article: etree._Element, *, is_plain: bool) -> str:
    title = article.find("./ArticleTitle")
    title = article.find("./Book/BookTitle") if title is None else title
    text = _inline(title, is_plain=is_plain) if title is not None else ""
    if is_plain:
        return text
    # MEDLINE puts a title that it translated into brackets.
    translated = re.fullmatch(r"\[(.*?)\]?\.?(?:\s*\([^()]*\))?\.?", text) if text.startswith("[") else None
    if translated:
        text = translated[1].rstrip("].") + "."
    return "" if re.fullmatch(r"(?:not available|in process citation)?\W*", text, re.I) else text


def _inline(element: etree._Element, *, is_plain: bool) -> str:
    if is_plain:
        return " ".join("".join(map(str, element.itertext())).split())
    # Taking markup out left blanks inside brackets in many records of 2018 and later.
    return re.sub(r"(?<=[(\[]) | (?=[)\]])", "", inline_text(element, Style()))


def _meta(record: etree._Element, article: etree._Element, title: str) -> Mapping[str, Any]:
    pmid = (record.findtext("./*/PMID") or "").strip()
    doi = article.find("./ELocationID[@EIdType='doi']")
    doi = record.find("./*/ArticleIdList/ArticleId[@IdType='doi']") if doi is None else doi
    date = article.find("./Journal/JournalIssue/PubDate")
    date = article.find("./Book/PubDate") if date is None else date
    found = {
        "title": re.sub(r"[*~^]|\$(?=\S)", "", title),
        "pmid": pmid,
        "url": f"{URL}{pmid}/",
        "doi": (doi.text or "").strip() if doi is not None else "",
        "journal": " ".join((article.findtext("./Journal/Title") or "").split()),
        "date": _date(date) if date is not None else "",
        "language": (article.findtext("./Language") or "").strip(),
    }
    return {key: value for key, value in found.items() if value}


def _date(date: etree._Element) -> str:
    """ISO, as exact as it is given; the year of a `MedlineDate` such as `1998 Dec-1999 Jan`."""
    year = re.search(r"\b(1[5-9]\d\d|20\d\d)\b", date.findtext("./Year") or date.findtext("./MedlineDate") or "")
    if year is None:
        return ""
    month = (date.findtext("./Month") or "").strip().lower()
    number = int(month) if _SHORT.fullmatch(month) else _MONTHS.get(month[:3], 0)
    day = (date.findtext("./Day") or "").strip()
    if not 1 <= number <= 12:
        return year[1]
    return f"{year[1]}-{number:02}" + (f"-{int(day):02}" if _SHORT.fullmatch(day) and 1 <= int(day) <= 31 else "")
