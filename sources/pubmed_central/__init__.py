"""PubMed Central: open-access articles in JATS, to Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, ClassVar

from lxml import etree
from pydantic import Field

from pile_builder.errors import InputError
from pile_builder.input_files import InputFile
from pile_builder.source import Document, Raw, Reject, Skipped, Source, SourceConfig, Upstream
from pile_builder.sources.pubmed_central.front import metadata
from pile_builder.sources.pubmed_central.jats import article_text
from pile_builder.sources.tar_archive import tar_members
from pile_builder.sources.xml_inline import Style
from pile_builder.streams import MAX_RECORD_BYTES, open_text_bytes, read_all

MAX_ELEMENTS = 500_000
"""Most elements of an article (seen: 19,000)."""
MIN_WORDS = 20
"""A body with fewer words holds no text."""
HEAD_BYTES = 1 << 15
"""An article's ids are looked for in so much of its beginning."""

_ARCHIVE = re.compile(r"\.(?:tar|tar\.gz|tgz)$")
_PMC = re.compile(r"PMC(\d+)(?:\.(\d+))?(?![\dx])")
_PMC_ID = re.compile(rb'<article-id\s+pub-id-type="pmc(?:id)?"\s*>\s*(?:PMC)?(\d+)')
_DOI = re.compile(rb'<article-id\s+pub-id-type="doi"\s*>\s*([^<\s]+)')


class PubmedCentral(Source):
    """PubMed Central's Open Access Subset.

    Upstream: `s3://pmc-oa-opendata/`, since August 2026 the only place, a folder `PMC<id>.<version>` an article with
    `PMC<id>.<version>.xml` in it; before that `oa_bulk/` (tar.gz of many `PMC<id>.xml`) and `oa_package/` (a tar.gz an
    article, with one .nxml), which are read as well, as are loose .nxml and .xml files. Licence: each article's own,
    named in its metadata.

    Comes out: one Markdown document per article, key = PMC id (else DOI, else file name): title, abstract, sections,
    lists, tables as rows between bars, formulas in LaTeX (from tex-math or MathML; `[formula]` for a picture),
    captions, footnotes, appendices; metadata title, pmcid, pmid, doi, url, journal, date, language, article_type,
    license (SPDX; `LicenseRef-CC-BY` where no version is named). Dropped: authors, keywords, acknowledgements,
    statements on funding, interests, contributions and data, supplements, translated and graphical abstracts, the
    references, and citations by number unless the sentence needs them (`as in [12]`).

    Rejects: `truncated`, `damaged`, `bomb`, `too_large`, `not_jats` (another kind of XML), `no_text` (no body in the
    file: scanned pages, an abstract alone).
    """

    class Config(SourceConfig):
        """Settings of the PubMed Central source."""

        references: bool = Field(default=False, description="keep the list of references and citations by number")

    config: Config
    pile_set_name: ClassVar[str] = "PubMed Central"
    libraries: ClassVar[tuple[str, ...]] = ("lxml",)
    patterns: ClassVar[tuple[str, ...]] = ("*.nxml", "*.xml", "*.nxml.gz", "*.xml.gz", "*.tar", "*.tar.gz", "*.tgz")
    compat: ClassVar[str] = (
        "in pandoc's Markdown without lines of `:::`: no title, no abstract, no metadata; every section with its id, "
        "citations as [@id], special characters escaped. Tables are rows between bars, not pandoc's columns"
    )
    upstreams: ClassVar[tuple[Upstream, ...]] = (
        Upstream("s3://pmc-oa-opendata/", size=600 << 30, files=7_500_000, unit=80_000, of="2026-08"),
    )
    licence: ClassVar[str] = "each article's own; about three quarters Creative Commons"
    tried: ClassVar = "upstream"

    def read_file(self, file: InputFile) -> Iterator[Raw | Reject | Skipped]:
        """Yield the article in a file, or each article in a tar."""
        with open_text_bytes(file) as stream:
            if _ARCHIVE.search(file.name):
                yield from _read_tar(stream, file.name)
            else:
                payload = read_all(stream)
                yield Raw(article_key(file.name, payload), payload)

    def extract(self, raw: Raw) -> Document | Reject:
        """Turn one article's XML into Markdown."""
        pandoc = self.config.compat == "pile-2020"
        try:
            article = _parse(raw.payload)
            if article is None:
                return Reject("not_jats", "expected an article element with front or body")
            words = sum(len(str(part).split()) for body in article.iterchildren("{*}body") for part in body.itertext())
            if words < MIN_WORDS:
                return Reject("no_text", f"{words} words in the body")
            text = article_text(article, Style(self.config.references, pandoc))
        except InputError as error:
            return Reject(error.rule, error.detail)
        if not text.strip():
            return Reject("no_text", "nothing but boilerplate")
        return Document(text, {} if pandoc else metadata(article))


def article_key(name: str, payload: bytes) -> str:
    """`PMC<id>` from the file's or its folder's name, else from its head; a later version as `PMC<id>.<version>`.

    A file that has no such id goes by its DOI, else by its base name.
    """
    for part in reversed(name.split("/")[-2:]):
        if found := _PMC.match(part):
            return f"PMC{found[1]}" + (f".{found[2]}" if found[2] not in (None, "1") else "")
    head = payload[:HEAD_BYTES]
    if stated := _PMC_ID.search(head):
        return f"PMC{stated[1].decode()}"
    if stated := _DOI.search(head):
        return stated[1].decode("utf-8", "replace")
    return re.sub(r"(?:\.n?xml)?(?:\.gz)?$", "", name.rsplit("/", 1)[-1])


def _read_tar(stream: BinaryIO, name: str) -> Iterator[Raw | Reject | Skipped]:
    for member in tar_members(stream, name):
        if isinstance(member, str):
            yield Skipped(member)
        elif not member.name.endswith((".nxml", ".xml")):
            yield Skipped("other_file")
        elif member.size > MAX_RECORD_BYTES:
            yield Reject("too_large", f"{member.size:,} bytes", key=article_key(member.name, b""))
        else:
            payload = read_all(member.content)
            yield Raw(article_key(member.name, payload), payload)


def _parse(payload: bytes) -> etree._Element | None:
    """The article in a file, or None where there is none.

    Raises:
        InputError: `truncated`, `damaged` or `too_large`.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(payload, parser)
    except etree.XMLSyntaxError as error:
        is_cut = b"</article>" not in payload[-1_000:]
        raise InputError("truncated" if is_cut else "damaged", str(error)) from error
    if sum(1 for _ in root.iter()) > MAX_ELEMENTS:
        raise InputError("too_large", f"more than {MAX_ELEMENTS:,} elements")
    # The OAI service wraps an article in a record.
    article = root if etree.QName(root).localname == "article" else next(root.iter("{*}article"), None)
    if article is None or (article.find("./{*}front") is None and article.find("./{*}body") is None):
        return None
    return article
