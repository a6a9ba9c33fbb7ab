"""PhilPapers: open papers in philosophy, PDF files with metadata harvested by OAI-PMH."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, ClassVar

from lxml import etree
from pydantic import Field

from pile_builder.errors import InputError
from pile_builder.input_files import InputFile, list_files, open_input
from pile_builder.source import Document, Raw, Reject, Skipped, Source, SourceConfig, Split, Upstream
from pile_builder.sources.creative_commons import creative_commons
from pile_builder.sources.pages import MAX_FURNITURE, paragraphs, trimmed, without_furniture
from pile_builder.sources.pdf import PARTED, check_installed, pdf_pages
from pile_builder.sources.tar_archive import tar_members
from pile_builder.sources.xml_stream import xml_records
from pile_builder.streams import MAX_RECORD_BYTES, open_text_bytes, read_all

RECORDS = "records"
MIN_CHARACTERS = 1_000
"""Shorter texts are covers and scans with a stamp, as in the Pile (P5_collect_data.py)."""
MIN_LETTERS = 0.4
"""Least share of letters in a paragraph, as in the Pile (pdf_filter.py); white space does not count here."""
MAX_UNKNOWN = 0.1
"""Largest share of glyphs in a paragraph that no character is known for (pdf_filter.py, there as `(cid:38)`)."""
MAX_RIGHTS = 200

_TAR = re.compile(r"\.(?:tar|tar\.\w+|tgz)$")
_RECORD = "{*}record"
_LEADERS = re.compile(r"(?:\. ?|… ?){6,}")
_NOTICE = re.compile(r"^(?:©|\(c\)|copyright\b)", re.I)
_UNKNOWN = re.compile(r"[\ufffd\ue000-\uf8ff]|\(cid:\d+\)")


class PhilPapers(Source):
    """Papers in philosophy.

    Upstream: PhilArchive, records by OAI-PMH at `philarchive.org/oai.pl` (oai_dc; responses saved one a file, or
    joined under a root element as harvesters do), files at `philarchive.org/archive/<key>`, saved as `<key>.pdf` in a
    folder or a tar. Each author's own licence; `dc:rights` says it. PDF needs the extra `pdf`
    (`pip install 'pile-builder[pdf]'`).

    Comes out: the pages' text with paragraphs put together from lines, words parted by hyphens joined, ligatures
    undone. Languages are all kept. Key: the archive's key (`BOUTRO-3`). meta: title, authors, date, language, url,
    license (SPDX, else NOASSERTION and the statement as `rights`), pages.

    Dropped: page numbers, heads and feet of pages, lines of a table of contents, notices of copyright, paragraphs of
    less than 40 % letters or of glyphs without a character. Two columns, footnotes and formulas come as the file has
    them.

    Rejects: `too_short` (less than 1,000 characters: scans, covers), `deleted` (says the archive), `not_pdf`,
    `encrypted`, `damaged`, `too_large`, `truncated`, `bomb`.
    """

    class Config(SourceConfig):
        """Settings of the papers."""

        records: tuple[str, ...] = Field(default=(), description="responses to ListRecords (oai_dc): files or a folder")

    config: Config
    pile_set_name: ClassVar[str] = "PhilPapers"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("lxml", "pypdfium2")
    patterns: ClassVar[tuple[str, ...]] = ("*.pdf", "*.tar", "*.tar.gz", "*.tgz")
    compat: ClassVar[str] = (
        "the Pile's filter: hyphens and digits at paragraphs' ends go, quotes become ASCII, NFKC, accents that stand "
        "alone go (the text is PDFium's, not PDFBox's)"
    )
    upstreams: ClassVar[tuple[Upstream, ...]] = (
        Upstream("https://philarchive.org/oai.pl", 60_000_000_000, 100_000, 600_000, "2025"),
    )
    licence: ClassVar[str] = "each author's own"

    def splits(self) -> Iterable[Split]:
        """Packs of files, where the PDF library is installed.

        Raises:
            ManifestError: it is not, or an input does not exist.
        """
        check_installed()
        return super().splits()

    def read_file(self, file: InputFile) -> Iterator[Raw | Reject | Skipped]:
        """Yield the paper in a file, or each paper in a tar."""
        if not _TAR.search(file.name):
            with open_input(file) as stored:
                yield Raw(_key(file.name), read_all(stored))
            return
        with open_text_bytes(file) as stream:
            yield from _read_tar(stream, file.name)

    def extract(self, raw: Raw) -> Document | Reject:
        """Turn one PDF file into text."""
        known = dict(self.lookup(RECORDS, raw.key) or {})
        if known.pop("deleted", False):
            return Reject("deleted", "the archive withdrew the record")
        if b"%PDF-" not in raw.payload[:1024]:
            return Reject("not_pdf", repr(raw.payload[:20]))
        try:
            pages = pdf_pages(raw.payload)
        except InputError as error:
            return Reject(error.rule, error.detail)
        text = pile_text(pages) if self.config.compat else paper_text(pages)
        length = len("\n".join(pages)) if self.config.compat else len(text)
        if length < MIN_CHARACTERS or not text:
            return Reject("too_short", f"{length:,} characters on {len(pages):,} pages")
        url = {"url": f"https://philarchive.org/rec/{raw.key}"}
        return Document(text, {**url, "license": "NOASSERTION", **known, "pages": len(pages)})

    def side_tables(self) -> Mapping[str, Sequence[InputFile]]:
        """The harvested records, where the config names them."""
        files = [file for pattern in self.config.records for file in list_files(pattern, self.config.root)]
        return {RECORDS: files} if files else {}

    def read_table(self, name: str, files: Sequence[InputFile]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Stream what each record says, by the archive's key; records without an identifier are left out.

        Raises:
            InputError: a response is `damaged` or `truncated`: harvest it again.
        """
        for file in files:
            with open_text_bytes(file) as stream:
                for record in xml_records(stream, [_RECORD], file.name):
                    identifier = (record.findtext("{*}header/{*}identifier") or "").strip()
                    key = re.split(r"[/:]", identifier)[-1]
                    if key:
                        yield key, _values(record)


