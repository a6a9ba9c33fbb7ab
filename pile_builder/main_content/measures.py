"""What the text of a block looks like, in counts: letters, words, marks, how it begins and ends, words of the title."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from pile_builder.main_content.hashes import OFFSET, PRIME, find, table_of

MEASURES = (
    *("weight", "chars", "words", "letters", "digits", "capitals", "cjk", "commas", "stops", "quotes", "bars"),
    *("marks", "first", "last", "numbers", "title_words", "long_words", "copies", "copy"),
)
"""`weight` is the length in characters, one of Chinese or Japanese counting as three; `first` is 1 for a capital, 2 for
a small letter, 3 for a digit, 4 for a letter without case, else 0; `last` is 1 for the end of a sentence, 2 for a
colon, 3 for an ellipsis, 4 for a comma, 5 for a closing quote or bracket, 6 for a letter, 7 for a digit, else 0;
`copies` is how often the page has the same text, `copy` how often it had it before."""
WEIGHT, CHARS, WORDS, LETTERS, DIGITS, CAPITALS, CJK, COMMAS, STOPS = range(9)
QUOTES, BARS, MARKS, FIRST, LAST, NUMBERS, TITLE_WORDS, LONG_WORDS, COPIES, COPY = range(9, len(MEASURES))

MAX_TITLE = 1_000
_LONG = 7


class Measures(NamedTuple):
    """Counts of blocks, and their words.

    Attributes:
        counts: int64[blocks, MEASURES].
        words: hashes of all words in their order, letters in lower case, uint64; a Chinese character is a word.
        starts: where each block's words begin, int64[blocks + 1].
        title_words: how many different words the title has.
    """

    counts: NDArray[np.int64]
    words: NDArray[np.uint64]
    starts: NDArray[np.int64]
    title_words: int


def measure(text: NDArray[np.uint8], blocks: NDArray[np.int64], title: str) -> Measures:
    """Measure blocks of text, int64[blocks, 2 or more]: start, end."""
    encoded = np.frombuffer(title[:MAX_TITLE].encode("utf-8", "replace"), np.uint8)
    _, title_words, _ = _measured(encoded, np.array([[0, len(encoded)]], np.int64))
    known = np.unique(title_words)
    counts, words, starts = _measured(text, blocks)
    _compare(words, starts, *table_of((int(word), 1) for word in known), counts)
    return Measures(counts, words, starts, len(known))


def _measured(
    text: NDArray[np.uint8], blocks: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.int64]]:
    counts = np.zeros((len(blocks), len(MEASURES)), np.int64)
    words = np.empty(len(text) // 2 + len(blocks) + 1, np.uint64)
    starts = np.zeros(len(blocks) + 1, np.int64)
    _measure(text, blocks, counts, words, starts)
    return counts, words[: starts[-1]], starts


@numba.njit(cache=True, nogil=True, inline="always")
def _is_cjk(point: int) -> bool:
    return 0x3040 <= point <= 0x30FF or 0x3400 <= point <= 0x9FFF or 0xF900 <= point <= 0xFAFF or point >= 0x20000


@numba.njit(cache=True, nogil=True)
def _case(point: int) -> int:
    """1 for a capital, 2 for a small letter, 4 for a letter without case, 0 for anything else."""
    if point < 0x80:
        return 1 if 65 <= point <= 90 else 2 if 97 <= point <= 122 else 0
    if point < 0xC0:
        return 2 if point == 0xAA or point == 0xB5 or point == 0xBA else 0
    if point < 0x100:
        return 0 if point == 0xD7 or point == 0xF7 else 1 if point < 0xDF else 2
    if point < 0x180:
        is_shifted = 0x139 <= point <= 0x148 or point >= 0x179
        return 1 if (point & 1) == is_shifted else 2
    if point < 0x370:
        return 4
    if point < 0x400:
        return 1 if point < 0x3AC and point != 0x390 else 2
    if point < 0x460:
        return 1 if point < 0x430 else 2
    if point < 0x530:
        return 2 if point & 1 else 1
    if 0x2000 <= point < 0x2C00 or 0x3000 <= point < 0x3040 or 0xFE30 <= point < 0xFE70:
        return 0
    if 0xFF00 <= point < 0xFF66 or 0xD800 <= point < 0xF900 or 0x1F000 <= point < 0x20000:
        return 0
    return 4


@numba.njit(cache=True, nogil=True, inline="always")
def _folded(point: int, case: int) -> int:
    """The small letter of a capital of Latin, Greek or Cyrillic, as far as it lies 32 further on."""
    if case != 1 or 0x100 <= point < 0x391 or point >= 0x430 or 0x3AB <= point < 0x410:
        return point
    return point + 32


@numba.njit(cache=True, nogil=True)
def _ending(point: int, before: int) -> int:
    """The kind of a mark that may end a text, given that of the mark before it."""
    if point == 46 or point == 33 or point == 63 or point == 0x3002 or point == 0xFF01 or point == 0xFF1F:
        return 3 if before == 1 or before == 3 else 1
    if point == 0x964 or point == 0x61F or point == 0x6D4:
        return 1
    if point == 44 or point == 0xFF0C or point == 0x3001 or point == 0x60C or point == 59:
        return 4
    if point == 58 or point == 0xFF1A:
        return 2
    if point == 0x2026:
        return 3
    if point == 41 or point == 93 or point == 0xFF09 or _is_quote(point):
        # A quotation that ends a sentence ends like one.
        return 1 if before == 1 else 5
    return 0


@numba.njit(cache=True, nogil=True, inline="always")
def _is_quote(point: int) -> bool:
    return (
        point == 34 or point == 0xBB or point == 0x201D or point == 0x201C or point == 0x2019 or point == 0xAB
        or point == 0x300D or point == 0x201E
    )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def _measure(
    text: NDArray[np.uint8],
    blocks: NDArray[np.int64],
    counts: NDArray[np.int64],
    words: NDArray[np.uint64],
    starts: NDArray[np.int64],
) -> None:
    n_words = 0
    for b in range(len(blocks)):
        row = counts[b]
        i, end = blocks[b, 0], blocks[b, 1]
        key = OFFSET
        length = 0
        in_number = False
        last = 0
        first = -1
        while i <= end:
            point = np.int64(32)
            width = 1
            if i < end:
                point = np.int64(text[i])
                if point >= 0xF0 and i + 3 < end:
                    point = (
                        (point & 7) << 18
                        | np.int64(text[i + 1] & 63) << 12
                        | np.int64(text[i + 2] & 63) << 6
                        | np.int64(text[i + 3] & 63)
                    )
                    width = 4
                elif point >= 0xE0 and i + 2 < end:
                    point = (point & 15) << 12 | np.int64(text[i + 1] & 63) << 6 | np.int64(text[i + 2] & 63)
                    width = 3
                elif point >= 0xC0 and i + 1 < end:
                    point = (point & 31) << 6 | np.int64(text[i + 1] & 63)
                    width = 2
            is_digit = 48 <= point <= 57
            case = 0 if is_digit else _case(point)
            is_cjk = case == 4 and _is_cjk(point)
            is_word = (is_digit or case != 0) and not is_cjk
            if length and not is_word:
                words[n_words] = max(key, np.uint64(1))
                n_words += 1
                row[WORDS] += 1
                row[LONG_WORDS] += length >= _LONG
                key, length = OFFSET, 0
            if i == end:
                break
            if is_cjk:
                words[n_words] = (OFFSET ^ np.uint64(point)) * PRIME
                n_words += 1
            elif is_word:
                key = (key ^ np.uint64(_folded(point, case))) * PRIME
                length += 1
            row[CHARS] += 1
            row[WEIGHT] += 3 if is_cjk else 1
            row[CJK] += is_cjk
            row[LETTERS] += case != 0
            row[CAPITALS] += case == 1
            row[DIGITS] += is_digit
            row[NUMBERS] += is_digit and not in_number
            in_number = bool(is_digit)
            kind = 7 if is_digit else 6 if case else _ending(point, last)
            if kind == 0:
                row[BARS] += (
                    point == 124
                    or point == 0x203A
                    or point == 0x2022
                    or point == 0xB7
                    or point == 62
                    or point == 0x2192
                )
                row[MARKS] += (
                    point == 0xA9
                    or point == 64
                    or point == 35
                    or point == 47
                    or point == 43
                    or point == 36
                    or point == 61
                )
            row[QUOTES] += _is_quote(point)
            row[STOPS] += (kind == 1 or kind == 3) and not _is_quote(point) and point != 41 and point != 93
            row[COMMAS] += kind == 4
            if point != 32 and point != 10:
                last = kind
                if first < 0:
                    first = 3 if is_digit else case
            i += width
        row[FIRST] = max(first, 0)
        row[LAST] = last
        starts[b + 1] = n_words


@numba.njit(cache=True, nogil=True)
def _compare(
    words: NDArray[np.uint64],
    starts: NDArray[np.int64],
    title_keys: NDArray[np.uint64],
    title_values: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> None:
    """Count words of the title, and blocks with the same words."""
    n = len(counts)
    size = 4
    while size < 2 * n:
        size *= 2
    keys = np.zeros(size, np.uint64)
    seen = np.zeros(size, np.int64)
    places = np.empty(n, np.int64)
    for b in range(n):
        whole = OFFSET
        for k in range(starts[b], starts[b + 1]):
            counts[b, TITLE_WORDS] += find(title_keys, title_values, words[k], 0)
            whole = (whole ^ (words[k] >> np.uint64(7))) * PRIME
        whole = max(whole, np.uint64(1))
        place = whole & np.uint64(size - 1)
        while keys[place] != 0 and keys[place] != whole:
            place = (place + np.uint64(1)) & np.uint64(size - 1)
        keys[place] = whole
        places[b] = place
        counts[b, COPY] = seen[place]
        seen[place] += 1
    for b in range(n):
        counts[b, COPIES] = seen[places[b]]
