"""How much of a document its repeated n-grams of words cover, counted in characters as datatrove counts them.

Definitions: Gopher (Rae et al. 2021, arXiv 2112.11446, table A1) as read by datatrove 0.10.1's
`GopherRepetitionFilter`.

Few n-grams of a text occur twice, so most of it must leave the search early. Every look begins with a tally, a table of
small counters without keys: it counts too high where two keys share a counter, never too low, and what it counts once
needs no exact look. An (n + 1)-gram can repeat only where both its n-grams do. Duplicate n-grams are compared by the
bytes of their joined words, which need not be cut into equal words; they repeat only where their first bytes do.
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
from pile_builder.text.strings import count_characters
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
    hashes = np.empty(n_words, np.uint64)
    keys = np.empty(n_words, np.uint64)
    starts = np.empty(n_words, np.int64)
    tally = np.empty(_COUNTERS_PER_SLOT * table_size(n_words), np.uint8)
    _join_words(data, start, words, joined, first, hashes)

    n_starts = n_words
    for w in range(n_words):
        keys[w] = hashes[w]
        starts[w] = w
    for n in range(2, 5):
        row[n - 2] = 0
        if n_words < n:
            continue
        n_starts = _extend_ngrams(hashes, starts[:n_starts], keys, n)
        highest = _tally_keys(keys[:n_starts], tally)
        top, where = _top_ngram(keys[:n_starts], starts, tally, highest)
        row[n - 2] = top * (count_characters(joined, first[where], first[where + n]) + n - 1)
        n_starts = _keep_repeated(keys[:n_starts], starts, tally)

    n_starts = n_words
    for w in range(n_words):
        starts[w] = w
    slots = np.empty(n_words, np.int64)
    for n in range(5, 11):
        n_starts = _starts_sharing_prefix(joined, first, starts[:n_starts], n, tally, slots)
        row[n - 2] = _duplicate_ngrams(joined, first, starts[:n_starts], n, tally, keys)


@kernel
def _join_words(
    data: NDArray[np.uint8],
    start: int,
    words: NDArray[np.int32],
    joined: NDArray[np.uint8],
    first: NDArray[np.int64],
    hashes: NDArray[np.uint64],
) -> None:
    """Join the words by nothing; note where each begins, the end, and a hash of each."""
    at = 0
    for w in range(len(hashes)):
        first[w] = at
        begin = start + words[w, 0]
        size = words[w, 1] - words[w, 0]
        word = low_bytes(load_word(data, begin), size)
        _store_word(joined, at, word)
        key = word * MIX + np.uint64(size)
        for k in range(8, size, 8):
            word = low_bytes(load_word(data, begin + k), size - k)
            _store_word(joined, at + k, word)
            key = (key ^ (key >> HALF)) * MIX + word
        hashes[w] = key
        at += size
    first[len(hashes)] = at


@kernel
def _extend_ngrams(hashes: NDArray[np.uint64], starts: NDArray[np.int64], keys: NDArray[np.uint64], n: int) -> int:
    """Turn the keys of (n - 1)-grams at `starts` into those of n-grams, without the last that has no room; how many."""
    n_starts = len(starts)
    while n_starts > 0 and starts[n_starts - 1] + n > len(hashes):
        n_starts -= 1
    for s in range(n_starts):
        key = (keys[s] ^ (keys[s] >> HALF)) * MIX + hashes[starts[s] + n - 1]
        key = (key ^ (key >> HALF)) * MIX
        keys[s] = key if key != 0 else _ONE
    return n_starts


@kernel
def _counter(key: np.uint64, mask: int) -> int:
    """The counter of a key; mixed once more, since keys differ least in their lowest bits."""
    return int(np.int64((key * MIX) >> HALF)) & mask


@kernel
def _tally_keys(keys: NDArray[np.uint64], tally: NDArray[np.uint8]) -> int:
    """Count the keys in `tally`, up to 255; the highest count."""
    tally[:] = 0
    mask = len(tally) - 1
    highest = 0
    for s in range(len(keys)):
        counter = _counter(keys[s], mask)
        value = min(int(tally[counter]) + 1, 255)
        tally[counter] = value
        highest = max(highest, value)
    return highest


@kernel
def _keep_repeated(keys: NDArray[np.uint64], starts: NDArray[np.int64], tally: NDArray[np.uint8]) -> int:
    """Keep, in place, the keys and starts that are repeated and whose next start is so too; how many."""
    mask = len(tally) - 1
    kept = 0
    repeated = len(keys) > 0 and tally[_counter(keys[0], mask)] > 1
    for s in range(len(keys) - 1):
        next_repeated = tally[_counter(keys[s + 1], mask)] > 1
        wanted = repeated & next_repeated & (starts[s + 1] == starts[s] + 1)
        keys[kept] = keys[s]
        starts[kept] = starts[s]
        kept += wanted
        repeated = next_repeated
    return kept


@njit(cache=True, nogil=True)
def _top_ngram(
    keys: NDArray[np.uint64], starts: NDArray[np.int64], tally: NDArray[np.uint8], highest: int
) -> tuple[int, int]:
    """Count and first start of the most frequent key, the earliest of equals; (1, 0) if none is repeated."""
    top, where = 1, 0
    # The true maximum is at most `highest`, rarely much less: look first only at what may reach half of it.
    least = max(highest // 2 + 1, 2)
    while highest > 1:
        wanted = _count_wanted(keys, tally, least)
        table = np.zeros(table_size(wanted), np.uint64)
        counts = np.zeros((len(table), 2), np.int64)
        top, where = _most_frequent(keys, starts, tally, least, table, counts)
        if top >= least or least == 2:
            break
        least = max(top, 2)
    return top, where


@kernel
def _count_wanted(keys: NDArray[np.uint64], tally: NDArray[np.uint8], least: int) -> int:
    mask = len(tally) - 1
    wanted = 0
    for s in range(len(keys)):
        wanted += tally[_counter(keys[s], mask)] >= least
    return wanted


@kernel
def _most_frequent(
    keys: NDArray[np.uint64],
    starts: NDArray[np.int64],
    tally: NDArray[np.uint8],
    least: int,
    table: NDArray[np.uint64],
    counts: NDArray[np.int64],
) -> tuple[int, int]:
    """`_top_ngram` among the keys whose counter has at least `least`; `counts` holds (count, first) by slot."""
    mask = len(tally) - 1
    top, where = 1, 0
    for s in range(len(keys)):
        if tally[_counter(keys[s], mask)] >= least:
            slot = find_slot(table, keys[s])
            if table[slot] == 0:
                table[slot] = keys[s]
                counts[slot, 1] = starts[s]
            counts[slot, 0] += 1
            top = max(top, int(counts[slot, 0]))
    if top > 1:
        where = int(starts[len(keys) - 1])
        for slot in range(len(table)):
            if counts[slot, 0] == top:
                where = min(where, int(counts[slot, 1]))
    return top, where


@kernel
def _starts_sharing_prefix(
    joined: NDArray[np.uint8],
    first: NDArray[np.int64],
    starts: NDArray[np.int64],
    n: int,
    tally: NDArray[np.uint8],
    slots: NDArray[np.int64],
) -> int:
    """Keep, in place, those of the words `starts` that may begin a repeated n-gram; how many.

    They may if another of them is followed by the same 3 (n - 1) bytes, or if their n-gram is shorter. `starts` must be
    ascending and hold all words for which that is so with a smaller n.
    """
    prefix = 3 * (n - 1)
    n_words = len(first) - 1
    n_starts = len(starts)
    while n_starts > 0 and starts[n_starts - 1] + n > n_words:
        n_starts -= 1
    tally[:] = 0
    mask = len(tally) - 1
    for s in range(n_starts):
        i = first[starts[s]]
        slots[s] = 0
        if i + prefix <= first[n_words]:
            key = load_word(joined, i) * MIX
            for k in range(8, prefix, 8):
                key = ((key ^ (key >> HALF)) + load_word(joined, i + min(k, prefix - 8))) * MIX
            slots[s] = _counter(key ^ (key >> HALF), mask)
            tally[slots[s]] = min(int(tally[slots[s]]) + 1, 2)
    kept = 0
    for s in range(n_starts):
        w = starts[s]
        starts[kept] = w
        kept += (tally[slots[s]] > 1) | (first[w + n] - first[w] < prefix)
    return kept


@njit(cache=True, nogil=True)
def _duplicate_ngrams(
    joined: NDArray[np.uint8],
    first: NDArray[np.int64],
    starts: NDArray[np.int64],
    n: int,
    tally: NDArray[np.uint8],
    keys: NDArray[np.uint64],
) -> int:
    """Characters in n-grams that begin at one of `starts` and were met before; no other n-gram is repeated."""
    _hash_ngrams(joined, first, starts, n, keys)
    if _tally_keys(keys[: len(starts)], tally) < 2:
        return 0
    seen = np.zeros(table_size(_count_wanted(keys[: len(starts)], tally, 2)), np.uint64)
    return _sum_duplicates(joined, first, starts, n, tally, keys, seen)


@kernel
def _hash_ngrams(
    joined: NDArray[np.uint8], first: NDArray[np.int64], starts: NDArray[np.int64], n: int, keys: NDArray[np.uint64]
) -> None:
    for s in range(len(starts)):
        keys[s] = hash_bytes(joined, first[starts[s]], first[starts[s] + n])


@kernel
def _sum_duplicates(
    joined: NDArray[np.uint8],
    first: NDArray[np.int64],
    starts: NDArray[np.int64],
    n: int,
    tally: NDArray[np.uint8],
    keys: NDArray[np.uint64],
    seen: NDArray[np.uint64],
) -> int:
    mask = len(tally) - 1
    total = 0
    free = 0
    for s in range(len(starts)):
        w = int(starts[s])
        if w >= free and tally[_counter(keys[s], mask)] > 1 and seen_before(seen, keys[s]):
            total += count_characters(joined, first[w], first[w + n])
            free = w + n
    return total


@intrinsic
def _store_word(typing_context: Any, data: Any, index: Any, word: Any) -> Any:
    """`data[index:index + 8] = word`, little-endian, alignment and bounds unchecked."""
    signature = types.void(data, types.int64, types.uint64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = create_struct_proxy(signature.args[0])(context, builder, arguments[0])
        pointer = builder.gep(array.data, [arguments[1]])
        builder.store(arguments[2], builder.bitcast(pointer, ir.IntType(64).as_pointer()), align=1)
        return context.get_dummy_value()

    return signature, generate
