"""Nested subsets of the training corpus, for studies of how results scale with data.

Every document has one hash, keyed by the seed and the purpose `SUBSET_PURPOSE`. A subset takes of each source the
documents with the smallest hashes, with all their copies, so many that their bytes come nearest to its fraction of the
source's training bytes, and one at least. So subsets have the corpus's mixture, within half a document of each source,
and a smaller one lies inside every larger one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pile_builder.mixing.keyed import HashHistogram
from pile_builder.mixing.weights import Number

SUBSET_PURPOSE: Final = "subset"
"""The purpose of the key under which documents are hashed: one for all sources and sizes."""

FOLDER: Final = "subsets"
"""Folder of the subsets below a corpus, and phase of the commit records of their shards."""

_UNITS: Final = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@dataclass(frozen=True)
class Subset:
    """A subset as asked for: a fraction of the training bytes between 0 and 1, or a number of bytes."""

    size: Fraction

    @property
    def is_fraction(self) -> bool:
        """Whether it is a part of the corpus, whatever that holds."""
        return self.size < 1

    @property
    def label(self) -> str:
        """As people say it: 1/2, or 1000000 bytes."""
        return str(self.size) if self.is_fraction else f"{self.size} bytes"

    @property
    def name(self) -> str:
        """As folders are called: 1-2, or 1000000-bytes."""
        return self.label.replace("/", "-").replace(" ", "-")

    def fraction_of(self, total: int) -> Fraction:
        """The part of `total` training bytes.

        Raises:
            ValueError: that is not less than all of them.
        """
        fraction = self.size if self.is_fraction else self.size / max(total, 1)
        if fraction >= 1:
            msg = f"subsets: expected less than the {total:,} bytes of training text, got {self.label}"
            raise ValueError(msg)
        return fraction


def parse_subset(given: Number) -> Subset:
    """A subset of a manifest: 1/2 or 0.5, 5000000 or 5 MB (powers of ten).

    Raises:
        ValueError: it is neither a fraction between 0 and 1 nor a whole number of bytes.
    """
    text = str(given).strip()
    match = re.fullmatch(r"(.*?)\s*([kKMGT]?B|)", text)
    try:
        size = Fraction(match.group(1)) if match else Fraction(0)
    except (ValueError, ZeroDivisionError):
        size = Fraction(0)
    unit = match.group(2).upper() if match else ""
    size *= _UNITS.get(unit, 1)
    if not (0 < size < 1 and not unit) and not (size > 1 and size.denominator == 1):
        msg = f"expected a fraction such as 1/2, or bytes of text such as 5 GB, got {given!r}"
        raise ValueError(msg)
    return Subset(size)


def copied_bytes(sizes: NDArray[np.int64], is_extra: NDArray[np.bool_], epochs: Fraction) -> NDArray[np.int64]:
    """What each of n training documents takes in training, all copies: int64[n].

    Args:
        sizes: bytes of each document as written.
        is_extra: which of them get the fractional copy.
        epochs: of their source.
    """
    return sizes * (floor(epochs) + is_extra.astype(np.int64))


def nearest_cut(
    histogram: HashHistogram, quota: int, hashes: NDArray[np.uint64], weights: NDArray[np.int64]
) -> np.uint64:
    """The cut below which a source's documents hold the bytes that come nearest to a quota; one document at least.

    It rises with the quota. A document that would go as far beyond the quota as it falls short without it is taken.

    Args:
        histogram: of all of the source's documents, by hash and bytes of all copies.
        quota: bytes, at most the histogram's total.
        hashes: of the documents in the bin `histogram.bin_of(quota)`.
        weights: bytes of all copies of each of them.

    Raises:
        ValueError: the documents are not those of that bin.
    """
    cut = histogram.cut_in_bin(quota, hashes, weights)
    if not cut:
        return cut
    last = np.uint64(int(cut) - 1)
    before = histogram.through(histogram.bin_of(quota) - 1) + int(weights[hashes < last].sum())
    beyond = before + int(weights[hashes == last].sum()) - quota
    return last if before and quota - before < beyond else cut
