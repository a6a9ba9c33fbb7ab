"""Signals of a document as integer counts: what gopher_quality, gopher_repetition, fineweb and code rules look at.

`measure` is the kernel over a column. It takes the words of the column, found once for every group that needs them.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pile_builder.text.code import CODE_COUNTS, count_code
from pile_builder.text.column import PADDING
from pile_builder.text.hash_set import MIX
from pile_builder.text.repeated_ngrams import NGRAM_COUNTS, count_ngrams
from pile_builder.text.repetition import LINE_COUNTS, PARAGRAPH_COUNTS, count_lines, count_paragraphs
from pile_builder.text.strings import count_byte, line_break_length, may_break_line, next_mark, strip_end, strip_start
from pile_builder.text.word_tables import (
    ALPHA,
    ASCII,
    PUNCTUATION,
    WordTables,
    bits_at,
    decode,
    kernel,
    load_word,
    low_bytes,
)

QUALITY_COUNTS = (
    "spoken_words",
    "spoken_word_characters",
    "alphabetic_words",
    "stop_words",
    "hashes",
    "ellipses",
    "split_lines",
    "bullet_lines",
    "ellipsis_lines",
)
"""What `count_quality` writes. A spoken word has a character that datatrove does not count as punctuation; `stop_words`
is how many different ones occur; a split line is what `str.splitlines` gives."""

COUNTS = (*QUALITY_COUNTS, *PARAGRAPH_COUNTS, *LINE_COUNTS, *NGRAM_COUNTS, *CODE_COUNTS)
"""Columns of `measure`'s result."""

QUALITY = 1 << 0
"""Fills QUALITY_COUNTS."""
REPETITION = 1 << 1
"""Fills PARAGRAPH_COUNTS, LINE_COUNTS and NGRAM_COUNTS."""
LINES = 1 << 2
"""Fills LINE_COUNTS."""
CODE = 1 << 3
"""Fills CODE_COUNTS."""

_PARAGRAPHS = len(QUALITY_COUNTS)
_LINES = _PARAGRAPHS + len(PARAGRAPH_COUNTS)
_NGRAMS = _LINES + len(LINE_COUNTS)
_CODE = _NGRAMS + len(NGRAM_COUNTS)

_STOP_WORDS = (b"the", b"be", b"to", b"of", b"and", b"that", b"have", b"with")
"""Gopher (arXiv 2112.11446, section A1.1); compared as they stand, upper case does not count."""

_SLOT_SHIFT = np.uint64(59)
_SIZE_SHIFT = np.uint64(55)


def _stop_word_table() -> NDArray[np.uint64]:
    """Each word as a little-endian number plus its size shifted, in the slot that the product with MIX names."""
    table = np.zeros(32, np.uint64)
    for word in _STOP_WORDS:
        number = int.from_bytes(word, "little") + (len(word) << int(_SIZE_SHIFT))
        table[(number * int(MIX) & 0xFFFFFFFFFFFFFFFF) >> int(_SLOT_SHIFT)] = number
    return table


_STOP_WORD_TABLE = _stop_word_table()

_DASH = 0x2D
_DOT = 0x2E
_HASH = 0x23
_HIGH_BITS = np.uint64(0x8080808080808080)


@njit(cache=True, nogil=True)
def measure(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    tables: WordTables,
    words: NDArray[np.int32],
    word_offsets: NDArray[np.int64],
    groups: int,
) -> NDArray[np.int64]:
    """Count what the wanted groups need: int64 of shape (documents, len(COUNTS)), 0 where a group was not wanted.

    Args:
        data: uint8, the column's text.
        offsets: int64 of length documents + 1.
        tables: of words v1.
        words: of the column, the spans that `find_words` gives; LINES and CODE don't look at them.
        word_offsets: theirs.
        groups: which of the bits QUALITY, REPETITION, LINES, CODE to compute.
    """
    counts = np.zeros((len(offsets) - 1, len(COUNTS)), np.int64)
    longest = 0
    for document in range(len(offsets) - 1):
        longest = max(longest, offsets[document + 1] - offsets[document])
    marks = np.empty(longest + PADDING, np.uint8)
    for document in range(len(offsets) - 1):
        start = offsets[document]
        end = offsets[document + 1]
        row = counts[document]
        if groups & (QUALITY | REPETITION):
            own = words[word_offsets[document] : word_offsets[document + 1]]
            if groups & QUALITY:
                count_quality(data, start, end, tables, own, marks, row[:_PARAGRAPHS])
            if groups & REPETITION:
                count_paragraphs(data, start, end, row[_PARAGRAPHS:_LINES])
                count_ngrams(data, start, own, row[_NGRAMS:_CODE])
        if groups & (REPETITION | LINES):
            count_lines(data, start, end, row[_LINES:_NGRAMS])
        if groups & CODE:
            count_code(data, start, end, tables, row[_CODE:])
    return counts


