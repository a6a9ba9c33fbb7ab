"""assemble: blocks, verdicts and the plan to shards of zstd-compressed jsonl, one task a shard.

A segment of the plan is gathered in memory, put in keyed order, and written as one zstd frame, so that a shard can be
read as a whole by any reader and from its middle by the frame offsets in its record. An index says which document went
where.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from numpy.typing import NDArray

from pile_builder.blocks import open_parquet, write_table
from pile_builder.commits import Commits
from pile_builder.damage import blaming
from pile_builder.mixing.holdout import HOLDOUT_PURPOSE, HoldoutCut, split_of
from pile_builder.mixing.keyed import key, keyed_hash
from pile_builder.mixing.plan import part_of, segment_order
from pile_builder.mixing.subsets import SUBSET_PURPOSE
from pile_builder.pieces import cut_pieces
from pile_builder.pipelines.engine import Task, TaskFunction
from pile_builder.pipelines.mix import load_plan
from pile_builder.pipelines.mix_scans import SPLITS
from pile_builder.pipelines.stored import Stored
from pile_builder.storage import Store
from pile_builder.takedown.listing import Takedown, read_takedown
from pile_builder.text.column import from_arrow
from pile_builder.work import Work, assemble_key

OPEN_BLOCKS = 64
"""Blocks that a shard keeps open; a segment takes parts of about as many."""
INDEX = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("copy", pa.uint8(), nullable=False),
        pa.field("piece", pa.int32(), nullable=False),
        pa.field("segment", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
    ]
)
"""One row per line of a shard, in order: document id, which copy, which of the pieces that cuts left, segment, offset
of the line in the uncompressed shard, UTF-8 bytes of its text."""


def shard_tasks(work: Work, mix: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One task per shard of the corpus, in order of splits and shards."""
    tasks = []
    for split in SPLITS:
        bounds = mix["splits"][split]["shards"]
        for number, (start, end) in enumerate(pairwise(bounds)):
            alone = split != "train" and len(bounds) == 2
            name = f"{split}.jsonl.zst" if alone else f"{split}/{number:05}.jsonl.zst"
            shard = assemble_key(work, name)
            tasks.append({"key": shard, "name": name, "split": split, "start": int(start), "end": int(end)})
    return tasks


@dataclass(frozen=True)
class BlockFiles:
    """Where a block's parts lie: the keys of its records."""

    source: str
    ingest: str
    settle: str


@dataclass
class WriteShard(TaskFunction):
    """Writes one shard and its index.

    Attributes:
        mix: key of the plan; a task may name its own.
        blocks: by rank.
        names: `pile_set_name` by source.
        seed, level: of choices, and of zstd.
        listed: object with the documents that are taken down.
        takedown: what it says, once `setup` has read it.
        phase: that keeps the indexes.
    """

    store: Store
    mix: str
    blocks: Stored[Mapping[int, BlockFiles]]
    names: Mapping[str, str]
    seed: int
    level: int
    listed: str = ""
    takedown: Takedown | None = None
    phase: str = "assemble"

    def setup(self) -> None:
        """Read which documents are taken down, from the object named `listed`."""
        self.takedown = read_takedown(self.store, self.listed)

    def __call__(self, task: Task) -> Mapping[str, Any]:
        """Write `corpus/<name>`; returns its digests, counts and frames, and what of it is taken down, with bytes."""
        record = Commits(self.store, "mix").load(task.get("mix", self.mix))
        plan = load_plan(self.store, record, task["split"])
        segment = plan["segment"].to_numpy()
        plan = plan.slice(
            int(np.searchsorted(segment, task["start"])),
            int(np.searchsorted(segment, task["end"])) - int(np.searchsorted(segment, task["start"])),
        )
        shard = ShardLines(self.names)
        cuts = {name: _Cuts.of(values, self.seed, name) for name, values in record["sources"].items()}
        compressor = zstandard.ZstdCompressor(level=self.level, write_checksum=True)
        with ExitStack() as stack:
            stream = stack.enter_context(self.store.writing(lambda _: f"corpus/{task['name']}"))
            opened = stack.enter_context(closing(_Opened(self.store, self.blocks.value)))
            for number in range(task["start"], task["end"]):
                part = plan.filter(pa.compute.equal(plan["segment"], number))
                parts = list(self._lines(part, cuts, opened, shard))
                lines = shard.segment(number, parts, key(self.seed, "segment"))
                frame = compressor.compress(lines)
                shard.frames.append({"offset": stream.size, "size": len(frame), "bytes": len(lines)})
                stream.write(frame)
        with self.store.writing(Commits(self.store, self.phase).object_name) as index:
            write_table(index, shard.index())
        return {
            "name": task["name"],
            "split": task["split"],
            "sha256": stream.digest,
            "size": stream.size,
            "digest": shard.digest.hexdigest(),
            "index": index.name,
            "frames": shard.frames,
            "sources": {name: shard.counts(name) for name in sorted(shard.lines)},
            "taken": shard.taken,
            "taken_bytes": dict(sorted(shard.taken_bytes.items())),
        }

    def _lines(self, part: pa.Table, cuts: Mapping[str, _Cuts], opened: _Opened, shard: ShardLines) -> Iterator[Part]:
        """The documents that each row of the plan takes of its row group; those taken down are noted instead."""
        for row in part.to_pylist():
            files = self.blocks.value[row["block"]]
            group = opened.group(row["block"], row["row_group"])
            chosen = cuts[files.source].choose(group, row)
            rows = np.flatnonzero(chosen)
            if self.takedown and len(rows):
                there = opened.ids(row["block"], row["row_group"], rows)
                gone = self.takedown.find(there)
                sizes = group.sizes[rows[gone]]
                shard.taken |= zip(there.take(gone).to_pylist(), sizes.tolist(), strict=True)
                shard.taken_bytes[files.source] += int(sizes.sum())
                rows = np.delete(rows, gone)
            if len(rows):
                ids, pieces = opened.pieces(row["block"], row["row_group"], rows)
                yield Part(files.source, row["copy"], group.ids[rows], ids, pieces)


