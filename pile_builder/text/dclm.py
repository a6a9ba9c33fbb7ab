"""Signals of a document as DCLM counts them (`baselines/mappers/filters/content_filters.py`), as integers.

Its words are parted by white space, its lines and paragraphs are stripped and never empty, and where something repeats
every copy counts, the first one too. N-grams are of the words v1 that begin with a letter or number, where DCLM takes
the words of the package uniseg.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pile_builder.text.hash_set import MIX, find_slot, hash_bytes, table_size
from pile_builder.text.strings import count_characters, space_length, strip_end, strip_start
from pile_builder.text.word_tables import ALPHA, NUMERIC, WordTables, bits_at, decode, kernel

WORD_COUNTS = ("words", "word_characters", "alphanumeric_words", "non_alphabetic_words", "stop_words", "symbols")
"""`alphanumeric_words` begin with a letter or number, `stop_words` count every occurrence."""
LINE_COUNTS = ("lines", "line_characters", "repeated_lines", "repeated_line_characters", "bullet_lines")
PARAGRAPH_COUNTS = ("paragraphs", "paragraph_characters", "repeated_paragraphs", "repeated_paragraph_characters")
NGRAM_COUNTS = (
    "ngram_characters",
    *(f"top_{n}_gram_characters" for n in (2, 3, 4)),
    *(f"repeated_{n}_gram_characters" for n in (5, 6, 7, 8, 9, 10)),
)
DCLM_COUNTS = (*WORD_COUNTS, *LINE_COUNTS, "ellipsis_lines", *PARAGRAPH_COUNTS, *NGRAM_COUNTS)
"""Columns of `measure_dclm`'s result."""

_LINES = len(WORD_COUNTS)
_ELLIPSIS_LINES = _LINES + len(LINE_COUNTS)
_PARAGRAPHS = _ELLIPSIS_LINES + 1
_NGRAMS = _PARAGRAPHS + len(PARAGRAPH_COUNTS)
_NEWLINE, _DOT, _SPACE, _HASH, _STAR, _DASH = 0x0A, 0x2E, 0x20, 0x23, 0x2A, 0x2D
_LONGEST_STOP_WORD = 4
_STOP_WORDS = np.array(
    [int.from_bytes(word, "little") for word in (b"the", b"be", b"to", b"of", b"and", b"that", b"have", b"with")],
    np.int64,
)


