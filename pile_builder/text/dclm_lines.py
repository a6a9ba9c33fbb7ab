"""DCLM's line modifiers (`baselines/mappers/modifiers.py`, by `dclm_baseline_refinedweb.yaml`), as spans.

RefinedWeb's rules for lines, one after the other over what the ones before left; lines end in line feeds, empty ones
stay, and behind every rule the text is stripped. A line goes if more than half of its characters are upper case; if all
are digits; if it is a counter (`3 likes`); if it has one word or, being white space, none. Of lines of up to ten words
the phrase `items in cart` is cut out, then `Read more` with any three characters behind it from the end (DCLM's pattern
does not escape its dots), then `Sign-in` from the start, each with one space next to it; a line that this empties goes.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pile_builder.text.removal import Left, begin, close_up, count_runs, take, write_runs
from pile_builder.text.strings import count_characters, next_byte, space_length, strip_end, strip_start
from pile_builder.text.word_tables import (
    ALPHA,
    DECIMAL,
    DIGIT,
    NUMERIC,
    UPPER,
    WordTables,
    bits_at,
    decode,
    kernel,
    leading_letters,
    load_word,
)

DCLM_LINE_RULES = ("uppercase", "digits", "counter", "short", "items_in_cart", "read_more", "sign_in", "whitespace")
"""Rules of spans, by number; `whitespace` is what stripping takes."""
DCLM_LINE_COUNTS = ("lines", "words", "removed_words", *(f"{rule}_lines" for rule in DCLM_LINE_RULES[:-1]))
"""Columns of `cut_lines`' counts: lines before any rule, words that begin with a letter or number and how many of them
went, and how many lines each rule took or cut."""

_UPPERCASE, _DIGITS, _COUNTER, _SHORT, _CART, _READ_MORE, _SIGN_IN, _WHITESPACE = range(len(DCLM_LINE_RULES))
_LINES, _WORDS, _REMOVED, _TOUCHED = range(4)
_NEWLINE = 0x0A
_PER_MILLION, _MOST_DIGITS = 1_000_000, 999_999
_FEWEST_WORDS, _MOST_WORDS = 2, 10
_DOTS = 3


def _phrase(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode("ascii"), np.uint8)


_ITEMS_IN_CART, _READ, _SIGN = _phrase("items in cart"), _phrase("read more"), _phrase("sign-in")
_COUNTED = _phrase(
    "likes|shares|comments|retweets|reposts|quotes|bookmarks|upvotes|downvotes|downloads|views|followers|"
)
_LOWER_CASE, _ANY_CASE = 0, 1


@njit(cache=True, nogil=True)
def cut_lines(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], tables: WordTables, left: Left
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Find what the rules take out of a column.

    Args:
        data: uint8, the column's text.
        offsets: int64 of length documents + 1.
        tables: of words v1.
        left: room for the longest document.

    Returns:
        Spans, int64 of shape (n, 3): start and end relative to the document, number in DCLM_LINE_RULES. Offsets into
        them, int64 of length documents + 1. Counts, int64 of shape (documents, len(DCLM_LINE_COUNTS)).
    """
    counts = np.zeros((len(offsets) - 1, len(DCLM_LINE_COUNTS)), np.int64)
    span_offsets = np.zeros(len(offsets), np.int64)
    spans = np.empty((1024, 3), np.int64)
    n_spans = 0
    for document in range(len(offsets) - 1):
        start, end = offsets[document], offsets[document + 1]
        row = counts[document]
        size = begin(data, start, end, left)
        row[_WORDS] = _count_words(left.read, size, tables)
        for rule in range(_WHITESPACE):
            size = _apply(left, size, tables, rule, row)
        if size < end - start:
            row[_REMOVED] = row[_WORDS] - _count_words(left.read, size, tables)
            room = n_spans + count_runs(left, end - start)
            if len(spans) < room:
                grown = np.empty((2 * room, 3), np.int64)
                grown[:n_spans] = spans[:n_spans]
                spans = grown
            n_spans += write_runs(left, end - start, spans[n_spans:])
        span_offsets[document + 1] = n_spans
    return spans[:n_spans], span_offsets, counts


@kernel
def _apply(left: Left, size: int, tables: WordTables, rule: int, row: NDArray[np.int64]) -> int:
    """Apply one rule to every line, strip what is left, and return how many bytes are left."""
    text = left.read
    touched = low = 0
    changed = size
    while low <= size:
        high = next_byte(text, low, size, _NEWLINE)
        row[_LINES] += rule == _UPPERCASE
        if high > low:
            if rule < _CART:
                goes = touches = _is_dropped(text, low, high, tables, rule)
            else:
                touches, goes = _cut_phrase(left, low, high, rule)
            if goes:
                take(left, low, min(high + 1, size), rule)
            if touches:
                touched += 1
                changed = min(changed, low)
        low = high + 1
    row[_TOUCHED + rule] = touched
    size = close_up(left, changed, size)
    first = strip_start(text, 0, size)
    last = strip_end(text, first, size)
    take(left, 0, first, _WHITESPACE)
    take(left, last, size, _WHITESPACE)
    return close_up(left, 0, last) if first > 0 else last


@kernel
def _is_dropped(text: NDArray[np.uint8], low: int, high: int, tables: WordTables, rule: int) -> bool:
    """Whether one of the first four rules drops the line `text[low:high]`, which is not empty."""
    if rule == _SHORT:
        return _has_fewer_words(text, low, high, _FEWEST_WORDS)
    if rule == _COUNTER:
        return _is_counter(text, low, high, tables)
    if rule == _UPPERCASE:
        return _count(text, low, high, tables, UPPER) * 2 > count_characters(text, low, high)
    if high - low < _PER_MILLION and not bits_at(text, low, tables) & DIGIT:
        return False
    return _count(text, low, high, tables, DIGIT) * _PER_MILLION > count_characters(text, low, high) * _MOST_DIGITS


