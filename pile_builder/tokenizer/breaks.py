"""Breaks in text where a pre-tokenizer's look-ahead would end a piece: one pass over UTF-8, compiled.

A run of white space before a word belongs to the word with its last character, so there is a break before that one.
Where runs of spaces are tokens of their own, white space before such a run ends there.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pile_builder.text.word_tables import decode, kernel

OTHER: Final = 0
SPACE: Final = 1
BLANK: Final = 2
NEWLINE: Final = 3
END: Final = 4
CLASS: Final = 7
"""Bits of a character's class: a space, other white space, line feed or carriage return, the end mark, or other."""
TAIL: Final = 32
"""Bit of a text that ends in white space other than a line feed, if the rules ask for it."""
CHANGES: Final = 64
"""Bit of characters that normalization may change, alone or with others."""
ODD: Final = 128
"""Bit of characters on which the two engines do not agree."""


@njit(cache=True, nogil=True)
def add_breaks(
    data: NDArray[np.uint8], table: NDArray[np.uint8], mark: NDArray[np.uint8], rules: tuple[bool, bool, bool]
) -> tuple[int, int, NDArray[np.uint8]]:
    """Find out what UTF-8 holds and put a mark at every break.

    Args:
        data: valid UTF-8, (n,) uint8; texts with an end mark behind each.
        table: class and bits of each code point, (0x110000,) uint8.
        mark: the mark's bytes.
        rules: whether white space is parted behind its last line feed only; whether runs of two and more spaces are
            tokens of their own; whether `TAIL` is asked for.

    Returns:
        All bits of all characters, the count of end marks, and the text with its breaks, empty if there are none.
    """
    newlines, runs, tails = rules
    at = np.empty(len(data) // 2 + 1, np.int32)
    count = ends = 0
    bits = np.int64(0)
    before = current = np.int64(END)
    i = start = 0
    while i < len(data):
        byte, step = data[i], 1
        if byte < 0x80:
            found = np.int64(table[byte])
        else:
            found = np.int64(table[decode(data, i)[0]])
            step = decode(data, i)[1]
        bits |= found
        found &= CLASS
        if found == END:
            ends += 1
            bits |= TAIL * (tails and current in (SPACE, BLANK))
        if current != OTHER and _parts(before, current, found, newlines, runs):
            at[count] = start
            count += 1
        before, current, start = current, found, i
        i += step
    return int(bits), ends, _with_marks(data, at[:count], mark)


@kernel
def _parts(before: int, current: int, after: int, newlines: bool, runs: bool) -> bool:  # noqa: FBT001
    """Whether there is a break before the current character."""
    if current == END or before in (END, OTHER):
        return False
    if after == OTHER:
        if newlines and (before == NEWLINE or current == NEWLINE):
            return False
        return not (runs and before == SPACE and current == SPACE)
    return runs and current == SPACE and after == SPACE and before != SPACE


@njit(cache=True, nogil=True)
def _with_marks(data: NDArray[np.uint8], at: NDArray[np.int32], mark: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if len(at) == 0:
        return np.empty(0, np.uint8)
    out = np.empty(len(data) + len(at) * len(mark), np.uint8)
    begin = np.int64(0)
    to = 0
    for end in at:
        for i in range(begin, end):
            out[to] = data[i]
            to += 1
        for byte in mark:
            out[to] = byte
            to += 1
        begin = np.int64(end)
    for i in range(begin, len(data)):
        out[to] = data[i]
        to += 1
    return out
