r"""URLs, addresses and blank lines as DCLM takes them out (`baselines/mappers/modifiers.py`), as spans.

First host names under a known top-level domain, up to ten white-space characters and a scheme before them, and behind
them `[-a-zA-Z0-9()@:%_+.~#?&/=]*`; a host is `[-a-zA-Z0-9@:%._+~#=]{1,256}\.TOP_LEVEL\b`. Then four numbers with dots,
`\b([0-2]?[0-9]{1,2}\.){3}[0-2]?[0-9]{1,2}`, with the same before and behind. Then of more than two line feeds in a row
those after the second.

Two differences. DCLM's program looks for host names only in pages whose text begins with the letters of a top-level
domain (such as `Th`: it tests the page with `match` where `search` seems meant); here every page is searched. And the
top-level domains are those of `tables/top_levels_v1.txt`, where DCLM has a list that also holds withdrawn ones.
"""

from __future__ import annotations

import functools
import importlib.resources

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pile_builder.text.column import from_strings
from pile_builder.text.hash_set import find_slot, hash_bytes, table_size
from pile_builder.text.removal import Left, begin, close_up, count_runs, take, write_runs
from pile_builder.text.strings import count_characters, next_byte, space_length
from pile_builder.text.word_tables import ALPHA, NUMERIC, WordTables, bits_at, decode, kernel, previous_char

DCLM_URL_RULES = ("url", "address", "newlines")
"""Rules of spans, by number."""
DCLM_URL_COUNTS = ("urls", "addresses", "newlines", "characters_left")
"""Columns of `cut_urls`' counts: matches, line feeds that were too many, and characters of what is left."""

_URL, _ADDRESS, _NEWLINES = range(len(DCLM_URL_RULES))
_DOT, _NEWLINE = 0x2E, 0x0A
_MOST_SPACES = 10
_LONGEST_HOST = 256
_LONGEST_TOP_LEVEL = 64  # bytes; the table's longest has 33
_MOST_NEWLINES = 2
_IN_HOST, _IN_PATH = 1, 2


def _phrase(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode("ascii"), np.uint8)


def _characters() -> NDArray[np.uint8]:
    """Bits of each byte: may stand in a host, may stand behind it."""
    bits = np.zeros(256, np.uint8)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    bits[_phrase(letters + "-@:%._+~#=")] |= _IN_HOST
    bits[_phrase(letters + "-()@:%_+.~#?&/=")] |= _IN_PATH
    bits.setflags(write=False)
    return bits


_CHARACTERS = _characters()
_SCHEMES = (_phrase("http://"), _phrase("https://"), _phrase("ftp://"))


@functools.cache
def load_top_levels() -> NDArray[np.uint64]:
    """A read-only set of the hashes of all top-level domains, as `hash_set` makes them."""
    lines = importlib.resources.files("pile_builder.text.tables").joinpath("top_levels_v1.txt").read_text("utf-8")
    column = from_strings([line for line in lines.splitlines() if not line.startswith("#")])
    table = np.zeros(table_size(len(column)), np.uint64)
    for start, end in zip(column.offsets[:-1].tolist(), column.offsets[1:].tolist(), strict=True):
        key = np.uint64(hash_bytes(column.data, start, end))
        table[find_slot(table, key)] = key
    table.setflags(write=False)
    return table


