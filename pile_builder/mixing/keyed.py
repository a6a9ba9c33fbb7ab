"""Keyed hashing, behind every random choice, and cuts: which hashes come first until their bytes reach a quota.

A choice is a pure function of (seed, purpose, document id), so it depends neither on workers nor on the order of input.
A cut turns "the first x bytes in hash order" into one number per source: a document is taken if its hash is below it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

BINS: Final = 1 << 16
"""Bins of a `HashHistogram`: one for each value of a hash's upper 16 bits."""

LARGEST_HASH: Final = (1 << 64) - 2
"""No hash is larger, so a cut of `LARGEST_HASH + 1` takes every document."""

_BIN_SHIFT: Final = np.uint64(48)


def key(seed: int, purpose: str) -> np.uint64:
    """A 64-bit key for one purpose of one seed (the first 8 bytes of BLAKE2b of both, little-endian)."""
    return np.uint64(int.from_bytes(blake2b(f"{seed}:{purpose}".encode(), digest_size=8).digest(), "little"))


def keyed_hash(key: np.uint64, ids: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hash ids of shape (n,) under a key; the result has shape (n,) and values from 0 to `LARGEST_HASH`.

    The finaliser of SplitMix64 (Steele, Lea and Flood 2014, with Stafford's "Mix13" constants) over `ids ^ key`: a
    bijection, so that distinct ids have distinct hashes, but for the largest value, which is folded into the one below.
    """
    mixed = ids ^ key
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    mixed[mixed > LARGEST_HASH] = LARGEST_HASH
    return mixed


def cut_for_quota(hashes: NDArray[np.uint64], sizes: NDArray[np.int64], quota: int) -> np.uint64:
    """The smallest cut for which the documents with `hash < cut` hold at least `quota` bytes.

    `hashes` (from `keyed_hash`) and `sizes` (bytes, not negative) have shape (n,), in any order. The bytes taken are at
    least the quota and exceed it by less than the last document taken. Equal hashes are taken together, which keeps the
    documents of a cluster on one side; then "document" reads "documents of that hash". A quota of 0 gives a cut of 0.

    Raises:
        ValueError: the quota is negative or more than the sizes add up to.
    """
    if quota < 0:
        msg = f"expected a quota of 0 bytes or more, got {quota}"
        raise ValueError(msg)
    if quota == 0:
        return np.uint64(0)
    order = np.argsort(hashes)
    reached = np.cumsum(sizes[order])
    total = int(reached[-1]) if len(reached) else 0
    if quota > total:
        msg = f"expected a quota of at most the {total} bytes of the {len(sizes)} documents given, got {quota}"
        raise ValueError(msg)
    last = hashes[order[np.searchsorted(reached, quota)]]
    return np.uint64(int(last) + 1)


@dataclass
class HashHistogram:
    """The bytes of one source's documents by the upper 16 bits of their hash: the first of two passes to a cut.

    The passes: `add` (and `merge`) every document; ask `bin_of` for the quota's bin and gather the documents that
    `bins_of` puts there; `cut_in_bin`. Only one bin in 65,536 is ever sorted. `bins` is int64 of shape (`BINS`,).
    """

    bins: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    documents: int = 0

    @property
    def total(self) -> int:
        """Bytes of all documents added."""
        return int(self.bins.sum())

    def add(self, hashes: NDArray[np.uint64], sizes: NDArray[np.int64]) -> None:
        """Count documents: hashes and sizes in bytes, both of shape (n,)."""
        np.add.at(self.bins, bins_of(hashes), sizes)
        self.documents += len(hashes)

    def merge(self, other: HashHistogram) -> None:
        """Count the other histogram's documents too."""
        self.bins += other.bins
        self.documents += other.documents

    def through(self, bin_index: int) -> int:
        """Bytes of the documents in the bins up to and with this one; 0 for -1."""
        return int(self.bins[: bin_index + 1].sum())

    def bin_of(self, quota: int) -> int:
        """The bin that holds the last document that `cut_for_quota` takes for this quota; -1 for a quota of 0.

        Raises:
            ValueError: the quota is negative or more than `total`.
        """
        if not 0 <= quota <= self.total:
            msg = f"expected a quota from 0 to the {self.total} bytes counted, got {quota}"
            raise ValueError(msg)
        return int(np.searchsorted(np.cumsum(self.bins), quota)) if quota else -1

    def cut_in_bin(self, quota: int, hashes: NDArray[np.uint64], sizes: NDArray[np.int64]) -> np.uint64:
        """What `cut_for_quota` gives over all documents, from those in the bin `bin_of(quota)` alone, in any order.

        Raises:
            ValueError: the quota is out of range, or the documents given are not the ones counted in that bin.
        """
        at = self.bin_of(quota)
        if at < 0:
            return np.uint64(0)
        if np.any(bins_of(hashes) != at) or int(sizes.sum()) != self.bins[at]:
            msg = (
                f"expected the documents of hash bin {at} with {self.bins[at]} bytes in all, got {len(hashes)} with "
                f"{int(sizes.sum())} bytes: make both passes over the same documents with the same key"
            )
            raise ValueError(msg)
        return cut_for_quota(hashes, sizes, quota - self.through(at - 1))


def bins_of(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The histogram bin of each hash, its upper 16 bits: shape (n,)."""
    return (hashes >> _BIN_SHIFT).astype(np.int64)