@kernel
def count_quality(
    data: NDArray[np.uint8],
    start: int,
    end: int,
    tables: WordTables,
    words: NDArray[np.int32],
    marks: NDArray[np.uint8],
    row: NDArray[np.int64],
) -> None:
    """Fill `row` with QUALITY_COUNTS of the text in [start, end) and its `words`; `marks` is scratch."""
    spoken = spoken_characters = alphabetic = 0
    stop_words = 0
    for w in range(len(words)):
        i = start + words[w, 0]
        stop = start + words[w, 1]
        size = stop - i
        word = low_bytes(load_word(data, i), size)
        # The size tells a word from the same one with NULs behind; no byte of UTF-8 is large enough to overflow.
        packed = word + (np.uint64(min(size, 8)) << _SIZE_SHIFT)
        slot = np.int64((packed * MIX) >> _SLOT_SHIFT)
        stop_words |= int(_STOP_WORD_TABLE[slot] == packed) << int(slot)
        # For most words the first character decides: ASCII words that begin with a letter or have no other character.
        is_letter = 0x61 <= data[i] | 0x20 <= 0x7A
        high = (word | low_bytes(load_word(data, i + 8), max(size - 8, 1))) & _HIGH_BITS
        if (high == 0) & (size <= 16) & (is_letter | (size == 1)):
            first = np.int64(tables.chars[ASCII + np.int64(data[i])])
            is_first_spoken = int(first & PUNCTUATION == 0)
            alphabetic += first & ALPHA != 0
            spoken += is_first_spoken
            spoken_characters += is_first_spoken * size
            continue
        is_alphabetic = False
        is_spoken = False
        characters = 0
        while i < stop:
            bits = bits_at(data, i, tables)
            i += decode(data, i)[1]
            is_alphabetic |= (bits & ALPHA) != 0
            is_spoken |= (bits & PUNCTUATION) == 0
            characters += 1
        alphabetic += is_alphabetic
        if is_spoken:
            spoken += 1
            spoken_characters += characters
    row[0] = spoken
    row[1] = spoken_characters
    row[2] = alphabetic
    row[3] = 0
    while stop_words:
        stop_words &= stop_words - 1
        row[3] += 1
    _count_marks(data, start, end, marks, row)


@kernel
def _count_marks(
    data: NDArray[np.uint8], start: int, end: int, marks: NDArray[np.uint8], row: NDArray[np.int64]
) -> None:
    """Hash signs, ellipses, and lines that begin with a bullet or end in an ellipsis."""
    text = data[start : end + 1]
    ellipses = lines = bullets = trailing = 0
    for k in range(end - start):
        marks[k] = may_break_line(text[k]) | ((text[k] == _DOT) & (text[k + 1] == _DOT))
    begin = start
    i = start + next_mark(marks, 0, end - start)
    while i < end:
        length = line_break_length(data, i, end)
        if length > 0:
            lines += 1
            bullets += _has_bullet(data, begin, i)
            trailing += _trails_off(data, begin, i)
            begin = i + length
        elif data[i] == _DOT:
            # str.count does not let three dots overlap: a run of six is two ellipses.
            while i + length < end and data[i + length] == _DOT:
                length += 1
            ellipses += length // 3
        else:
            length = 1
            ellipses += data[i] == 0xE2 and data[i + 1] == 0x80 and data[i + 2] == 0xA6
        i = start + next_mark(marks, i + length - start, end - start)
    if begin < end:
        lines += 1
        bullets += _has_bullet(data, begin, end)
        trailing += _trails_off(data, begin, end)
    row[4] = count_byte(data, start, end, _HASH)
    row[5] = ellipses
    row[6] = lines
    row[7] = bullets
    row[8] = trailing


@kernel
def _has_bullet(data: NDArray[np.uint8], start: int, end: int) -> bool:
    i = strip_start(data, start, end)
    if i == end:
        return False
    return data[i] == _DASH or (data[i] == 0xE2 and data[i + 1] == 0x80 and data[i + 2] == 0xA2)


@kernel
def _trails_off(data: NDArray[np.uint8], start: int, end: int) -> bool:
    i = strip_end(data, start, end)
    if i - start < 3:
        return False
    if data[i - 3] == 0xE2:
        return data[i - 2] == 0x80 and data[i - 1] == 0xA6
    return data[i - 3] == _DOT and data[i - 2] == _DOT and data[i - 1] == _DOT