@njit(cache=True, nogil=True)
def measure_dclm(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    tables: WordTables,
    words: NDArray[np.int32],
    word_offsets: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Count DCLM_COUNTS, int64 of shape (documents, len(DCLM_COUNTS)), of a column and its words v1."""
    counts = np.zeros((len(offsets) - 1, len(DCLM_COUNTS)), np.int64)
    for document in range(len(offsets) - 1):
        start, end = offsets[document], offsets[document + 1]
        row = counts[document]
        _count_words(data, start, end, tables, row)
        _count_symbols(data, start, end, row)
        _count_segments(data, start, end, 1, row[_LINES:])
        _count_segments(data, start, end, 2, row[_PARAGRAPHS:])
        _count_marked_lines(data, start, end, row)
        own = words[word_offsets[document] : word_offsets[document + 1]]
        _count_ngrams(data, start, tables, own, row[_NGRAMS:])
    return counts


@kernel
def _count_words(data: NDArray[np.uint8], start: int, end: int, tables: WordTables, row: NDArray[np.int64]) -> None:
    n = characters = alphanumeric = plain = stop_words = 0
    i = start
    while i < end:
        length = space_length(data, i)
        if length > 0:
            i += length
            continue
        begin = i
        is_alphabetic = False
        alphanumeric += (bits_at(data, i, tables) & (ALPHA | NUMERIC)) != 0
        while i < end and space_length(data, i) == 0:
            is_alphabetic |= (bits_at(data, i, tables) & ALPHA) != 0
            i += decode(data, i)[1]
            characters += 1
        n += 1
        plain += not is_alphabetic
        stop_words += _is_stop_word(data, begin, i)
    row[0] = n
    row[1] = characters
    row[2] = alphanumeric
    row[3] = plain
    row[4] = stop_words


@kernel
def _is_stop_word(data: NDArray[np.uint8], start: int, end: int) -> bool:
    if end - start > _LONGEST_STOP_WORD:
        return False
    word = np.int64(0)
    for k in range(end - start):
        byte = np.int64(data[start + k])
        if 0x41 <= byte <= 0x5A:
            byte |= 0x20
        word |= byte << (8 * k)
    found = False
    for known in _STOP_WORDS:
        found |= word == known
    return found


@kernel
def _count_symbols(data: NDArray[np.uint8], start: int, end: int, row: NDArray[np.int64]) -> None:
    """Hash signs and ellipses, each spelling of an ellipsis counted on its own and without overlap."""
    symbols = 0
    after_dots = after_spaced = start
    for i in range(start, end):
        byte = data[i]
        if byte == _HASH or (byte == 0xE2 and data[i + 1] == 0x80 and data[i + 2] == 0xA6):
            symbols += 1
        elif byte == _DOT:
            if i >= after_dots and _has_dots(data, i, end, 1):
                symbols += 1
                after_dots = i + 3
            if i >= after_spaced and _has_dots(data, i, end, 2):
                symbols += 1
                after_spaced = i + 5
    row[5] = symbols


@kernel
def _has_dots(data: NDArray[np.uint8], i: int, end: int, step: int) -> bool:
    """Whether `...` (step 1) or `. . .` (step 2) begins at the dot at i."""
    if i + 2 * step >= end or data[i + step] != _DOT or data[i + 2 * step] != _DOT:
        return False
    return step == 1 or (data[i + 1] == _SPACE and data[i + 3] == _SPACE)


@kernel
def _next_separator(data: NDArray[np.uint8], i: int, end: int, newlines: int) -> int:
    while i < end and not (data[i] == _NEWLINE and (newlines == 1 or (i + 1 < end and data[i + 1] == _NEWLINE))):
        i += 1
    return i


@njit(cache=True, nogil=True)
def _count_segments(data: NDArray[np.uint8], start: int, end: int, newlines: int, row: NDArray[np.int64]) -> None:
    """Segments between separators of one or two line feeds: how many, their characters, both of repeated ones."""
    n = 0
    begin = start
    while begin <= end:
        n += 1
        begin = _next_separator(data, begin, end, newlines) + newlines
    seen = np.zeros(table_size(n), np.uint64)
    copies = np.zeros(len(seen), np.int64)
    begin = start
    while begin <= end:
        stop = _next_separator(data, begin, end, newlines)
        low = strip_start(data, begin, min(stop, end))
        high = strip_end(data, low, min(stop, end))
        begin = stop + newlines
        if low == high:
            continue
        length = count_characters(data, low, high)
        key = hash_bytes(data, low, high)
        slot = find_slot(seen, key)
        seen[slot] = key
        copies[slot] += 1
        row[0] += 1
        row[1] += length
        if copies[slot] > 1:
            new = 2 if copies[slot] == 2 else 1
            row[2] += new
            row[3] += new * length


@kernel
def _count_marked_lines(data: NDArray[np.uint8], start: int, end: int, row: NDArray[np.int64]) -> None:
    """Lines that begin with a bullet (●, •, * or -) and lines that end in an ellipsis."""
    begin = start
    while begin < end:
        stop = _next_separator(data, begin, end, 1)
        low = strip_start(data, begin, stop)
        high = strip_end(data, low, stop)
        begin = stop + 1
        if low == high:
            continue
        first = data[low]
        is_bullet = (first == _STAR) | (first == _DASH)
        if first == 0xE2:
            is_bullet = (data[low + 1] == 0x80 and data[low + 2] == 0xA2) or (
                data[low + 1] == 0x97 and data[low + 2] == 0x8F
            )
        row[_LINES + 4] += is_bullet
        trails_off = high - low >= 3 and (
            _has_dots(data, high - 3, high, 1)
            if data[high - 3] == _DOT
            else (data[high - 3] == 0xE2 and data[high - 2] == 0x80 and data[high - 1] == 0xA6)
        )
        trails_off |= high - low >= 5 and data[high - 5] == _DOT and _has_dots(data, high - 5, high, 2)
        row[_ELLIPSIS_LINES] += trails_off


@njit(cache=True, nogil=True)
def _count_ngrams(
    data: NDArray[np.uint8], start: int, tables: WordTables, words: NDArray[np.int32], row: NDArray[np.int64]
) -> None:
    """NGRAM_COUNTS of a text. An n-gram is looked at only where both shorter ones in it repeat."""
    hashes = np.empty(len(words), np.uint64)
    lengths = np.empty(len(words), np.int64)
    n_words = 0
    for w in range(len(words)):
        low, high = start + words[w, 0], start + words[w, 1]
        if bits_at(data, low, tables) & (ALPHA | NUMERIC):
            hashes[n_words] = hash_bytes(data, low, high)
            lengths[n_words] = count_characters(data, low, high)
            row[0] += lengths[n_words]
            n_words += 1
    keys = hashes[:n_words].copy()
    at = np.arange(n_words)
    n_places = n_words
    slots = np.empty(n_words, np.int64)
    for n in range(2, 11):
        kept = 0
        for k in range(n_places):
            follows = n == 2 or (k + 1 < n_places and at[k + 1] == at[k] + 1)
            if follows and at[k] + n <= n_words:
                at[kept] = at[k]
                kept += 1
        n_places = kept
        if n_places == 0:
            break
        table = np.zeros(table_size(n_places), np.uint64)
        copies = np.zeros(len(table), np.int64)
        for k in range(n_places):
            i = at[k]
            key = ((keys[i] * MIX) ^ hashes[i + n - 1]) * MIX
            key ^= key >> np.uint64(29)
            keys[i] = key if key != 0 else np.uint64(1)
            slots[k] = find_slot(table, keys[i])
            table[slots[k]] = keys[i]
            copies[slots[k]] += 1
        n_places = _repeated(at, slots, copies, n_places, n, lengths, row[n - 1 :])


@kernel
def _repeated(
    at: NDArray[np.int64],
    slots: NDArray[np.int64],
    copies: NDArray[np.int64],
    n_places: int,
    n: int,
    lengths: NDArray[np.int64],
    total: NDArray[np.int64],
) -> int:
    """Put the repeated n-grams first in `at` and return how many there are; write their characters to `total[0]`.

    Up to n = 4 that is the longest of the most frequent n-grams times its count, from 5 on all words that lie in any.
    """
    kept = 0
    best_copies = best_length = covered = 0
    for k in range(n_places):
        count = copies[slots[k]]
        if count < 2:
            continue
        i = at[k]
        length = 0
        for w in range(max(i, covered) if n > 4 else i, i + n):
            length += lengths[w]
        if n > 4:
            total[0] += length
            covered = i + n
        elif count > best_copies or (count == best_copies and length > best_length):
            best_copies, best_length = count, length
        at[kept] = i
        kept += 1
    if n <= 4:
        total[0] = best_copies * best_length
    return kept
