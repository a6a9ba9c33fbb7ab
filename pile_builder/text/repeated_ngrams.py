"""How much of a document its repeated n-grams of words cover, counted in characters as datatrove counts them.

Definitions: Gopher (Rae et al. 2021, arXiv 2112.11446, table A1) as read by datatrove 0.10.1's `GopherRepetitionFilter`.

Few n-grams of a text occur twice. So each search begins with a tally, a table of small counters without keys: it counts
too high where two n-grams share a counter, never too low, and what it counts once needs no exact look. Duplicate
n-grams are compared by the bytes of their joined words, which need not be cut into equal words; two that are equal also
share their first bytes, so whatever shares none with another leaves the search for all sizes at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core.cgutils import create_struct_proxy
from numba.extending import intrinsic
from numpy.typing import NDArray

from pile_builder.text.hash_set import HALF, MIX, find_slot, hash_bytes, seen_before, table_size
from pile_builder.text.word_tables import kernel, load_word, low_bytes

TOP_SIZES = (2, 3, 4)
DUPLICATE_SIZES = (5, 6, 7, 8, 9, 10)
NGRAM_COUNTS = (
    *(f"top_{n}_gram_characters" for n in TOP_SIZES),
    *(f"duplicate_{n}_gram_characters" for n in DUPLICATE_SIZES),
)
"""What `count_ngrams` writes."""

_COUNTERS_PER_SLOT = 4
_ONE = np.uint64(1)
_ONES = np.uint64(0x0101010101010101)
_SIX, _SEVEN, _FIFTY_SIX = np.uint64(6), np.uint64(7), np.uint64(56)


@njit(cache=True, nogil=True)
def count_ngrams(
    data: NDArray[np.uint8], start: int, words: NDArray[np.int32], n_words: int, row: NDArray[np.int64]
) -> None:
    """Fill `row` with NGRAM_COUNTS of the first `n_words` of `words`, (start, end) pairs relative to `start`.

    Top n-gram: the most frequent one (the earliest of equals), its words joined by spaces, times its count. Duplicate
    n-grams: reading from the left, an n-gram whose words joined by nothing were met before counts with its characters
    and is skipped as a whole, otherwise the next one begins a word later.
    """
    n_bytes = words[n_words - 1, 1] if n_words > 0 else 0
    joined = np.empty(n_bytes + 64, np.uint8)
    first = np.empty(n_words + 1, np.int64)
    characters = np.empty(n_words + 1, np.int64)
    hashes = np.empty(n_words, np.uint64)
    _join_words(data, start, words, joined, first, characters, hashes)
    for n in range(2, 5):
        row[n - 2] = _top_ngram(hashes, characters, n)
    starts = np.arange(n_words)
    for n in range(5, 11):
        starts = _starts_sharing_prefix(joined, first, starts, n)
        row[n - 2] = _duplicate_ngrams(joined, first, characters, starts, n)


@kernel
def _join_words(
    data: NDArray[np.uint8],
    start: int,
    words: NDArray[np.int32],
    joined: NDArray[np.uint8],
    first: NDArray[np.int64],
    characters: NDArray[np.int64],
    hashes: NDArray[np.uint64],
) -> None:
    """Join the words by nothing; note where each begins, in bytes and in characters, the end, and their hashes."""
    at = length = np.int64(0)
    for w in range(len(hashes)):
        first[w] = at
        characters[w] = length
        begin = start + words[w, 0]
        end = start + words[w, 1]
        hashes[w] = hash_bytes(data, begin, end)
        word = low_bytes(load_word(data, begin), end - begin)
        store_word(joined, at, word)
        length += min(end - begin, 8) - _continuation_bytes(word)
        for i in range(begin + 8, end, 8):
            word = low_bytes(load_word(data, i), end - i)
            store_word(joined, at + i - begin, word)
            length += min(end - i, 8) - _continuation_bytes(word)
        at += end - begin
    first[len(hashes)] = at
    characters[len(hashes)] = length


@njit(cache=True, nogil=True)
def _top_ngram(hashes: NDArray[np.uint64], characters: NDArray[np.int64], n: int) -> int:
    """Characters of the most frequent n-gram, spaces between its words included, times its count; 0 without any."""
    n_grams = len(hashes) - n + 1
    if n_grams < 1:
        return 0
    keys = np.empty(n_grams, np.uint64)
    tally = np.zeros(_COUNTERS_PER_SLOT * table_size(n_grams), np.uint8)
    highest = _tally_ngrams(hashes, n, keys, tally)
    top = np.int64(1)
    where = np.int64(0)
    # The true maximum is at most `highest`, rarely much less: look first only at what may reach half of it.
    least = highest // 2 + 1
    candidates = np.empty(n_grams, np.int64)
    while highest > 1:
        least = max(least, 2)
        n_candidates = _candidates(keys, tally, least, candidates)
        table = np.zeros(table_size(n_candidates), np.uint64)
        count = np.zeros((len(table), 2), np.int64)
        top, where = _most_frequent(keys, candidates[:n_candidates], table, count)
        if top >= least or least == 2:
            break
        least = top
    return top * (characters[where + n] - characters[where] + n - 1)


@kernel
def _tally_ngrams(hashes: NDArray[np.uint64], n: int, keys: NDArray[np.uint64], tally: NDArray[np.uint8]) -> int:
    """Fill `keys` with the n-grams' hashes and `tally` with their counts, up to 255; the highest of them."""
    shift = _tally_shift(tally)
    highest = np.int64(0)
    for w in range(len(keys)):
        key = hashes[w]
        for k in range(1, n):
            key = key * MIX + hashes[w + k]
        key = (key ^ (key >> HALF)) * MIX
        keys[w] = key if key != 0 else _ONE
        slot = np.int64(key >> shift)
        value = min(np.int64(tally[slot]) + 1, 255)
        tally[slot] = value
        highest = max(highest, value)
    return highest


