"""Signals of a document as integer counts: what gopher_quality, gopher_repetition, fineweb and code rules look at.

`measure` is the kernel over a column. It tokenises a document once and hands the words to every group that needs them.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pile_builder.text.code import CODE_COUNTS, count_code
from pile_builder.text.hash_set import MIX
from pile_builder.text.repeated_ngrams import NGRAM_COUNTS, count_ngrams
from pile_builder.text.repetition import LINE_COUNTS, PARAGRAPH_COUNTS, count_lines, count_paragraphs
from pile_builder.text.strings import line_break_length, strip_end, strip_start
from pile_builder.text.word_tables import ALPHA, PUNCTUATION, WordTables, bits_at, decode, kernel, load_word, low_bytes
from pile_builder.text.words import tokenize

QUALITY_COUNTS = (
    "words",
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
"""Fills PARAGRAPH_COUNTS, LINE_COUNTS, NGRAM_COUNTS and `words`."""
LINES = 1 << 2
"""Fills LINE_COUNTS and `words`."""
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
_MARKS = np.array([byte in b"\n\v\f\r\x1c\x1d\x1e#.\xc2\xe2" for byte in range(256)], np.bool_)
"""Bytes at which `_count_marks` looks closer."""


@njit(cache=True, nogil=True)
def measure(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    tables: WordTables,
    groups: int,
) -> NDArray[np.int64]:
    """Count what the wanted groups need: int64 of shape (documents, len(COUNTS)), 0 where a group was not wanted.

    Args:
        data: uint8, the column's text.
        offsets: int64 of length documents + 1.
        tables: of words v1.
        groups: which of the bits QUALITY, REPETITION, LINES, CODE to compute.
    """
    counts = np.zeros((len(offsets) - 1, len(COUNTS)), np.int64)
    words = np.empty((4096, 2), np.int32)
    for document in range(len(offsets) - 1):
        start = offsets[document]
        end = offsets[document + 1]
        row = counts[document]
        if groups & (QUALITY | REPETITION | LINES):
            n_words = tokenize(data, start, end, tables, words)
            while n_words < 0:
                words = np.empty((2 * len(words), 2), np.int32)
                n_words = tokenize(data, start, end, tables, words)
            row[0] = n_words
            if groups & QUALITY:
                count_quality(data, start, end, tables, words, n_words, row[:_PARAGRAPHS])
            if groups & REPETITION:
                count_paragraphs(data, start, end, row[_PARAGRAPHS:_LINES])
                count_ngrams(data, start, words, n_words, row[_NGRAMS:_CODE])
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
    n_words: int,
    row: NDArray[np.int64],
) -> None:
    """Fill `row` with QUALITY_COUNTS of the text in [start, end) and the first `n_words` of its `words`."""
    spoken = spoken_characters = alphabetic = 0
    stop_words = 0
    for w in range(n_words):
        i = start + words[w, 0]
        stop = start + words[w, 1]
        word = low_bytes(load_word(data, i), stop - i)
        # The size tells a word from the same one with NULs behind; no byte of UTF-8 is large enough to overflow.
        packed = word + (np.uint64(min(stop - i, 8)) << _SIZE_SHIFT)
        slot = np.int64((packed * MIX) >> _SLOT_SHIFT)
        stop_words |= int(_STOP_WORD_TABLE[slot] == packed) << int(slot)
        is_letter = 0x61 <= data[i] | 0x20 <= 0x7A
        if is_letter and stop - i <= 8 and word & _HIGH_BITS == 0:
            alphabetic += 1
            spoken += 1
            spoken_characters += stop - i
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
    row[0] = n_words
    row[1] = spoken
    row[2] = spoken_characters
    row[3] = alphabetic
    row[4] = 0
    while stop_words:
        stop_words &= stop_words - 1
        row[4] += 1
    _count_marks(data, start, end, row)


@kernel
def _count_marks(data: NDArray[np.uint8], start: int, end: int, row: NDArray[np.int64]) -> None:
    """Hash signs, ellipses, and lines that begin with a bullet or end in an ellipsis."""
    hashes = ellipses = lines = bullets = trailing = 0
    begin = i = start
    while i < end:
        b = data[i]
        if not _MARKS[b]:
            i += 1
        elif b == _HASH:
            hashes += 1
            i += 1
        elif b == _DOT:
            # str.count does not let three dots overlap: a run of six is two ellipses.
            run = i
            while run < end and data[run] == _DOT:
                run += 1
            ellipses += (run - i) // 3
            i = run
        elif b == 0xE2 and data[i + 1] == 0x80 and data[i + 2] == 0xA6:
            ellipses += 1
            i += 3
        else:
            length = line_break_length(data, i, end)
            if length > 0:
                lines += 1
                bullets += _has_bullet(data, begin, i)
                trailing += _trails_off(data, begin, i)
                i += length
                begin = i
            else:
                i += 1
    if begin < end:
        lines += 1
        bullets += _has_bullet(data, begin, end)
        trailing += _trails_off(data, begin, end)
    row[5] = hashes
    row[6] = ellipses
    row[7] = lines
    row[8] = bullets
    row[9] = trailing


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
