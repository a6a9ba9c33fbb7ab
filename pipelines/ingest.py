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
from pile_builder.threads import cores
from pile_builder.work import gated, split_from_json

BATCH_BYTES = 1 << 18
BATCH_ROWS = 1_024
"""A batch ends at either: kernels lose nothing below 8 MiB, and annotations keep up with the pool."""
DAMAGE = frozenset({"crashed", "damaged", "error", "memory_limit", "time_limit", "truncated", "undecodable"})
"""Rejects that speak of broken input rather than of documents that nobody wants."""
DAMAGE_MINIMUM = 100
"""Records that a split must have before its rate of damage can fail it."""


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
) -> Iterator[tuple[str, Mapping[str, Any], Extracted] | Skipped]:
    """Stream a split's records through the pool: (key, raw metadata, result) per record in reading order, and skips.

    A few lots are under way at a time, so memory is bounded and the pool never waits for the reader.
    """
    waiting: deque[tuple[list[Raw], Callable[[], list[Extracted]]]] = deque()
    lot: list[Raw] = []
    size = 0

    def results() -> Iterator[tuple[str, Mapping[str, Any], Extracted]]:
        raws, wait = waiting.popleft()
        for raw, result in zip(raws, wait(), strict=True):
            yield raw.key, raw.meta, result

    for item in records:
        if isinstance(item, Fragment):
            msg = f"{name}: fragments need a source that implements `join`, got one with the key {item.key!r}"
            raise TypeError(msg)
        if isinstance(item, Skipped):
            yield item
            continue
        if isinstance(item, Reject):
            yield item.key, {}, item
            continue
        if extraction.time_limited and document_id(name, valid_text(item.key)) in extraction.time_limited:
            yield item.key, {}, Reject("time_limit", "listed in the lock that this build repeats")
            continue
        lot.append(item)
        size += item.size
        if len(lot) >= LOT_RECORDS or size >= LOT_BYTES:
            waiting.append((lot, pool.submit(Lot(name, lot))))
            lot, size = [], 0
            while len(waiting) > pool.workers + 2:
                yield from results()
    if lot:
        waiting.append((lot, pool.submit(Lot(name, lot))))
    while waiting:
        yield from results()


def batches(
    items: Iterator[tuple[str, Mapping[str, Any], Extracted] | Skipped],
    source: str,
    counts: Counts,
    tallied: Sequence[str] = (),
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Group results into batches of documents and rejects, counting every record, and values of `tallied` metadata."""
    documents: list[tuple[str, str, str, int, str]] = []
    rejects: list[tuple[str, str, str, str]] = []
    size = 0
    for item in items:
        if isinstance(item, Skipped):
            counts.skipped[item.kind] += item.count
            continue
        key, meta, result = valid_text(item[0]), item[1], item[2]
        identity = document_id(source, key)
        counts.read += 1
        if isinstance(result, Document):
            length = len(result.text.encode())
            described = document_meta(meta, result.meta)
            counts.tallies.update(f"{name} {described[name]}" for name in tallied if name in described)
            packed = packed_json(described)
            documents.append((identity, key, packed, length, result.text))
            counts.kept += 1
            counts.bytes += length
            size += length
        else:
            rejects.append((identity, key, result.rule, valid_text(result.detail[:500])))
            counts.drop(key, result)
        if size >= BATCH_BYTES or len(documents) >= BATCH_ROWS or len(rejects) >= BATCH_ROWS:
            yield _columns(documents, BLOCK), _columns(rejects, REJECTS)
            documents, rejects, size = [], [], 0
    if documents or rejects:
        yield _columns(documents, BLOCK), _columns(rejects, REJECTS)


def _columns(rows: list[Any], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    arrays = [pa.array(column, each.type) for column, each in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


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
