"""C4's line rules (Raffel et al. 2020, section 2.2) as spans: what to cut so that only the kept lines remain.

Two readings differ in their limits and in when they count words: datatrove 0.10.1's `C4QualityFilter` as FineWeb sets
it, and `c4_utils.py` of tensorflow-datasets. A document is read twice. The first pass judges each line of
`str.splitlines`; the second writes the spans, knowing where the text that remains begins and ends.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pile_builder.text.strings import (
    count_characters,
    line_break_length,
    line_end,
    space_length,
    strip_end,
    strip_start,
)
from pile_builder.text.word_tables import DECIMAL, WordTables, bits_at, decode
from pile_builder.text.words import count_sentences

LINE_RULES = (
    "too_long_word",
    "no_terminal_punctuation",
    "too_few_words",
    "javascript",
    "policy",
    "citation",
    "whitespace",
    "line_break",
)
"""Rules of spans by number. The first five drop a line with the line end before it, `citation` cuts inside a kept line,
`whitespace` trims, `line_break` turns another line end into a line feed."""

_TOO_LONG_WORD, _NO_TERMINAL, _TOO_FEW_WORDS, _JAVASCRIPT, _POLICY, _CITATION, _WHITESPACE, _LINE_BREAK = range(8)
_KEPT = -1
_DROPPING_RULES = 5

C4_COUNTS = (
    "characters",
    "lines",
    "kept_lines",
    "sentences",
    "lorem_ipsum",
    "curly_bracket",
    *(f"{rule}_lines" for rule in LINE_RULES[:_DROPPING_RULES]),
    "citations",
)
"""Columns of `clean_lines`' counts. `sentences` are those of the kept lines, each line by itself; `lorem_ipsum` and
`curly_bracket` count the lines in which the rule found it, lines dropped by an earlier rule excluded."""

_CHARACTERS, _LINES, _KEPT_LINES, _SENTENCES, _LOREM, _CURLY, _DROPPED = range(7)
_CITATIONS = _DROPPED + _DROPPING_RULES

FINEWEB, TFDS = 0, 1
"""The readings."""

_LONGEST_WORD = 1000
_FOUND_LOREM, _FOUND_JAVASCRIPT, _FOUND_CURLY, _FOUND_POLICY = 1, 2, 4, 8
_START, _END, _OPENS, _CLOSES, _RULE = range(5)


def _phrase(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode("ascii"), np.uint8)


_EDIT, _CITATION_NEEDED = _phrase("[edit]"), _phrase("[citation needed]")
_LOREM_IPSUM, _JAVASCRIPT_WORD = _phrase("lorem ipsum"), _phrase("javascript")
_PRIVACY_POLICY, _TERMS_OF_USE = _phrase("privacy policy"), _phrase("terms of use")
_COO, _IE, _S, _SPACE_POLICY = _phrase("coo"), _phrase("ie"), _phrase("s"), _phrase(" policy")
_USES, _USE_OF, _USE = _phrase("uses "), _phrase("use of "), _phrase("use ")
_ANCHORS = np.array([byte in b"jJvVfFkKpP{\xe2" for byte in range(256)], np.bool_)
"""Bytes at which `_find_phrases` looks closer: a rare letter of each phrase, and where a Kelvin sign begins."""


@njit(cache=True, nogil=True)
def clean_lines(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    tables: WordTables,
    scratch: NDArray[np.uint8],
    scratch_view: NDArray[np.uint8],
    reading: int,
    min_words: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Judge the lines of a column.

    Args:
        data: uint8, the column's text.
        offsets: int64 of length documents + 1.
        tables: of words v1.
        scratch: uint8, room for the longest document and 64 bytes more.
        scratch_view: the same memory as `scratch`, of the exact type of `data` (read-only).
        reading: TFDS drops lines that do not end in `.`, `?`, `!` or `"` or that end in `...`, and counts words without
            citations; FINEWEB counts them with citations.
        min_words: fewest white-space separated words of a kept line.

    Returns:
        Spans, int64 of shape (n, 3): start and end relative to the document, number in LINE_RULES. Offsets into them,
        int64 of length documents + 1. Counts, int64 of shape (documents, len(C4_COUNTS)).
    """
    n_documents = len(offsets) - 1
    counts = np.zeros((n_documents, len(C4_COUNTS)), np.int64)
    span_offsets = np.zeros(n_documents + 1, np.int64)
    spans = np.empty((1024, 3), np.int64)
    lines = np.empty((1024, 5), np.int64)
    words = np.empty((4096, 2), np.int32)
    n_spans = 0
    for document in range(n_documents):
        start = offsets[document]
        end = offsets[document + 1]
        row = counts[document]
        n_lines = _split_lines(data, start, end, lines)
        while n_lines < 0:
            lines = np.empty((2 * len(lines), 5), np.int64)
            n_lines = _split_lines(data, start, end, lines)
        first = last = end
        for k in range(n_lines):
            line = lines[k]
            opens = line[_OPENS]
            closes = line[_CLOSES]
            size, citations = _without_citations(data, opens, closes, tables, scratch)
            if citations > 0:
                rule = _judge(data, opens, closes, scratch_view, 0, size, reading, min_words, row)
            else:
                rule = _judge(data, opens, closes, data, opens, closes, reading, min_words, row)
            line[_RULE] = rule
            if rule != _KEPT:
                row[_DROPPED + rule] += 1
                continue
            row[_KEPT_LINES] += 1
            row[_CITATIONS] += citations
            sentences = -1
            while sentences < 0:
                if citations > 0:
                    sentences = count_sentences(scratch_view, 0, size, tables, words)
                else:
                    sentences = count_sentences(data, opens, closes, tables, words)
                if sentences < 0:
                    words = np.empty((2 * len(words), 2), np.int32)
            row[_SENTENCES] += sentences
            if citations > 0:
                opens, closes = _visible(data, opens, closes, tables)
            if opens < closes:
                first = min(first, opens)
                last = closes
        row[_CHARACTERS] = count_characters(data, start, end)
        row[_LINES] = n_lines
        # Per line: the line end before it, white space on both sides, twice more if the text ends inside it.
        room = n_spans + 6 * n_lines + 3 * row[_CITATIONS] + 1
        if len(spans) < room:
            grown = np.empty((2 * room, 3), np.int64)
            grown[:n_spans] = spans[:n_spans]
            spans = grown
        n_spans += _write_spans(data, start, end, lines[:n_lines], first, last, tables, spans[n_spans:])
        span_offsets[document + 1] = n_spans
    return spans[:n_spans], span_offsets, counts