@dataclass(frozen=True)
class _Group:
    """Verdicts of one row group: id64, bytes as written, whether kept."""

    ids: NDArray[np.uint64]
    sizes: NDArray[np.int64]
    kept: NDArray[np.bool_]


@dataclass(frozen=True)
class Part:
    """Documents of one source and copy: id64, id, and the pieces that each is written as."""

    source: str
    copy: int
    ids64: NDArray[np.uint64]
    ids: Sequence[str]
    pieces: Sequence[Sequence[str]]


@dataclass(frozen=True)
class _Cuts:
    """Which documents of a source go to which split, get the fractional copy, and belong to the subset, if any."""

    holdout_key: np.uint64
    epochs_key: np.uint64
    subset_key: np.uint64
    holdout: HoldoutCut
    extra: np.uint64
    subset: np.uint64 | None

    @classmethod
    def of(cls, values: Mapping[str, Any], seed: int, source: str) -> _Cuts:
        holdout = HoldoutCut(np.uint64(values["validation_cut"]), np.uint64(values["test_cut"]), 0, 0)
        return cls(
            key(seed, HOLDOUT_PURPOSE),
            key(seed, f"epochs:{source}"),
            key(seed, SUBSET_PURPOSE),
            holdout,
            np.uint64(values["extra_cut"]),
            np.uint64(values["subset_cut"]) if "subset_cut" in values else None,
        )

    def choose(self, group: _Group, row: Mapping[str, Any]) -> NDArray[np.bool_]:
        split = "train" if row["selection"] == "extra" else row["selection"]
        inside = group.kept & (split_of(keyed_hash(self.holdout_key, group.ids), self.holdout) == SPLITS.index(split))
        if self.subset is not None:
            inside &= keyed_hash(self.subset_key, group.ids) < self.subset
        chosen: NDArray[np.bool_] = inside & (part_of(np.where(inside, group.sizes, 0), row["parts"]) == row["part"])
        if row["selection"] == "extra":
            chosen &= keyed_hash(self.epochs_key, group.ids) < self.extra
        return chosen


