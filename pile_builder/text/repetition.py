"""How much of a document repeats: its lines and paragraphs, counted in characters.

Definitions: Gopher (Rae et al. 2021, arXiv 2112.11446, table A1) as read by datatrove 0.10.1's
`GopherRepetitionFilter`, and its `FineWebQualityFilter`. One pass over the lines serves both.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pile_builder.text.hash_set import hash_bytes, seen_before, table_size
from pile_builder.text.strings import count_byte, count_characters, strip_end, strip_start
from pile_builder.text.word_tables import decode, kernel, load_word, trailing_zeros

LINE_COUNTS = (
    "characters",
    "newlines",
    "pieces",
    "duplicate_pieces",
    "duplicate_piece_characters",
    "lines",
    "punctuated_lines",
    "short_lines",
    "duplicate_line_characters",
)
"""What `count_lines` writes. A piece is what `re.split("\\n+", text)` gives, a line what `text.split("\\n")` gives
unless it is blank."""

PARAGRAPH_COUNTS = ("paragraphs", "duplicate_paragraphs", "duplicate_paragraph_characters")
"""What `count_paragraphs` writes. A paragraph is what `re.split("\\n{2,}", text.strip())` gives."""

_SHORT_LINE = 30
_NEWLINE = 0x0A
_NEWLINES = np.uint64(0x0A0A0A0A0A0A0A0A)
_ONES = np.uint64(0x0101010101010101)
_HIGH_BITS = np.uint64(0x8080808080808080)

# First and last code points of the runs of sentence-ending punctuation over all scripts (Unicode's Sentence_Terminal
# and its neighbours), as datatrove 0.10.1 lists them under TERMINAL_PUNCTUATION.
_TERMINAL_PUNCTUATION = np.array(
    [
        [0x21, 0x21], [0x2E, 0x2E], [0x3F, 0x3F], [0x589, 0x589], [0x61D, 0x61F], [0x6D4, 0x6D4], [0x700, 0x702],
        [0x7F9, 0x7F9], [0x837, 0x837], [0x839, 0x839], [0x83D, 0x83E], [0x964, 0x965], [0x104A, 0x104B],
        [0x1362, 0x1362], [0x1367, 0x1368], [0x166E, 0x166E], [0x1735, 0x1736], [0x17D4, 0x17D6], [0x17D9, 0x17DA],
        [0x1803, 0x1803], [0x1809, 0x1809], [0x1944, 0x1945], [0x1AA8, 0x1AAB], [0x1B5A, 0x1B5B], [0x1B5E, 0x1B5F],
        [0x1B7D, 0x1B7E], [0x1C3B, 0x1C3C], [0x1C7E, 0x1C7F], [0x203C, 0x203D], [0x2047, 0x2049], [0x2E2E, 0x2E2E],
        [0x2E3C, 0x2E3C], [0x2E53, 0x2E54], [0x3002, 0x3002], [0xA4FF, 0xA4FF], [0xA60E, 0xA60F], [0xA6F3, 0xA6F3],
        [0xA6F7, 0xA6F7], [0xA876, 0xA877], [0xA8CE, 0xA8CF], [0xA92F, 0xA92F], [0xA9C8, 0xA9C9], [0xAA5D, 0xAA5F],
        [0xAAF0, 0xAAF1], [0xABEB, 0xABEB], [0xFE52, 0xFE52], [0xFE56, 0xFE57], [0xFF01, 0xFF01], [0xFF0E, 0xFF0E],
        [0xFF1F, 0xFF1F], [0xFF61, 0xFF61], [0x10A56, 0x10A57], [0x10F55, 0x10F59], [0x10F86, 0x10F89],
        [0x11047, 0x11048], [0x110BE, 0x110C1], [0x11141, 0x11143], [0x111C5, 0x111C6], [0x111CD, 0x111CD],
        [0x111DE, 0x111DF], [0x11238, 0x11239], [0x1123B, 0x1123C], [0x112A9, 0x112A9], [0x1144B, 0x1144C],
        [0x115C2, 0x115C3], [0x115C9, 0x115D7], [0x11641, 0x11642], [0x1173C, 0x1173E], [0x11944, 0x11944],
        [0x11946, 0x11946], [0x11A42, 0x11A43], [0x11A9B, 0x11A9C], [0x11C41, 0x11C42], [0x11EF7, 0x11EF8],
        [0x11F43, 0x11F44], [0x16A6E, 0x16A6F], [0x16AF5, 0x16AF5], [0x16B37, 0x16B38], [0x16B44, 0x16B44],
        [0x16E98, 0x16E98], [0x1BC9F, 0x1BC9F], [0x1DA88, 0x1DA88],
    ],
    np.int64,
)  # fmt: skip


@njit(cache=True, nogil=True)
def count_lines(data: NDArray[np.uint8], start: int, end: int, row: NDArray[np.int64]) -> None:
    """Fill `row` with LINE_COUNTS of the text in [start, end), all in characters."""
    newlines = count_byte(data, start, end, _NEWLINE)
    seen = np.zeros(table_size(newlines + 1), np.uint64)
    # re.split gives an empty piece before leading and one behind trailing line ends; the second repeats the first.
    opens = end > start and data[start] == _NEWLINE
    closes = end > start and data[end - 1] == _NEWLINE
    pieces = np.int64(opens) + np.int64(closes)
    duplicate_pieces = np.int64(opens and closes)
    characters = newlines
    duplicate_piece_characters = 0
    lines = punctuated = short = duplicate_line_characters = 0
    begin = start
    while begin < end:
        stop = _find_newline(data, begin, end)
        if stop > begin:
            length = count_characters(data, begin, stop)
            repeated = seen_before(seen, hash_bytes(data, begin, stop))
            blank = strip_start(data, begin, stop) == stop
            characters += length
            pieces += 1
            if repeated:
                duplicate_pieces += 1
                duplicate_piece_characters += length
            if not blank:
                lines += 1
                short += length <= _SHORT_LINE
                punctuated += _ends_sentence(data, begin, stop)
                if repeated:
                    duplicate_line_characters += length
        begin = stop + 1
    row[0] = characters
    row[1] = newlines
    row[2] = pieces
    row[3] = duplicate_pieces
    row[4] = duplicate_piece_characters
    row[5] = lines
    row[6] = punctuated
    row[7] = short
    row[8] = duplicate_line_characters


@njit(cache=True, nogil=True)
def count_paragraphs(data: NDArray[np.uint8], start: int, end: int, row: NDArray[np.int64]) -> None:
    """Fill `row` with PARAGRAPH_COUNTS of the text in [start, end)."""
    begin = strip_start(data, start, end)
    last = strip_end(data, begin, end)
    text = data[begin:last]
    breaks = 0
    for i in range(len(text) - 1):
        breaks += (text[i] == _NEWLINE) & (text[i + 1] == _NEWLINE)
    row[0] = 1
    row[1] = row[2] = 0
    if breaks == 0:
        return
    seen = np.zeros(table_size(breaks + 1), np.uint64)
    paragraphs = duplicates = duplicate_characters = 0
    while True:
        stop = _find_newline(data, begin, last)
        while stop < last and data[stop + 1] != _NEWLINE:
            stop = _find_newline(data, stop + 1, last)
        paragraphs += 1
        if seen_before(seen, hash_bytes(data, begin, stop)):
            duplicates += 1
            duplicate_characters += count_characters(data, begin, stop)
        if stop == last:
            break
        begin = stop
        while data[begin] == _NEWLINE:
            begin += 1
    row[0] = paragraphs
    row[1] = duplicates
    row[2] = duplicate_characters


@kernel
def _find_newline(data: NDArray[np.uint8], start: int, end: int) -> int:
    """Where the next line feed is, or `end`."""
    for i in range(start, end, 8):
        word = load_word(data, i) ^ _NEWLINES
        # The highest bit of each byte that is zero, and perhaps of some above the lowest such byte.
        zeros = (word - _ONES) & ~word & _HIGH_BITS
        if zeros:
            return min(i + (trailing_zeros(zeros) >> 3), end)
    return end


@kernel
def _ends_sentence(data: NDArray[np.uint8], start: int, end: int) -> bool:
    """Whether the last character of a line that is not empty is terminal punctuation."""
    i = end - 1
    if data[i] < 0x80:
        return data[i] == 0x2E or data[i] == 0x21 or data[i] == 0x3F
    while data[i] & 0xC0 == 0x80:
        i -= 1
    point, _ = decode(data, i)
    low = 0
    high = len(_TERMINAL_PUNCTUATION)
    while low < high:
        middle = (low + high) // 2
        if point > _TERMINAL_PUNCTUATION[middle, 1]:
            low = middle + 1
        else:
            high = middle
    return low < len(_TERMINAL_PUNCTUATION) and point >= _TERMINAL_PUNCTUATION[low, 0]
