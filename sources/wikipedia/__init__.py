"""Wikipedia and other wikis of MediaWiki: dumps of pages, one document per article."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from pydantic import Field

from pile_builder.errors import InputError
from pile_builder.input_files import InputFile, open_input
from pile_builder.source import Document, Raw, Reject, Skipped, Source, SourceConfig, Split, Upstream, pack
from pile_builder.sources.wikipedia import tfds, wikitext
from pile_builder.sources.wikipedia.dump import Page, Site, expanded, read_pages, read_streams
from pile_builder.sources.wikipedia.wording import dropped_headings, is_disambiguation
from pile_builder.streams import open_text_bytes

RANGE_BYTES = 16 << 20
"""Stored bytes of a multistream dump that one split reads; they expand to about 70 MB."""
SAMPLE_BYTES = 8_000
"""How much of a page the preview reads."""

_MULTISTREAM = re.compile(r"multistream\d*\.xml(?:-p\d+p\d+)?\.bz2$")
_INDEX = re.compile(r"multistream-index\d*\.txt")
_REDIRECT = re.compile(r"\s*#[^\W\d_]{5,20}[ \t]*:?[ \t]*\[\[", re.I)
_MARKUP = re.compile(r"\{\{[^{}]*\}\}|\[\[[^\[\]|]*\||<[^<>]*>|[\[\]{}|='*#:;]+|https?:\S+")


class Wikipedia(Source):
    """Articles of Wikipedia, one document per page of the main namespace.

    Upstream: dumps.wikimedia.org, `pages-articles` (one XML, .bz2) and `pages-articles-multistream` (many bzip2 streams
    of 100 pages; read in ranges, the index is not needed), plain or as gzip, bzip2, xz or zstandard; any wiki's. Not
    .7z. Texts are under CC BY-SA 4.0 (and mostly the GFDL).

    Comes out: key `<dbname>:<page id>`; text = title, blank line, article: headings, paragraphs, lists (`- `, `1. `),
    rows of tables (cells between bars), formulas as TeX between dollar signs, programs as they are, links as their
    labels. meta: title, url, date (of the revision), page_id, revision_id, language, license. Templates go, but for
    those that carry a part of a sentence (languages, units, dates, quotations: wikipedia/templates.py).

    Dropped: references, pictures and their captions, categories, magic words, hatnotes, navigation boxes, infoboxes,
    headings with nothing below, and the sections References, External links, See also, Further reading and the like in
    16 languages (`sections: true` keeps them). Skipped by kind: `redirect`, `namespace`, `other_model`.

    Rejects: `disambiguation`, `no_text` (nothing but the title), `too_deep` (100 things inside each other),
    `too_large`, `truncated`, `damaged`, `bomb`.
    """

    pile_set_name: ClassVar[str] = "Wikipedia (en)"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ("lxml", "mwparserfromhell")
    patterns: ClassVar[tuple[str, ...]] = ("*.xml", "*.xml.*", "*.xml-p*", "*pages-articles*.bz2")
    compat: ClassVar[str] = (
        "text by mwparserfromhell as TensorFlow Datasets made it: no tables, no formulas, no list marks, all sections; "
        "disambiguations stay"
    )
    upstreams: ClassVar[tuple[Upstream, ...]] = (
        Upstream("https://dumps.wikimedia.org/enwiki/latest/", 24_000_000_000, 1, RANGE_BYTES, "2025"),
    )
    licence: ClassVar[str] = "CC BY-SA 4.0"
    tried: ClassVar = "upstream"

    class Config(SourceConfig):
        """Settings of the wikipedia source."""

        tables: bool = Field(default=True, description="keep tables, as rows with bars between cells")
        sections: bool = Field(default=False, description="keep See also, References, External links and the like")

    config: Config

    def splits(self) -> Iterable[Split]:
        """A range of a multistream dump, or a whole file, per split; small files packed together."""
        whole: list[InputFile] = []
        found: list[Split] = []
        for file in self.input_files():
            if _INDEX.search(file.name):
                continue
            if not _MULTISTREAM.search(file.name) or file.size <= RANGE_BYTES:
                whole.append(file)
                continue
            for start in range(0, file.size, RANGE_BYTES):
                end = min(start + RANGE_BYTES, file.size)
                found.append(Split(f"{file.name}@{start:013d}", (file,), {"start": start, "end": end}))
        return sorted([*found, *pack(whole)], key=lambda split: split.name)

    def read(self, split: Split) -> Iterator[Raw | Reject | Skipped]:
        """Stream the pages of a split; a damaged stream of a multistream dump costs no other."""
        if "start" in split.params:
            yield from self._read_range(split.files[0], split.params["start"], split.params["end"])
            return
        for file in split.files:
            try:
                if _MULTISTREAM.search(file.name):
                    yield from self._read_range(file, 0, file.size)
                else:
                    with open_text_bytes(file) as stream:
                        site = Site()
                        for item in read_pages(stream, file.name):
                            if isinstance(item, Site):
                                site = item
                            else:
                                yield _offered(item, site)
            except InputError as error:
                yield Reject(error.rule, error.detail, key=file.name)

    def _read_range(self, file: InputFile, start: int, end: int) -> Iterator[Raw | Reject | Skipped]:
        site = Site()
        with open_input(file) as stored:
            if start:
                # The header lies in the first stream.
                site = next(_header(read_streams(stored, 0, 1, file.name), file.name), site)
            for offset, content in read_streams(stored, start, end, file.name):
                name = f"{file.name}@{offset}"
                try:
                    for item in read_pages(expanded(content, name, with_header=not offset), name):
                        if isinstance(item, Site):
                            site = item
                        else:
                            yield _offered(item, site)
                except InputError as error:
                    yield Reject(error.rule, error.detail, key=name)

    def preview(self, raw: Raw) -> str | None:
        """Words from the middle of a page, roughly without markup."""
        start = max(len(raw.payload) // 2 - SAMPLE_BYTES // 2, 0)
        sample = raw.payload[start : start + SAMPLE_BYTES].decode("utf-8", "ignore")
        return " ".join(_MARKUP.sub(" ", sample).split())

    def extract(self, raw: Raw) -> Document | Reject:
        """Turn a page's wikitext into text."""
        source, title = raw.payload.decode("utf-8", "replace"), raw.meta.get("title", "")
        language, is_compat = raw.meta.get("language", ""), self.config.compat == "pile-2020"
        if not is_compat and is_disambiguation(title, source):
            return Reject("disambiguation")
        try:
            if is_compat:
                text = tfds.to_text(source)
            else:
                dropped = frozenset[str]() if self.config.sections else dropped_headings(language)
                namespaces = frozenset(raw.meta["_namespaces"])
                text = wikitext.to_text(
                    source, title, namespaces=namespaces, dropped=dropped, tables=self.config.tables
                )
        except InputError as error:
            return Reject(error.rule, error.detail)
        if not text.strip():
            return Reject("no_text", "nothing but templates, pictures and links to other pages")
        return Document(f"{title}\n\n{text}", {"license": "CC-BY-SA-4.0"})


