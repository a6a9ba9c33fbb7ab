"""What Python's `str` methods say about lines, answered on UTF-8 bytes: white space, line ends, characters.

White space is `str.isspace`, line ends are those of `str.splitlines`; both sets are closed in Unicode, so they need no
table. `data` must be valid UTF-8 inside [start, end) and readable for 3 bytes behind `end`.

Loops over a slice, from 0 to its length, become vector instructions; loops from `start` to `end` do not. So searches
for rare bytes write an array of marks in such a loop and skip along it with `next_mark`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pile_builder.text.word_tables import kernel, load_word, trailing_zeros

_ONES, _HIGH_BITS = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)


@kernel
def space_length(data: NDArray[np.uint8], i: int) -> int:
    """Bytes of the white-space character that begins at i, or 0 if another character does."""
    b = data[i]
    if b < 0x80:
        return 1 if b == 0x20 or 9 <= b <= 13 or 0x1C <= b <= 0x1F else 0
    if b == 0xC2:
        return 2 if data[i + 1] == 0xA0 or data[i + 1] == 0x85 else 0
    if b == 0xE2:
        c = data[i + 2]
        if data[i + 1] == 0x80:
            return 3 if c <= 0x8A or c == 0xA8 or c == 0xA9 or c == 0xAF else 0
        return 3 if data[i + 1] == 0x81 and c == 0x9F else 0
    if b == 0xE1:
        return 3 if data[i + 1] == 0x9A and data[i + 2] == 0x80 else 0
    if b == 0xE3:
        return 3 if data[i + 1] == 0x80 and data[i + 2] == 0x80 else 0
    return 0


@kernel
def line_break_length(data: NDArray[np.uint8], i: int, end: int) -> int:
    """Bytes of the line end at i as `str.splitlines` knows them (CR LF is one), or 0."""
    b = data[i]
    if b == 0x0D:
        return 2 if i + 1 < end and data[i + 1] == 0x0A else 1
    if b < 0x80:
        return 1 if 0x0A <= b <= 0x0C or 0x1C <= b <= 0x1E else 0
    if b == 0xC2:
        return 2 if data[i + 1] == 0x85 else 0
    if b == 0xE2 and data[i + 1] == 0x80:
        return 3 if data[i + 2] == 0xA8 or data[i + 2] == 0xA9 else 0
    return 0


@kernel
def may_break_line(byte: int) -> bool:
    """Whether a line end may begin with this byte; computed without branches."""
    return ((byte >= 0x0A) & (byte <= 0x1E)) | (byte == 0xC2) | (byte == 0xE2)


@kernel
def next_mark(marks: NDArray[np.uint8], i: int, end: int) -> int:
    """The first place from `i` on, before `end`, that is not 0 in `marks`; `end` if there is none.

    Reads up to 7 bytes behind `end`.
    """
    while i < end:
        word = load_word(marks, i)
        if word != 0:
            return min(i + (trailing_zeros(word) >> 3), end)
        i += 8
    return end


@kernel
def next_byte(data: NDArray[np.uint8], i: int, end: int, byte: int) -> int:
    """The first place from `i` on, before `end`, where an ASCII character stands; `end` if it is nowhere.

    Reads up to 7 bytes behind `end`.
    """
    pattern = np.uint64(byte) * _ONES
    while i < end:
        word = load_word(data, i) ^ pattern
        zeros = (word - _ONES) & ~word & _HIGH_BITS
        if zeros != 0:
            return min(i + (trailing_zeros(zeros) >> 3), end)
        i += 8
    return end


@kernel
def strip_start(data: NDArray[np.uint8], start: int, end: int) -> int:
    """Where `str.lstrip` would begin; `end` if everything is white space."""
    i = start
    while i < end:
        length = space_length(data, i)
        if length == 0:
            break
        i += length
    return i


@kernel
def strip_end(data: NDArray[np.uint8], start: int, end: int) -> int:
    """Where `str.rstrip` would end; `start` if everything is white space."""
    i = end
    while i > start:
        if data[i - 1] < 0x80:
            length = space_length(data, i - 1)
        elif i - 2 >= start and data[i - 2] == 0xC2:
            length = space_length(data, i - 2)
        elif i - 3 >= start:
            length = space_length(data, i - 3)
            if length != 3:
                break
        else:
            break
        if length == 0:
            break
        i -= length
    return i


@kernel
def count_characters(data: NDArray[np.uint8], start: int, end: int) -> int:
    """Code points in [start, end)."""
    text = data[start:end]
    continuation = 0
    for i in range(len(text)):
        continuation += (text[i] & 0xC0) == 0x80
    return end - start - continuation


@kernel
def count_byte(data: NDArray[np.uint8], start: int, end: int, byte: int) -> int:
    """How often an ASCII character occurs in [start, end)."""
    text = data[start:end]
    found = 0
    for i in range(len(text)):
        found += text[i] == byte
    return found