@njit(cache=True, nogil=True)
def _split_lines(data: NDArray[np.uint8], start: int, end: int, lines: NDArray[np.int64]) -> int:
    """Fill `lines` with the (start, end, stripped start, stripped end, _) of each; their number, -1 if too many."""
    n = 0
    begin = start
    while begin < end:
        if n == len(lines):
            return -1
        stop = line_end(data, begin, end)
        opens = strip_start(data, begin, stop)
        lines[n, _START] = begin
        lines[n, _END] = stop
        lines[n, _OPENS] = opens
        lines[n, _CLOSES] = strip_end(data, opens, stop)
        n += 1
        begin = stop + line_break_length(data, stop, end) if stop < end else end
    return n


@njit(cache=True, nogil=True)
def _judge(
    data: NDArray[np.uint8],
    opens: int,
    closes: int,
    text: NDArray[np.uint8],
    low: int,
    high: int,
    reading: int,
    min_words: int,
    row: NDArray[np.int64],
) -> int:
    """The rule that drops the line `data[opens:closes]`, `text[low:high]` without its citations, or _KEPT."""
    n_words = _count_words(data, opens, closes)
    if n_words < 0:
        return _TOO_LONG_WORD
    if reading == TFDS:
        if not _ends_in_mark(text, low, high):
            return _NO_TERMINAL
        n_words = abs(_count_words(text, low, high))
    if n_words < min_words:
        return _TOO_FEW_WORDS
    found = _find_phrases(text, low, high)
    row[_LOREM] += (found & _FOUND_LOREM) != 0
    if found & _FOUND_JAVASCRIPT:
        return _JAVASCRIPT
    row[_CURLY] += (found & _FOUND_CURLY) != 0
    return _POLICY if found & _FOUND_POLICY else _KEPT


