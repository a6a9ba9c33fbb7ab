"""Links between near-duplicates: buckets by hash range, candidates verified where the other member's block lies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.annotate.sketch import signature_bytes
from pile_builder.blocks import open_parquet, write_table
from pile_builder.commits import Commits
from pile_builder.dedup.components import ROW_BITS
from pile_builder.dedup.config import Dedup
from pile_builder.dedup.exact import common, jaccard, shingle_sets
from pile_builder.dedup.links import bucket_links, copies, estimate_jaccard
from pile_builder.mixing.keyed import key, keyed_hash
from pile_builder.pipelines.dedup_blocks import BlockRows, source_salt
from pile_builder.pipelines.engine import Task
from pile_builder.pipelines.packing import PACKED_BYTES, Packed, pack_by, unpack
from pile_builder.storage import Store
from pile_builder.text.minhash import NO_BAND

BUCKET = np.dtype([("hash", "<u8"), ("order", "<u8"), ("handle", "<u8")])
PAIR = np.dtype([("a", "<u8"), ("b", "<u8")])
SAMPLE = 200
"""Candidates that are kept for a check by their texts."""
CHECKED_DEVIATIONS = 4
"""With exact verification, candidates whose estimate lies so many standard deviations below the threshold are not read:
of those at the threshold one in 30,000."""
COUNTS = "counts"
"""Tag of what steps report: JSON under the key 0."""


@dataclass(frozen=True)
class LinkPlan:
    """What the steps share: where data lies, the parameters, and which part of the hash ranges this pass takes.

    Attributes:
        range_bits: hashes are grouped into 2^range_bits ranges.
    """

    store: Store
    config: Dedup
    range_bits: int
    number: int = 0

    @property
    def candidate(self) -> np.dtype[Any]:
        """A candidate pair with the first member's sketch."""
        signature = ("signature", "u1", (signature_bytes(self.config.bands, self.config.rows),))
        return np.dtype([("a", "<u8"), ("b", "<u8"), ("order", "<u8"), ("content", "<u8", (2,)), signature])

    def in_pass(self, ranges: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which ranges this pass takes."""
        taken: NDArray[np.bool_] = ranges * self.config.passes >> self.range_bits == self.number
        return taken

    def write(self, a: NDArray[np.uint64], b: NDArray[np.uint64]) -> str:
        """Write links; returns the object's name, empty if there are none."""
        if not len(a):
            return ""
        with self.store.writing(Commits(self.store, "dedup").object_name) as stream:
            write_table(stream, pa.table({"a": a, "b": b}))
        return stream.name


def read_links(store: Store, name: str) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.uint64]]]:
    """The links of an object in batches."""
    with store.open(name) as stream:
        for batch in open_parquet(stream).iter_batches(1 << 18):
            yield batch.column("a").to_numpy(), batch.column("b").to_numpy()


def report(**counts: Any) -> Any:
    """What a step counted, on its way to the commit."""
    return beam.pvalue.TaggedOutput(COUNTS, (0, orjson.dumps(counts)))


class FindBuckets(beam.DoFn):
    """A block's own copies, and the bucket rows that it sends to others."""

    def __init__(self, plan: LinkPlan) -> None:
        self._plan = plan

    def process(self, task: Task) -> Iterator[Any]:
        """Yield (range, packed BUCKET), one document for all its copies."""
        block = BlockRows(self._plan.store, task)
        content, orders, handles = block.content, block.orders, block.handles
        original = copies(content, orders, handles)
        is_copy = original != np.arange(len(original))
        if self._plan.number == 0:
            links = self._plan.write(handles[original[is_copy]], handles[is_copy])
            yield report(links=links, documents={task["source"]: len(original)}, copies=int(is_copy.sum()))
        kept = np.flatnonzero(~is_copy)
        hashes = np.column_stack([content[kept, 0], block.bands[kept]])
        is_bucket = hashes != NO_BAND
        # A content hash may be any number.
        is_bucket[:, 0] = True
        if self._plan.config.scope == "source":
            hashes ^= source_salt(task["source"])
        ranges = (hashes >> np.uint64(64 - self._plan.range_bits)).astype(np.int64)
        document, column = np.nonzero(is_bucket & self._plan.in_pass(ranges))
        rows = np.empty(len(document), BUCKET)
        rows["hash"] = hashes[document, column]
        rows["order"], rows["handle"] = orders[kept[document]], handles[kept[document]]
        yield from pack_by(ranges[document, column], rows)


