"""Which documents are held out for validation and test, drawn by weight and by cluster.

The order, which is the definition:

1. `plan_mixture` over all kept bytes gives each source's weight and epochs.
2. `holdout_quotas`: a split's quota of a source is share x planned training bytes x weight, so that validation and test
   have the mixture of training, once each.
3. `draw_holdout`: clusters in order of the keyed hash of their cluster64. Validation takes the first ones until its
   quota is reached, test the next ones; the rest is training.
4. `plan_mixture` again over what remains gives the epochs that training uses.

A document is drawn from the pool of the source of its cluster's winner (its own source where it has no cluster). So one
hash and one pair of cuts decide for a whole cluster, and none straddles two splits, not even across sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pile_builder.mixing.keyed import HashHistogram, bins_of
from pile_builder.mixing.weights import Mixture

HOLDOUT_PURPOSE: Final = "holdout"
"""The purpose of the key under which cluster64 is hashed: one for all sources."""

TRAIN: Final = 0
VALIDATION: Final = 1
TEST: Final = 2


@dataclass(frozen=True)
class HoldoutSpec:
    """Shares of planned training bytes for validation and test, and the most that both may take of a source together.

    The Pile held out 0.1 % each (Gao et al. 2020, section 2). `max_part` is divided between the two as the shares are.
    """

    validation: Fraction = Fraction(1, 1000)
    test: Fraction = Fraction(1, 1000)
    max_part: Fraction = Fraction(1, 10)

    def __post_init__(self) -> None:
        if min(self.validation, self.test) < 0 or self.validation + self.test >= 1 or not 0 < self.max_part < 1:
            msg = (
                "holdout: expected shares of 0 or more that add up to less than 1 and a max_part between 0 and 1, got "
                f"validation {self.validation}, test {self.test}, max_part {self.max_part}"
            )
            raise ValueError(msg)


@dataclass(frozen=True)
class SplitQuota:
    """Bytes that a split takes of one source: `wanted` by weight, `limit` as `max_part` has it."""

    wanted: int
    limit: int

    @property
    def quota(self) -> int:
        """Bytes to reach: what is wanted or, where that is less, the limit (1 at least, so that the draw looks)."""
        return min(self.wanted, max(self.limit, 1))


@dataclass(frozen=True)
class HoldoutQuota:
    """One source's quotas."""

    validation: SplitQuota
    test: SplitQuota


@dataclass(frozen=True)
class HoldoutCut:
    """Where one source's pool is cut: validation below `validation_cut`, test from there to below `test_cut`.

    `validation_bytes` and `test_bytes` are what that takes. `limited` names the splits that got less than wanted here,
    `forced` those that got one cluster whatever its size because they would have been empty over all sources.
    """

    validation_cut: np.uint64
    test_cut: np.uint64
    validation_bytes: int
    test_bytes: int
    limited: tuple[str, ...] = ()
    forced: tuple[str, ...] = ()


def holdout_quotas(mixture: Mixture, spec: HoldoutSpec) -> dict[str, HoldoutQuota]:
    """The quotas by source name, from the mixture planned over all kept bytes; a source without training has 0."""
    shares = spec.validation + spec.test
    quotas = {}
    for source in mixture.sources:
        planned = source.epochs * source.available
        room = source.available * spec.max_part / shares if shares else Fraction(0)
        quotas[source.name] = HoldoutQuota(
            SplitQuota(ceil(planned * spec.validation), floor(room * spec.validation)),
            SplitQuota(ceil(planned * spec.test), floor(room * spec.test)),
        )
    return quotas


def candidate_bin(histogram: HashHistogram, quota: HoldoutQuota) -> int:
    """The last histogram bin that can hold a document of validation or test; -1 if nothing is held out.

    The draw needs the documents of the bins up to this one and no others.
    """
    total = histogram.total
    validation_end = histogram.through(histogram.bin_of(min(quota.validation.quota, total)))
    return histogram.bin_of(min(validation_end + quota.test.quota, total) if quota.test.quota else validation_end)


