"""Find known n-grams of words v2 in text: a table of their hashes, and the scan of documents against it.

The hash of an n-gram is a polynomial of its word hashes modulo 2^64, so with the polynomials of all of a document's
prefixes an n-gram of any length costs one multiplication more. Each length has a seed of its own. All n-grams of a
document are hashed first, then sifted without branches by a filter that stays in cache, and what is left is looked up
in the sorted hashes through a directory of their first bits.

Short n-grams come in many lengths. They are sifted by their first `PREFIX` words, so that few passes serve for all.
A pair is two runs of words that count only within `WINDOW` words of each other (a short question and its answer): one
of them, the anchor, is sought as a short n-gram, the other then around it.

Equal hashes count as equal words: with 5 million n-grams, 10^12 words of text meet one wrong n-gram in four corpora.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from pile_builder.text.normalise import Words

PREFIX = 5
"""Words by which n-grams shorter than the table's are sifted."""

WINDOW = 50
"""The two parts of a pair have at most this many words between them."""

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


@dataclass(frozen=True, slots=True)
class Hits:
    """Occurrences of a table's n-grams and pairs, sorted by document, first word and number: int64[k] each.

    `document` is the row in the batch, `number` as in `NgramTable`; `first` and `behind` delimit the words, counted
    over the whole batch as in `Words.hashes`. A pair reaches from the first word of its one part to the last of the
    other.
    """

    document: NDArray[np.int64]
    number: NDArray[np.int64]
    first: NDArray[np.int64]
    behind: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.document)


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


def scan(words: Words, table: NgramTable) -> Hits:
    """Find every occurrence of every n-gram of the table in every document, and every pair.

    A pair is reported once for each occurrence of its anchor that has its partner within `WINDOW` words on either side
    without sharing a word with it, together with the nearest partner (of two at the same distance, the later one).
    """
    found = _scan(
        words.hashes,
        words.offsets,
        table.ngram,
        table.lengths,
        table.hashes,
        table.directory,
        table.long_filter,
        table.short_filter,
        table.pairs.hashes,
        table.pairs.lengths,
        table.pairs.partners,
        table.pair_directory,
    )
    found = found[np.lexsort((found[:, 1], found[:, 2], found[:, 0]))]
    return Hits(*np.ascontiguousarray(found.T))


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
def _shift(size: int) -> np.uint64:
    """How far a hash is shifted so that its highest bits number `size` places, a power of two."""
    shift = np.uint64(64)
    while size > 1:
        size >>= 1
        shift -= _ONE
    return shift


@numba.njit(cache=True, nogil=True)
def _bits(key: np.uint64) -> np.uint64:
    return _ONE << (key >> _BIT_1 & _BIT) | _ONE << (key >> _BIT_2 & _BIT) | _ONE << (key >> _BIT_3 & _BIT)


@numba.njit(cache=True, nogil=True)
def _may_hold(sieve: NDArray[np.uint64], shift: np.uint64, key: np.uint64) -> bool:
    wanted = _bits(key)
    return (sieve[key >> shift] & wanted) == wanted


@numba.njit(cache=True, nogil=True)
def _fill(hashes: NDArray[np.uint64], sieve: NDArray[np.uint64]) -> None:
    shift = _shift(len(sieve))
    for key in hashes:
        sieve[key >> shift] |= _bits(key)


@numba.njit(cache=True, nogil=True)
def _sum_prefixes(words: NDArray[np.uint64], prefixes: NDArray[np.uint64]) -> None:
    polynomial = np.uint64(0)
    prefixes[0] = polynomial
    for word in range(len(words)):
        polynomial = polynomial * POLYNOMIAL + words[word]
        prefixes[word + 1] = polynomial


@numba.njit(cache=True, nogil=True)
def _sift(
    prefixes: NDArray[np.uint64],
    length: int,
    power: np.uint64,
    sieve: NDArray[np.uint64],
    keys: NDArray[np.uint64],
    places: NDArray[np.int64],
) -> int:
    """Hash the n-gram at every word into `keys`; the words whose n-gram may be in the filter into `places`; how many.

    `prefixes` holds one number more than the document has words.
    """
    seed = np.uint64(length) * SEED
    shift = _shift(len(sieve))
    behind = prefixes[length:]
    for word in range(len(behind)):
        keys[word] = (behind[word] - prefixes[word] * power + seed) * SPREAD
    kept = 0
    for word in range(len(behind)):
        places[kept] = word
        kept += _may_hold(sieve, shift, keys[word])
    return kept


@numba.njit(cache=True, nogil=True)
def _find(hashes: NDArray[np.uint64], directory: NDArray[np.int32], key: np.uint64) -> int:
    """The first place of a hash among the sorted ones, or -1."""
    bucket = key >> _shift(len(directory) - 1)
    for place in range(directory[bucket], directory[bucket + _ONE]):
        if hashes[place] >= key:
            return place if hashes[place] == key else -1
    return -1


