"""spaCy's second pass over the tokens: those that together are a special case become its tokens.

It undoes what the affix rules split (`:` and `)` again become one emoticon) and is rare: `is_joined` tells, chunk by
chunk, whether it would change anything (`Tokenizer._apply_special_cases` in `spacy/tokenizer.pyx`, 3.8).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pile_builder.text.word_splitting import append_special
from pile_builder.text.word_tables import (
    LONGEST_PATTERN,
    LONGEST_STRING,
    NEXT_GATE,
    PATTERN,
    PHRASE_GATE,
    SPLITS,
    WordTables,
    find_string,
    kernel,
    load_word,
    low_bytes,
    passes_gate,
    string_hash,
)

_ONE = np.uint64(1)


@kernel
def is_joined(
    data: NDArray[np.uint8], start: int, tables: WordTables, words: NDArray[np.int32], first: int, count: int
) -> bool:
    """Whether the second pass changes the words from `first` on, all of one chunk."""
    for i in range(first, count - 1):
        if not _begins_phrase(data, start, tables, words, i):
            continue
        low = np.int64(words[i, 0])
        splits = _ONE
        for k in range(i + 1, count):
            length = np.int64(words[k, 1]) - low
            if length > LONGEST_STRING:
                break
            splits |= _ONE << np.uint64(words[k, 0] - low)
            slot = find_string(data, start + low, length, tables)
            if slot >= 0 and tables.strings[slot + PATTERN] == splits and tables.strings[slot + SPLITS] != splits:
                return True
    return False


@njit(cache=True, nogil=True, _nrt=True)
def join_tokens(
    data: NDArray[np.uint8], start: int, tables: WordTables, words: NDArray[np.int32], first: int, count: int
) -> int:
    """Apply spaCy's second pass to the words from `first` on; the new count, or -1 if `words` has too few rows."""
    tokens = words[first:count].copy()
    chosen = np.zeros(len(tokens), np.uint8)
    matches = np.zeros(len(tokens), np.uint16)
    taken = np.zeros(len(tokens), np.bool_)
    _choose_phrases(data, start, tables, tokens, chosen, matches, taken, np.zeros(LONGEST_STRING + 8, np.uint8))
    count = first
    i = 0
    while i < len(tokens):
        low = np.int64(tokens[i, 0])
        last = i + int(max(np.int64(chosen[i]), np.int64(1))) - 1
        covered = np.int64(0)
        for k in range(i, last + 1):
            covered += np.int64(tokens[k, 1]) - np.int64(tokens[k, 0])
        # A phrase with spaces in it is no special case.
        if last > i and np.int64(tokens[last, 1]) - low == covered:
            slot = find_string(data, start + low, covered, tables)
            count = append_special(tables, slot, low, words, count, len(words))
            if count < 0:
                return -1
            i = last + 1
            continue
        if count >= len(words):
            return -1
        words[count, 0] = tokens[i, 0]
        words[count, 1] = tokens[i, 1]
        count += 1
        i += 1
    return count


@kernel
def _begins_phrase(data: NDArray[np.uint8], start: int, tables: WordTables, words: NDArray[np.int32], i: int) -> bool:
    """Whether words i and i + 1 may be the first two of a pattern."""
    low = start + np.int64(words[i + 1, 0])
    length = start + np.int64(words[i + 1, 1]) - low
    if not passes_gate(tables, NEXT_GATE, string_hash(low_bytes(load_word(data, low), length), length)):
        return False
    low = start + np.int64(words[i, 0])
    length = start + np.int64(words[i, 1]) - low
    return passes_gate(tables, PHRASE_GATE, string_hash(low_bytes(load_word(data, low), length), length))


@kernel
def _choose_phrases(
    data: NDArray[np.uint8],
    start: int,
    tables: WordTables,
    tokens: NDArray[np.int32],
    chosen: NDArray[np.uint8],
    matches: NDArray[np.uint16],
    taken: NDArray[np.bool_],
    joined: NDArray[np.uint8],
) -> None:
    """Set `chosen[i]` to the number of tokens of the phrase that spaCy replaces from token i on.

    Of overlapping matches the longest wins, then the first; but one that loses keeps its tokens from others as well
    (`Tokenizer._filter_special_spans`). The last three are scratch, zero at first.
    """
    i = int(np.int64(0))
    while i < len(tokens):
        # A run of matches that overlap.
        end = i
        k = i
        while k < len(tokens) and (k == i or k < end):
            if k + 1 < len(tokens) and _begins_phrase(data, start, tables, tokens, k):
                matches[k] = _phrase_lengths(data, start, tables, tokens, k, joined)
            for length in range(2, LONGEST_PATTERN + 1):
                if (np.int64(matches[k]) >> length) & 1 != 0:
                    end = max(end, k + length)
            k += 1
        if end > i:
            for length in range(LONGEST_PATTERN, 1, -1):
                for first in range(i, end + 1 - length):
                    if (np.int64(matches[first]) >> length) & 1 != 0:
                        if not taken[first] and not taken[first + length - 1]:
                            chosen[first] = length
                        taken[first : first + length] = True
        i = k


@kernel
def _phrase_lengths(
    data: NDArray[np.uint8],
    start: int,
    tables: WordTables,
    tokens: NDArray[np.int32],
    first: int,
    joined: NDArray[np.uint8],
) -> int:
    """Bit k set if the k tokens from `first` on are the pattern of a special case, single spaces between them or not.

    `joined` is scratch of LONGEST_STRING and 8 bytes.
    """
    lengths = 0
    size = np.int64(0)
    splits = np.uint64(0)
    for k in range(first, min(first + LONGEST_PATTERN, len(tokens))):
        low = np.int64(tokens[k, 0])
        length = np.int64(tokens[k, 1]) - low
        gap = low - np.int64(tokens[k - 1, 1]) if k > first else np.int64(0)
        spaced = gap == 1 and data[start + low - 1] == ord(" ")
        if (gap > 0 and not spaced) or size + length > LONGEST_STRING:
            break
        splits |= _ONE << np.uint64(size)
        for m in range(length):
            joined[size + m] = data[start + low + m]
        size += length
        slot = find_string(joined, 0, size, tables)
        if k > first and slot >= 0 and tables.strings[slot + PATTERN] == splits:
            lengths |= 1 << (k - first + 1)
    return lengths
