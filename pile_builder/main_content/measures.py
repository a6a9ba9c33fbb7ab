"""What the text of a block looks like, in counts: letters, words, marks, how it begins and ends, words of the title."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

MEASURES = (
    *("weight", "chars", "words", "letters", "digits", "capitals", "cjk", "commas", "stops", "quotes", "bars"),
    *("marks", "first", "last", "numbers", "title_words", "long_words"),
)
"""`weight` is the length in characters, one of Chinese or Japanese counting as three; `first` is 1 for a capital, 2 for a
small letter, 3 for a digit, 4 for a letter without case, else 0; `last` is 1 for the end of a sentence, 2 for a colon, 3
for an ellipsis, 4 for a comma, 5 for a closing quote or bracket, 6 for a letter, 7 for a digit, else 0."""
WEIGHT, CHARS, WORDS, LETTERS, DIGITS, CAPITALS, CJK, COMMAS, STOPS = range(9)
QUOTES, BARS, MARKS, FIRST, LAST, NUMBERS, TITLE_WORDS, LONG_WORDS = range(9, len(MEASURES))

_OFFSET, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_LONG = 7


def measure(text: NDArray[np.uint8], blocks: NDArray[np.int64], title: str) -> tuple[NDArray[np.int64], int]:
    """Counts of each block, int64[blocks, MEASURES], and the number of words in the title."""
    encoded = np.frombuffer(title[:1000].encode("utf-8", "replace") + b" ", np.uint8)
    words = np.zeros(512, np.uint64)
    own = np.zeros((1, len(MEASURES)), np.int64)
    whole = np.array([[0, len(encoded)]], np.int64)
    none = np.zeros(512, np.uint64)
    _measure(encoded, whole, none, words, own)
    measures = np.zeros((len(blocks), len(MEASURES)), np.int64)
    _measure(text, blocks, words, none, measures)
    return measures, int(np.count_nonzero(words))


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


@numba.njit(cache=True, nogil=True)
def _has(words: NDArray[np.uint64], key: np.uint64) -> bool:
    place = key & np.uint64(511)
    while words[place] != 0:
        if words[place] == key:
            return True
        place = (place + np.uint64(1)) & np.uint64(511)
    return False


@numba.njit(cache=True, nogil=True)
def _add(words: NDArray[np.uint64], key: np.uint64, count: int) -> int:
    place = key & np.uint64(511)
    while words[place] != 0:
        if words[place] == key:
            return count
        place = (place + np.uint64(1)) & np.uint64(511)
    if count < 384:
        words[place] = key
    return count + 1


@numba.njit(cache=True, nogil=True)
def _measure(  # noqa: C901, PLR0912
    text: NDArray[np.uint8],
    blocks: NDArray[np.int64],
    known: NDArray[np.uint64],
    found: NDArray[np.uint64],
    measures: NDArray[np.int64],
) -> None:
    n_found = 0
    gathers = len(measures) == 1 and len(text) <= 4002 and known.sum() == 0
    for b in range(len(blocks)):
        row = measures[b]
        i, end = blocks[b, 0], blocks[b, 1]
        key = _OFFSET
        length = 0
        in_number = False
        last = 0
        first = -1
        while i <= end:
            point = 32
            width = 1
            if i < end:
                point = np.int64(text[i])
                if point >= 0xF0 and i + 3 < end:
                    point = (point & 7) << 18 | (text[i + 1] & 63) << 12 | (text[i + 2] & 63) << 6 | (text[i + 3] & 63)
                    width = 4
                elif point >= 0xE0 and i + 2 < end:
                    point = (point & 15) << 12 | (text[i + 1] & 63) << 6 | (text[i + 2] & 63)
                    width = 3
                elif point >= 0xC0 and i + 1 < end:
                    point = (point & 31) << 6 | (text[i + 1] & 63)
                    width = 2
            is_digit = 48 <= point <= 57
            case = 0 if is_digit else _case(point)
            is_cjk = case == 4 and _is_cjk(point)
            is_word = (is_digit or case != 0) and not is_cjk
            if length and not is_word:
                row[WORDS] += 1
                row[LONG_WORDS] += length >= _LONG
                if gathers:
                    n_found = _add(found, key, n_found)
                elif _has(known, key):
                    row[TITLE_WORDS] += 1
                key, length = _OFFSET, 0
            if i == end:
                break
            if is_cjk:
                key = (_OFFSET ^ np.uint64(point)) * _PRIME
                if gathers:
                    n_found = _add(found, key, n_found)
                elif _has(known, key):
                    row[TITLE_WORDS] += 1
                key = _OFFSET
            elif is_word:
                folded = point + 32 if case == 1 and point < 0x80 else point
                key = (key ^ np.uint64(folded)) * _PRIME
                length += 1
            row[CHARS] += 1
            row[WEIGHT] += 3 if is_cjk else 1
            row[CJK] += is_cjk
            row[LETTERS] += case != 0
            row[CAPITALS] += case == 1
            row[DIGITS] += is_digit
            row[NUMBERS] += is_digit and not in_number
            in_number = is_digit
            kind = 0
            if point == 46 or point == 33 or point == 63 or point == 0x3002 or point == 0xFF01 or point == 0xFF1F:
                row[STOPS] += 1
                kind = 3 if last == 1 or last == 3 else 1
            elif point == 0x964 or point == 0x61F or point == 0x6D4:
                row[STOPS] += 1
                kind = 1
            elif point == 44 or point == 0xFF0C or point == 0x3001 or point == 0x60C or point == 59:
                row[COMMAS] += 1
                kind = 4
            elif point == 58 or point == 0xFF1A:
                kind = 2
            elif point == 0x2026:
                kind = 3
            elif (
                point == 34 or point == 0xBB or point == 0x201D or point == 0x201C or point == 0x2019 or point == 0xAB
                or point == 0x300D or point == 0x201E
            ):  # fmt: skip
                row[QUOTES] += 1
                # A quotation that ends a sentence ends like one.
                kind = 1 if last == 1 else 5
            elif point == 41 or point == 93 or point == 0xFF09:
                kind = 1 if last == 1 else 5
            elif point == 124 or point == 0x203A or point == 0x2022 or point == 0xB7 or point == 62 or point == 0x2192:
                row[BARS] += 1
            elif (
                point == 0xA9 or point == 64 or point == 35 or point == 47 or point == 43 or point == 36 or point == 61
            ):
                row[MARKS] += 1
            elif is_digit:
                kind = 7
            elif case:
                kind = 6
            if point != 32 and point != 10:
                last = kind
                if first < 0:
                    first = 3 if is_digit else case
            i += width
        row[FIRST] = max(first, 0)
        row[LAST] = last
