"""ingest: splits of raw dumps become blocks, ledgers of rejects, and the sidecars that annotate wants.

One task is one split. Its records are read in a worker's thread, become text in the extraction pool, and stream as
batches to two writers: the block's and the annotations'. Annotations made on the way are committed on their own.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from apache_beam.utils.shared import Shared

from pile_builder.blocks import RowGroupWriter
from pile_builder.commits import Commits
from pile_builder.document import BLOCK, REJECTS, document_id, packed_json, valid_text
from pile_builder.errors import BuildError
from pile_builder.manifest import Manifest
from pile_builder.pipelines.annotate import SidecarPlan, SidecarWriter
from pile_builder.pipelines.engine import Task, TaskFunction
from pile_builder.pipelines.fragments import read_joined
from pile_builder.pool import LOT_BYTES, LOT_RECORDS, Extracted, Extraction, ExtractionPool, Gate, Lot
from pile_builder.source import Document, Fragment, Raw, Reject, Skipped, document_meta
from pile_builder.storage import Store, local_file
from pile_builder.text.column import from_bytes
from pile_builder.threads import cores
from pile_builder.work import gated, split_from_json

BATCH_BYTES = 1 << 18
BATCH_ROWS = 1_024
"""A batch ends at either: kernels lose nothing below 8 MiB, and annotations keep up with the pool."""
MOST_BYTES = 16 << 20
"""Bytes of records for each process of the pool and two more that a split has under way, unless it is one lot."""
DAMAGE = frozenset({"crashed", "damaged", "error", "memory_limit", "time_limit", "truncated", "undecodable"})
"""Rejects that speak of broken input rather than of documents that nobody wants."""
DAMAGE_MINIMUM = 100
"""Records that a split must have before its rate of damage can fail it."""

_FACTS = pa.schema(list(BLOCK)[:-1])
_Result = tuple[str, Mapping[str, Any], Extracted]


@dataclass
class PoolHandle:
    """Gives every thread of a process the same extraction pool, started when the first one asks.

    Attributes:
        workers: processes of the pool; as many as the machine that asks has cores if 0.
    """

    extractions: Mapping[str, Extraction]
    workers: int
    memory: int
    shared: Shared = field(default_factory=Shared)

    def acquire(self) -> ExtractionPool:
        """The process's pool; it stops when nobody holds it any more."""
        pool: ExtractionPool = self.shared.acquire(self._start, tag="extraction")
        return pool

    def _start(self) -> ExtractionPool:
        """A pool whose side tables lie on this machine."""
        extractions = {
            name: replace(one, tables={table: local_file(path) for table, path in one.tables.items()})
            for name, one in self.extractions.items()
        }
        return ExtractionPool(extractions, self.workers or cores(), self.memory)


def extraction_of(
    manifest: Manifest, name: str, tables: Mapping[str, str], time_limited: Iterable[str] = ()
) -> Extraction:
    """How a source's records become text.

    Args:
        manifest: which source, language gate and limits.
        name: of the source.
        tables: paths or URLs of the indexes of its side tables, by table name.
        time_limited: ids that are rejected without trying, besides the manifest's.
    """
    plugin, language = manifest.plugins[name], manifest.select_of(name).language
    return Extraction(
        source=plugin,
        gate=Gate(language.keep, language.gate_score) if gated(plugin) and language and language.keep else None,
        tables=tables,
        seconds=manifest.limits.record_seconds,
        time_limited=frozenset(manifest.limits.time_limited).union(time_limited),
        document_bytes=manifest.limits.document_bytes,
    )


