"""Runs: fragments of documents on disk, sorted by hash of key, so that a range of keys is one read of each run.

A run is one Arrow IPC stream (zstd) for each of a number of hash ranges, one behind the other, then the offset of each
and of the end as little-endian 64-bit numbers. A reject travels as a row of its own, to be counted where its key is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, BinaryIO

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.document import packed_json, valid_text
from pile_builder.source import Fragment, Reject
from pile_builder.storage import HashingWriter

ROWS = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("order", pa.string(), nullable=False),
        pa.field("payload", pa.large_binary(), nullable=False),
        pa.field("meta", pa.string(), nullable=False),
        pa.field("rule", pa.string()),
    ]
)
"""`rule` is null but in rejects, whose detail is the payload."""
_OVERHEAD = 200
"""Bytes that a fragment takes in memory besides its payload, for small ones."""
_SETTINGS = pa.ipc.IpcWriteOptions(compression="zstd")


def key_hash(key: str) -> int:
    """64 bits by which keys are spread over ranges."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8, person=b"fragment").digest(), "little")


@dataclass
class Run:
    """Fragments and rejects on their way into one run of `ranges` (a power of two) ranges."""

    ranges: int
    size: int = 0
    _rows: list[tuple[str, str, bytes, str, str | None]] = field(default_factory=list)

    def add(self, item: Fragment | Reject) -> None:
        """Take one more."""
        if isinstance(item, Fragment):
            key, order = valid_text(item.key), valid_text(item.order)
            self._rows.append((key, order, item.payload, packed_json(item.meta), None))
            self.size += len(item.payload) + _OVERHEAD
        else:
            self._rows.append((valid_text(item.key), "", item.detail.encode("utf-8", "replace"), "{}", item.rule))
            self.size += len(item.detail) + _OVERHEAD

    def write(self, stream: HashingWriter) -> None:
        """Write the run and start anew."""
        hashes = np.array([key_hash(row[0]) for row in self._rows], np.uint64)
        ranges = _range_of(hashes, self.ranges)
        order = np.argsort(ranges, kind="stable")
        bounds = np.searchsorted(ranges[order], np.arange(self.ranges + 1))
        offsets = [0]
        for start, stop in pairwise(bounds.tolist()):
            rows = [self._rows[at] for at in order[start:stop].tolist()]
            if rows:
                columns = zip(zip(*rows, strict=True), ROWS, strict=True)
                arrays = [pa.array(column, each.type) for column, each in columns]
                with pa.ipc.new_stream(stream, ROWS, options=_SETTINGS) as writer:
                    writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=ROWS))
            offsets.append(stream.tell())
        stream.write(np.array(offsets, "<u8").tobytes())
        self._rows, self.size = [], 0


def read_range(stream: BinaryIO, number: int, ranges: int) -> pa.Table:
    """The rows of one range of a run."""
    stream.seek(-8 * (ranges + 1 - number), 2)
    start, stop = np.frombuffer(stream.read(16), "<u8").tolist()
    if start == stop:
        return ROWS.empty_table()
    stream.seek(start)
    return pa.ipc.open_stream(stream.read(stop - start)).read_all()


def join_rows(tables: Sequence[pa.Table]) -> Iterator[tuple[str, tuple[Fragment, ...]] | Reject]:
    """Each key of a range with its fragments in order, by key; and the rejects, each before the document of its key."""
    if not tables:
        return
    rows: list[dict[str, Any]] = pa.concat_tables(tables).to_pylist()
    rows.sort(key=lambda row: (row["key"], row["rule"] is None, row["order"], row["payload"], row["meta"]))
    yield from _grouped(rows)


def _grouped(rows: Iterable[dict[str, Any]]) -> Iterator[tuple[str, tuple[Fragment, ...]] | Reject]:
    key, parts = "", list[Fragment]()
    for row in rows:
        if parts and row["key"] != key:
            yield key, tuple(parts)
            parts = []
        if row["rule"] is not None:
            yield Reject(row["rule"], row["payload"].decode(), row["key"])
            continue
        key = row["key"]
        parts.append(Fragment(key, row["payload"], row["order"], orjson.loads(row["meta"])))
    if parts:
        yield key, tuple(parts)


def _range_of(hashes: NDArray[np.uint64], ranges: int) -> NDArray[np.int64]:
    bits = ranges.bit_length() - 1
    # A shift by all 64 bits is undefined.
    return (hashes >> np.uint64(64 - bits)).astype(np.int64) if bits else np.zeros(len(hashes), np.int64)
