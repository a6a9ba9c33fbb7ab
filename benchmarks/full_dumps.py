"""The count on paper of the Pile's 22 full dumps: `python -m benchmarks.full_dumps` writes docs/full-dumps.md.

Sizes are those that source plugins state (`Upstream`), speeds those of `python -m benchmarks sources`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import orjson
from rich.filesize import decimal

from benchmarks.source_speed import NUMBERS, Speed
from pile_builder.source import PACK_BYTES, Upstream, load_source
from pile_builder.sources.freelaw import RANGE_BYTES as FREELAW_RANGE
from pile_builder.upstreams.parts import splits_of

PAGE = Path(__file__).parents[1] / "docs" / "full-dumps.md"
WORKERS = 1_000
COLUMNS = (
    "source", "dump", "files", "splits", "largest split", "idle workers", "expands", "MB/s", "core-hours",
    "hours", "stated",
)  # fmt: skip
ABOUT = """
Written by `python -m benchmarks.full_dumps`: the size of each component's whole dump, into how many splits it falls,
and how long 1,000 workers of one core are busy with it, by the speed that was measured here (MB of records a second,
that is of pages, articles or mails without compression: [RESULTS.md](../benchmarks/RESULTS.md)). A split is at least
64 MiB as stored: small files are packed. `pile sources splits` counts for any number of workers.
"""
DOUBT = """
**Sizes are from memory or estimated**, as is how much they expand; none was asked of its publisher
(`pile sources doctor` does). What else was read in a paper, a list or a publisher's description stands in the column
*stated*.
"""
COMPONENTS = (
    "common_crawl", "pubmed_central", "books3", "openwebtext2", "arxiv", "github", "freelaw", "stack_exchange", "uspto",
    "pubmed_abstracts", "pg19", "opensubtitles", "wikipedia", "dm_mathematics", "ubuntu_irc", "bookcorpus2", "europarl",
    "hacker_news", "youtube_subtitles", "philpapers", "nih_exporter", "enron",
)  # fmt: skip
"""In the order of the paper's Table 1."""
OFFERED_NOWHERE = {
    "books3": Upstream("", 37_000_000_000, 1, 37_000_000_000, "2020"),
    "bookcorpus2": Upstream("", 2_400_000_000, 1, 2_400_000_000, "2020"),
    "youtube_subtitles": Upstream("", 4_000_000_000, 174_000, 23_000, "2020"),
}
"""Dumps that no publisher has; sizes from those of their texts in Table 1."""
STATED = {
    "common_crawl": "files of about 1 GB (Common Crawl)",
    "github": "190,000 repositories (the Pile's list)",
    "pg19": "28,752 books (paper)",
    "pubmed_abstracts": "files (NLM's baseline)",
    "ubuntu_irc": "700,000 logs (Common Pile)",
    "youtube_subtitles": "174,000 documents (the Pile)",
}
"""What of a row was read in a paper, a list or a publisher's description; all else is from memory, or estimated."""
EXPANDS = {
    "common_crawl": 4.3, "books3": 2.7, "openwebtext2": 2.9, "github": 4.8, "freelaw": 5.0, "stack_exchange": 5.6,
    "uspto": 5.0, "pubmed_abstracts": 8.0, "opensubtitles": 8.0, "wikipedia": 4.2, "dm_mathematics": 5.0,
    "bookcorpus2": 2.7, "europarl": 3.0, "hacker_news": 2.0, "nih_exporter": 3.0, "enron": 3.5,
}  # fmt: skip
"""Bytes of records in a stored byte, by what such text does in such a container; 1 where it is not packed."""
UNPACKED = {
    "freelaw": (60_000_000_000, "bzip2 -d", 9e6),
}
"""One-stream dumps that are read in ranges once they are unpacked: bytes then, the program, stored bytes a second."""