@dataclass
class IngestSplit(TaskFunction):
    """Reads, extracts, annotates and writes one split."""

    store: Store
    handle: PoolHandle
    sidecars: Mapping[str, SidecarPlan]
    reject_rates: Mapping[str, float]
    pool: ExtractionPool | None = None

    def setup(self) -> None:
        """Take the pool, load the language model."""
        self.pool = self.handle.acquire()
        for plan in self.sidecars.values():
            plan.setup()

    def teardown(self) -> None:
        """Let the pool go."""
        self.pool = None

    def __call__(self, task: Task) -> Mapping[str, Any]:
        """Write a split's block, rejects and sidecars; returns the block's record."""
        source, split = task["source"], split_from_json(task["split"])
        commits = Commits(self.store, "ingest")
        counts = Counts(source)
        if self.pool is None:
            msg = "setup was not called"
            raise RuntimeError(msg)
        note = commits.noting(task["key"])
        started = time.monotonic()
        with ExitStack() as stack:
            block_file = stack.enter_context(self.store.writing(commits.object_name))
            reject_file = stack.enter_context(self.store.writing(commits.object_name))
            block = RowGroupWriter(block_file, BLOCK)
            rejects = RowGroupWriter(reject_file, REJECTS)
            sidecars = stack.enter_context(SidecarWriter(self.store, self.sidecars[source], task["sets"]))
            extraction = self.handle.extractions[source]
            records = read_joined(self.store, split) if extraction.source.joins else extraction.source.read(split)
            extracted = extract_records(extraction, self.pool, source, records)
            for documents, rejected in batches(extracted, source, counts, extraction.source.tallied):
                sizes = documents.column("bytes").to_numpy()
                block.write(documents, sizes)
                sidecars.write(documents)
                rejects.write(rejected, np.zeros(rejected.num_rows, np.int64))
                note(counts.read)
            block.close()
            rejects.close()
            counts.check(split.name, self.reject_rates[source])
        return {
            "block": block_file.name,
            "bytes": counts.bytes,
            "dropped": dict(sorted(counts.dropped.items())),
            "kept": counts.kept,
            "name": task["name"],
            "read": counts.read,
            "rejects": reject_file.name,
            "row_groups": block.rows,
            "seconds": round(time.monotonic() - started, 3),
            "sidecars": sidecars.records,
            "size": block_file.size,
            "skipped": dict(sorted(counts.skipped.items())),
            "source": source,
            "tallies": dict(sorted(counts.tallies.items())),
            "time_limited": counts.time_limited,
        }

    def committed(self, record: Mapping[str, Any]) -> None:
        """Commit the sidecars of the block that stands; those of another attempt might not fit its rows."""
        for key, sidecar in record["sidecars"].items():
            Commits(self.store, "annotate").put(key, sidecar)


def extract_records(
    extraction: Extraction, pool: ExtractionPool, name: str, records: Iterable[Raw | Fragment | Reject | Skipped]
) -> Iterator[_Result | Skipped]:
    """Stream a split's records through the pool: (key, raw metadata, result) per record in reading order, and skips.

    A few lots are under way at a time, so memory is bounded and the pool never waits for the reader.
    """
    lots = _Lots(name, pool)
    for item in records:
        if isinstance(item, Fragment):
            msg = f"{name}: fragments need a source that implements `join`, got one with the key {item.key!r}"
            raise TypeError(msg)
        if isinstance(item, Skipped):
            yield item
        elif isinstance(item, Reject):
            yield item.key, {}, item
        elif extraction.time_limited and document_id(name, valid_text(item.key)) in extraction.time_limited:
            yield item.key, {}, Reject("time_limit", "listed in the lock that this build repeats")
        else:
            lots.add(item)
            # Not held while others work on results: it may be large.
            del item
            while lots.are_enough():
                yield from lots.results()
    lots.submit()
    while lots.waiting:
        yield from lots.results()


class _Lots:
    """Lots of a split that fill, are under way, or wait to be asked for their results."""

    def __init__(self, name: str, pool: ExtractionPool) -> None:
        self._name, self._pool = name, pool
        self._lot: list[Raw] = []
        self._size = 0
        self.waiting: deque[tuple[list[tuple[str, Mapping[str, Any]]], int, Callable[[], list[Extracted]]]] = deque()

    def add(self, raw: Raw) -> None:
        self._lot.append(raw)
        self._size += raw.size
        if len(self._lot) >= LOT_RECORDS or self._size >= LOT_BYTES:
            self.submit()

    def submit(self) -> None:
        """Queue what there is of a lot."""
        if self._lot:
            wait = self._pool.submit(Lot(self._name, self._lot))
            self.waiting.append(([(raw.key, raw.meta) for raw in self._lot], self._size, wait))
            self._lot, self._size = [], 0

    def are_enough(self) -> bool:
        """Whether so many lots wait, or so large ones, that results are due before more is read."""
        limit = self._pool.workers + 2
        size = sum(size for _, size, _ in self.waiting)
        return len(self.waiting) > limit or (len(self.waiting) > 1 and size > limit * MOST_BYTES)

    def results(self) -> Iterator[_Result]:
        """Results of the first lot; each is held by nobody here once it is given."""
        records, _, wait = self.waiting.popleft()
        found = deque(wait())
        del wait
        for key, meta in records:
            yield key, meta, found.popleft()


