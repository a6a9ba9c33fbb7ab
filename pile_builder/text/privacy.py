"""Where e-mail addresses, public IP addresses, phone numbers and secrets stand in a column of text.

A first pass marks, with vector instructions and a block at a time, every place at which one of them might begin or has
its tell-tale character; only there do the checks of `addresses`, `phones` and `secrets` look closer, and a bounded
number of bytes to either side, so no text takes more than linear time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pile_builder.text.addresses import is_alphanumeric, is_word, match_email, match_ipv4, match_ipv6
from pile_builder.text.column import PADDING, TextColumn
from pile_builder.text.phones import match_american_phone, match_international_phone
from pile_builder.text.secrets import match_secret
from pile_builder.text.strings import next_mark
from pile_builder.text.word_tables import kernel

EMAIL, IP, PHONE, SECRET = range(4)
"""Kinds; of two matches of equal length that overlap, the one of the earlier kind counts."""
N_KINDS = 4
FORM_IPV6 = 1
"""Form of an IPv6 address; a secret's form is its number in `secrets.NAMES`, everything else has 0."""
DOCUMENT, START, END, KIND, FORM, PRIVATE_COLUMNS = range(6)
"""Columns of `PrivateMatches.table`."""

_EMAIL_MARK, _IPV4_MARK, _IPV6_MARK, _AMERICAN_MARK, _PLUS_MARK, _SECRET_MARK = 1, 2, 4, 8, 16, 32
_MARKS = (_EMAIL_MARK, _IPV4_MARK | _IPV6_MARK, _AMERICAN_MARK | _PLUS_MARK, _SECRET_MARK)
_BLOCK = 1 << 14
_LOOK_AHEAD = 8
_FNV_BASIS, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)


class PrivateMatches(NamedTuple):
    """What was found, in order of document and place; matches of one document do not overlap.

    `table` is int64 of shape (n, 5): document, start and end in bytes relative to the document, kind, form. `hashes` is
    uint64 of shape (n,): FNV-1a over a match's lower-cased letters and its digits, so that an address has one hash
    however it is written.
    """

    table: NDArray[np.int64]
    hashes: NDArray[np.uint64]


def find_private(column: TextColumn, kinds: tuple[int, ...]) -> PrivateMatches:
    """Find what is private in n texts.

    Args:
        column: n texts.
        kinds: which of EMAIL, IP, PHONE and SECRET to look for.

    Returns:
        The matches; where two overlap the longer one, of two equally long ones that of the earlier kind.
    """
    data, offsets = column.data.view(), column.offsets.view()
    data.flags.writeable = offsets.flags.writeable = False
    table = scan(data, offsets, sum(_MARKS[kind] for kind in set(kinds)))
    is_place = table[:, KIND] == SECRET
    if is_place.any():
        table = np.concatenate([table[~is_place], _secrets(column, table[is_place])])
    order = np.lexsort((table[:, KIND], table[:, START], table[:, DOCUMENT]))
    table = np.ascontiguousarray(table[order])
    table = np.ascontiguousarray(table[settle_overlaps(table)])
    return PrivateMatches(table, hash_matches(data, offsets, table))


@njit(cache=True, nogil=True)
def scan(data: NDArray[np.uint8], offsets: NDArray[np.int64], wanted: int) -> NDArray[np.int64]:
    """Matches as rows of `PrivateMatches.table`, each kind's from left to right and free of overlaps.

    For secrets, only the places where one may begin: their rows have no end.
    """
    table = np.empty((1024, PRIVATE_COLUMNS), np.int64)
    marks = np.empty(_BLOCK + PADDING, np.uint8)
    free_from = np.zeros(N_KINDS, np.int64)
    n = 0
    for document in range(len(offsets) - 1):
        low = offsets[document]
        high = offsets[document + 1]
        free_from[:] = low
        for block in range(low, high, _BLOCK):
            size = min(_BLOCK, high - block)
            if n + size > len(table):
                grown = np.empty((2 * (n + size), PRIVATE_COLUMNS), np.int64)
                grown[:n] = table[:n]
                table = grown
            _mark(data[block : block + size + _LOOK_AHEAD], marks)
            n = _check_marks(data, block, size, low, high, marks, wanted, free_from, document, table, n)
    return table[:n]


@kernel
def _mark(text: NDArray[np.uint8], marks: NDArray[np.uint8]) -> None:
    """Mark each place of a text, which is _LOOK_AHEAD bytes longer than the marks made."""
    for k in range(len(text) - _LOOK_AHEAD):
        a = text[k]
        b = text[k + 1]
        c = text[k + 2]
        d = text[k + 3]
        e = text[k + 4]
        a_digit = np.uint8(a - np.uint8(0x30)) < 10
        b_digit = np.uint8(b - np.uint8(0x30)) < 10
        c_digit = np.uint8(c - np.uint8(0x30)) < 10
        ipv4 = a_digit & (b == 0x2E) & c_digit
        ipv6 = ((a == 0x32) | (a == 0x33)) & (e == 0x3A)
        parts = (d == 0x20) | (d == 0x29) | ((d >= 0x2D) & (d <= 0x2F)) | (d == 0xC2) | (d == 0xE2)
        american = a_digit & b_digit & c_digit & parts
        plus = (a == 0x2B) & b_digit
        # AKIA, ASIA, ABIA, ACCA
        secret = (a == 0x41) & (d == 0x41) & ((c == 0x49) | (c == 0x43))
        # ghx_, github_
        secret |= (a == 0x67) & (b == 0x68) & (d == 0x5F)
        secret |= (a == 0x67) & (b == 0x69) & (c == 0x74) & (text[k + 6] == 0x5F)
        # xoxb-, xapp-
        secret |= (a == 0x78) & (e == 0x2D) & (((b == 0x6F) & (c == 0x78)) | ((b == 0x61) & (c == 0x70)))
        # AIza
        secret |= (a == 0x41) & (b == 0x49) & (c == 0x7A) & (d == 0x61)
        # sk_live_, rk_live_
        secret |= (b == 0x6B) & (c == 0x5F) & (d == 0x6C) & (text[k + 7] == 0x5F)
        # sk-
        secret |= (a == 0x73) & (b == 0x6B) & (c == 0x2D)
        # eyJ
        secret |= (a == 0x65) & (b == 0x79) & (c == 0x4A)
        # -----BE
        secret |= (a == 0x2D) & (b == 0x2D) & (e == 0x2D) & (text[k + 5] == 0x42) & (text[k + 6] == 0x45)
        mark = np.uint8(a == 0x40) | np.uint8(ipv4) << np.uint8(1) | np.uint8(ipv6) << np.uint8(2)
        mark |= np.uint8(american) << np.uint8(3) | np.uint8(plus) << np.uint8(4) | np.uint8(secret) << np.uint8(5)
        marks[k] = mark


