"""A rehearsal: documents made on the fly that look to every phase as crawled text does, as many as are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pile_builder.source import Document, Raw, Reject, Skipped, Source, SourceConfig, Split
from pile_builder.sources.rehearsal.text import (
    BARE_LINE_END,
    ELLIPSIS,
    LINE_END,
    LINE_SENTENCES,
    Plans,
    draw,
    uniform,
    write,
)
from pile_builder.sources.rehearsal.words import tongues

BATCH = 512
"""Documents that are made at once, some 800 kB."""
PREVIEW_BYTES = 1_000

# Measured on 2,336 pages of eight WARC files of press and blogs (main content by trafilatura, precision), built with
# the recipes gopher_repetition, gopher_quality, c4_fineweb and fineweb and deduplication as FineWeb has it; read off
# the blocks and ledgers. Where another number stands, it says why.
LOG_DEVIATION: Final = 0.80
"""Of lengths: their logarithms are about normal (of 698 texts; 0.73 of those kept)."""
EXACT: Final = 0.19
"""Share of documents that are made as copies. A fifth of them are the only copy, so that 14 % have another to the byte
(85 of 596 selected)."""
NEAR: Final = 0.12
"""Share of near-copies, of which two thirds come out above a Jaccard similarity of 0.7. Measured were 1.3 %, but pairs
become more frequent with the size of the sample; the Pile lost 26 % of its Common Crawl in all (Gao et al. 2020)."""
FOREIGN: Final = {
    "german": 0.34,
    "chinese": 0.20,
    "polish": 0.16,
    "greek": 0.13,
    "russian": 0.13,
    "spanish": 0.024,
    "french": 0.016,
}
"""Shares among documents of other languages (534, 309, 258, 209, 208, 39 and 27 of 1,614). These were 70 % of all
pages; by default 30 % are made, since a rejected document puts nothing to later phases."""
FAULTS: Final = {"figures": 0.060, "bare": 0.020, "loop": 0.043, "ellipsis": 0.006, "code": 0.003}
"""Shares of English documents that fail a rule: too few words with letters (42 of 698), lines without punctuation (14),
repeated lines and n-grams (32), ellipses (4), curly brackets (2). Short ones come by themselves."""
BOILERPLATE: Final = 0.26
"""Share of documents that hold a passage which others of their site hold too."""
BOILERPLATE_WORDS: Final = 23
"""2.3 % of all text, as measured, at the mean length of the default."""
SITES: Final = 200_000
SKEW: Final = 3.0
"""A copy's original is number n u^SKEW of n documents, u uniform: few originals have many copies. Sites likewise."""
EVAL_WORDS: Final = 40
WORD_BYTES: Final = 6.95
"""Bytes of a word and what follows it, on average."""


class RehearsalConfig(SourceConfig):
    """How many documents, in splits of how many; `inputs` are not read."""

    documents: int = Field(default=100_000, ge=1, description="how many documents, copies included")
    split_documents: int = Field(default=20_000, ge=1, description="documents of a split")
    mean_bytes: int = Field(default=1_536, ge=64, description="mean length in bytes")
    foreign: float = Field(default=0.3, ge=0, le=1, description="share in other languages than English")
    eval_items: int = Field(default=1_000, ge=1, description="items of the eval set that some documents quote")
    quoting: float = Field(default=1e-4, ge=0, le=1, description="share of documents that quote an eval item")
    seed: int = Field(default=1, ge=0, description="another seed, another corpus")