@kernel
def _candidates(keys: NDArray[np.uint64], tally: NDArray[np.uint8], least: int, candidates: NDArray[np.int64]) -> int:
    """Write the positions whose counter has at least `least`; their number."""
    shift = _tally_shift(tally)
    n = 0
    for w in range(len(keys)):
        candidates[n] = w
        n += tally[np.int64(keys[w] >> shift)] >= least
    return n


@kernel
def _most_frequent(
    keys: NDArray[np.uint64], candidates: NDArray[np.int64], table: NDArray[np.uint64], count: NDArray[np.int64]
) -> tuple[int, int]:
    """Count and first position of the most frequent key, the earliest of equals; (1, 0) if none is repeated."""
    for c in range(len(candidates)):
        w = candidates[c]
        slot = find_slot(table, keys[w])
        if table[slot] == 0:
            table[slot] = keys[w]
            count[slot, 1] = w
        count[slot, 0] += 1
    top = np.int64(1)
    where = np.int64(0)
    for slot in range(len(table)):
        if count[slot, 0] > top or (count[slot, 0] == top > 1 and count[slot, 1] < where):
            top = count[slot, 0]
            where = count[slot, 1]
    return top, where


@kernel
def _tally_shift(tally: NDArray[np.uint8]) -> np.uint64:
    """How far right a hash must go to be a slot of `tally`."""
    shift = np.uint64(64)
    size = len(tally)
    while size > 1:
        size >>= 1
        shift -= _ONE
    return shift


@njit(cache=True, nogil=True)
def _starts_sharing_prefix(
    joined: NDArray[np.uint8], first: NDArray[np.int64], starts: NDArray[np.int64], n: int
) -> NDArray[np.int64]:
    """Those of the words `starts` that begin an n-gram which another of them may begin as well.

    It may if the next 3 (n - 1) bytes are the same or the n-gram is shorter. `starts` must be ascending and hold all
    words for which that is so with a smaller n.
    """
    prefix = 3 * (n - 1)
    n_words = len(first) - 1
    n_starts = len(starts)
    while n_starts > 0 and starts[n_starts - 1] + n > n_words:
        n_starts -= 1
    tally = np.zeros(_COUNTERS_PER_SLOT * table_size(n_starts), np.uint8)
    mask = len(tally) - 1
    slots = np.empty(n_starts, np.int64)
    for s in range(n_starts):
        i = first[starts[s]]
        slots[s] = -1
        if i + prefix > first[n_words]:
            continue
        key = load_word(joined, i) * MIX
        for k in range(8, prefix, 8):
            key = ((key ^ (key >> HALF)) + load_word(joined, i + min(k, prefix - 8))) * MIX
        slots[s] = np.int64(key >> HALF) & mask
        tally[slots[s]] += np.uint8(tally[slots[s]] < 2)
    kept = np.empty(n_starts, np.int64)
    n_kept = 0
    for s in range(n_starts):
        kept[n_kept] = starts[s]
        n_kept += first[starts[s] + n] - first[starts[s]] < prefix or tally[slots[s]] > 1
    return kept[:n_kept]


@njit(cache=True, nogil=True)
def _duplicate_ngrams(
    joined: NDArray[np.uint8],
    first: NDArray[np.int64],
    characters: NDArray[np.int64],
    starts: NDArray[np.int64],
    n: int,
) -> int:
    """Characters in n-grams that begin at one of `starts` and were met before; no other n-gram is repeated."""
    seen = np.zeros(table_size(len(starts)), np.uint64)
    total = np.int64(0)
    free = 0
    for s in range(len(starts)):
        w = starts[s]
        if w >= free and seen_before(seen, hash_bytes(joined, first[w], first[w + n])):
            total += characters[w + n] - characters[w]
            free = w + n
    return total


@kernel
def _continuation_bytes(word: np.uint64) -> int:
    """How many of the eight bytes are not the first of a UTF-8 character."""
    return np.int64((((word >> _SEVEN) & ~(word >> _SIX) & _ONES) * _ONES) >> _FIFTY_SIX)


@intrinsic
def store_word(typing_context: Any, data: Any, index: Any, word: Any) -> Any:
    """`data[index:index + 8] = word`, little-endian, alignment and bounds unchecked."""
    signature = types.void(data, types.int64, types.uint64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = create_struct_proxy(signature.args[0])(context, builder, arguments[0])
        pointer = builder.gep(array.data, [arguments[1]])
        builder.store(arguments[2], builder.bitcast(pointer, ir.IntType(64).as_pointer()), align=1)
        return context.get_dummy_value()

    return signature, generate