@numba.njit(cache=True, nogil=True)
def _with_room(found: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    if count < len(found):
        return found
    larger = np.empty((2 * len(found), 4), np.int64)
    larger[:count] = found[:count]
    return larger


@numba.njit(cache=True, nogil=True)
def _find_partners(
    prefixes: NDArray[np.uint64],
    first: int,
    behind: int,
    mark: int,
    pair: int,
    hashes: NDArray[np.uint64],
    lengths: NDArray[np.int64],
    partners: NDArray[np.uint64],
    last_seen: NDArray[np.int64],
    matched: NDArray[np.int64],
) -> int:
    """Write (pair, first word, word behind) of each pair of the anchor at [first, behind) to `matched`; how many.

    `pair` is the first pair of this anchor, `mark` a number that no other occurrence of an anchor has; `last_seen`
    holds the mark at which each pair was met last.
    """
    count = 0
    key = hashes[pair]
    words = len(prefixes) - 1
    while pair < len(hashes) and hashes[pair] == key:
        length = lengths[pair]
        end = pair
        power = _ONE
        for _ in range(length):
            power *= POLYNOMIAL
        while end < len(hashes) and hashes[end] == key and lengths[end] == length:
            end += 1
        seed = np.uint64(length) * SEED
        for step in range(2 * (WINDOW + 1)):
            # Nearest first, and the later side first.
            start = behind + step // 2 if step % 2 == 0 else first - step // 2 - length
            if start < 0 or start + length > words:
                continue
            partner = (prefixes[start + length] - prefixes[start] * power + seed) * SPREAD
            at = pair + np.searchsorted(partners[pair:end], partner)
            if at < end and partners[at] == partner and last_seen[at] != mark:
                last_seen[at] = mark
                matched[count, 0] = at
                matched[count, 1] = min(first, start)
                matched[count, 2] = max(behind, start + length)
                count += 1
        pair = end
    return count


@numba.njit(cache=True, nogil=True)
def _scan(
    words: NDArray[np.uint64],
    offsets: NDArray[np.int64],
    ngram: int,
    lengths: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    directory: NDArray[np.int32],
    long_filter: NDArray[np.uint64],
    short_filter: NDArray[np.uint64],
    pair_hashes: NDArray[np.uint64],
    pair_lengths: NDArray[np.int64],
    pair_partners: NDArray[np.uint64],
    pair_directory: NDArray[np.int32],
) -> NDArray[np.int64]:
    """(document, number, first word, word behind) of every hit, int64[k, 4], not yet in order."""
    longest = 0
    for document in range(len(offsets) - 1):
        longest = max(longest, offsets[document + 1] - offsets[document])
    prefixes = np.empty(longest + 1, np.uint64)
    keys = np.empty(longest + 1, np.uint64)
    places = np.empty(longest + 1, np.int64)
    powers = np.empty(ngram + 1, np.uint64)
    powers[0] = _ONE
    for length in range(ngram):
        powers[length + 1] = powers[length] * POLYNOMIAL
    short_shift = _shift(len(short_filter))
    last_seen = np.full(len(pair_hashes), -1, np.int64)
    matched = np.empty((len(pair_hashes), 3), np.int64)
    found = np.empty((1024, 4), np.int64)
    count = 0
    for document in range(len(offsets) - 1):
        base = offsets[document]
        size = offsets[document + 1] - base
        if size < ngram and (len(lengths) == 0 or size < lengths[0]):
            continue
        own = prefixes[: size + 1]
        _sum_prefixes(words[base : base + size], own)
        if size >= ngram:
            kept = _sift(own, ngram, powers[ngram], long_filter, keys, places)
            for i in range(kept):
                number = _find(hashes, directory, keys[places[i]])
                if number >= 0:
                    found = _with_room(found, count)
                    found[count, 0] = document
                    found[count, 1] = number
                    found[count, 2] = base + places[i]
                    found[count, 3] = base + places[i] + ngram
                    count += 1
        begin = 0
        while begin < len(lengths) and lengths[begin] <= size:
            # Lengths that are sifted together: one below PREFIX alone, the others by their first PREFIX words.
            prefix = min(lengths[begin], PREFIX)
            end = begin + 1
            while end < len(lengths) and prefix == PREFIX:
                end += 1
            kept = _sift(own, prefix, powers[prefix], short_filter, keys, places)
            for i in range(kept):
                first = places[i]
                for length in lengths[begin:end]:
                    behind = first + length
                    if behind > size:
                        break
                    key = (own[behind] - own[first] * powers[length] + np.uint64(length) * SEED) * SPREAD
                    if not _may_hold(short_filter, short_shift, key):
                        continue
                    number = _find(hashes, directory, key)
                    if number >= 0:
                        found = _with_room(found, count)
                        found[count, 0] = document
                        found[count, 1] = number
                        found[count, 2] = base + first
                        found[count, 3] = base + behind
                        count += 1
                    pair = _find(pair_hashes, pair_directory, key)
                    if pair >= 0:
                        partners = _find_partners(
                            own,
                            first,
                            behind,
                            base + first,
                            pair,
                            pair_hashes,
                            pair_lengths,
                            pair_partners,
                            last_seen,
                            matched,
                        )
                        for j in range(partners):
                            found = _with_room(found, count)
                            found[count, 0] = document
                            found[count, 1] = len(hashes) + matched[j, 0]
                            found[count, 2] = base + matched[j, 1]
                            found[count, 3] = base + matched[j, 2]
                            count += 1
            begin = end
    return found[:count]
