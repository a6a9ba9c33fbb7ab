"""FreeLaw: opinions of courts of the United States, from CourtListener and the Caselaw Access Project."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, cast

from pydantic import Field

from pile_builder.errors import InputError
from pile_builder.input_files import InputFile, list_files, open_input
from pile_builder.source import Document, Raw, Reject, Skipped, Source, SourceConfig, Split, Upstream, pack
from pile_builder.sources.freelaw import postgres_csv
from pile_builder.sources.freelaw.archives import CASE, TAR, json_object, read_json, read_tar, read_volume
from pile_builder.sources.freelaw.opinion import opinion_text, pile_text
from pile_builder.sources.freelaw.postgres_csv import Dialect, TooLarge
from pile_builder.streams import MAX_RECORD_BYTES, open_text_bytes, read_all

CSV = "text/csv"
RANGE_BYTES = 128 << 20
CLUSTERS, DOCKETS = "clusters", "dockets"

_NUMBER = re.compile(r"[0-9]{1,15}")

_WANTED = {
    CLUSTERS: ("case_name", "date_filed", "slug", "docket_id", "blocked"),
    DOCKETS: ("court_id", "docket_number"),
}


class FreeLaw(Source):
    """Court opinions.

    Upstream, any of:
    - CourtListener's quarterly CSV, `opinions-YYYY-MM-DD.csv.bz2` (each holds all before it); the files
      `opinion-clusters-*` and `dockets-*` beside it give case names, dates and courts. A bzip2 file is one stream and
      one split. Unpacked (`lbunzip2 opinions-2026-03-31.csv.bz2` uses all cores) it is read in ranges of 128 MiB,
      aligned to records, by as many workers as there are.
    - its older JSON: `all.tar`, a tar of a `<court>.tar.gz` of `<id>.json` each, or one such `<court>.tar.gz`.
    - static.case.law: a volume's zip, or its `cases/*.json`.

    Licence: opinions of courts are in the public domain in the USA; the Caselaw Access Project gives its files CC0.

    Comes out: one opinion a document (of the Caselaw Access Project one case: head matter and opinions), from the first
    that is not empty of html_with_citations, html_columbia, html_lawbox, xml_harvard, html_anon_2020, html, plain_text.
    Paragraphs, quotations and footnotes stay, notes with `[1]`. Key: `opinion/<id>` or `case/<id>`. meta: title, date
    (filed), court, url, license, opinion_id, cluster_id, docket_number, citation, form (which field the text is from).

    Dropped: page marks inside text, and in text taken from PDFs heads and feet of pages and columns of line numbers.

    Rejects: `no_text`, `blocked` (cases that CourtListener keeps from search engines for privacy; known by the clusters
    table), `damaged`, `undecodable`, `too_large`, `truncated`, `bomb`, `encrypted`.
    """

    class Config(SourceConfig):
        """Settings of the court opinions."""

        clusters: tuple[str, ...] = Field(default=(), description="opinion-clusters CSV: case name, date, slug")
        dockets: tuple[str, ...] = Field(default=(), description="dockets CSV: court and docket number; needs clusters")

    config: Config
    pile_set_name: ClassVar[str] = "FreeLaw"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ("lxml",)
    patterns: ClassVar[tuple[str, ...]] = (
        "opinions*.csv", "opinions*.csv.*", "*.tar", "*.tar.gz", "*.zip", "*.json",
    )  # fmt: skip
    compat: ClassVar[str] = "the last field that is not empty, in the Pile's order, with all its text nodes as they are"
    upstreams: ClassVar[tuple[Upstream, ...]] = (
        Upstream("https://www.courtlistener.com/help/api/bulk-data/", 12_000_000_000, 1, 12_000_000_000, "2025-10"),
        Upstream("https://static.case.law/", 60_000_000_000, 40_000, 2_000_000, "2024-03"),
    )
    licence: ClassVar[str] = "public domain in the USA; CC0-1.0"
    tried: ClassVar = "upstream"

    def splits(self) -> Iterable[Split]:
        """Ranges of unpacked CSV, everything else in packs of files; sorted by name."""
        files = self.input_files()
        large = [file for file in files if file.name.endswith(".csv") and file.size > RANGE_BYTES]
        ranges = [
            Split(f"{file.name}@{start:013}", (file,), {"start": start, "stop": min(start + RANGE_BYTES, file.size)})
            for file in large
            for start in range(0, file.size, RANGE_BYTES)
        ]
        packs = pack(file for file in files if file not in large)
        return sorted([*ranges, *packs], key=lambda split: split.name)

    def read(self, split: Split) -> Iterator[Raw | Reject | Skipped]:
        """Stream the opinions of a split."""
        if not split.params:
            yield from cast("Iterator[Raw | Reject | Skipped]", super().read(split))
            return
        file = split.files[0]
        try:
            yield from _read_range(file, split.params["start"], split.params["stop"])
        except InputError as error:
            yield Reject(error.rule, error.detail, key=split.name)

    def read_file(self, file: InputFile) -> Iterator[Raw | Reject | Skipped]:
        """Stream the opinions of one file."""
        if file.name.endswith(".zip"):
            yield from read_volume(file)
            return
        with open_text_bytes(file) as stream:
            if TAR.search(file.name):
                yield from read_tar(stream, file.name)
            elif file.name.endswith(".json"):
                yield from read_json(file.name, read_all(stream))
            else:
                dialect, rest = postgres_csv.read_head(stream, file.name)
                yield from _rows(postgres_csv.records(stream, dialect, rest), dialect)

    def extract(self, raw: Raw) -> Document | Reject:
        """Turn a row or a JSON object into its text."""
        try:
            if raw.media_type == CSV:
                columns, *spelling = raw.meta["_dialect"]
                fields: Mapping[str, Any] = postgres_csv.fields(raw.payload, Dialect(tuple(columns), *spelling))
            else:
                fields = json_object(raw.payload)
            if raw.media_type == CASE:
                text, meta = _case(fields)
            else:
                text, form = pile_text(fields) if self.config.compat else opinion_text(fields)
                meta = {**self._meta(fields, raw), "form": form}
        except InputError as error:
            return Reject(error.rule, error.detail)
        if meta.pop("blocked", False):
            return Reject("blocked", "the upstream keeps the case from search engines")
        if not any(map(str.isalpha, text)):
            return Reject("no_text", "every form is empty")
        return Document(text, {name: value for name, value in sorted(meta.items()) if value})

    def side_tables(self) -> Mapping[str, Sequence[InputFile]]:
        """The tables of clusters and dockets, where the config names them."""
        given = {CLUSTERS: self.config.clusters, DOCKETS: self.config.dockets}
        return {
            name: [file for pattern in patterns for file in list_files(pattern, self.config.root)]
            for name, patterns in given.items()
            if patterns
        }

    def read_table(self, name: str, files: Sequence[InputFile]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Stream what is needed of clusters or dockets, by id; rows that cannot be read are left out."""
        wanted = _WANTED[name]
        for file in files:
            with open_text_bytes(file) as stream:
                dialect, rest = postgres_csv.read_head(stream, file.name)
                for record in postgres_csv.records(stream, dialect, rest):
                    if isinstance(record, TooLarge):
                        continue
                    try:
                        row = postgres_csv.fields(record, dialect)
                    except InputError:
                        continue
                    yield row["id"], {column: row[column] for column in wanted if row.get(column)}

    def _meta(self, fields: Mapping[str, Any], raw: Raw) -> dict[str, Any]:
        number = raw.key.rsplit("/", 1)[-1]
        cluster = re.sub(r"^.*/(\d+)/?$", r"\1", str(fields.get("cluster_id") or fields.get("cluster") or ""))
        known = self.lookup(CLUSTERS, cluster) or {}
        docket = self.lookup(DOCKETS, str(known.get("docket_id", ""))) or {}
        url = f"https://www.courtlistener.com/api/rest/v4/opinions/{number}/"
        if known.get("slug"):
            url = f"https://www.courtlistener.com/opinion/{cluster}/{known['slug']}/"
        return {
            "blocked": known.get("blocked") == "t",
            "title": known.get("case_name"),
            "date": known.get("date_filed"),
            "court": docket.get("court_id") or raw.meta.get("court"),
            "docket_number": docket.get("docket_number"),
            "opinion_id": int(number) if _NUMBER.fullmatch(number) else None,
            "cluster_id": int(cluster) if _NUMBER.fullmatch(cluster) else None,
            "authors": [name] if (name := str(fields.get("author_str") or "").strip()) else None,
            "url": url,
            "license": "LicenseRef-PublicDomain-US",
        }


