"""C4's line rules over a column, as spans: what to cut so that only the kept lines remain.

A document is read twice. The first pass judges each line of `str.splitlines`; the second writes the spans, knowing
where the text that remains begins and ends.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pile_builder.text.line_rules import (
    CURLY_BRACKET,
    DROPPING_RULES,
    KEPT,
    LOREM_IPSUM,
    citation_length,
    cut_citations,
    judge_line,
)
from pile_builder.text.strings import (
    count_characters,
    line_break_length,
    may_break_line,
    next_mark,
    space_length,
    strip_end,
    strip_start,
)
from pile_builder.text.word_tables import WordTables, decode, kernel
from pile_builder.text.words import sentences_of_words, tokenize

LINE_RULES = (*DROPPING_RULES, "citation", "whitespace", "line_break")
"""Rules of spans by number. DROPPING_RULES drop a line with the line end before it, `citation` cuts inside a kept line,
`whitespace` trims, `line_break` turns another line end into a line feed."""

C4_COUNTS = (
    "characters",
    "lines",
    "kept_lines",
    "sentences",
    "lorem_ipsum",
    "curly_bracket",
    *(f"{rule}_lines" for rule in DROPPING_RULES),
    "citations",
)
"""Columns of `clean_lines`' counts. `sentences` are those of the kept lines, each line by itself; `lorem_ipsum` and
`curly_bracket` count the lines in which the rule found it, lines dropped by an earlier rule excluded."""

_CHARACTERS, _LINES, _KEPT_LINES, _SENTENCES, _LOREM, _CURLY, _DROPPED = range(7)
_CITATIONS = _DROPPED + len(DROPPING_RULES)
_CITATION, _WHITESPACE, _LINE_BREAK = range(len(DROPPING_RULES), len(LINE_RULES))
_BRACKET = 0x5B
_START, _END, _OPENS, _CLOSES, _RULE, _CUTS, _LINE_COLUMNS = range(7)


@njit(cache=True, nogil=True)
def clean_lines(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    tables: WordTables,
    words: NDArray[np.int32],
    word_offsets: NDArray[np.int64],
    scratch: NDArray[np.uint8],
    scratch_view: NDArray[np.uint8],
    reading: int,
    min_words: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Judge the lines of a column.

    Args:
        data: uint8, the column's text.
        offsets: int64 of length documents + 1.
        tables: of words v1.
        words: of the column, the spans that `find_words` gives.
        word_offsets: theirs.
        scratch: uint8, room for the longest document and 64 bytes more.
        scratch_view: the same memory as `scratch`, of the exact type of `data` (read-only).
        reading: FINEWEB, TFDS or PAPER of `line_rules`.
        min_words: fewest white-space separated words of a kept line.

    Returns:
        Spans, int64 of shape (n, 3): start and end relative to the document, number in LINE_RULES. Offsets into them,
        int64 of length documents + 1. Counts, int64 of shape (documents, len(C4_COUNTS)). How many words the kept lines
        have, int64 of length documents.
    """
    n_documents = len(offsets) - 1
    counts = np.zeros((n_documents, len(C4_COUNTS)), np.int64)
    span_offsets = np.zeros(n_documents + 1, np.int64)
    spans = np.empty((1024, 3), np.int64)
    lines = np.empty((1024, _LINE_COLUMNS), np.int64)
    n_words = np.zeros(n_documents, np.int64)
    marks = np.empty(len(scratch), np.uint8)
    scratch_words = np.empty((len(scratch), 2), np.int32)
    n_spans = 0
    for document in range(n_documents):
        start = offsets[document]
        end = offsets[document + 1]
        row = counts[document]
        n_lines = _split_lines(data, start, end, marks, lines)
        while n_lines < 0:
            lines = np.empty((2 * len(lines), _LINE_COLUMNS), np.int64)
            n_lines = _split_lines(data, start, end, marks, lines)
        row[_CHARACTERS] = count_characters(data, start, end)
        row[_LINES] = n_lines
        _judge_lines(data, tables, scratch, scratch_view, marks, reading, min_words, lines[:n_lines], row)
        own = words[word_offsets[document] : word_offsets[document + 1]]
        n_words[document], first, last = _count_kept(
            data, start, end, tables, own, scratch, scratch_view, scratch_words, lines[:n_lines], row
        )
        # Per line: the line end before it, white space on both sides, twice more if the text ends inside it.
        room = n_spans + 6 * n_lines + 3 * row[_CITATIONS] + 1
        if len(spans) < room:
            grown = np.empty((2 * room, 3), np.int64)
            grown[:n_spans] = spans[:n_spans]
            spans = grown
        n_spans += _write_spans(data, start, end, lines[:n_lines], first, last, tables, spans[n_spans:])
        span_offsets[document + 1] = n_spans
    return spans[:n_spans], span_offsets, counts, n_words