def link_buckets(group: tuple[int, Iterable[bytes]]) -> Iterator[Packed]:
    """Candidate pairs of one range of hashes, as (block rank of the smaller member, packed PAIR)."""
    rows = unpack(group[1], BUCKET)
    a, b = bucket_links(rows["hash"].copy(), rows["order"].copy(), rows["handle"].copy())
    yield from pack_by(_rank(a), _pairs(a, b))


class AddSketches(beam.DoFn):
    """Adds the first member's sketch to candidate pairs and sends them to the second member's block."""

    def __init__(self, plan: LinkPlan) -> None:
        self._plan = plan

    def process(self, group: tuple[int, tuple[Any, Any]]) -> Iterator[Packed]:
        """Yield (block rank of b, packed pairs with a's sketch)."""
        tasks, packed = (list(each) for each in group[1])
        if not packed:
            return
        found = unpack(packed, PAIR)
        by_pair = np.lexsort((found["b"], found["a"]))
        pairs = found[by_pair]
        pairs = pairs[np.append(True, pairs[1:] != pairs[:-1])]
        block = BlockRows(self._plan.store, tasks[0])
        at = block.at(pairs["a"])
        rows = np.empty(len(pairs), self._plan.candidate)
        rows["a"], rows["b"], rows["order"] = pairs["a"], pairs["b"], block.orders[at]
        rows["content"], rows["signature"] = block.content[at], block.signature[at]
        yield from pack_by(_rank(pairs["b"]), rows)


class VerifyLinks(beam.DoFn):
    """Keeps the candidate pairs whose sketches agree, where the second member lies."""

    def __init__(self, plan: LinkPlan) -> None:
        self._plan = plan

    def process(self, group: tuple[int, tuple[Any, Any]]) -> Iterator[Any]:
        """Write links; with exact verification yield (block rank of a, packed PAIR) of those that need it."""
        tasks, packed = (list(each) for each in group[1])
        if not packed:
            return
        rows = unpack(packed, self._plan.candidate)
        block = BlockRows(self._plan.store, tasks[0])
        at = block.at(rows["b"])
        is_copy = (rows["content"] == block.content[at]).all(axis=1)
        estimate = estimate_jaccard(rows["signature"], block.signature[at])
        threshold = self._plan.config.threshold
        if self._plan.config.verify == "exact":
            width = rows["signature"].shape[1]
            margin = CHECKED_DEVIATIONS * np.sqrt(threshold * (1 - threshold) / width)
            unsure = rows[~is_copy & (estimate >= threshold - margin)]
            yield from pack_by(_rank(unsure["a"]), _pairs(unsure["a"], unsure["b"]))
            is_link = is_copy
        else:
            is_link = is_copy | (estimate >= threshold)
        links = self._plan.write(rows["a"][is_link], rows["b"][is_link])
        yield report(
            links=links,
            candidates=len(rows),
            verified=int(is_link.sum()),
            sample=_sample(rows, block.orders[at], estimate, ~is_copy),
        )


class AddShingles(beam.DoFn):
    """Adds the first member's n-grams to candidate pairs, read from its text, and sends them to the second's block."""

    def __init__(self, plan: LinkPlan) -> None:
        self._plan = plan

    def process(self, group: tuple[int, tuple[Any, Any]]) -> Iterator[Packed]:
        """Yield (block rank of b, packed hashes), each with its document and pairs; see `_with_partners`."""
        tasks, packed = (list(each) for each in group[1])
        if not packed:
            return
        pairs = np.sort(unpack(packed, PAIR), order=["a", "b"])
        block = BlockRows(self._plan.store, tasks[0])
        for own, shingles in _each_text(block, np.unique(pairs["a"]), self._plan.config.ngram):
            partners = pairs["b"][np.searchsorted(pairs["a"], own) : np.searchsorted(pairs["a"], own, side="right")]
            for rank in np.unique(_rank(partners)).tolist():
                yield from _with_partners(rank, own, partners[_rank(partners) == rank], shingles)