@njit(cache=True, nogil=True)
def cut_urls(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], tables: WordTables, top_levels: NDArray[np.uint64], left: Left
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Find what to take out of a column.

    Args:
        data: uint8, the column's text.
        offsets: int64 of length documents + 1.
        tables: of words v1.
        top_levels: what `load_top_levels` gives.
        left: room for the longest document.

    Returns:
        Spans, int64 of shape (n, 3): start and end relative to the document, number in DCLM_URL_RULES. Offsets into
        them, int64 of length documents + 1. Counts, int64 of shape (documents, len(DCLM_URL_COUNTS)).
    """
    counts = np.zeros((len(offsets) - 1, len(DCLM_URL_COUNTS)), np.int64)
    span_offsets = np.zeros(len(offsets), np.int64)
    spans = np.empty((1024, 3), np.int64)
    n_spans = 0
    for document in range(len(offsets) - 1):
        start, end = offsets[document], offsets[document + 1]
        row = counts[document]
        size = begin(data, start, end, left)
        row[_URL] = _take_urls(left, size, tables, top_levels)
        size = close_up(left, 0, size) if row[_URL] > 0 else size
        row[_ADDRESS] = _take_addresses(left, size, tables)
        size = close_up(left, 0, size) if row[_ADDRESS] > 0 else size
        row[_NEWLINES] = _take_newlines(left, size)
        size = close_up(left, 0, size) if row[_NEWLINES] > 0 else size
        row[_NEWLINES + 1] = count_characters(left.read, 0, size)
        if row[: _NEWLINES + 1].any():
            room = n_spans + count_runs(left, end - start)
            if len(spans) < room:
                grown = np.empty((2 * room, 3), np.int64)
                grown[:n_spans] = spans[:n_spans]
                spans = grown
            n_spans += write_runs(left, end - start, spans[n_spans:])
        span_offsets[document + 1] = n_spans
    return spans[:n_spans], span_offsets, counts


@kernel
def _take_urls(left: Left, size: int, tables: WordTables, top_levels: NDArray[np.uint64]) -> int:
    """Take the matches of the first pattern and count them.

    The first dot with a top-level domain behind it decides where a match begins, the last one that the host may be long
    enough for where its host ends.
    """
    text = left.read
    found = done = 0
    dot = next_byte(text, 0, size, _DOT)
    while dot < size:
        end = _top_level_end(text, dot + 1, size, tables, top_levels)
        host = dot
        while end > 0 and host > done and _CHARACTERS[text[host - 1]] & _IN_HOST:
            host -= 1
        if end == 0 or host == dot:
            dot = next_byte(text, dot + 1, size, _DOT)
            continue
        low = max(host, dot - _LONGEST_HOST)
        later = dot + 1
        while later < size and later <= low + _LONGEST_HOST and _CHARACTERS[text[later]] & _IN_HOST:
            if text[later] == _DOT:
                end = max(end, _top_level_end(text, later + 1, size, tables, top_levels))
            later += 1
        if low == host:
            low = _before_spaces(text, _before_scheme(text, low, done), done)
        done = _path_end(text, end, size)
        take(left, low, done, _URL)
        found += 1
        dot = next_byte(text, done, size, _DOT)
    return found


@kernel
def _take_addresses(left: Left, size: int, tables: WordTables) -> int:
    """Take the matches of the second pattern and count them."""
    text = left.read
    found = done = 0
    dot = next_byte(text, 0, size, _DOT)
    while dot < size:
        low = dot
        while low > done and dot - low < 4 and _is_digit(text[low - 1]):
            low -= 1
        end = _numbers_end(text, low, size) if low < dot and not _is_word_before(text, low, tables) else 0
        if end == 0:
            dot = next_byte(text, dot + 1, size, _DOT)
            continue
        scheme = _before_scheme(text, low, done)
        if not _is_word_before(text, scheme, tables):
            low = scheme
        low = _before_spaces(text, low, done)
        done = _path_end(text, end, size)
        take(left, low, done, _ADDRESS)
        found += 1
        dot = next_byte(text, done, size, _DOT)
    return found


@kernel
def _take_newlines(left: Left, size: int) -> int:
    """Take the line feeds after the second of a run and count them."""
    found = run = 0
    for k in range(size):
        run = run + 1 if left.read[k] == _NEWLINE else 0
        if run > _MOST_NEWLINES:
            take(left, k, k + 1, _NEWLINES)
            found += 1
    return found


@kernel
def _top_level_end(
    text: NDArray[np.uint8], low: int, size: int, tables: WordTables, top_levels: NDArray[np.uint64]
) -> int:
    """Where the longest top-level domain that begins at `low` ends, at a boundary of a word; 0 if none does."""
    end = 0
    k = low
    is_word = False
    while k < min(size, low + _LONGEST_TOP_LEVEL) and (0x61 <= text[k] <= 0x7A or text[k] >= 0x80):
        is_word = _is_word(text, k, tables)
        k += decode(text, k)[1]
        if is_word != (k < size and _is_word(text, k, tables)):
            key = hash_bytes(text, low, k)
            if top_levels[find_slot(top_levels, key)] == key:
                end = k
    return end


@kernel
def _numbers_end(text: NDArray[np.uint8], low: int, size: int) -> int:
    """Where the first digit of the fourth number ends, of numbers up to 299 with dots between; 0 if they are fewer."""
    k = low
    for _ in range(3):
        begins = k
        while k < size and _is_digit(text[k]):
            k += 1
        if not 1 <= k - begins <= 3 or (k - begins == 3 and text[begins] > 0x32) or k == size or text[k] != _DOT:
            return 0
        k += 1
    return k + 1 if k < size and _is_digit(text[k]) else 0


@kernel
def _path_end(text: NDArray[np.uint8], k: int, size: int) -> int:
    while k < size and _CHARACTERS[text[k]] & _IN_PATH:
        k += 1
    return k


@kernel
def _before_scheme(text: NDArray[np.uint8], low: int, done: int) -> int:
    """Where a scheme that ends at `low` begins, not before `done`; `low` if there is none."""
    for scheme in _SCHEMES:
        begins = low - len(scheme)
        equal = begins >= done
        for k in range(len(scheme)):
            equal = equal and text[begins + k] == scheme[k]
        if equal:
            return begins
    return low


@kernel
def _before_spaces(text: NDArray[np.uint8], low: int, done: int) -> int:
    """Where up to ten white-space characters that end at `low` begin, not before `done`."""
    for _ in range(_MOST_SPACES):
        if low <= done:
            break
        before = previous_char(text, low, done)
        if space_length(text, before) == 0:
            break
        low = before
    return low


@kernel
def _is_word(text: NDArray[np.uint8], k: int, tables: WordTables) -> bool:
    r"""Whether the character at k is `\w`."""
    return text[k] == 0x5F or bits_at(text, k, tables) & (ALPHA | NUMERIC) != 0


@kernel
def _is_word_before(text: NDArray[np.uint8], k: int, tables: WordTables) -> bool:
    r"""Whether a `\w` ends at k."""
    return k > 0 and _is_word(text, previous_char(text, k, 0), tables)


@kernel
def _is_digit(byte: int) -> bool:
    return 0x30 <= byte <= 0x39