@kernel
def _check_marks(
    data: NDArray[np.uint8],
    block: int,
    size: int,
    low: int,
    high: int,
    marks: NDArray[np.uint8],
    wanted: int,
    free_from: NDArray[np.int64],
    document: int,
    table: NDArray[np.int64],
    n: int,
) -> int:
    """Write the matches of a block to `table` from row n on; the number of rows then.

    Where digits bear two marks, the characters behind them allow one of the two kinds at most.
    """
    at = next_mark(marks, 0, size)
    while at < size:
        place = block + at
        mark = np.int64(marks[at]) & wanted
        start = end = np.int64(-1)
        kind = EMAIL
        form = 0
        if mark & _EMAIL_MARK:
            start, end = match_email(data, place, low, high)
        elif mark & _SECRET_MARK:
            kind = SECRET
            if place == low or data[place] == 0x2D or not is_word(data[place - 1]):
                start = end = place
        elif mark & _PLUS_MARK:
            kind = PHONE
            start, end = match_international_phone(data, place, low, high)
        elif mark & _IPV4_MARK:
            kind = IP
            start, end = match_ipv4(data, place + 1, low, high)
        elif mark & _IPV6_MARK:
            kind = IP
            form = FORM_IPV6
            start, end = match_ipv6(data, place, low, high)
        elif mark & _AMERICAN_MARK:
            kind = PHONE
            start, end = match_american_phone(data, place, low, high, free_from[PHONE])
        if start >= free_from[kind]:
            free_from[kind] = end
            table[n, DOCUMENT] = document
            table[n, START] = start - low
            table[n, END] = end - low
            table[n, KIND] = kind
            table[n, FORM] = form
            n += 1
        at = next_mark(marks, at + 1, size)
    return n


@njit(cache=True, nogil=True)
def settle_overlaps(table: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which rows of a table sorted by document and start remain, so that none overlap; bool of shape (n,).

    Of each group of rows that hang together, the longest remains, then the longest of those it leaves room for.
    """
    n = len(table)
    keep = np.zeros(n, np.bool_)
    open_rows = np.ones(n, np.bool_)
    first = 0
    while first < n:
        reach = table[first, END]
        last = first + 1
        while last < n and table[last, DOCUMENT] == table[first, DOCUMENT] and table[last, START] < reach:
            reach = max(reach, table[last, END])
            last += 1
        while True:
            best = -1
            for i in range(first, last):
                if open_rows[i] and (best < 0 or _outranks(table[i], table[best])):
                    best = i
            if best < 0:
                break
            keep[best] = True
            for i in range(first, last):
                if table[i, START] < table[best, END] and table[best, START] < table[i, END]:
                    open_rows[i] = False
        first = last
    return keep


@kernel
def _outranks(row: NDArray[np.int64], other: NDArray[np.int64]) -> bool:
    length = row[END] - row[START]
    other_length = other[END] - other[START]
    return length > other_length or (length == other_length and row[KIND] < other[KIND])


@njit(cache=True, nogil=True)
def hash_matches(data: NDArray[np.uint8], offsets: NDArray[np.int64], table: NDArray[np.int64]) -> NDArray[np.uint64]:
    """`PrivateMatches.hashes` of a table."""
    hashes = np.empty(len(table), np.uint64)
    for row in range(len(table)):
        base = offsets[table[row, DOCUMENT]]
        value = _FNV_BASIS
        for i in range(base + table[row, START], base + table[row, END]):
            if is_alphanumeric(data[i]):
                value = (value ^ np.uint64(data[i] | 0x20)) * _FNV_PRIME
        hashes[row] = value
    return hashes


def _secrets(column: TextColumn, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows of the secrets that begin at some of these places, in order; shape (m, PRIVATE_COLUMNS)."""
    rows = []
    document = free_from = -1
    text = b""
    for own, at in zip(places[:, DOCUMENT].tolist(), places[:, START].tolist(), strict=True):
        if own != document:
            document, free_from = own, 0
            text = column.data[column.offsets[own] : column.offsets[own + 1]].tobytes()
        found = match_secret(text, at) if at >= free_from else None
        if found:
            form, free_from = found
            rows.append((document, at, free_from, SECRET, form))
    return np.array(rows, np.int64).reshape(-1, PRIVATE_COLUMNS)
