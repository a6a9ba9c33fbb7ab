"""The questions that planning a mixture asks of all kept documents, one after the other; see `kept`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.mixing.holdout import HOLDOUT_PURPOSE, TEST, TRAIN, VALIDATION, HoldoutCut, split_of
from pile_builder.mixing.keyed import bins_of, key, keyed_hash
from pile_builder.mixing.plan import RowGroups
from pile_builder.pipelines.kept import Gathered, Histograms, Kept, Scan

SPLITS = ("train", "validation", "test")
HELD_OUT = {"holdout": np.uint64, "epochs": np.uint64, "bytes": np.int64}
"""Columns of documents near the cuts of held-out sets: both hashes, bytes."""
NEAR = {"hash": np.uint64, "bytes": np.int64}
"""Columns of documents near another cut."""
_ROW_GROUPS = {
    "set": np.int32,
    "source": np.int64,
    "block": np.int64,
    "row_group": np.int64,
    "block_hash": np.uint64,
    "whole_bytes": np.int64,
    "extra_bytes": np.int64,
}


def holdout_hashes(seed: int, kept: Kept) -> NDArray[np.uint64]:
    """What decides which split each document is in."""
    # A kept document is its cluster's winner or alone, so its own id stands for its cluster.
    return keyed_hash(key(seed, HOLDOUT_PURPOSE), kept.ids)


def epochs_hashes(seed: int, kept: Kept) -> NDArray[np.uint64]:
    """What decides which documents get the fractional copy of their source."""
    return keyed_hash(key(seed, f"epochs:{kept.source}"), kept.ids)


def histograms(names: Sequence[str]) -> Histograms:
    """Two for each source, `holdout:NAME` and `epochs:NAME`."""
    return Histograms([f"{purpose}:{name}" for purpose in ("holdout", "epochs") for name in names])


@dataclass
class CountHashes(Scan):
    """Bytes of all documents by both hashes."""

    names: Sequence[str]
    seed: int

    def answer(self, blocks: Iterator[Kept]) -> tuple[pa.Table, Mapping[str, Any]]:
        """Histograms."""
        counted = histograms(self.names)
        for kept in blocks:
            counted.add(f"holdout:{kept.source}", holdout_hashes(self.seed, kept), kept.sizes)
            counted.add(f"epochs:{kept.source}", epochs_hashes(self.seed, kept), kept.sizes)
        return counted.to_table(), {}


@dataclass
class FindHeldOut(Scan):
    """The documents whose hash lies in the bins, by source up to `last`, from which validation and test are drawn."""

    names: Sequence[str]
    seed: int
    last: Mapping[str, int]

    def answer(self, blocks: Iterator[Kept]) -> tuple[pa.Table, Mapping[str, Any]]:
        """Columns of `HELD_OUT`."""
        found = Gathered(self.names, HELD_OUT)
        for kept in blocks:
            hashes = holdout_hashes(self.seed, kept)
            near = bins_of(hashes) <= self.last[kept.source]
            found.add(kept.source, hashes[near], epochs_hashes(self.seed, kept)[near], kept.sizes[near])
        return found.to_table(), {}


@dataclass
class FindExtra(Scan):
    """The training documents whose hash lies in the bin in which the fractional copy of their source ends."""

    names: Sequence[str]
    seed: int
    cuts: Mapping[str, HoldoutCut]
    bins: Mapping[str, int]

    def answer(self, blocks: Iterator[Kept]) -> tuple[pa.Table, Mapping[str, Any]]:
        """Columns of `NEAR`."""
        found = Gathered(self.names, NEAR)
        for kept in blocks:
            hashes = epochs_hashes(self.seed, kept)
            near = bins_of(hashes) == self.bins[kept.source]
            near &= split_of(holdout_hashes(self.seed, kept), self.cuts[kept.source]) == TRAIN
            found.add(kept.source, hashes[near], kept.sizes[near])
        return found.to_table(), {}


@dataclass
class SumRowGroups(Scan):
    """What documents of each split weigh in each row group, and what `partial` sources, those under one epoch, omit."""

    names: Sequence[str]
    seed: int
    cuts: Mapping[str, HoldoutCut]
    extra: Mapping[str, np.uint64]
    partial: frozenset[str]

    def answer(self, blocks: Iterator[Kept]) -> tuple[pa.Table, Mapping[str, Any]]:
        """Rows of `row_groups_table`, whose set is the split; counts are documents and bytes by source."""
        sums = RowGroupSums(self.names)
        left_out = {name: {"documents": 0, "bytes": 0} for name in self.names}
        for kept in blocks:
            split = split_of(holdout_hashes(self.seed, kept), self.cuts[kept.source])
            is_extra = epochs_hashes(self.seed, kept) < self.extra[kept.source]
            if kept.source in self.partial:
                omitted = (split == TRAIN) & ~is_extra
                left_out[kept.source]["documents"] += int(omitted.sum())
                left_out[kept.source]["bytes"] += int(kept.sizes[omitted].sum())
            for number in (TRAIN, VALIDATION, TEST):
                sums.add(number, kept.only(split == number), is_extra[split == number])
        return sums.to_table(), left_out


class RowGroupSums:
    """Gathers what chosen documents weigh in each row group that has any of them, for several sets of documents."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)
        self._parts: list[list[NDArray[Any]]] = []

    def add(self, number: int, kept: Kept, is_extra: NDArray[np.bool_]) -> None:
        """Documents of set `number` in one block, and which of them get the fractional copy."""
        count = int(kept.group.max()) + 1 if len(kept.group) else 0
        whole, extra = np.zeros(count, np.int64), np.zeros(count, np.int64)
        np.add.at(whole, kept.group, kept.sizes)
        np.add.at(extra, kept.group[is_extra], kept.sizes[is_extra])
        used = np.flatnonzero(whole)
        head = (number, self._names.index(kept.source), kept.rank)
        columns = [np.full(len(used), value) for value in head]
        self._parts.append([*columns, used, np.full(len(used), kept.block_hash, np.uint64), whole[used], extra[used]])

    def to_table(self) -> pa.Table:
        """A row per set and row group."""
        columns = [
            np.concatenate([np.zeros(0, kind), *(part[at].astype(kind) for part in self._parts)])
            for at, kind in enumerate(_ROW_GROUPS.values())
        ]
        return pa.table(columns, names=list(_ROW_GROUPS))


def row_groups_of(tables: Iterable[pa.Table], number: int) -> RowGroups:
    """The row groups of one set, as the planner takes them, from the tables of all blocks in their order."""
    columns: dict[str, list[NDArray[Any]]] = {name: [np.zeros(0, kind)] for name, kind in _ROW_GROUPS.items()}
    for table in tables:
        own = table["set"].to_numpy() == number
        for name, parts in columns.items():
            parts.append(table[name].to_numpy()[own])
    return RowGroups(**{name: np.concatenate(parts) for name, parts in columns.items() if name != "set"})