def batches(
    items: Iterator[_Result | Skipped], source: str, counts: Counts, tallied: Sequence[str] = ()
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Group results into batches of documents and rejects, counting every record, and values of `tallied` metadata."""
    rows = _Rows()
    for item in items:
        if isinstance(item, Skipped):
            counts.skipped[item.kind] += item.count
            continue
        rows.add(source, item, counts, tallied)
        # Not held while others work on the batch: it may be large.
        del item
        if rows.are_enough():
            yield rows.taken()
    if rows.documents or rows.rejects:
        yield rows.taken()


@dataclass
class _Rows:
    """Rows of the next batches."""

    documents: list[tuple[str, str, str, int]] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    rejects: list[tuple[str, str, str, str]] = field(default_factory=list)
    size: int = 0

    def add(self, source: str, item: _Result, counts: Counts, tallied: Sequence[str]) -> None:
        """Append what became of a record to the documents or the rejects."""
        key, meta, result = valid_text(item[0]), item[1], item[2]
        identity = document_id(source, key)
        counts.read += 1
        if isinstance(result, Document):
            text = result.text.encode()
            described = document_meta(meta, result.meta)
            counts.tallies.update(f"{name} {described[name]}" for name in tallied if name in described)
            self.documents.append((identity, key, packed_json(described), len(text)))
            self.texts.append(text)
            counts.kept += 1
            counts.bytes += len(text)
            self.size += len(text)
        else:
            self.rejects.append((identity, key, result.rule, valid_text(result.detail[:500])))
            counts.drop(key, result)

    def are_enough(self) -> bool:
        """Whether one of the batches is full."""
        return self.size >= BATCH_BYTES or max(len(self.documents), len(self.rejects)) >= BATCH_ROWS

    def taken(self) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """The rows as batches; nothing is held any more."""
        # Kernels take such a text column as it is: it ends in padding.
        columns = [*_columns(self.documents, _FACTS), from_bytes(self.texts).to_arrow()]
        documents = pa.RecordBatch.from_arrays(columns, schema=BLOCK)
        rejects = pa.RecordBatch.from_arrays(_columns(self.rejects, REJECTS), schema=REJECTS)
        self.documents, self.texts, self.rejects, self.size = [], [], [], 0
        return documents, rejects


def _columns(rows: list[Any], schema: pa.Schema) -> list[pa.Array]:
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    return [pa.array(column, each.type) for column, each in zip(columns, schema, strict=True)]


@dataclass
class Counts:
    """What became of a split's records."""

    source: str
    read: int = 0
    kept: int = 0
    bytes: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    tallies: Counter[str] = field(default_factory=Counter)
    time_limited: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    def drop(self, key: str, reject: Reject) -> None:
        """Count a record that became no document."""
        self.dropped[reject.rule] += 1
        if reject.rule == "time_limit":
            self.time_limited.append(document_id(self.source, key))
        if reject.rule in DAMAGE and len(self.damaged) < 5:
            self.damaged.append(f"{key}: {reject.rule}: {reject.detail}")

    def check(self, split: str, rate: float) -> None:
        """Make sure that no more than a share `rate` of the records is damaged.

        Raises:
            BuildError: there is; the message has examples.
        """
        damage = sum(count for rule, count in self.dropped.items() if rule in DAMAGE)
        if self.read >= DAMAGE_MINIMUM and damage > rate * self.read:
            examples = "\n    ".join(self.damaged)
            msg = (
                f"{damage} of {self.read} records of {split} are damaged, more than max_reject_rate {rate:g}; look at "
                f"the input, or raise sources.{self.source}.max_reject_rate. For example:\n    {examples}"
            )
            raise BuildError(msg)