def _header(streams: Iterator[tuple[int, bytes]], name: str) -> Iterator[Site]:
    for _, content in streams:
        try:
            for item in read_pages(expanded(content, name, with_header=True), name):
                if isinstance(item, Site):
                    yield item
        except InputError:
            # It usually is the header alone, which opens the document and does not end it.
            return


def _offered(page: Page, site: Site) -> Raw | Skipped:
    """A page as a record, or why it is none."""
    if page.namespace != "0":
        return Skipped("namespace")
    if page.is_redirect or _REDIRECT.match(page.text):
        return Skipped("redirect")
    if page.model != "wikitext":
        return Skipped("other_model")
    return Raw(f"{site.dbname}:{page.number}", page.text.encode("utf-8"), "text/x-wiki", _meta(page, site))


def _meta(page: Page, site: Site) -> Mapping[str, Any]:
    known = {
        "title": page.title,
        "url": f"{site.host}/wiki/{quote(page.title.replace(' ', '_'), safe='/:,()!*@;~')}" if site.host else "",
        "date": page.timestamp[:10],
        "page_id": page.number,
        "revision_id": page.revision,
        "timestamp": page.timestamp,
        "language": site.language,
    }
    return {**{name: value for name, value in known.items() if value}, "_namespaces": site.namespaces}
