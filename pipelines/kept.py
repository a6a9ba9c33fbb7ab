"""What settle kept, as the planners of mixtures read it: runs of blocks at a time, on workers, documents as numbers.

A plan asks several questions about all documents, each after the answer to the one before. A question is a scan: every
run of blocks answers it in a table of its own, small or about few documents, and the driver puts the tables together.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.blocks import open_parquet, write_table
from pile_builder.commits import Commits
from pile_builder.mixing.keyed import BINS, HashHistogram, bins_of
from pile_builder.pipelines.engine import RunOptions, Task, TaskFunction, run_tasks
from pile_builder.storage import Store, fingerprint
from pile_builder.work import Work

RUN_BLOCKS = 128
"""Blocks that one task reads: few enough to share the work out, so many that their histogram is small beside them."""


@dataclass(frozen=True)
class Kept:
    """The kept documents of one block, n of them: id64, bytes as written, row group, all of shape (n,)."""

    source: str
    rank: int
    block_hash: int
    ids: NDArray[np.uint64]
    sizes: NDArray[np.int64]
    group: NDArray[np.int64]

    def only(self, chosen: NDArray[np.bool_]) -> Kept:
        """Some of the documents."""
        return Kept(self.source, self.rank, self.block_hash, self.ids[chosen], self.sizes[chosen], self.group[chosen])


@dataclass
class Scan(TaskFunction):
    """Reads the kept documents of a run of blocks; `answer` says what is wanted of them."""

    store: Store

    def __call__(self, task: Task) -> Mapping[str, Any]:
        """Write the answer."""
        table, counts = self.answer(kept_documents(self.store, block) for block in task["blocks"])
        with self.store.writing(Commits(self.store, "mix").object_name) as out:
            write_table(out, table)
        return {"answer": out.name, "counts": counts}

    @abstractmethod
    def answer(self, blocks: Iterator[Kept]) -> tuple[pa.Table, Mapping[str, Any]]:
        """The answer for some blocks as a table, and counts for the record."""


@dataclass(frozen=True)
class Scanner:
    """Runs scans over all blocks of a plan and clears up after them.

    Attributes:
        plan: key of the plan that asks.
    """

    store: Store
    work: Work
    plan: str
    options: RunOptions

    def run(self, name: str, scan: Scan) -> list[tuple[pa.Table, Mapping[str, Any]]]:
        """The answers to one scan and their counts, in the order of blocks. A single run of blocks starts no pipeline.

        Raises:
            BuildError: tasks failed.
        """
        commits = Commits(self.store, "mix")
        tasks = [{**task, "key": fingerprint([self.plan, name, task["name"]])} for task in self._tasks()]
        keys = [task["key"] for task in tasks]
        if len(tasks) == 1 and not commits.has(keys[0]):
            commits.put(keys[0], scan(tasks[0]))
        elif len(tasks) > 1:
            run_tasks(commits, keys, tasks, scan, self.options.quiet)
        return [self._read(commits.load(key)) for key in keys]

    def forget(self, names: Sequence[str]) -> None:
        """Remove the answers to scans, once the plan stands."""
        commits = Commits(self.store, "mix")
        for name in names:
            for task in self._tasks():
                key = fingerprint([self.plan, name, task["name"]])
                if commits.has(key):
                    self.store.remove(commits.load(key)["answer"])
                    commits.forget(key)

    def _tasks(self) -> Iterator[dict[str, Any]]:
        blocks = self.work.blocks
        for start in range(0, len(blocks), RUN_BLOCKS):
            run = [
                {"rank": block.rank, "source": block.source, "name": block.name, "settle": block.settle}
                for block in blocks[start : start + RUN_BLOCKS]
            ]
            yield {"name": f"blocks from {start}", "blocks": run}

    def _read(self, record: Mapping[str, Any]) -> tuple[pa.Table, Mapping[str, Any]]:
        with self.store.open(record["answer"]) as stream:
            return open_parquet(stream).read(), record["counts"]


class Histograms:
    """Histograms of hashes by name, as a table and back."""

    def __init__(self, names: Sequence[str]) -> None:
        self.by_name = {name: HashHistogram() for name in names}

    def add(self, name: str, hashes: NDArray[np.uint64], sizes: NDArray[np.int64]) -> None:
        """Count documents, hashes and bytes of shape (n,)."""
        self.by_name[name].add(hashes, sizes)

    def to_table(self) -> pa.Table:
        """A row per name and bin that holds anything, and one per name for its number of documents."""
        names, bins, held = [], [], []
        for number, one in enumerate(self.by_name.values()):
            used = np.flatnonzero(one.bins)
            names.append(np.full(len(used) + 1, number, np.int32))
            bins.append(np.append(used, BINS).astype(np.int32))
            held.append(np.append(one.bins[used], one.documents))
        return pa.table([np.concatenate(each) for each in (names, bins, held)], names=["name", "bin", "held"])

    def merge(self, table: pa.Table) -> None:
        """Add what `to_table` gave, of the same names."""
        name, bins, held = (table[column].to_numpy() for column in ("name", "bin", "held"))
        for number, one in enumerate(self.by_name.values()):
            own = name == number
            counted, at = held[own], bins[own]
            one.bins[at[:-1]] += counted[:-1]
            one.documents += int(counted[-1])


def without(histogram: HashHistogram, hashes: NDArray[np.uint64], sizes: NDArray[np.int64]) -> HashHistogram:
    """What a histogram would be had these documents not been counted."""
    left = HashHistogram(histogram.bins.copy(), histogram.documents - len(hashes))
    np.subtract.at(left.bins, bins_of(hashes), sizes)
    return left


class Gathered:
    """Rows of numbers by source, as a table and back."""

    def __init__(self, names: Sequence[str], columns: Mapping[str, type[np.generic]]) -> None:
        self._names, self._columns = list(names), dict(columns)
        self._parts: dict[str, list[list[NDArray[Any]]]] = {name: [] for name in names}

    def add(self, name: str, *columns: NDArray[Any]) -> None:
        """Add rows of a source, columns of shape (n,)."""
        self._parts[name].append(list(columns))

    def of(self, name: str) -> list[NDArray[Any]]:
        """The columns of a source."""
        return [
            np.concatenate([np.zeros(0, kind), *(part[at] for part in self._parts[name])])
            for at, kind in enumerate(self._columns.values())
        ]

    def to_table(self) -> pa.Table:
        """All rows, with the number of their source."""
        parts = [self.of(name) for name in self._names]
        source = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part[0]) for part in parts])
        columns = [np.concatenate(each) for each in zip(*parts, strict=True)]
        return pa.table([source, *columns], names=["source", *self._columns])

    def merge(self, table: pa.Table) -> None:
        """Add what `to_table` gave, of the same sources and columns."""
        source = table["source"].to_numpy()
        columns = [table[column].to_numpy() for column in self._columns]
        for number, name in enumerate(self._names):
            own = source == number
            self.add(name, *(column[own] for column in columns))


def kept_documents(store: Store, block: Mapping[str, Any]) -> Kept:
    """What settle kept of a block: its `rank`, `source`, `name` and key `settle`."""
    record = Commits(store, "settle").load(block["settle"])
    with store.open(record["verdicts"]) as stream:
        table = open_parquet(stream).read()
    rows = np.flatnonzero(table["rule"].is_null().to_numpy())
    group = np.repeat(np.arange(len(record["row_groups"])), record["row_groups"])
    # On which orders depend, since ranks are those of one build only.
    block_hash = int.from_bytes(blake2b(block["name"].encode(), digest_size=8).digest(), "little")
    ids, sizes = table["id64"].to_numpy()[rows], table["bytes"].to_numpy()[rows]
    return Kept(block["source"], block["rank"], block_hash, ids, sizes, group[rows])