class CheckShingles(beam.DoFn):
    """Keeps the candidate pairs whose texts share enough n-grams, where the second member lies."""

    def __init__(self, plan: LinkPlan) -> None:
        self._plan = plan

    def process(self, group: tuple[int, tuple[Any, Any]]) -> Iterator[Any]:
        """Write links."""
        tasks, packed = (list(each) for each in group[1])
        if not packed:
            return
        parts = [_partners_of(one) for one in packed]
        wanted: dict[int, list[int]] = {}
        for number, (_, _, partners, _) in enumerate(parts):
            for b in partners.tolist():
                wanted.setdefault(b, []).append(number)
        shared: Counter[tuple[int, int]] = Counter()
        sizes: dict[tuple[int, int], tuple[int, int]] = {}
        block = BlockRows(self._plan.store, tasks[0])
        handles = np.array(sorted(wanted), np.uint64)
        for b, own in _each_text(block, handles, self._plan.config.ngram):
            for number in wanted[b]:
                a, size, _, shingles = parts[number]
                shared[a, b] += common(shingles, own)
                sizes[a, b] = size, len(own)
        links = sorted(pair for pair, n in shared.items() if jaccard(n, *sizes[pair]) >= self._plan.config.threshold)
        ends = np.array(links, np.uint64).reshape(-1, 2)
        yield report(links=self._plan.write(ends[:, 0], ends[:, 1]), verified=len(links))


def _each_text(
    block: BlockRows, handles: NDArray[np.uint64], ngram: int, batch: int = 512
) -> Iterator[tuple[int, NDArray[np.uint64]]]:
    """The n-grams of documents of a block, a few texts at a time."""
    at = block.at(handles)
    for start in range(0, len(at), batch):
        sets = shingle_sets(block.texts(at[start : start + batch]), ngram)
        yield from zip(handles[start : start + batch].tolist(), sets, strict=True)


def _with_partners(rank: int, own: int, partners: NDArray[np.uint64], shingles: NDArray[np.uint64]) -> Iterator[Packed]:
    """Elements of uint64: document, its number of n-grams, number of partners, partners, a part of its n-grams.

    What two documents share is the sum over parts, so that a long text travels in several elements.
    """
    room = PACKED_BYTES // 16 - 2
    for first in range(0, len(partners), room):
        some = partners[first : first + room]
        head = np.concatenate([np.array([own, len(shingles), len(some)], np.uint64), some])
        for start in range(0, len(shingles), room):
            yield rank, np.concatenate([head, shingles[start : start + room]]).tobytes()


def _partners_of(element: bytes) -> tuple[int, int, NDArray[np.uint64], NDArray[np.uint64]]:
    """Document, its number of n-grams, partners, a part of its n-grams."""
    values = np.frombuffer(element, np.uint64)
    own, size, count = values[:3].tolist()
    return own, size, values[3 : 3 + count], values[3 + count :]


def _sample(
    rows: NDArray[Any], orders: NDArray[np.uint64], estimate: NDArray[np.float64], of: NDArray[np.bool_]
) -> list[list[Any]]:
    """The `SAMPLE` candidates with the smallest keyed hash of both documents: [hash, a, b, estimate]."""
    chosen = np.flatnonzero(of)
    purpose = key(0, "dedup.check")
    hashes = keyed_hash(purpose, keyed_hash(purpose, rows["order"][chosen]) ^ orders[chosen])
    first = np.lexsort((rows["b"][chosen], rows["a"][chosen], hashes))[:SAMPLE]
    return [
        [int(hashes[one]), int(rows["a"][chosen[one]]), int(rows["b"][chosen[one]]), float(estimate[chosen[one]])]
        for one in first
    ]


def merge_samples(samples: Sequence[list[list[Any]]]) -> list[list[Any]]:
    """The sample of all candidates from those of parts."""
    return sorted({tuple(one) for sample in samples for one in sample})[:SAMPLE]  # type: ignore[return-value]


def _rank(handles: NDArray[np.uint64]) -> NDArray[np.int64]:
    return (handles >> np.uint64(ROW_BITS)).astype(np.int64)


def _pairs(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> NDArray[Any]:
    pairs = np.empty(len(a), PAIR)
    pairs["a"], pairs["b"] = a, b
    return pairs