@dataclass(frozen=True)
class Count:
    """A dump on `WORKERS` workers of one core; `rate` is in MB of records a second."""

    name: str
    upstream: Upstream
    rate: float

    @property
    def splits(self) -> int:
        """How many there are."""
        return splits_of(self.upstream)

    @property
    def largest(self) -> int:
        """Stored bytes of one."""
        return min(max(self.upstream.unit, PACK_BYTES), self.upstream.size)

    @property
    def idle(self) -> int:
        """Workers that get none."""
        return max(WORKERS - self.splits, 0)

    @property
    def expands(self) -> float:
        """Bytes of records in a stored byte."""
        return EXPANDS.get(self.name, 1.0)

    @property
    def hours(self) -> float:
        """Until the last worker is done, one split after the other."""
        return ceil(self.splits / WORKERS) * self.largest * self.expands / (self.rate * 1e6) / 3_600

    @property
    def core_hours(self) -> float:
        """Of all workers."""
        return self.upstream.size * self.expands / (self.rate * 1e6) / 3_600


def counts(measured: dict[str, Any]) -> Iterator[Count]:
    """Every dump of every component."""
    for name in COMPONENTS:
        upstreams = load_source(name).upstreams or (OFFERED_NOWHERE[name],)
        speed = Speed(**measured["sources"][name])
        for upstream in upstreams:
            yield Count(name, upstream, speed.rate)


def page() -> str:
    """The whole document."""
    measured = orjson.loads(NUMBERS.read_bytes())
    rows = list(counts(measured))
    lines = [
        "# The full dumps on 1,000 workers",
        "",
        *_wrapped(ABOUT),
        *_wrapped(DOUBT),
        f"| {' | '.join(COLUMNS)} |",
        f"|---|{'---:|' * (len(COLUMNS) - 2)}---|",
        *map(_row, rows),
        "",
    ]
    whole, hours = sum(row.core_hours for row in rows), max(row.hours for row in rows if not _is_one_stream(row))
    lines += [
        *_wrapped(
            f"All together {whole:,.0f} core-hours of reading and extracting. Of the dumps in parts, each with all "
            f"workers to itself, the longest takes {hours:,.1f} hours: Common Crawl, one crawl (the Pile took 22 "
            "blocks of the 3,679 of seven years)."
        ),
        *_wrapped("Dumps of one stream keep one worker busy while all other sources are read beside it:"),
        *(f"- {line}" for line in _streams(rows)),
        "",
        "Where the numbers are from:",
        "",
        *(
            f"- {row.name}: {row.upstream.url or 'offered nowhere; the size of the copy that a user may have'}"
            for row in rows
        ),
        "",
    ]
    return "\n".join(lines)


def _wrapped(text: str) -> list[str]:
    return [*textwrap.wrap(text.strip(), 120, break_long_words=False, break_on_hyphens=False), ""]


def _is_one_stream(row: Count) -> bool:
    return row.splits == 1


def _row(row: Count) -> str:
    upstream = row.upstream
    cells = (
        row.name, decimal(upstream.size), f"{upstream.files:,}", f"{row.splits:,}", decimal(row.largest),
        f"{row.idle:,}", f"{row.expands:g}", f"{row.rate:.1f}", f"{row.core_hours:,.1f}", f"{row.hours:.2f}",
        STATED.get(row.name, ""),
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _streams(rows: list[Count]) -> Iterator[str]:
    for row in rows:
        if not _is_one_stream(row):
            continue
        line = f"{row.name}, {decimal(row.upstream.size)}: {row.hours:.1f} h"
        if row.name in UNPACKED:
            size, how, rate = UNPACKED[row.name]
            ranges = ceil(size / FREELAW_RANGE)
            hours = row.upstream.size / rate / 3_600
            line += f"; unpacked first (`{how}`, about {hours:.1f} h once, then {decimal(size)}), it is read in "
            line += f"{ranges:,} ranges of {FREELAW_RANGE >> 20} MiB"
        yield line


def main() -> None:
    """Write the document."""
    PAGE.write_text(page(), encoding="utf-8")
    print(f"written to {PAGE}")


if __name__ == "__main__":
    main()
