"""Common Crawl and other web archives: WARC responses through a main-content extractor, WET records as they are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import ClassVar, Literal

from lxml.etree import LxmlError
from pydantic import Field

from pile_builder.domains import host_of
from pile_builder.errors import InputError
from pile_builder.input_files import InputFile, list_files, resolve
from pile_builder.source import Document, Raw, Reject, Skipped, Source, SourceConfig, Split, Upstream, pack
from pile_builder.sources.common_crawl.charset import decode
from pile_builder.sources.common_crawl.html import (
    EXTRACTOR_LIBRARIES,
    MAX_DEPTH,
    MAX_TAGS,
    PREVIEW_CHARS,
    ExtractorName,
    Favor,
    described_content,
    is_html,
    may_be_html,
    nesting,
    preview,
    without_surrogates,
)
from pile_builder.sources.common_crawl.urls import (
    PILE_DOMAINS,
    HashedSet,
    domain_entries,
    in_domains,
    list_entries,
    url_key,
)
from pile_builder.sources.common_crawl.warc import Message, Record, decode_body, open_archive, parse_http, read_records
from pile_builder.streams import MAX_RECORD_BYTES

_WANTED = frozenset({"response", "conversion"})
_WARC_TYPES = frozenset({"warcinfo", "resource", "request", "metadata", "revisit", "continuation"})
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_LIST_NAME = re.compile(r"\.paths(\.gz)?$")


class CommonCrawlConfig(SourceConfig):
    """What to read, what to leave out by address, and how to extract."""

    prefix: str = Field(
        default="https://data.commoncrawl.org/",
        description="what the lines of *.paths(.gz) inputs are below: a URL, or a directory (relative to the root)",
    )
    extractor: ExtractorName = Field(default="blocks", description="main-content extractor of WARC responses")
    favor: Favor = Field(default="balanced", description="trafilatura, blocks: what to prefer; FineWeb uses precision")
    fast: bool = Field(default=False, description="trafilatura: without fallback extractors")
    fallback: bool = Field(default=True, description="blocks: leave the least certain pages to trafilatura")
    exclude_domains: tuple[str, ...] = Field(
        default=PILE_DOMAINS, description="domains left out with all below them; by default those of other components"
    )
    domain_blocklist: tuple[str, ...] = Field(default=(), description="text files of domains, one a line (UT1's work)")
    url_blocklist: tuple[str, ...] = Field(default=(), description="text files of URLs, one a line")


class CommonCrawl(Source):
    """Pile-CC: web pages from Common Crawl's WARC and WET files, or from any other web archive.

    Upstream: https://data.commoncrawl.org/crawl-data/CC-MAIN-YYYY-WW/warc.paths.gz lists a crawl's files, each about
    1 GB. Licence: Common Crawl's terms of use; the pages remain their authors'.

    Inputs are WARC or WET files (plain, gzip, zstandard, lz4), directories of them, or `*.paths(.gz)` lists, of which
    every line becomes one split below `prefix`. Responses with status 2xx and HTML become one document each: the main
    content as the extractor sees it. WET conversion records are documents as they are. The key is target URI and
    WARC-Date; of records that share both in a file, later ones add a digest of their record id.

    Skipped: records of other types by type (`request`, `metadata`, `revisit`, ..., `other_type`), responses that are
    not HTML (`not_html`), HTTP errors (`http_status`).

    Rejects: `excluded_domain`, `domain_blocklist`, `url_blocklist`; `too_large`, `too_deep`; `undecodable` (no charset
    fits); `no_text` (the extractor finds nothing); `extractor_error`; `no_url`; `not_warc` (the file holds no record);
    `damaged`, `truncated`, `bomb` (of a file, or of one compressed body).
    """

    pile_set_name: ClassVar[str] = "Pile-CC"
    version: ClassVar[int] = 1
    upstreams: ClassVar[tuple[Upstream, ...]] = (
        Upstream("https://data.commoncrawl.org/crawl-data/index.html", 90 << 40, 90_000, 1 << 30, of="one crawl"),
    )
    licence: ClassVar[str] = "Common Crawl's terms of use; pages remain their authors'"
    tried: ClassVar[Literal["upstream", "samples"]] = "upstream"
    tallied: ClassVar[tuple[str, ...]] = ("extractor",)
    patterns: ClassVar[tuple[str, ...]] = tuple(
        f"*.{kind}{packed}" for kind in ("warc", "wet") for packed in ("", ".gz", ".zst", ".lz4")
    )
    Config: ClassVar[type[SourceConfig]] = CommonCrawlConfig
    config: CommonCrawlConfig

    def __init__(self, config: SourceConfig) -> None:
        super().__init__(config)
        self._extract = described_content(
            self.config.extractor, self.config.favor, fast=self.config.fast, fallback=self.config.fallback
        )
        # Preview and extract see the same record one after the other: its text is decoded once.
        self._decoded: tuple[Raw | None, str | None] = (None, None)

    def splits(self) -> Iterable[Split]:
        """Packs of archive files, and one split for every line of a list of paths."""
        files = self.input_files()
        lists = [file for file in files if _LIST_NAME.search(file.name)]
        found = {split.name: split for split in pack(file for file in files if file not in lists)}
        for listing in lists:
            for path in list_entries([listing]):
                below = f"{self.config.prefix.rstrip('/')}/{path.lstrip('/')}" if self.config.prefix else path
                url = resolve(below, self.config.root)
                found[path] = Split(path, (InputFile(path, url, 0, version="listed"),))
        return [found[name] for name in sorted(found)]

    def list_files(self) -> tuple[InputFile, ...]:
        """Files of the block lists, which decide what is read and so belong to the build's identity."""
        return self._blocklist_files(self.config.domain_blocklist) + self._blocklist_files(self.config.url_blocklist)

    def text_libraries(self) -> tuple[str, ...]:
        """What tells charsets, and what extracts."""
        extractors: list[ExtractorName] = [self.config.extractor]
        if self.config.extractor == "blocks" and self.config.fallback:
            extractors.append("trafilatura")
        return tuple(sorted({"resiliparse"}.union(*(EXTRACTOR_LIBRARIES[name] for name in extractors))))

    def models(self) -> Mapping[str, str]:
        """The classifier of blocks, where it extracts."""
        if self.config.extractor != "blocks":
            return {}
        from pile_builder.main_content.model import NAME, BlockModel

        return {NAME: BlockModel.load().digest}

    def warm(self) -> None:
        """Kernels are compiled or loaded."""
        page = "<title>A page</title><p>A sentence of a page, and another one."
        preview(page)
        nesting(page)
        self._extract(page)

    def read_file(self, file: InputFile) -> Iterator[Raw | Reject | Skipped]:
        """HTML responses and WET conversions of an archive, in its order."""
        seen: set[bytes] = set()
        with open_archive(file) as stream:
            # No loop, whose variables would hold a record while others work on its page: it may be large.
            yield from map(partial(self._offer_once, seen), read_records(stream, file.name, _WANTED))

    def preview(self, raw: Raw) -> str | None:
        """Text runs of the page, or the head of a conversion record's text."""
        page = self.page_of(raw)
        if page is None:
            return None
        return (page[:PREVIEW_CHARS] if _is_text(raw) else preview(page)) or None

    def page_of(self, raw: Raw) -> str | None:
        """The decoded text of a record, None where no charset fits."""
        if self._decoded[0] is not raw:
            decoded = decode(raw.payload, raw.media_type)
            self._decoded = (raw, decoded[0] if decoded else None)
        return self._decoded[1]

    def extract(self, raw: Raw) -> Document | Reject:
        """Main content of a page, or a conversion record's text."""
        page = self.page_of(raw)
        self._decoded = (None, None)
        if page is None:
            return Reject("undecodable", f"{len(raw.payload):,} bytes of {raw.media_type or 'no declared type'}")
        meta = dict(raw.meta)
        if _is_text(raw):
            text = page.strip()
        else:
            tags = page.count("<")
            if tags > (limit := MAX_TAGS[self.config.extractor]):
                return Reject("too_large", f"{tags:,} tags; the limit is {limit:,}")
            if nesting(page) > MAX_DEPTH:
                return Reject("too_deep", f"elements nested deeper than {MAX_DEPTH}")
            try:
                text, described = self._extract(page)
            except (LxmlError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
                return Reject("extractor_error", f"{self.config.extractor}: {type(error).__name__}: {error}"[:300])
            text = text.strip()
            meta |= {name: value for name, value in described.items() if value}
        if not text:
            return Reject("no_text")
        return Document(without_surrogates(text), meta)

    def _offer_once(self, seen: set[bytes], record: Record | Reject) -> Raw | Reject | Skipped:
        """What becomes of one record of a file of which `seen` are the keys so far."""
        if isinstance(record, Reject):
            return record
        item = self._offer(record)
        return _with_unique_key(item, record, seen) if isinstance(item, Raw) else item

    def _offer(self, record: Record) -> Raw | Reject | Skipped:
        """What becomes of one record, before its key is known to be unique."""
        if record.type not in _WANTED:
            return Skipped(record.type if record.type in _WARC_TYPES else "other_type")
        url = record.headers.get("warc-target-uri", "").strip("<> ")
        date = record.headers.get("warc-date", "")
        key = f"{url} {date}".strip()
        if record.block is None:
            return Reject("too_large", f"{record.length:,} bytes; the limit is {MAX_RECORD_BYTES:,}", key=key)
        if record.type == "conversion":
            media_type = record.headers.get("content-type", "text/plain")
            message = Message(None, {}, record.block)
        else:
            message = parse_http(record.block)
            media_type = message.headers.get("content-type", "")
            if message.status is None and not record.headers.get("content-type", "").startswith("application/http"):
                media_type = record.headers.get("content-type", "")
            elif message.status is not None and not 200 <= message.status < 300:
                return Skipped("http_status")
            if not may_be_html(media_type):
                return Skipped("not_html")
        if not url:
            return Reject("no_url", "a record without WARC-Target-URI")
        if rule := self._blocked(url):
            return Reject(rule, key=key)
        try:
            payload = decode_body(message)
        except InputError as error:
            return Reject(error.rule, error.detail, key=key)
        if record.type == "response" and not is_html(media_type, payload):
            return Skipped("not_html")
        language = record.headers.get("warc-identified-content-language", "") if record.type == "conversion" else ""
        meta = {"url": url, "date": date if _DATE.match(date) else "", "language": language.partition(",")[0]}
        return Raw(key, payload, media_type, {name: value for name, value in meta.items() if value})

    def _blocked(self, url: str) -> str:
        host = host_of(url)
        if in_domains(host, self._excluded):
            return "excluded_domain"
        if len(self._domain_list) and in_domains(host, self._domain_list):
            return "domain_blocklist"
        return "url_blocklist" if len(self._url_list) and url_key(url) in self._url_list else ""

    @cached_property
    def _excluded(self) -> frozenset[str]:
        return frozenset(domain.lower().strip(".") for domain in self.config.exclude_domains)

    @cached_property
    def _domain_list(self) -> HashedSet:
        return HashedSet(domain_entries(self._blocklist_files(self.config.domain_blocklist)))

    @cached_property
    def _url_list(self) -> HashedSet:
        entries = list_entries(self._blocklist_files(self.config.url_blocklist))
        return HashedSet(url_key(entry) for entry in entries)

    def _blocklist_files(self, patterns: tuple[str, ...]) -> tuple[InputFile, ...]:
        return tuple(file for pattern in patterns for file in list_files(pattern, self.config.root))


def _is_text(raw: Raw) -> bool:
    return raw.media_type.startswith("text/plain")


def _with_unique_key(raw: Raw, record: Record, seen: set[bytes]) -> Raw:
    """The record under a key that no earlier one of the file has."""
    key = raw.key
    if _digest(key) in seen:
        key = f"{raw.key} {_digest(record.headers.get('warc-record-id', '')).hex()}"
        again = 1
        while _digest(key) in seen:
            again += 1
            key = f"{raw.key} {again}"
    seen.add(_digest(key))
    return raw if key == raw.key else replace(raw, key=key)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