@kernel
def _split_lines(
    data: NDArray[np.uint8], start: int, end: int, marks: NDArray[np.uint8], lines: NDArray[np.int64]
) -> int:
    """Fill `lines` with the (start, end, stripped start, stripped end, _, opening brackets) of each.

    Returns the number of lines, -1 if there are too many. `marks` is scratch.
    """
    text = data[start:end]
    for k in range(len(text)):
        marks[k] = may_break_line(text[k]) | (text[k] == _BRACKET)
    n = 0
    begin = start
    while begin < end:
        if n == len(lines):
            return -1
        brackets = length = 0
        stop = start + next_mark(marks, begin - start, end - start)
        while stop < end:
            length = line_break_length(data, stop, end)
            if length > 0:
                break
            brackets += data[stop] == _BRACKET
            stop = start + next_mark(marks, stop + 1 - start, end - start)
        opens = strip_start(data, begin, stop)
        lines[n, _START] = begin
        lines[n, _END] = stop
        lines[n, _OPENS] = opens
        lines[n, _CLOSES] = strip_end(data, opens, stop)
        lines[n, _CUTS] = brackets
        n += 1
        begin = stop + length
    return n


@kernel
def _judge_lines(
    data: NDArray[np.uint8],
    tables: WordTables,
    scratch: NDArray[np.uint8],
    scratch_view: NDArray[np.uint8],
    marks: NDArray[np.uint8],
    reading: int,
    min_words: int,
    lines: NDArray[np.int64],
    row: NDArray[np.int64],
) -> None:
    """Write the verdict on each line and, in place of its brackets, its citations to `lines`."""
    for k in range(len(lines)):
        opens = lines[k, _OPENS]
        closes = lines[k, _CLOSES]
        size = citations = 0
        if lines[k, _CUTS] > 0:
            size, citations = cut_citations(data, opens, closes, tables, scratch)
        text, low, high = data, opens, closes
        if citations > 0:
            text, low, high = scratch_view, np.int64(0), size
        rule, found = judge_line(data, opens, closes, text, low, high, marks, reading, min_words)
        lines[k, _RULE] = rule
        lines[k, _CUTS] = citations
        row[_LOREM] += (found & LOREM_IPSUM) != 0
        row[_CURLY] += (found & CURLY_BRACKET) != 0
        if rule == KEPT:
            row[_KEPT_LINES] += 1
            row[_CITATIONS] += citations
        else:
            row[_DROPPED + rule] += 1


@kernel
def _count_kept(
    data: NDArray[np.uint8],
    start: int,
    end: int,
    tables: WordTables,
    words: NDArray[np.int32],
    scratch: NDArray[np.uint8],
    scratch_view: NDArray[np.uint8],
    scratch_words: NDArray[np.int32],
    lines: NDArray[np.int64],
    row: NDArray[np.int64],
) -> tuple[int, int, int]:
    """Add the sentences of the kept lines to `row`; their words, and from where to where text remains.

    White space parts words, so those of a line by itself are those of the document inside it, unless citations were cut
    from it.
    """
    w = n_words = int(np.int64(0))
    first = last = end
    for k in range(len(lines)):
        if lines[k, _RULE] != KEPT:
            continue
        opens, closes = lines[k, _OPENS], lines[k, _CLOSES]
        if lines[k, _CUTS] > 0:
            size, _ = cut_citations(data, opens, closes, tables, scratch)
            count = tokenize(scratch_view, 0, size, tables, scratch_words)
            row[_SENTENCES] += sentences_of_words(scratch_view, 0, 0, size, tables, scratch_words[:count])
            opens, closes = _visible(data, opens, closes, tables)
        else:
            while w < len(words) and start + words[w, 0] < opens:
                w += 1
            count = w
            while w < len(words) and start + words[w, 0] < closes:
                w += 1
            count = w - count
            row[_SENTENCES] += sentences_of_words(data, start, opens, closes, tables, words[w - count : w])
        n_words += count
        if opens < closes:
            first = min(first, opens)
            last = closes
    return n_words, first, last


@kernel
def _visible(data: NDArray[np.uint8], low: int, high: int, tables: WordTables) -> tuple[int, int]:
    """From where to where there is text in a line apart from citations and white space; (high, high) if nowhere."""
    first = last = high
    i = low
    while i < high:
        length = citation_length(data, i, high, tables) if data[i] == 0x5B else space_length(data, i)
        if length == 0:
            length = decode(data, i)[1]
            first = min(first, i)
            last = i + length
        i += length
    return first, last


@kernel
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
        if lines[k, _RULE] != KEPT:
            n = _add(spans, n, before - start, high - start, lines[k, _RULE])
            before = high
            continue
        if not first < low < last:
            n = _add(spans, n, before - start, low - start, _WHITESPACE)
        elif low - before != 1 or data[before] != 0x0A:
            n = _add(spans, n, before - start, low - start, _LINE_BREAK)
        n = _add(spans, n, low - start, lines[k, _OPENS] - start, _WHITESPACE)
        begin = lines[k, _OPENS]
        closes = lines[k, _CLOSES]
        i = begin if lines[k, _CUTS] > 0 else closes
        while i <= closes:
            length = citation_length(data, i, closes, tables) if i < closes and data[i] == 0x5B else 0
            if length > 0 or i == closes:
                n = _add(spans, n, begin - start, min(i, first) - start, _WHITESPACE)
                n = _add(spans, n, max(begin, last) - start, i - start, _WHITESPACE)
                n = _add(spans, n, i - start, i + length - start, _CITATION)
                begin = i + length
            i += max(length, 1)
        n = _add(spans, n, closes - start, high - start, _WHITESPACE)
        before = high
    return _add(spans, n, before - start, end - start, _WHITESPACE)


@kernel
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