def draw_holdout(
    quotas: Mapping[str, HoldoutQuota],
    histograms: Mapping[str, HashHistogram],
    candidates: Mapping[str, tuple[NDArray[np.uint64], NDArray[np.int64]]],
) -> dict[str, HoldoutCut]:
    """Cut every source's pool.

    `histograms` counts each pool's documents by the hash of their cluster64 (key purpose `HOLDOUT_PURPOSE`), with sizes
    above 0; `candidates` has, in any order, hashes and sizes of shape (n,) of at least the documents in its bins up to
    `candidate_bin`. A source missing from either has no documents there.

    A split takes clusters until its quota is reached, so it exceeds the quota by less than a cluster; but if that is
    above its limit, the most clusters, in the same order, that stay within it. If a split with a share then has no
    document of any source, it takes one cluster, whatever its size, from the source with the most documents (the first
    name among equals) that keeps some for training; a corpus of three clusters has all three splits.

    Raises:
        ValueError: the candidates are not the documents that the histogram counted.
    """
    counted = {name: histograms.get(name, HashHistogram()) for name in quotas}
    cuts = {}
    pools = {}
    for name in sorted(quotas):
        hashes, sizes = candidates.get(name, (np.zeros(0, np.uint64), np.zeros(0, np.int64)))
        histogram = counted[name]
        last = candidate_bin(histogram, quotas[name])
        near = bins_of(hashes) <= last
        if int(sizes[near].sum()) != histogram.through(last):
            msg = (
                f"holdout of {name}: expected the documents of hash bins up to {last} with {histogram.through(last)} "
                f"bytes in all, got {int(sizes[near].sum())}: count and gather the same documents with the same key"
            )
            raise ValueError(msg)
        pools[name] = _Pool.of(hashes[near], sizes[near])
        cuts[name] = pools[name].cut(quotas[name], ())
    donors = sorted(quotas, key=lambda name: (-counted[name].documents, name))
    for split in ("validation", "test"):
        if any(_taken(cut, split) for cut in cuts.values()):
            continue
        for name in donors:
            if not getattr(quotas[name], split).wanted:
                continue
            forced = pools[name].cut(quotas[name], (*cuts[name].forced, split))
            if _taken(forced, split) and forced.validation_bytes + forced.test_bytes < counted[name].total:
                cuts[name] = forced
                break
    return cuts


def split_of(hashes: NDArray[np.uint64], cut: HoldoutCut) -> NDArray[np.uint8]:
    """The split of each document of one pool, from the keyed hash of its cluster64: `TRAIN`, `VALIDATION` or `TEST`."""
    return np.where(hashes < cut.validation_cut, VALIDATION, np.where(hashes < cut.test_cut, TEST, TRAIN)).astype(
        np.uint8
    )


def _taken(cut: HoldoutCut, split: str) -> int:
    return cut.validation_bytes if split == "validation" else cut.test_bytes


@dataclass(frozen=True)
class _Pool:
    """A source's clusters in hash order: distinct hashes, and the bytes of all clusters up to each."""

    hashes: NDArray[np.uint64]
    reached: NDArray[np.int64]

    @classmethod
    def of(cls, hashes: NDArray[np.uint64], sizes: NDArray[np.int64]) -> _Pool:
        """Group documents by hash."""
        distinct, cluster = np.unique(hashes, return_inverse=True)
        sums = np.zeros(len(distinct), np.int64)
        np.add.at(sums, cluster, sizes)
        return cls(distinct, np.cumsum(sums))

    def cut(self, quota: HoldoutQuota, forced: tuple[str, ...]) -> HoldoutCut:
        """Take validation, then test; a split named in `forced` takes one cluster even above its limit."""
        validation_end = self._run(0, quota.validation, least=int("validation" in forced))
        test_end = self._run(validation_end, quota.test, least=int("test" in forced))
        validation = self._bytes_before(validation_end)
        test = self._bytes_before(test_end) - validation
        taken = (("validation", validation, quota.validation), ("test", test, quota.test))
        return HoldoutCut(
            validation_cut=self._cut_before(validation_end),
            test_cut=self._cut_before(test_end),
            validation_bytes=validation,
            test_bytes=test,
            limited=tuple(split for split, got, asked in taken if got < asked.wanted),
            forced=forced,
        )

    def _run(self, start: int, quota: SplitQuota, least: int) -> int:
        """The end of the run of clusters from `start` that a split takes."""
        if not quota.wanted:
            return start
        before = self._bytes_before(start)
        count = len(self.hashes)
        wanted_end = min(int(np.searchsorted(self.reached, before + quota.wanted)) + 1, count)
        limit_end = int(np.searchsorted(self.reached, before + quota.limit, side="right"))
        return max(min(wanted_end, limit_end), min(start + least, count), start)

    def _bytes_before(self, index: int) -> int:
        return int(self.reached[index - 1]) if index else 0

    def _cut_before(self, index: int) -> np.uint64:
        return np.uint64(int(self.hashes[index - 1]) + 1) if index else np.uint64(0)