@njit(cache=True, nogil=True)
def _count_words(text: NDArray[np.uint8], low: int, high: int) -> int:
    """White-space separated words; their negative number if one is longer than 1,000 characters."""
    n = 0
    sign = 1
    begin = i = low
    while i <= high:
        length = 1
        if i < high:
            b = text[i]
            length = space_length(text, i) if b <= 0x20 or 0xC2 <= b <= 0xE3 else 0
        if length == 0:
            i += 1
            continue
        if i > begin:
            n += 1
            if i - begin > _LONGEST_WORD and count_characters(text, begin, i) > _LONGEST_WORD:
                sign = -1
        i += length
        begin = i
    return sign * n


@njit(cache=True, nogil=True)
def _ends_in_mark(text: NDArray[np.uint8], low: int, high: int) -> bool:
    if high == low:
        return False
    b = text[high - 1]
    if b == 0x2E:
        return high - low < 3 or text[high - 2] != 0x2E or text[high - 3] != 0x2E
    return b == 0x3F or b == 0x21 or b == 0x22


@njit(cache=True, nogil=True)
def _find_phrases(text: NDArray[np.uint8], low: int, high: int) -> int:
    """Bits of the phrases in the lower-cased line; the Kelvin sign is the one other character that becomes ASCII."""
    found = 0
    for i in range(low, high):
        b = text[i]
        if not _ANCHORS[b]:
            continue
        if b == 0x7B:
            found |= _FOUND_CURLY
        elif b == 0xE2 or b == 0x6B or b == 0x4B:
            size = 1
            if b == 0xE2:
                if text[i + 1] != 0x84 or text[i + 2] != 0xAA:
                    continue
                size = 3
            if _is_at(text, i - 3, low, high, _COO) and _is_at(text, i + size, low, high, _IE):
                cookie = i - 3
                after = i + size + 2
                plural = _is_at(text, after, low, high, _S)
                used = _is_at(text, cookie - 5, low, high, _USES) or _is_at(text, cookie - 4, low, high, _USE)
                used |= _is_at(text, cookie - 7, low, high, _USE_OF)
                if (plural and used) or _is_at(text, after, low, high, _SPACE_POLICY):
                    found |= _FOUND_POLICY
        elif b | 0x20 == 0x6A:
            if _is_at(text, i, low, high, _JAVASCRIPT_WORD):
                found |= _FOUND_JAVASCRIPT
        elif b | 0x20 == 0x70:
            if _is_at(text, i - 7, low, high, _LOREM_IPSUM):
                found |= _FOUND_LOREM
        elif b | 0x20 == 0x76:
            if _is_at(text, i - 3, low, high, _PRIVACY_POLICY):
                found |= _FOUND_POLICY
        elif _is_at(text, i - 7, low, high, _TERMS_OF_USE):
            found |= _FOUND_POLICY
    return found


@njit(cache=True, nogil=True)
def _is_at(text: NDArray[np.uint8], at: int, low: int, high: int, phrase: NDArray[np.uint8]) -> bool:
    """Whether `text[low:high]` has the ASCII phrase, in either case, at `at`."""
    if at < low or at + len(phrase) > high:
        return False
    for k in range(len(phrase)):
        b = text[at + k]
        if 0x41 <= b <= 0x5A:
            b |= 0x20
        if b != phrase[k]:
            return False
    return True


