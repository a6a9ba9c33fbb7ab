"""How much of a document its repeated n-grams of words cover, counted in characters as datatrove counts them.

Definitions: Gopher (Rae et al. 2021, arXiv 2112.11446, table A1) as read by datatrove 0.10.1's
`GopherRepetitionFilter`.

Few n-grams of a text occur twice, so most of it must leave the search early. Every look begins with a tally, a table of
small counters without keys: it counts too high where two keys share a counter, never too low, and what it counts once
needs no exact look. An (n + 1)-gram can repeat only where both its n-grams do. Duplicate n-grams are compared by the
bytes of their joined words, which need not be cut into equal words; they repeat only where each of their prefixes does.
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
_FIRST_PREFIX = 12
_PREFIX_STEP = 8
_LAST_PREFIX = 60
_ANY_LENGTH = 1 << 30


@njit(cache=True, nogil=True)
def count_ngrams(data: NDArray[np.uint8], start: int, words: NDArray[np.int32], row: NDArray[np.int64]) -> None:
    """Fill `row` with NGRAM_COUNTS of `words`, (start, end) pairs relative to `start`.

    Top n-gram: the most frequent one (the earliest of equals), its words joined by spaces, times its count. Duplicate
    n-grams: reading from the left, an n-gram whose words joined by nothing were met before counts with its characters
    and is skipped as a whole, otherwise the next one begins a word later.
    """
    row[:] = 0
    n_words = len(words)
    if n_words < 2:
        return
    joined = np.empty(int(words[n_words - 1, 1]) + 64, np.uint8)
    first = np.empty(n_words + 1, np.int32)
    hashes = np.empty(n_words, np.uint64)
    keys = np.empty(n_words, np.uint64)
    starts = np.empty(n_words, np.int32)
    counters = np.empty(n_words, np.int32)
    times = np.empty(n_words, np.uint8)
    tally = np.empty(_COUNTERS_PER_SLOT * table_size(n_words), np.uint8)
    _join_words(data, start, words, joined, first, hashes)

    n_starts = n_words
    for w in range(n_words):
        keys[w] = hashes[w]
        starts[w] = w
    for n in range(2, min(n_words, 4) + 1):
        n_starts = _extend_ngrams(hashes, starts[:n_starts], keys, n)
        highest = _tally_keys(keys[:n_starts], tally, counters, times)
        top, where = _top_ngram(keys[:n_starts], starts, times, highest)
        row[n - 2] = top * (count_characters(joined, first[where], first[where + n]) + n - 1)
        n_starts = _keep_repeated(keys[:n_starts], starts, times)

    # From here on `hashes` is scratch, and `starts` the words at which a repeated n-gram may begin.
    lengths = np.empty(n_words, np.int32)
    _bound_lengths(joined, first, hashes, starts, counters, times, tally, lengths)
    for w in range(n_words):
        starts[w] = w
    n_starts = n_words
    for n in range(5, 11):
        n_starts = _keep_bounded(first, lengths, starts[:n_starts], n)
        if n_starts < 2:
            break
        seen = np.zeros(table_size(n_starts), np.uint64)
        row[n - 2] = _sum_duplicates(joined, first, starts[:n_starts], n, seen)


@kernel
def _join_words(
    data: NDArray[np.uint8],
    start: int,
    words: NDArray[np.int32],
    joined: NDArray[np.uint8],
    first: NDArray[np.int32],
    hashes: NDArray[np.uint64],
) -> None:
    """Join the words by nothing; note where each begins, the end, and a hash of each."""
    at = 0
    for w in range(len(hashes)):
        first[w] = at
        begin = start + words[w, 0]
        size = words[w, 1] - words[w, 0]
        # Sixteen bytes of every word, since the branch for words of up to eight would often be guessed wrong.
        head = low_bytes(load_word(data, begin), size)
        tail = low_bytes(load_word(data, begin + 8), max(size - 8, 1)) * np.uint64(size > 8)
        _store_word(joined, at, head)
        _store_word(joined, at + 8, tail)
        key = head * MIX + np.uint64(size)
        key = (key ^ (key >> HALF)) * MIX + tail
        for k in range(16, size, 8):
            tail = low_bytes(load_word(data, begin + k), size - k)
            _store_word(joined, at + k, tail)
            key = (key ^ (key >> HALF)) * MIX + tail
        hashes[w] = key
        at += size
    first[len(hashes)] = at


@kernel
def _extend_ngrams(hashes: NDArray[np.uint64], starts: NDArray[np.int32], keys: NDArray[np.uint64], n: int) -> int:
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
def _tally_keys(
    keys: NDArray[np.uint64], tally: NDArray[np.uint8], counters: NDArray[np.int32], times: NDArray[np.uint8]
) -> int:
    """Write to `times` how often each key occurs at most, counting up to 255; the highest of these.

    `tally` and `counters` are scratch, with room for _COUNTERS_PER_SLOT * table_size and for one entry per key.
    """
    size = _COUNTERS_PER_SLOT * table_size(len(keys))
    tally[:size] = 0
    mask = size - 1
    highest = 0
    for s in range(len(keys)):
        # Mixed once more, since keys differ least in their lowest bits.
        counter = int(np.int64((keys[s] * MIX) >> HALF)) & mask
        value = min(int(tally[counter]) + 1, 255)
        tally[counter] = value
        counters[s] = counter
        highest = max(highest, value)
    for s in range(len(keys)):
        times[s] = tally[counters[s]]
    return highest


@kernel
def _keep_repeated(keys: NDArray[np.uint64], starts: NDArray[np.int32], times: NDArray[np.uint8]) -> int:
    """Keep, in place, the keys and starts that are repeated and whose next start is so too; how many."""
    kept = 0
    for s in range(len(keys) - 1):
        wanted = (times[s] > 1) & (times[s + 1] > 1) & (starts[s + 1] == starts[s] + 1)
        keys[kept] = keys[s]
        starts[kept] = starts[s]
        kept += wanted
    return kept


@njit(cache=True, nogil=True)
def _top_ngram(
    keys: NDArray[np.uint64], starts: NDArray[np.int32], times: NDArray[np.uint8], highest: int
) -> tuple[int, int]:
    """Count and first start of the most frequent key, the earliest of equals; (1, 0) if none is repeated."""
    top, where = 1, 0
    # The true maximum is at most `highest`, rarely much less: look first only at what may reach half of it.
    least = max(highest // 2 + 1, 2)
    while highest > 1:
        table = np.zeros(table_size(_count_at_least(times[: len(keys)], least)), np.uint64)
        counts = np.zeros((len(table), 2), np.int64)
        top, where = _most_frequent(keys, starts, times, least, table, counts)
        if top >= least or least == 2:
            break
        least = max(top, 2)
    return top, where


@kernel
def _count_at_least(times: NDArray[np.uint8], least: int) -> int:
    wanted = 0
    for s in range(len(times)):
        wanted += times[s] >= least
    return wanted


@kernel
def _most_frequent(
    keys: NDArray[np.uint64],
    starts: NDArray[np.int32],
    times: NDArray[np.uint8],
    least: int,
    table: NDArray[np.uint64],
    counts: NDArray[np.int64],
) -> tuple[int, int]:
    """`_top_ngram` among the keys that may occur at least `least` times; `counts` holds (count, first) by slot."""
    top, where = 1, 0
    for s in range(len(keys)):
        if times[s] >= least:
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
def _bound_lengths(
    joined: NDArray[np.uint8],
    first: NDArray[np.int32],
    keys: NDArray[np.uint64],
    starts: NDArray[np.int32],
    counters: NDArray[np.int32],
    times: NDArray[np.uint8],
    tally: NDArray[np.uint8],
    lengths: NDArray[np.int32],
) -> None:
    """Write to `lengths`, for each word, what a repeated n-gram that begins there has fewer bytes than.

    That is the first of some lengths at which no other word is followed by the same bytes. Words that share a prefix
    are asked for the next longer one, whose key continues the shorter one's. Other arrays are scratch.
    """
    n_bytes = first[len(lengths)]
    n_starts = len(lengths)
    for w in range(n_starts):
        i = first[w]
        starts[w] = w
        lengths[w] = _FIRST_PREFIX
        keys[w] = load_word(joined, i) * MIX
        keys[w] = ((keys[w] ^ (keys[w] >> HALF)) + load_word(joined, i + _FIRST_PREFIX - 8)) * MIX
    while n_starts > 0 and first[n_starts - 1] + _FIRST_PREFIX > n_bytes:
        n_starts -= 1
    for prefix in range(_FIRST_PREFIX + _PREFIX_STEP, _LAST_PREFIX + 2 * _PREFIX_STEP, _PREFIX_STEP):
        _tally_keys(keys[:n_starts], tally, counters, times)
        kept = 0
        for s in range(n_starts):
            starts[kept] = starts[s]
            keys[kept] = keys[s]
            kept += times[s] > 1
        n_starts = kept
        for s in range(n_starts):
            lengths[starts[s]] = prefix if prefix <= _LAST_PREFIX else _ANY_LENGTH
        while n_starts > 0 and first[starts[n_starts - 1]] + prefix > n_bytes:
            n_starts -= 1
        for s in range(n_starts):
            word = load_word(joined, first[starts[s]] + prefix - _PREFIX_STEP)
            keys[s] = ((keys[s] ^ (keys[s] >> HALF)) + word) * MIX


@kernel
def _keep_bounded(first: NDArray[np.int32], lengths: NDArray[np.int32], starts: NDArray[np.int32], n: int) -> int:
    """Keep, in place, those of the words `starts` whose n-gram is shorter than their bound; how many."""
    n_starts = len(starts)
    while n_starts > 0 and starts[n_starts - 1] + n >= len(first):
        n_starts -= 1
    kept = 0
    for s in range(n_starts):
        w = starts[s]
        starts[kept] = w
        kept += first[w + n] - first[w] < lengths[w]
    return kept


@kernel
def _sum_duplicates(
    joined: NDArray[np.uint8], first: NDArray[np.int32], starts: NDArray[np.int32], n: int, seen: NDArray[np.uint64]
) -> int:
    """Characters in n-grams that begin at one of `starts` and were met before; no other n-gram is repeated."""
    total = 0
    free = 0
    for s in range(len(starts)):
        w = int(starts[s])
        if w >= free and seen_before(seen, hash_bytes(joined, first[w], first[w + n])):
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