class Rehearsal(Source):
    """Made-up crawled text, to try the whole program at any size without a dump.

    Upstream: none; no file is read. A document is a function of seed and number. Lengths, languages, copies,
    near-copies, boilerplate and failures of quality rules come as often as measured on real pages (see this module's
    constants). Licence: none is needed.

    Comes out: one document per number, key = its URL, with url and date. Rejects: none of its own; the language gate
    sees the first 1,000 bytes. Dropped and skipped: nothing.
    """

    pile_set_name: ClassVar[str] = "Rehearsal"
    licence: ClassVar[str] = "made up, no rights"
    sample: ClassVar[Mapping[str, Any]] = {"inputs": (), "documents": 1_000, "split_documents": 300}
    Config: ClassVar[type[SourceConfig]] = RehearsalConfig
    config: RehearsalConfig

    def splits(self) -> list[Split]:
        """Runs of numbers."""
        size = self.config.split_documents
        starts = range(0, self.config.documents, size)
        width = len(str(starts[-1]))
        return [
            Split(f"{start:0{width}}", (), {"start": start, "end": min(start + size, self.config.documents)})
            for start in starts
        ]

    def read(self, split: Split) -> Iterator[Raw | Reject | Skipped]:
        """Make the documents of a split, a batch at a time."""
        for start in range(split.params["start"], split.params["end"], BATCH):
            numbers = np.arange(start, min(start + BATCH, split.params["end"]), dtype=np.uint64)
            own = draw(numbers, self.config.seed)
            sites = (SITES * uniform(draw(own, 1)) ** SKEW).astype(np.int64).tolist()
            years = (draw(own, 2) % np.uint64(12)).tolist()
            for number, site, year, text in zip(numbers.tolist(), sites, years, self._texts(numbers), strict=True):
                url = f"http://site{site}.example/{number}"
                yield Raw(url, text, meta={"url": url, "date": f"{2013 + year}-01-01"})

    def extract(self, raw: Raw) -> Document | Reject:
        """The text as it is."""
        return Document(raw.payload.decode().rstrip())

    def preview(self, raw: Raw) -> str:
        """Its beginning."""
        return raw.payload[:PREVIEW_BYTES].decode(errors="ignore")

    def eval_item(self, number: int) -> str:
        """The text of an eval item that documents may quote."""
        seeds = draw(np.array([number], np.uint64), _EVALS)
        return write(_plain(seeds, np.array([EVAL_WORDS])))[0].decode().strip()

    def _texts(self, numbers: NDArray[np.uint64]) -> list[bytes]:
        config = self.config
        own = draw(numbers, config.seed)
        kind = uniform(draw(own, 3))
        is_exact, is_near = kind < EXACT, (kind >= EXACT) & (kind < EXACT + NEAR)
        original = (config.documents * uniform(draw(own, 4)) ** SKEW).astype(np.uint64)
        # A copy of what is itself a copy is one more of that text: its seed is used whatever it was drawn to be.
        seed = np.where(is_exact | is_near, draw(original, config.seed), own)
        deviation = np.sqrt(-2 * np.log(1 - uniform(draw(seed, 5)))) * np.cos(2 * np.pi * uniform(draw(seed, 6)))
        mean = np.log(config.mean_bytes / WORD_BYTES) - LOG_DEVIATION**2 / 2
        plans = _plain(seed, np.exp(mean + LOG_DEVIATION * deviation).astype(np.int64).clip(1, 1 << 20))
        self._choose_tongue(plans, seed)
        plans.edit[is_near] = 0.002 + 0.06 * uniform(draw(own[is_near], 7))
        plans.edit_seed[:] = draw(own, 8)
        # An exact copy is as it was on its first site; a near-copy may stand on a site with boilerplate of its own.
        self._choose_insert(plans, np.where(is_exact, seed, own))
        return write(plans)

    def _choose_tongue(self, plans: Plans, seed: NDArray[np.uint64]) -> None:
        names = list(tongues())
        chance, which = uniform(draw(seed, 9)), uniform(draw(seed, 10))
        shares = np.cumsum(list(FOREIGN.values()))
        foreign = np.searchsorted(shares / shares[-1], which, side="right")
        is_foreign = chance < self.config.foreign
        plans.tongue[is_foreign] = np.array([names.index(name) for name in FOREIGN])[foreign[is_foreign]]
        at = 0.0
        for fault, share in FAULTS.items():
            has = ~is_foreign & (which >= at) & (which < at + share)
            at += share
            if fault in names:
                plans.tongue[has] = names.index(fault)
            elif fault == "loop":
                plans.period[has] = 20
            else:
                plans.line_end[has] = BARE_LINE_END if fault == "bare" else ELLIPSIS

    def _choose_insert(self, plans: Plans, seed: NDArray[np.uint64]) -> None:
        site = (SITES * uniform(draw(seed, 1)) ** SKEW).astype(np.uint64)
        has = uniform(draw(seed, 11)) < BOILERPLATE
        plans.insert[has] = draw(site[has], _BOILERPLATES)
        plans.insert_words[has] = BOILERPLATE_WORDS
        plans.insert_at[has] = np.maximum(plans.words[has] - BOILERPLATE_WORDS, 0)
        quotes = uniform(draw(seed, 12)) < self.config.quoting
        item = draw(seed, 13) % np.uint64(self.config.eval_items)
        plans.insert[quotes] = draw(item[quotes], _EVALS)
        plans.insert_words[quotes] = EVAL_WORDS
        plans.insert_at[quotes] = plans.words[quotes] // 3


_EVALS, _BOILERPLATES = 1_001, 1_002


def _plain(seeds: NDArray[np.uint64], words: NDArray[np.int64]) -> Plans:
    """Plans of whole, faultless English text."""
    count = len(seeds)

    def numbers() -> NDArray[np.int64]:
        return np.zeros(count, np.int64)

    return Plans(
        seed=seeds,
        words=words,
        tongue=numbers(),
        line_end=np.full(count, LINE_END),
        line_share=np.full(count, 1 / LINE_SENTENCES),
        period=numbers(),
        edit=np.zeros(count),
        edit_seed=np.zeros(count, np.uint64),
        insert=np.zeros(count, np.uint64),
        insert_at=numbers(),
        insert_words=numbers(),
    )
