"""dedup: sketches of the selected documents to a ledger of those that lost to another.

Only hashes, keys and the sketches of candidates are shuffled, in packed elements of at most 1 MiB. Each block first
links its own repeats; buckets are grouped by hash range and link to their smallest member; candidate links travel with
one sketch to the other member's block, where they are verified; one worker joins the links and picks the winners.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.annotate.sketch import sketches_from
from pile_builder.blocks import open_parquet, write_table
from pile_builder.dedup.clusters import LINK, resolve
from pile_builder.dedup.components import ROW_BITS
from pile_builder.dedup.links import SplitLinks, bucket_links, estimate_jaccard, split_links
from pile_builder.document import LEDGER, handles, id64
from pile_builder.manifest import Dedup
from pile_builder.pipelines.engine import RunOptions, Task, run_phase
from pile_builder.storage import Commits, Store
from pile_builder.text.minhash import Sketches
from pile_builder.work import Work

RANGE_BITS = 6
"""Buckets are grouped into 2^RANGE_BITS ranges of hashes."""
PACKED_BYTES = 1 << 20
BUCKET = np.dtype([("hash", "<u8"), ("order", "<u8"), ("handle", "<u8")])
PAIR = np.dtype([("a", "<u8"), ("b", "<u8")])
Packed = tuple[int, bytes]


@dataclass(frozen=True)
class BlockRows:
    """Sketches and keys of one block's selected documents; `rows` are their rows in the block, ascending."""

    rows: NDArray[np.int64]
    sketches: Sketches
    orders: NDArray[np.uint64]
    handles: NDArray[np.uint64]
    lengths: NDArray[np.int64]

    def at(self, wanted: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Positions of handles of this block."""
        return np.searchsorted(self.handles, wanted)


@dataclass(frozen=True)
class BlockReader:
    """Reads what deduplication needs of a block: sidecars and small columns, no text."""

    store: Store

    def __call__(self, task: Task) -> BlockRows:
        """Load one block's selected rows."""
        block = Commits(self.store, "ingest").load(task["block"])
        dropped = Commits(self.store, "select").load(task["select"])["ledger"]
        with self.store.open(block["block"]) as stream:
            table = open_parquet(stream).read(columns=["id", "bytes"])
        keep = np.ones(table.num_rows, np.bool_)
        if dropped:
            with self.store.open(dropped) as stream:
                keep[open_parquet(stream).read(columns=["row"])["row"].to_numpy()] = False
        rows = np.flatnonzero(keep)
        sidecar = Commits(self.store, "annotate").load(task["sketch"])["object"]
        with self.store.open(sidecar) as stream:
            (sketch,) = open_parquet(stream).read().combine_chunks().to_batches()
        sketches = sketches_from(sketch.take(pa.array(rows)))
        order = id64(table["id"].combine_chunks())[rows]
        return BlockRows(rows, sketches, order, handles(task["rank"], rows), table["bytes"].to_numpy()[rows])


class FindBuckets(beam.DoFn):
    """A block's own links, and the bucket rows that it sends to others."""

    def __init__(self, reader: BlockReader, threshold: float) -> None:
        self._reader = reader
        self._threshold = threshold

    def process(self, task: Task) -> Iterator[Any]:
        """Yield (range, packed BUCKET), and packed LINK under the tag `links`."""
        block = self._reader(task)
        if not len(block.rows):
            return
        own: SplitLinks = split_links(block.sketches, block.orders, block.handles, self._threshold)
        links = _links(block, block.at(own.small_handles), block, block.at(own.handles))
        for _, packed in _pack(0, links):
            yield beam.pvalue.TaggedOutput("links", (0, packed))
        rows = np.zeros(len(own.bucket_hashes), BUCKET)
        rows["hash"], rows["order"], rows["handle"] = own.bucket_hashes, own.bucket_orders, own.bucket_handles
        yield from _by_key((rows["hash"] >> np.uint64(64 - RANGE_BITS)).astype(np.int64), rows)


def link_buckets(group: tuple[int, Iterable[bytes]]) -> Iterator[Packed]:
    """Candidate pairs of one range of hashes, as (block rank of the smaller member, packed PAIR)."""
    rows = _unpack(group[1], BUCKET)
    a, b = bucket_links(rows["hash"].copy(), rows["order"].copy(), rows["handle"].copy())
    pairs = np.zeros(len(a), PAIR)
    pairs["a"], pairs["b"] = a, b
    yield from _by_key((a >> np.uint64(ROW_BITS)).astype(np.int64), pairs)


class AddSketches(beam.DoFn):
    """Adds the first member's sketch to candidate pairs and sends them to the second member's block."""

    def __init__(self, reader: BlockReader) -> None:
        self._reader = reader

    def process(self, group: tuple[int, tuple[Any, Any]]) -> Iterator[Packed]:
        """Yield (block rank of b, packed pairs with a's sketch)."""
        tasks, packed = (list(each) for each in group[1])
        pairs = np.unique(_unpack(packed, PAIR))
        if not len(pairs):
            return
        block = self._reader(tasks[0])
        at = block.at(pairs["a"])
        rows = np.zeros(len(pairs), _candidate(block.sketches))
        rows["a"], rows["b"] = pairs["a"], pairs["b"]
        rows["order"], rows["length"] = block.orders[at], block.lengths[at]
        rows["content"], rows["signature"] = block.sketches.content[at], block.sketches.signature[at]
        yield from _by_key((pairs["b"] >> np.uint64(ROW_BITS)).astype(np.int64), rows)


class VerifyLinks(beam.DoFn):
    """Keeps the candidate pairs whose sketches agree, where the second member lies."""

    def __init__(self, reader: BlockReader, threshold: float) -> None:
        self._reader = reader
        self._threshold = threshold

    def process(self, group: tuple[int, tuple[Any, Any]]) -> Iterator[Packed]:
        """Yield (0, packed LINK)."""
        tasks, packed = (list(each) for each in group[1])
        if not packed:
            return
        block = self._reader(tasks[0])
        rows = _unpack(packed, _candidate(block.sketches))
        a = BlockRows(
            rows=np.zeros(0, np.int64),
            sketches=Sketches(rows["content"], np.zeros((0, 0), np.uint64), rows["signature"], np.zeros(0, np.int64)),
            orders=rows["order"],
            handles=rows["a"],
            lengths=rows["length"],
        )
        links = _links(a, np.arange(len(rows)), block, block.at(rows["b"]))
        yield from _pack(0, links[links["exact"] | (links["jaccard"] >= self._threshold)])


class Resolve(beam.DoFn):
    """Joins all links on one worker and writes each block's ledger."""

    def __init__(
        self, store: Store, key: str, blocks: Sequence[tuple[str, str]], config: Dedup, order: Sequence[str]
    ) -> None:
        self._store, self._key, self._config = store, key, config
        self._blocks = blocks
        self._order = order

    def process(self, group: tuple[int, Iterable[bytes]]) -> None:
        """Write ledgers and commit the phase."""
        commits = Commits(self._store, "dedup")
        names = sorted({source for source, _ in self._blocks})
        source_of = np.array([names.index(source) for source, _ in self._blocks])
        priority = [self._order.index(name) if name in self._order else len(self._order) for name in names]
        clusters = resolve(_unpack(group[1], LINK), source_of, names, priority, self._config.prefer)
        ranks = (clusters.losers["handle"] >> np.uint64(ROW_BITS)).astype(np.int64)
        ledgers: dict[str, str] = {}
        dropped: dict[str, dict[str, int]] = {}
        for rank in np.unique(ranks):
            losers = clusters.losers[ranks == rank]
            key = self._blocks[rank][1]
            rules = np.where(losers["exact"], "exact", "near").tolist()
            with self._store.writing(commits.object_name) as stream:
                write_table(stream, self._ledger(losers, rules))
            ledgers[key] = stream.name
            dropped[key] = dict(sorted(Counter(rules).items()))
        commits.put(self._key, {"ledgers": ledgers, "dropped": dropped, "summary": clusters.summary})

    def _ledger(self, losers: NDArray[Any], rules: list[str]) -> pa.Table:
        winner_rank = (losers["winner"] >> np.uint64(ROW_BITS)).astype(np.int64)
        winner = [
            f"{self._blocks[rank][0]}:{order:016x}"
            for rank, order in zip(winner_rank, losers["winner_order"].tolist(), strict=True)
        ]
        columns = {
            "row": (losers["handle"] & np.uint64(2**ROW_BITS - 1)).astype(np.int32),
            "rule": rules,
            "value": np.where(losers["exact"], 1.0, losers["jaccard"]),
            "threshold": np.full(len(losers), self._config.threshold),
            "detail": winner,
        }
        return pa.table(columns, schema=LEDGER)


def run_dedup(store: Store, work: Work, config: Dedup, order: Sequence[str], options: RunOptions) -> None:
    """Run the phase over all blocks, unless it is committed.

    Raises:
        BuildError: it failed.
    """
    commits = Commits(store, "dedup")
    if commits.has(work.dedup):
        return
    ingested = Commits(store, "ingest")
    tasks = [
        block.task(work.dedup) | {"block": block.ingest, "select": block.select, "sketch": block.sets["sketch"]}
        for block in work.blocks
        if ingested.load(block.ingest)["kept"]
    ]
    if not tasks:
        commits.put(work.dedup, {"ledgers": {}, "dropped": {}, "summary": {"links": 0, "clusters": 0}})
        return
    blocks = [(block.source, block.ingest) for block in work.blocks]
    reader = BlockReader(store)

    def construct(elements: beam.PCollection[Task]) -> None:
        found = elements | beam.ParDo(FindBuckets(reader, config.threshold)).with_outputs("links", main="buckets")
        by_rank = elements | "ByRank" >> beam.Map(lambda task: (task["rank"], task))
        pairs = found.buckets | "Range" >> beam.GroupByKey() | beam.FlatMap(link_buckets)
        candidates = (by_rank, pairs) | "FirstBlock" >> beam.CoGroupByKey() | beam.ParDo(AddSketches(reader))
        verified = (by_rank, candidates) | "SecondBlock" >> beam.CoGroupByKey()
        verified |= "Verify" >> beam.ParDo(VerifyLinks(reader, config.threshold))
        # An empty element: the last step runs even when nothing is linked.
        anything = elements.pipeline | beam.Create([(0, b"")])
        links = (found.links, verified, anything) | beam.Flatten() | "Links" >> beam.GroupByKey()
        _ = links | beam.ParDo(Resolve(store, work.dedup, blocks, config, order))

    run_phase(commits, tasks, construct, options, [work.dedup])


def _candidate(sketches: Sketches) -> np.dtype[Any]:
    signature = ("signature", "u1", (sketches.signature.shape[1],))
    return np.dtype(
        [("a", "<u8"), ("b", "<u8"), ("order", "<u8"), ("length", "<i8"), ("content", "<u8", (2,)), signature]
    )


def _links(a: BlockRows, a_at: NDArray[np.int64], b: BlockRows, b_at: NDArray[np.int64]) -> NDArray[Any]:
    """Links between rows of two sets of documents, with all that `resolve` needs."""
    links = np.zeros(len(a_at), LINK)
    links["a"], links["b"] = a.handles[a_at], b.handles[b_at]
    links["a_order"], links["b_order"] = a.orders[a_at], b.orders[b_at]
    links["a_length"], links["b_length"] = a.lengths[a_at], b.lengths[b_at]
    links["exact"] = (a.sketches.content[a_at] == b.sketches.content[b_at]).all(axis=1)
    links["jaccard"] = estimate_jaccard(a.sketches.signature[a_at], b.sketches.signature[b_at])
    return links


def _by_key(keys: NDArray[np.int64], rows: NDArray[Any]) -> Iterator[Packed]:
    """Rows grouped by key, packed."""
    if not len(rows):
        return
    order = np.argsort(keys, kind="stable")
    keys, rows = keys[order], rows[order]
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(keys)], strict=True):
        yield from _pack(int(keys[start]), rows[start:end])


def _pack(key: int, rows: NDArray[Any]) -> Iterator[Packed]:
    step = max(PACKED_BYTES // rows.dtype.itemsize, 1)
    for start in range(0, len(rows), step):
        yield key, rows[start : start + step].tobytes()


def _unpack(packed: Iterable[bytes], dtype: np.dtype[Any]) -> NDArray[Any]:
    return np.frombuffer(b"".join(packed), dtype)
