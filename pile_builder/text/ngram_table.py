"""What an n-gram scan seeks: hashes of n-grams of words v2, with a directory and filters to look them up by.

The hash of an n-gram is a polynomial of its word hashes modulo 2^64, so that any n-gram of a document follows from the
polynomials of two of its prefixes. Each length has a seed of its own. Equal hashes count as equal words: with 5 million
n-grams, 10^12 words of text meet one wrong n-gram in four corpora.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

PREFIX = 5
"""Words by which n-grams shorter than the table's are sifted."""

MAX_FILTER_BYTES = 8 << 20
"""A filter is no larger, so that it stays in a core's share of the cache."""
FILTER_BITS = 16
"""Bits of a filter per n-gram, where the size limit allows them."""

# Odd 64-bit multipliers: of the polynomial, of the lengths' seeds (digits of e) and of the final spread.
POLYNOMIAL = np.uint64(0x9E3779B97F4A7C15)
SEED = np.uint64(0xB7E151628AED2A6B)
SPREAD = np.uint64(0xBF58476D1CE4E5B9)

_ONE = np.uint64(1)
_BIT = np.uint64(63)
# Where a hash holds the three bit numbers of its filter word; the word's own number is in its highest bits.
_BIT_1, _BIT_2, _BIT_3 = np.uint64(20), np.uint64(26), np.uint64(32)


@dataclass(frozen=True, slots=True)
class Pairs:
    """m pairs, sorted by (hash, length, partner): arrays of length m.

    `hashes` is uint64, the anchor's hash; `lengths` int64, the words of its partner; `partners` uint64, the partner's
    hash.
    """

    hashes: NDArray[np.uint64]
    lengths: NDArray[np.int64]
    partners: NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class NgramTable:
    """What documents are scanned for: n n-grams, numbered 0 to n - 1, and m pairs, numbered n to n + m - 1.

    `ngram` is the length of the long n-grams; `lengths`, int64, are those of shorter n-grams and of anchors, ascending;
    `hashes` is uint64[n], sorted and unique; `directory` int32[2^b + 1], where the hashes with the same first b bits
    begin; `long_filter` and `short_filter` are uint64[2^k]; `pairs` and `pair_directory` are the same of anchors.
    """

    ngram: int
    lengths: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    directory: NDArray[np.int32]
    long_filter: NDArray[np.uint64]
    short_filter: NDArray[np.uint64]
    pairs: Pairs
    pair_directory: NDArray[np.int32]

    @property
    def size(self) -> int:
        """Numbers in use: n + m."""
        return len(self.hashes) + len(self.pairs.hashes)


def hash_ngrams(
    hashes: NDArray[np.uint64], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """Hash k n-grams: `hashes` are word hashes, `starts` and `lengths`, int64[k], where each lies among them."""
    out = np.empty(len(starts), np.uint64)
    _hash_ngrams(hashes, starts, lengths, out)
    return out


def build_table(
    ngram: int,
    hashes: NDArray[np.uint64],
    pairs: Pairs,
    lengths: NDArray[np.int64],
    sought: NDArray[np.uint64],
) -> NgramTable:
    """Make the table's directories and filters.

    Args:
        ngram: words of the long n-grams.
        hashes: uint64[n], sorted and unique, of long and short n-grams.
        pairs: as `Pairs` says.
        lengths: int64, the lengths of short n-grams and of anchors, ascending, all below `ngram`.
        sought: uint64, what short n-grams and anchors are sifted by: of each the hash of its first `PREFIX` words, and
            its own.
    """
    return NgramTable(
        ngram,
        lengths,
        hashes,
        _build_directory(hashes),
        _build_filter(hashes),
        _build_filter(sought),
        pairs,
        _build_directory(pairs.hashes),
    )


def _build_directory(hashes: NDArray[np.uint64]) -> NDArray[np.int32]:
    bits = max(1, (len(hashes) // 4).bit_length())
    firsts = np.arange(1 << bits, dtype=np.uint64) << np.uint64(64 - bits)
    return np.append(np.searchsorted(hashes, firsts), len(hashes)).astype(np.int32)


def _build_filter(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    wanted = max(1, (len(hashes) * FILTER_BITS // 64 - 1).bit_length())
    words = min(1 << wanted, MAX_FILTER_BYTES // 8)
    sieve = np.zeros(words, np.uint64)
    _fill(hashes, sieve)
    return sieve


@numba.njit(cache=True, nogil=True)
def _hash_ngrams(
    hashes: NDArray[np.uint64], starts: NDArray[np.int64], lengths: NDArray[np.int64], out: NDArray[np.uint64]
) -> None:
    for i in range(len(starts)):
        polynomial = np.uint64(0)
        for word in range(starts[i], starts[i] + lengths[i]):
            polynomial = polynomial * POLYNOMIAL + hashes[word]
        out[i] = (polynomial + np.uint64(lengths[i]) * SEED) * SPREAD


@numba.njit(cache=True, nogil=True)
def shift_of(size: int) -> np.uint64:
    """How far to shift a hash so that its highest bits number `size` places, a power of two from 2 on."""
    shift = np.uint64(64)
    while size > 1:
        size >>= 1
        shift -= _ONE
    return shift


@numba.njit(cache=True, nogil=True)
def _bits(key: np.uint64) -> np.uint64:
    return _ONE << (key >> _BIT_1 & _BIT) | _ONE << (key >> _BIT_2 & _BIT) | _ONE << (key >> _BIT_3 & _BIT)


@numba.njit(cache=True, nogil=True)
def may_hold(sieve: NDArray[np.uint64], shift: np.uint64, key: np.uint64) -> bool:
    """Whether a filter may hold a hash; `shift` is the `shift_of` its length."""
    wanted = _bits(key)
    return (sieve[key >> shift] & wanted) == wanted


@numba.njit(cache=True, nogil=True)
def _fill(hashes: NDArray[np.uint64], sieve: NDArray[np.uint64]) -> None:
    shift = shift_of(len(sieve))
    for key in hashes:
        sieve[key >> shift] |= _bits(key)


@numba.njit(cache=True, nogil=True)
def find(hashes: NDArray[np.uint64], directory: NDArray[np.int32], key: np.uint64) -> int:
    """The first place of a hash among the sorted ones, or -1."""
    bucket = key >> shift_of(len(directory) - 1)
    for place in range(directory[bucket], directory[bucket + _ONE]):
        if hashes[place] >= key:
            return place if hashes[place] == key else -1
    return -1
