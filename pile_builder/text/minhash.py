"""MinHash sketches: the small thing that stands for a document when near-duplicates are searched.

The shingles of a document are its n-grams of words v2. Permutation p maps a shingle x (32 bits) to `a[p] * x + b[p]`
modulo 2^32 with odd a[p], which is a bijection (multiply-shift, Dietzfelbinger et al. 1997); the minimum over the
shingles agrees between two documents with probability close to their Jaccard similarity (Broder 1997). `rows`
consecutive minima hash to one band, and documents that share a band are candidates. Of each minimum 8 bits are kept, so
that a candidate can be verified without its text (b-bit minwise hashing, Li & König 2010).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from pile_builder.text.column import TextColumn
from pile_builder.text.normalise import hash_words

NO_BAND = np.uint64(0)
"""The band hash of documents shorter than an n-gram: it is not a bucket."""

# An odd 64-bit multiplier for polynomials over word hashes, and the odd constants of SplitMix64's finaliser.
POLYNOMIAL = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)
# An odd 32-bit multiplier that spreads a minimum over the 8 bits that are kept of it.
SPREAD = np.uint32(0x9E3779B1)

UNROLL = 8


@dataclass(frozen=True, slots=True)
class Sketches:
    """The sketches of n documents.

    `content` is uint64[n, 2], the content hash of `normalise.hash_words`; `bands` is uint64[n, bands], `NO_BAND` in
    every band of a document with fewer than `ngram` words (it has one shingle, all of its words, for its signature);
    `signature` is uint8[n, bands * rows]; `words` is int64[n], the number of words v2.
    """

    content: NDArray[np.uint64]
    bands: NDArray[np.uint64]
    signature: NDArray[np.uint8]
    words: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.words)


def sketch(column: TextColumn, *, ngram: int = 5, bands: int = 14, rows: int = 8, seed: int = 1) -> Sketches:
    """Sketch every document; a pure function of its text and the parameters.

    Raises:
        ValueError: ngram, bands or rows is less than 1.
    """
    if min(ngram, bands, rows) < 1:
        msg = f"expected ngram, bands and rows of 1 or more, got {ngram}, {bands} and {rows}"
        raise ValueError(msg)
    words = hash_words(column)
    count = len(column)
    permutations = _permutations(seed, bands * rows)
    band_hashes = np.empty((count, bands), np.uint64)
    signature = np.empty((count, bands * rows), np.uint8)
    _sketch(words.hashes, words.offsets, words.content, ngram, permutations, band_hashes, signature)
    return Sketches(words.content, band_hashes, signature, np.diff(words.offsets))


def _permutations(seed: int, count: int) -> NDArray[np.uint32]:
    """The (a, b) of each permutation as uint32[2, count], a odd, from the keyed hash of the permutation's number."""
    key = seed.to_bytes(8, "little", signed=True)
    digests = [
        hashlib.blake2b(number.to_bytes(4, "little"), digest_size=8, key=key, person=b"minhash").digest()
        for number in range(count)
    ]
    pairs = np.frombuffer(b"".join(digests), "<u4").astype(np.uint32).reshape(count, 2)
    pairs[:, 0] |= 1
    return np.ascontiguousarray(pairs.T)


@numba.njit(cache=True, nogil=True)
def _mix(value: np.uint64) -> np.uint64:
    value = (value ^ (value >> np.uint64(30))) * MIX_1
    value = (value ^ (value >> np.uint64(27))) * MIX_2
    return value ^ (value >> np.uint64(31))


@numba.njit(cache=True, nogil=True)
def _shingle(polynomial: np.uint64) -> np.uint32:
    return np.uint32(((polynomial ^ (polynomial >> np.uint64(32))) * MIX_1) >> np.uint64(32))


@numba.njit(cache=True, nogil=True)
def _shingles(words: NDArray[np.uint64], ngram: int, shingles: NDArray[np.uint32]) -> int:
    """Hash every n-gram of at least n words; pad to a multiple of `UNROLL` with the last; return the padded number."""
    leaving = np.uint64(1)
    for _ in range(ngram):
        leaving *= POLYNOMIAL
    polynomial = np.uint64(0)
    for word in range(ngram - 1):
        polynomial = polynomial * POLYNOMIAL + words[word]
    polynomial = polynomial * POLYNOMIAL + words[ngram - 1]
    shingles[0] = _shingle(polynomial)
    for word in range(ngram, len(words)):
        polynomial = polynomial * POLYNOMIAL + words[word] - words[word - ngram] * leaving
        shingles[word - ngram + 1] = _shingle(polynomial)
    count = len(words) - ngram + 1
    while count % UNROLL:
        shingles[count] = shingles[count - 1]
        count += 1
    return count


@numba.njit(cache=True, nogil=True)
def _lower_minima(shingles: NDArray[np.uint32], permutations: NDArray[np.uint32], minima: NDArray[np.uint32]) -> None:
    """Take the minimum over the shingles; eight at a time, so that a permutation is loaded once for all of them."""
    for at in range(0, len(shingles), UNROLL):
        x0, x1, x2, x3 = shingles[at], shingles[at + 1], shingles[at + 2], shingles[at + 3]
        x4, x5, x6, x7 = shingles[at + 4], shingles[at + 5], shingles[at + 6], shingles[at + 7]
        for p in range(len(minima)):
            a, b = permutations[0, p], permutations[1, p]
            # Each product is cut to 32 bits at once: left at 64, the loop would not vectorise.
            low = min(np.uint32(a * x0 + b), np.uint32(a * x1 + b))
            low = min(low, min(np.uint32(a * x2 + b), np.uint32(a * x3 + b)))
            low = min(low, min(np.uint32(a * x4 + b), np.uint32(a * x5 + b)))
            low = min(low, min(np.uint32(a * x6 + b), np.uint32(a * x7 + b)))
            minima[p] = min(minima[p], low)


@numba.njit(cache=True, nogil=True)
def _sketch(
    words: NDArray[np.uint64],
    offsets: NDArray[np.int64],
    content: NDArray[np.uint64],
    ngram: int,
    permutations: NDArray[np.uint32],
    bands: NDArray[np.uint64],
    signature: NDArray[np.uint8],
) -> None:
    count, number_of_bands = bands.shape
    rows = signature.shape[1] // number_of_bands
    minima = np.empty(signature.shape[1], np.uint32)
    longest = 0
    for document in range(count):
        longest = max(longest, offsets[document + 1] - offsets[document])
    shingles = np.empty(longest + UNROLL, np.uint32)
    for document in range(count):
        own = words[offsets[document] : offsets[document + 1]]
        is_short = len(own) < ngram
        if is_short:
            shingles[:UNROLL] = _shingle(content[document, 0])
            number = UNROLL
        else:
            number = _shingles(own, ngram, shingles)
        minima[:] = np.uint32(0xFFFFFFFF)
        _lower_minima(shingles[:number], permutations, minima)
        for p in range(len(minima)):
            signature[document, p] = np.uint32(minima[p] * SPREAD) >> np.uint32(24)
        for band in range(number_of_bands):
            result = _mix(np.uint64(band + 1))
            for p in range(band * rows, (band + 1) * rows):
                result = (result ^ np.uint64(minima[p])) * MIX_2
                result ^= result >> np.uint64(29)
            bands[document, band] = NO_BAND if is_short else max(_mix(result), np.uint64(1))