@kernel
def _count(text: NDArray[np.uint8], low: int, high: int, tables: WordTables, kind: int) -> int:
    """How many characters of a line have a bit, UPPER or DIGIT."""
    first, last = (0x41, 0x5A) if kind == UPPER else (0x30, 0x39)
    line = text[low:high]
    found = beyond = 0
    for k in range(len(line)):
        found += (line[k] >= first) & (line[k] <= last)
        beyond += line[k] >= 0x80
    k = low if beyond > 0 else high
    while k < high:
        if text[k] >= 0x80:
            found += bits_at(text, k, tables) & kind != 0
        k += decode(text, k)[1]
    return found


@kernel
def _is_counter(text: NDArray[np.uint8], low: int, high: int, tables: WordTables) -> bool:
    """Whether a line is a number, maybe with k, m or b, white space, and what was counted, between marks."""
    k = _marks_end(text, low, high, tables)
    if k == high or not bits_at(text, k, tables) & DECIMAL:
        return False
    while k < high and (text[k] == 0x2C or text[k] == 0x2E or bits_at(text, k, tables) & DECIMAL):
        k += decode(text, k)[1]
    letter, length = _folded(text, k, _LOWER_CASE)
    if k < high and (letter == 0x6B or letter == 0x6D or letter == 0x62):
        k += length
    spaces = strip_start(text, k, high)
    if spaces == k:
        return False
    begins = 0
    for at in range(len(_COUNTED)):
        if _COUNTED[at] == 0x7C:
            end = _phrase_end(text, spaces, high, _COUNTED[begins:at], _LOWER_CASE)
            if end > 0 and _marks_end(text, end, high, tables) == high:
                return True
            begins = at + 1
    return False


@kernel
def _cut_phrase(left: Left, low: int, high: int, rule: int) -> tuple[bool, bool]:
    """Take the rule's phrase out of the line; whether that touches it, and whether it leaves white space at most."""
    text = left.read
    if not _has_fewer_words(text, low, high, _MOST_WORDS + 1):
        return False, False
    touched = False
    visible = False
    k = low
    while k < high:
        end = 0
        begins = k
        space = space_length(text, k)
        if rule != _SIGN_IN:
            begins = k + space
        if rule == _CART:
            end = _phrase_end(text, begins, high, _ITEMS_IN_CART, _ANY_CASE)
        elif rule == _READ_MORE:
            end = _phrase_end(text, begins, high, _READ, _ANY_CASE)
            for _ in range(_DOTS):
                end = end + decode(text, end)[1] if 0 < end < high else 0
            end = end if end == high else 0
        elif k == low:
            end = _phrase_end(text, k, high, _SIGN, _ANY_CASE)
            if 0 < end < high:
                end += space_length(text, end)
        if end > 0:
            take(left, k, end, rule)
            touched = True
            k = end
        else:
            visible |= space == 0
            k += decode(text, k)[1]
    return touched, touched and not visible


@kernel
def _phrase_end(text: NDArray[np.uint8], k: int, high: int, phrase: NDArray[np.uint8], case: int) -> int:
    """Where the phrase that begins at k ends, whatever its case; 0 if it does not begin there."""
    for at in range(len(phrase)):
        if k >= high:
            return 0
        letter, length = _folded(text, k, case)
        if letter != phrase[at]:
            return 0
        k += length
    return k


@kernel
def _folded(text: NDArray[np.uint8], k: int, case: int) -> tuple[np.int64, int]:
    """The character at k as `str.lower` has it, or by _ANY_CASE as `re.IGNORECASE` does, and its bytes.

    Four characters beyond ASCII become ASCII: the Kelvin sign either way, the long s and i with and without its dot by
    `re.IGNORECASE` alone. All others are 0.
    """
    byte = np.int64(text[k])
    if byte < 0x80:
        return byte | 0x20 if 0x41 <= byte <= 0x5A else byte, 1
    if byte == 0xE2 and text[k + 1] == 0x84 and text[k + 2] == 0xAA:
        return np.int64(0x6B), 3
    if case == _ANY_CASE and byte == 0xC5 and text[k + 1] == 0xBF:
        return np.int64(0x73), 2
    if case == _ANY_CASE and byte == 0xC4 and (text[k + 1] == 0xB0 or text[k + 1] == 0xB1):
        return np.int64(0x69), 2
    return np.int64(0), 1


@kernel
def _marks_end(text: NDArray[np.uint8], k: int, high: int, tables: WordTables) -> int:
    r"""Where the first `\w` from k on stands, or `high`."""
    while k < high and text[k] != 0x5F and not bits_at(text, k, tables) & (ALPHA | NUMERIC):
        k += decode(text, k)[1]
    return k


@kernel
def _has_fewer_words(text: NDArray[np.uint8], low: int, high: int, count: int) -> bool:
    """Whether the line has fewer than `count` words between white space."""
    words = 0
    in_word = False
    k = low
    while k < high and words < count:
        length = space_length(text, k)
        words += length == 0 and not in_word
        in_word = length == 0
        k += max(length, 1)
        if in_word:
            k += leading_letters(load_word(text, k))
    return words < count


@kernel
def _count_words(text: NDArray[np.uint8], size: int, tables: WordTables) -> int:
    """Words between white space that begin with a letter or number."""
    words = 0
    in_word = False
    k = 0
    while k < size:
        length = space_length(text, k)
        if length == 0 and not in_word:
            words += bits_at(text, k, tables) & (ALPHA | NUMERIC) != 0
        in_word = length == 0
        k += max(length, 1)
        if in_word:
            k += leading_letters(load_word(text, k))
    return words