def paper_text(pages: Sequence[str]) -> str:
    """Paragraphs of a paper, blank lines between them."""
    split = [trimmed([" ".join(line.split()) for line in page.split("\n")]) for page in pages]
    kept = without_furniture([page for page in split if page])
    kept = [[line for line in page if not _LEADERS.search(line) and not _is_notice(line)] for page in kept]
    return "\n\n".join(paragraph for paragraph in paragraphs(kept) if _is_text(paragraph))


def pile_text(pages: Sequence[str]) -> str:
    """As the Pile's pdf_filter.py leaves a text, but for a few letters that its table of ligatures takes apart."""
    text = re.sub(r"-[?\s]\n{1,2}(\w+ *)", r"\1\n", "\n".join(pages).replace(PARTED, "-\n"))
    text = re.sub(r"-\s{1,2}(\w+ *)", r"\1", text)
    kept = []
    for block in text.split("\n\n"):
        paragraph = re.sub(r"\s\s+", " ", block.replace("\n", " "))
        letters = sum(sign.isascii() and sign.isalpha() for sign in paragraph)
        unknown = 8 * len(_UNKNOWN.findall(paragraph))
        if len(paragraph) < 2 or unknown > MAX_UNKNOWN * len(paragraph) or letters < MIN_LETTERS * len(paragraph):
            continue
        paragraph = re.sub(r"^\d+|\d+$", "", _UNKNOWN.sub("", paragraph).strip()).strip()
        paragraph = paragraph.translate(str.maketrans("‘’“”—·", "''\"\"-*"))
        paragraph = re.sub(r"[\u0300-\u036f\xa8\u02c0-\u02df]", "", unicodedata.normalize("NFKC", paragraph))
        kept.append(paragraph)
    return "\n\n".join(filter(None, kept))


def _key(name: str) -> str:
    return re.sub(r"\.pdf$", "", name.rsplit("/", 1)[-1], flags=re.I)


def _read_tar(stream: BinaryIO, name: str) -> Iterator[Raw | Reject | Skipped]:
    for member in tar_members(stream, name):
        if isinstance(member, str):
            yield Skipped(member)
        elif not member.name.lower().endswith(".pdf"):
            yield Skipped("other_file")
        elif member.size > MAX_RECORD_BYTES:
            yield Reject("too_large", f"{member.size:,} bytes", key=_key(member.name))
        else:
            yield Raw(_key(member.name), read_all(member.content))


def _values(record: etree._Element) -> dict[str, Any]:
    """Title, authors, date, language, url and licence of a record; of a deleted one that it is."""
    header = record.find("{*}header")
    if header is not None and header.get("status") == "deleted":
        return {"deleted": True}

    def every(name: str) -> list[str]:
        found = record.iterfind(f"{{*}}metadata//{{*}}{name}")
        return [text for each in found if (text := " ".join("".join(map(str, each.itertext())).split()))]

    date = next(iter(every("date")), "") or (record.findtext("{*}header/{*}datestamp") or "")
    urls = [text for text in every("identifier") if re.match(r"https?://", text)]
    rights = every("rights")
    licence = next(filter(None, map(creative_commons, rights)), "")
    values = {
        "title": next(iter(every("title")), ""),
        "authors": list(dict.fromkeys(every("creator"))),
        "date": date.strip()[:10],
        "language": next(iter(every("language")), ""),
        "url": next(iter(urls), ""),
        "license": licence,
        "rights": "" if licence else "; ".join(rights)[:MAX_RIGHTS],
    }
    return {name: value for name, value in values.items() if value}


def _is_notice(line: str) -> bool:
    return len(line) < MAX_FURNITURE and _NOTICE.match(line) is not None


def _is_text(paragraph: str) -> bool:
    dense = "".join(paragraph.split())
    letters = sum(map(str.isalpha, dense))
    return letters >= MIN_LETTERS * len(dense) and len(_UNKNOWN.findall(dense)) <= MAX_UNKNOWN * len(dense)