@njit(cache=True, nogil=True)
def _citation_length(data: NDArray[np.uint8], i: int, end: int, tables: WordTables) -> int:
    r"""Bytes of the match of `\[\d*]|\[edit]|\[citation needed]` at the bracket at i, or 0."""
    j = i + 1
    while j < end and bits_at(data, j, tables) & DECIMAL:
        j += decode(data, j)[1]
    if j < end and data[j] == 0x5D:
        return j + 1 - i
    for phrase in (_EDIT, _CITATION_NEEDED):
        if i + len(phrase) <= end:
            equal = True
            for k in range(len(phrase)):
                equal &= data[i + k] == phrase[k]
            if equal:
                return len(phrase)
    return 0


@njit(cache=True, nogil=True)
def _without_citations(
    data: NDArray[np.uint8], low: int, high: int, tables: WordTables, scratch: NDArray[np.uint8]
) -> tuple[int, int]:
    """Citations in `data[low:high]`, and if there are any, the length of what is left, which is copied to `scratch`."""
    citations = size = 0
    begin = low
    for i in range(low, high):
        if data[i] != 0x5B:
            continue
        length = _citation_length(data, i, high, tables)
        if length > 0:
            citations += 1
            scratch[size : size + i - begin] = data[begin:i]
            size += i - begin
            begin = i + length
    if citations > 0:
        scratch[size : size + high - begin] = data[begin:high]
        size += high - begin
    return size, citations


@njit(cache=True, nogil=True)
def _visible(data: NDArray[np.uint8], low: int, high: int, tables: WordTables) -> tuple[int, int]:
    """From where to where there is text in a line apart from citations and white space; (high, high) if nowhere."""
    first = last = high
    i = low
    while i < high:
        length = _citation_length(data, i, high, tables) if data[i] == 0x5B else space_length(data, i)
        if length == 0:
            length = decode(data, i)[1]
            first = min(first, i)
            last = i + length
        i += length
    return first, last


@njit(cache=True, nogil=True)
def _write_spans(
    data: NDArray[np.uint8],
    start: int,
    end: int,
    lines: NDArray[np.int64],
    first: int,
    last: int,
    tables: WordTables,
    spans: NDArray[np.int64],
) -> int:
    """Write what to cut so that the kept lines remain, trimmed to [first, last); the number of spans."""
    n = 0
    before = start
    for k in range(len(lines)):
        low = lines[k, _START]
        high = lines[k, _END]
        if lines[k, _RULE] != _KEPT:
            n = _add(spans, n, before - start, high - start, lines[k, _RULE])
            before = high
            continue
        if not first < low < last:
            n = _add(spans, n, before - start, low - start, _WHITESPACE)
        elif low - before != 1 or data[before] != 0x0A:
            n = _add(spans, n, before - start, low - start, _LINE_BREAK)
        n = _add(spans, n, low - start, lines[k, _OPENS] - start, _WHITESPACE)
        i = begin = lines[k, _OPENS]
        closes = lines[k, _CLOSES]
        while i <= closes:
            length = _citation_length(data, i, closes, tables) if i < closes and data[i] == 0x5B else 0
            if length > 0 or i == closes:
                n = _add(spans, n, begin - start, min(i, first) - start, _WHITESPACE)
                n = _add(spans, n, max(begin, last) - start, i - start, _WHITESPACE)
                n = _add(spans, n, i - start, i + length - start, _CITATION)
                begin = i + length
            i += max(length, 1)
        n = _add(spans, n, closes - start, high - start, _WHITESPACE)
        before = high
    return _add(spans, n, before - start, end - start, _WHITESPACE)


@njit(cache=True, nogil=True)
def _add(spans: NDArray[np.int64], n: int, start: int, end: int, rule: int) -> int:
    """Append a span unless it is empty; neighbours of white space become one."""
    if start >= end:
        return n
    if rule == _WHITESPACE and n > 0 and spans[n - 1, 2] == rule and spans[n - 1, 1] == start:
        spans[n - 1, 1] = end
        return n
    spans[n, 0] = start
    spans[n, 1] = end
    spans[n, 2] = rule
    return n + 1
