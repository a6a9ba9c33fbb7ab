"""US patents of every era since 1976, their background sections or whole descriptions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, ClassVar, Literal

from pydantic import Field

from pile_builder.errors import InputError
from pile_builder.input_files import InputFile, open_input
from pile_builder.source import Document, Raw, Reject, Skipped, Source, SourceConfig, Upstream
from pile_builder.sources.uspto import aps, xml
from pile_builder.sources.uspto.patent import SUMMARY, Block, Patent, background, description
from pile_builder.sources.uspto.records import patent_number, split_patents
from pile_builder.sources.zip_archive import zip_members
from pile_builder.streams import MAX_RECORD_BYTES, open_text_bytes

APS = "text/x-uspto-aps"
XML = "application/xml"
MIN_WORDS = 15
"""A part with fewer words is a cross-reference, not a text (seen: "N/A", "See the parent application.")."""
PUBLIC_DOMAIN = "LicenseRef-PublicDomain-US"

_NOTICE = re.compile(
    r"patent document contains.{0,80}(?:copyright|protect)|copyright (?:owner|notice|protection)", re.I
)
_OTHER_FILES = re.compile(r"\.(?:tif|txt\.md5|html?|pdf|rpt|csv|md5|xsd|dtd)$", re.I)


class Uspto(Source):
    """US patents granted since 1976, as the patent office publishes their text.

    Upstream: data.uspto.gov (Open Data Portal), one zip a week of each era: `pftapsYYYYMMDD_wkNN.zip` (1976-2001, APS
    text), `pgYYMMDD.zip` (2001 SGML, 2002-2004 XML), `ipgYYMMDD.zip` (since 2005, XML documents one after another).
    Files taken out of their zips and applications (`pa*`, `ipa*`) are read as well. Licence: the text of patents is as
    a rule free of copyright (37 CFR 1.71(d), (e)); a patent with a copyright notice has no `license` in its metadata.

    Comes out: one Markdown document a patent, key = `US` + number: title, then its background with the field of the
    invention and the prior art, or with `part: description` all of the description; tables as rows between bars,
    formulas in LaTeX, `[formula]` for a picture; metadata title, number, kind, url, date (of publication),
    classification (IPC; the national class where there is none), license. Dropped: claims, drawings, abstract, related
    applications, sequence listings, inventors and all other names.

    Rejects: `no_background` (no such heading, and no part that the office marks as one: design patents as a rule),
    `no_text`, `truncated`, `damaged`, `bomb`, `encrypted`, `too_large`.
    """

    class Config(SourceConfig):
        """Settings of the patent source."""

        part: Literal["background", "description"] = Field(
            default="background", description="background: field and prior art, as in the Pile; description: all of it"
        )

    config: Config
    pile_set_name: ClassVar[str] = "USPTO Backgrounds"
    libraries: ClassVar[tuple[str, ...]] = ("lxml",)
    patterns: ClassVar[tuple[str, ...]] = ("*.zip", "*.xml", "*.txt", "*.sgm", "*.sgml", "*.greenbook")
    compat: ClassVar[str] = (
        "paragraphs joined by one line feed, no title, no headings: to 2001 from the heading with BACKGROUND to the "
        "next, in 2002 to 2004 all of background and summary, since 2005 from such a heading to the next; no url, no "
        "license"
    )
    upstreams: ClassVar[tuple[Upstream, ...]] = (
        Upstream(
            "https://data.uspto.gov/bulkdata/datasets/ptgrtxt", size=180 << 30, files=2_600, unit=70 << 20, of="2026-01"
        ),
    )
    licence: ClassVar[str] = "as a rule free of copyright (37 CFR 1.71)"
    tried: ClassVar = "upstream"

    def read_file(self, file: InputFile) -> Iterator[Raw | Reject | Skipped]:
        """Stream the patents of a weekly file."""
        if file.name.lower().endswith(".zip"):
            with open_input(file) as stored:
                for member in zip_members(stored, file.name):
                    if isinstance(member, str):
                        yield Skipped(member)
                    elif _OTHER_FILES.search(member.name):
                        yield Skipped("other_file")
                    else:
                        with member.opened() as content:
                            yield from _patents(content, f"{file.name}/{member.name}")
        else:
            with open_text_bytes(file) as stream:
                yield from _patents(stream, file.name)

    def extract(self, raw: Raw) -> Document | Reject:
        """Turn one patent into its background or description."""
        is_compat = self.config.compat == "pile-2020"
        try:
            patent = aps.parse(raw.payload, is_plain=is_compat) if raw.media_type == APS else xml.parse(raw.payload)
        except InputError as error:
            return Reject(error.rule, error.detail)
        if patent is None:
            return Reject("damaged", "expected a patent")
        if self.config.part == "description":
            chosen = description(patent.blocks)
        elif is_compat:
            chosen = _as_the_pile(patent, raw)
        else:
            chosen = background(patent.blocks)
        words = sum(len(block.text.split()) for block in chosen if not block.level)
        if words < MIN_WORDS:
            return Reject(
                "no_text" if self.config.part == "description" or words else "no_background", f"{words} words"
            )
        if is_compat:
            meta = {name: value for name, value in patent.meta.items() if value}
            return Document("\n".join(block.text for block in chosen if not block.level), meta)
        return Document(_markdown(patent, chosen), _meta(patent, raw.key))


def _patents(stream: BinaryIO, name: str) -> Iterator[Raw | Reject | Skipped]:
    count = 0
    for count, record in enumerate(split_patents(stream), 1):
        if isinstance(record, int):
            yield Reject("too_large", f"{record:,} bytes, at most {MAX_RECORD_BYTES:,}", key=f"{name}#{count}")
        elif b"<sequence-cwu" in record[:2_000]:
            yield Skipped("sequence_listing")
        elif number := patent_number(record):
            is_xml = record.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<")
            yield Raw(f"US{number}", record, XML if is_xml else APS)
        else:
            yield Reject("damaged", "expected a patent with a number", key=f"{name}#{count}")
    if not count:
        yield Reject("damaged", "expected patents in APS, SGML or XML", key=name)


def _as_the_pile(patent: Patent, raw: Raw) -> list[Block]:
    """The part that the Pile took, which differed by era."""
    if raw.media_type == XML and b"<PATDOC" in raw.payload[:100_000]:
        return [block for block in patent.blocks if block.part == SUMMARY]
    blocks = [block for block in patent.blocks if raw.media_type == XML or block.part == SUMMARY]
    chosen: list[Block] = []
    for block in blocks:
        if block.level and chosen:
            break
        if chosen or (block.level and "BACKGROUND" in block.text.upper()):
            chosen.append(block)
    return chosen


def _markdown(patent: Patent, blocks: Sequence[Block]) -> str:
    title = str(patent.meta.get("title") or "")
    lines = [f"# {title}"] if title else []
    top = min((block.level for block in blocks if block.level), default=1)
    lines += [f"{'#' * min(block.level - top + 2, 6)} {block.text}" if block.level else block.text for block in blocks]
    return "\n\n".join(lines)


def _meta(patent: Patent, key: str) -> dict[str, Any]:
    has_notice = any(_NOTICE.search(block.text) for block in patent.blocks)
    found = {
        **patent.meta,
        "url": f"https://patents.google.com/patent/{key}",
        "license": "" if has_notice else PUBLIC_DOMAIN,
    }
    return {name: value for name, value in found.items() if value}