def _rows(found: Iterable[bytes | TooLarge], dialect: Dialect) -> Iterator[Raw | Reject]:
    meta = {"_dialect": [list(dialect.columns), dialect.quote, dialect.has_backslash, dialect.quotes_all]}
    for record in found:
        if isinstance(record, TooLarge):
            yield Reject("too_large", f"more than {MAX_RECORD_BYTES:,} bytes", key=f"opinion/{record.number}")
        else:
            yield Raw(f"opinion/{postgres_csv.number_of(record)}", record, CSV, meta)


def _read_range(file: InputFile, start: int, stop: int) -> Iterator[Raw | Reject]:
    """Stream the records that begin in a range of bytes."""
    with open_input(file) as stream:
        dialect, rest = postgres_csv.read_head(stream, file.name)
        if start == 0:
            # Lengths count from the first record on.
            stop -= stream.tell() - len(rest)
            yield from _rows(postgres_csv.records(stream, dialect, rest, length=stop), dialect)
            return
        # A record's line feed may be the last byte before the range.
        stream.seek(start - 1)
        found = postgres_csv.records(stream, dialect, is_start=False, length=stop - start + 1)
        yield from _rows(found, dialect)


def _case(found: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Text and facts of a case of the Caselaw Access Project, whose lines are paragraphs."""
    body = _mapping(found.get("casebody"))
    body = _mapping(body.get("data")) or body
    opinions = [_mapping(one) for one in _list(body.get("opinions"))]
    parts = [body.get("head_matter"), *(one.get("text") for one in opinions), body.get("corrections")]
    lines = [line.strip() for part in parts for line in str(part or "").replace("\u00ad", "").split("\n")]
    citations = [_mapping(one).get("cite") for one in _list(found.get("citations"))]
    return "\n\n".join(filter(None, lines)), {
        "title": found.get("name_abbreviation") or found.get("name"),
        "date": found.get("decision_date"),
        "court": _mapping(found.get("court")).get("name"),
        "docket_number": found.get("docket_number"),
        "citation": citations[0] if citations else None,
        "license": "CC0-1.0",
    }


def _list(found: object) -> Sequence[Any]:
    return found if isinstance(found, list) else ()


def _mapping(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}