class _Opened:
    """The last few of the blocks that a shard is made of: their records, verdicts and open files.

    A shard takes a little of a thousand blocks or more, in an order in which few come again soon.
    """

    def __init__(self, store: Store, blocks: Mapping[int, BlockFiles]) -> None:
        self._store, self._blocks = store, blocks
        self._files: dict[str, tuple[pq.ParquetFile, ExitStack]] = {}
        self._groups: dict[int, list[_Group]] = {}
        self._records: dict[int, dict[str, Any]] = {}

    def close(self) -> None:
        """Close all files."""
        while self._files:
            self._close_oldest()

    def group(self, rank: int, number: int) -> _Group:
        """Verdicts of one row group."""
        if rank not in self._groups:
            _make_room(self._groups)
            record = self._settled(rank)
            with self._store.open(record["verdicts"]) as stream:
                table = open_parquet(stream).read()
            bounds = np.concatenate([[0], np.cumsum(record["row_groups"])])
            ids, sizes = table["id64"].to_numpy(), table["bytes"].to_numpy()
            kept = table["rule"].is_null().to_numpy()
            self._groups[rank] = [_Group(ids[a:b], sizes[a:b], kept[a:b]) for a, b in pairwise(bounds)]
        return self._groups[rank][number]

    def ids(self, rank: int, number: int, rows: NDArray[np.int64]) -> pa.Array:
        """Ids of some rows of a row group."""
        block = Commits(self._store, "ingest").load(self._blocks[rank].ingest)["block"]
        return self._read(block, number, "id")["id"].combine_chunks().take(pa.array(rows))

    def pieces(self, rank: int, number: int, rows: NDArray[np.int64]) -> tuple[list[str], list[list[str]]]:
        """Ids of some rows of a row group, and what each is written as: its text, or the pieces that cuts leave."""
        block = Commits(self._store, "ingest").load(self._blocks[rank].ingest)["block"]
        table = self._read(block, number, "id", "text")
        wanted = pa.array(rows)
        ids = table["id"].take(wanted).to_pylist()
        texts = table["text"].combine_chunks().take(wanted)
        spans_in = self._settled(rank)["spans"]
        if not spans_in:
            return ids, [[text] for text in texts.to_pylist()]
        spans = self._read(spans_in, number, "spans")["spans"].combine_chunks().take(wanted)
        column, document = cut_pieces(from_arrow(texts), spans)
        found: list[list[str]] = [[] for _ in ids]
        for text, owner in zip(column.to_arrow().to_pylist(), document.tolist(), strict=True):
            found[owner].append(text)
        return ids, found

    def _settled(self, rank: int) -> dict[str, Any]:
        if rank not in self._records:
            _make_room(self._records)
            self._records[rank] = Commits(self._store, "settle").load(self._blocks[rank].settle)
        return self._records[rank]

    def _read(self, name: str, number: int, *columns: str) -> pa.Table:
        # The file stays open, so that its damage shows outside of what opened it.
        with blaming(self._store, name):
            return self._open(name).read_row_group(number, columns=list(columns))

    def _open(self, name: str) -> pq.ParquetFile:
        if name not in self._files:
            if len(self._files) >= OPEN_BLOCKS:
                self._close_oldest()
            with ExitStack() as stack:
                file = open_parquet(stack.enter_context(self._store.open(name)))
                self._files[name] = file, stack.pop_all()
        return self._files[name][0]

    def _close_oldest(self) -> None:
        _, stack = self._files.pop(next(iter(self._files)))
        stack.close()


def _make_room(known: dict[int, Any]) -> None:
    if len(known) >= OPEN_BLOCKS:
        del known[next(iter(known))]


class ShardLines:
    """What is known of a shard as its segments are written."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._tails = {
            name: b',"meta":' + orjson.dumps({"pile_set_name": set_name}) + b"}\n" for name, set_name in names.items()
        }
        self.digest = hashlib.sha256()
        self.frames: list[dict[str, int]] = []
        self.taken: dict[str, int] = {}
        self.taken_bytes: Counter[str] = Counter()
        self.lines: Counter[str] = Counter()
        self.documents: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()
        self._offset = 0
        self._index: list[pa.RecordBatch] = []

    def segment(self, number: int, parts: Sequence[Part], segment_key: np.uint64) -> bytes:
        """The lines of one segment: documents in keyed order, the pieces of one after another."""
        ids64 = np.concatenate([np.zeros(0, np.uint64), *(part.ids64 for part in parts)])
        copies = np.concatenate(
            [np.zeros(0, np.uint8), *(np.full(len(part.ids), part.copy, np.uint8) for part in parts)]
        )
        flat = [
            (part.source, identity, pieces)
            for part in parts
            for identity, pieces in zip(part.ids, part.pieces, strict=True)
        ]
        out: list[bytes] = []
        rows: list[tuple[str, int, int, int, int, int]] = []
        for at in segment_order(ids64, copies, segment_key).tolist():
            source, identity, pieces = flat[at]
            copy = int(copies[at])
            self.documents[source] += 1
            for piece, text in enumerate(pieces):
                line = b'{"text":' + orjson.dumps(text) + self._tails[source]
                size = len(text.encode())
                self.digest.update(b"%d %s %d\n" % (len(line), identity.encode(), copy))
                self.digest.update(line)
                rows.append((identity, copy, piece, number, self._offset, size))
                out.append(line)
                self._offset += len(line)
                self.lines[source] += 1
                self.bytes[source] += size
        columns = zip(*rows, strict=True) if rows else [()] * len(INDEX)
        self._index.append(
            pa.RecordBatch.from_arrays(
                [pa.array(column, each.type) for column, each in zip(columns, INDEX, strict=True)], schema=INDEX
            )
        )
        return b"".join(out)

    def index(self) -> pa.Table:
        """One row per line."""
        return pa.Table.from_batches(self._index, INDEX)

    def counts(self, source: str) -> dict[str, int]:
        """Documents, lines and bytes of one source, copies counted."""
        return {"documents": self.documents[source], "pieces": self.lines[source], "bytes": self.bytes[source]}
