"""Signals of source code: line lengths, alphanumeric characters, digits.

Line lengths and the alphanumeric share are BigCode's (`str.splitlines`, `str.isalnum`); digits and characters per
newline are those of the Pile's GitHub component, which counted ASCII digits and line feeds only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pile_builder.text.strings import line_break_length
from pile_builder.text.word_tables import ALPHA, NUMERIC, WordTables, bits_at, decode, kernel

CODE_COUNTS = (
    "code_characters",
    "code_newlines",
    "code_lines",
    "code_line_characters",
    "code_longest_line",
    "alphanumeric_characters",
    "digits",
    "alphabetic_characters",
)
"""What `count_code` writes."""


@kernel
def count_code(data: NDArray[np.uint8], start: int, end: int, tables: WordTables, row: NDArray[np.int64]) -> None:
    """Fill `row` with CODE_COUNTS of the text in [start, end), all in characters."""
    characters = newlines = lines = line_characters = longest = alphanumeric = digits = alphabetic = 0
    length = 0
    i = start
    while i < end:
        b = data[i]
        size = 1
        ends_line = 0
        if b >= 0x80:
            size = decode(data, i)[1]
            bits = bits_at(data, i, tables)
            alphanumeric += (bits & (ALPHA | NUMERIC)) != 0
            alphabetic += (bits & ALPHA) != 0
            ends_line = line_break_length(data, i, end)
        elif 0x30 <= b <= 0x39:
            digits += 1
            alphanumeric += 1
        elif 0x61 <= (b | 0x20) <= 0x7A:
            alphanumeric += 1
            alphabetic += 1
        elif b < 0x20:
            ends_line = line_break_length(data, i, end)
            newlines += b == 0x0A
            if ends_line == 2:
                size = 2
                characters += 1
                newlines += 1
        i += size
        characters += 1
        if ends_line == 0:
            length += 1
        if ends_line > 0 or i == end:
            lines += 1
            line_characters += length
            longest = max(longest, length)
            length = 0
    row[0] = characters
    row[1] = newlines
    row[2] = lines
    row[3] = line_characters
    row[4] = longest
    row[5] = alphanumeric
    row[6] = digits
    row[7] = alphabetic
