"""Find the n-grams and pairs of a table in documents.

All n-grams of a document are hashed first, then sifted without branches by a filter that stays in cache, and what is
left is looked up in the table. Short n-grams come in many lengths; they are sifted by their first `PREFIX` words, so
that few passes serve for all. A pair is two runs of words that count only within `WINDOW` words of each other (a short
question and its answer): one of them, the anchor, is sought as a short n-gram, the other then around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from pile_builder.text.ngram_table import POLYNOMIAL, PREFIX, SEED, SPREAD, NgramTable, find, may_hold, shift_of
from pile_builder.text.normalise import Words

WINDOW = 50
"""The two parts of a pair have at most this many words between them."""


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
    shift = shift_of(len(sieve))
    behind = prefixes[length:]
    for word in range(len(behind)):
        keys[word] = (behind[word] - prefixes[word] * power + seed) * SPREAD
    kept = 0
    for word in range(len(behind)):
        places[kept] = word
        kept += may_hold(sieve, shift, keys[word])
    return kept


@numba.njit(cache=True, nogil=True)
def _put(found: NDArray[np.int64], at: int, document: int, number: int, first: int, behind: int) -> NDArray[np.int64]:
    """Write a hit at a place; returns where it now is, since an array that is full is copied to one twice as long."""
    if at == len(found):
        larger = np.empty((2 * at, 4), np.int64)
        larger[:at] = found
        found = larger
    found[at, 0], found[at, 1], found[at, 2], found[at, 3] = document, number, first, behind
    return found


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

    `pair` is the first pair of this anchor, `mark` a number that no other occurrence of it has; `last_seen`
    holds the mark at which each pair was met last.
    """
    count = 0
    key = hashes[pair]
    words = len(prefixes) - 1
    while pair < len(hashes) and hashes[pair] == key:
        length = lengths[pair]
        end = pair
        power = np.uint64(1)
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
    powers[0] = np.uint64(1)
    for length in range(ngram):
        powers[length + 1] = powers[length] * POLYNOMIAL
    short_shift = shift_of(len(short_filter))
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
                number = find(hashes, directory, keys[places[i]])
                if number >= 0:
                    found = _put(found, count, document, number, base + places[i], base + places[i] + ngram)
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
                    if not may_hold(short_filter, short_shift, key):
                        continue
                    number = find(hashes, directory, key)
                    if number >= 0:
                        found = _put(found, count, document, number, base + first, base + behind)
                        count += 1
                    pair = find(pair_hashes, pair_directory, key)
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
                            number = len(hashes) + matched[j, 0]
                            found = _put(found, count, document, number, base + matched[j, 1], base + matched[j, 2])
                            count += 1
            begin = end
    return found[:count]
