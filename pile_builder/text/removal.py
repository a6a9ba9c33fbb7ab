"""What is left of one text while rules take parts of it away, each seeing what the one before it left.

A text is copied to `left`, and `origin` says where in the text each byte that is left stands. Rules `take` ranges of
what is left, `close_up` moves the rest together. In the end every byte of the text has the number of the rule that took
it, or NOBODY, and runs of one number are the spans.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pile_builder.text.column import PADDING
from pile_builder.text.word_tables import kernel

NOBODY = 255


class Left(NamedTuple):
    """Scratch for texts up to some size.

    `text` is uint8 and padded; `read` is the same memory, read-only, as kernels for columns take it. `origin` is int64,
    `taken_by` is uint8: both as long as the longest text.
    """

    text: NDArray[np.uint8]
    read: NDArray[np.uint8]
    origin: NDArray[np.int64]
    taken_by: NDArray[np.uint8]


def room_for(offsets: NDArray[np.int64]) -> Left:
    """Scratch for each text of a column with these offsets."""
    longest = int(np.diff(offsets).max(initial=0))
    text = np.zeros(longest + PADDING, np.uint8)
    read = text.view()
    read.flags.writeable = False
    return Left(text, read, np.empty(longest, np.int64), np.empty(longest, np.uint8))


@kernel
def begin(data: NDArray[np.uint8], start: int, end: int, left: Left) -> int:
    """Copy `data[start:end]`, of which nothing is taken yet; how many bytes are left."""
    size = end - start
    source = data[start:end]
    text, origin, taken_by = left.text[:size], left.origin[:size], left.taken_by[:size]
    for k in range(len(source)):
        text[k] = source[k]
        origin[k] = k
        taken_by[k] = NOBODY
    return size


@kernel
def take(left: Left, low: int, high: int, rule: int) -> None:
    """Let a rule take bytes `low` to `high` of what is left."""
    for k in range(low, high):
        left.taken_by[left.origin[k]] = rule


@kernel
def close_up(left: Left, low: int, size: int) -> int:
    """Move together what nobody took of the first `size` bytes, all before `low` being left; how many are left now."""
    to = low
    for k in range(low, size):
        at = left.origin[k]
        if left.taken_by[at] == NOBODY:
            left.text[to] = left.text[k]
            left.origin[to] = at
            to += 1
    return to


@kernel
def count_runs(left: Left, length: int) -> int:
    """How many spans `write_runs` writes for a text of `length` bytes."""
    runs = 0
    before = NOBODY
    for k in range(length):
        by = left.taken_by[k]
        runs += by != before and by != NOBODY
        before = by
    return runs


@kernel
def write_runs(left: Left, length: int, spans: NDArray[np.int64]) -> int:
    """Write what was taken from a text of `length` bytes, (start, end, rule) a row, and return how many rows."""
    runs = 0
    k = 0
    while k < length:
        by = left.taken_by[k]
        low = k
        while k < length and left.taken_by[k] == by:
            k += 1
        if by != NOBODY:
            spans[runs, 0], spans[runs, 1], spans[runs, 2] = low, k, by
            runs += 1
    return runs
