"""The questions that planning subsets asks of the corpus's training documents; see `kept`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.mixing.holdout import TRAIN, HoldoutCut, split_of
from pile_builder.mixing.keyed import bins_of, key, keyed_hash
from pile_builder.mixing.subsets import SUBSET_PURPOSE, copied_bytes
from pile_builder.pipelines.kept import Gathered, Histograms, Kept, Scan
from pile_builder.pipelines.mix_scans import NEAR, RowGroupSums, epochs_hashes, holdout_hashes


@dataclass(frozen=True)
class Training:
    """Training documents of one block, n of them: hashes for subsets, bytes with copies, extra copy; shape (n,)."""

    kept: Kept
    hashes: NDArray[np.uint64]
    weights: NDArray[np.int64]
    is_extra: NDArray[np.bool_]


@dataclass
class TrainingScan(Scan):
    """A question about training documents.

    Attributes:
        sources: what the corpus's plan says of each.
    """

    names: Sequence[str]
    seed: int
    sources: Mapping[str, Mapping[str, Any]]

    def training(self, kept: Kept) -> Training:
        """The training documents among a block's kept ones."""
        values = self.sources[kept.source]
        cut = HoldoutCut(np.uint64(values["validation_cut"]), np.uint64(values["test_cut"]), 0, 0)
        train = kept.only(split_of(holdout_hashes(self.seed, kept), cut) == TRAIN)
        is_extra = epochs_hashes(self.seed, train) < np.uint64(values["extra_cut"])
        weights = copied_bytes(train.sizes, is_extra, Fraction(values["epochs"]))
        return Training(train, keyed_hash(key(self.seed, SUBSET_PURPOSE), train.ids), weights, is_extra)


@dataclass
class CountTraining(TrainingScan):
    """Bytes with copies by hash."""

    def answer(self, blocks: Iterator[Kept]) -> tuple[pa.Table, Mapping[str, Any]]:
        """A histogram by source."""
        counted = Histograms(self.names)
        for kept in blocks:
            train = self.training(kept)
            counted.add(kept.source, train.hashes, train.weights)
        return counted.to_table(), {}


@dataclass
class FindNearCuts(TrainingScan):
    """The documents in the bins of hashes in which subsets end, by source."""

    bins: Mapping[str, Sequence[int]]

    def answer(self, blocks: Iterator[Kept]) -> tuple[pa.Table, Mapping[str, Any]]:
        """Columns of `NEAR`, bytes with copies."""
        found = Gathered(self.names, NEAR)
        for kept in blocks:
            train = self.training(kept)
            near = np.isin(bins_of(train.hashes), list(self.bins[kept.source]))
            found.add(kept.source, train.hashes[near], train.weights[near])
        return found.to_table(), {}


@dataclass
class SumSubsets(TrainingScan):
    """What each subset takes of every row group; `cuts` of each by source."""

    cuts: Sequence[Mapping[str, np.uint64]]

    def answer(self, blocks: Iterator[Kept]) -> tuple[pa.Table, Mapping[str, Any]]:
        """Rows of `row_groups_of`, whose set is the subset's place in `cuts`."""
        sums = RowGroupSums(self.names)
        for kept in blocks:
            train = self.training(kept)
            for number, of_source in enumerate(self.cuts):
                inside = train.hashes < of_source[kept.source]
                sums.add(number, train.kept.only(inside), train.is_extra[inside])
        return sums.to_table(), {}
