"""Paragraphs or lines of texts: where they lie, hashes of them in normal form, and what removing some of them takes.

A line ends with a line feed, and is blank if it holds white space alone. A paragraph is a longest run of lines that are
not blank; where lines are asked for, each of them counts by itself. In normal form letters are in lower case (Unicode
14.0.0, one code point at a time, as words v2 has it), runs of white space are one space, and none stands at either end.
Punctuation, digits and accents count, unlike in words v2: `x - y` is not a copy of `x + y`.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from pile_builder.text.column import PADDING, TextColumn
from pile_builder.text.normalise import BLOCK, LANE_1, LANE_2, encode_point, load_table, mix
from pile_builder.text.strings import space_length, strip_start
from pile_builder.text.word_tables import decode, kernel, load_word, low_bytes

_LINE_FEED = 0x0A
_SPACE = 0x20
_SPACES = np.uint64(0x2020202020202020)
_HIGH_BITS = np.uint64(0x8080808080808080)
_LOW_SEVEN = np.uint64(0x7F7F7F7F7F7F7F7F)
# Added to a byte below 0x80, these set its highest bit from the space on, from "A" on, and behind "Z".
_FROM_SPACE = np.uint64(0x6060606060606060)
_FROM_A = np.uint64(0x3F3F3F3F3F3F3F3F)
_BEHIND_Z = np.uint64(0x2525252525252525)


class Paragraphs(NamedTuple):
    """The k paragraphs (or lines) of n documents, in order.

    `starts` and `ends`, int64[k], are places in the column's `data`, from the beginning of the first line to the end of
    the last, its line feed left out; those of document i are `offsets[i]` to `offsets[i + 1]`, int64[n + 1].
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    offsets: NDArray[np.int64]


def find_paragraphs(column: TextColumn, *, lines: bool) -> Paragraphs:
    """Find the paragraphs of n texts, or their lines that are not blank."""
    text = column.data[column.offsets[0] : column.offsets[-1]]
    most = int(np.count_nonzero(text == _LINE_FEED)) + len(column)
    starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
    offsets = np.zeros(len(column) + 1, np.int64)
    _find(column.data, column.offsets, lines, starts, ends, offsets)
    return Paragraphs(starts[: offsets[-1]], ends[: offsets[-1]], offsets)


def hash_paragraphs(
    column: TextColumn, starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Hash the normal form of k stretches of text; returns the hashes, uint64[k, 2], and its characters, int64[k].

    Equal normal forms have equal hashes. Different ones share one by chance alone: among 10^9, expected 10^-21 times.
    """
    index, entries = load_table()
    # Lower case lengthens two bytes to three at most.
    buffer = np.empty(2 * int((ends - starts).max(initial=0)) + PADDING, np.uint8)
    hashes, characters = np.empty((len(starts), 2), np.uint64), np.empty(len(starts), np.int64)
    _hash(column.data, starts, ends, index, entries, buffer, hashes, characters)
    return hashes, characters


def removals(
    column: TextColumn, found: Paragraphs, lost: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What goes with each lost paragraph: start and end in its document's text, int64 of as many as are `lost`.

    Of the separators around and between neighbours that are all lost, the one with the most line feeds stays, the first
    of those: what is left is as far apart as it was at the most. What precedes a document's first paragraph and what
    follows its last stays, unless all its paragraphs are lost, with which everything goes.
    """
    starts, ends = np.empty(int(lost.sum()), np.int64), np.empty(int(lost.sum()), np.int64)
    _remove(column.data, column.offsets, found.starts, found.ends, found.offsets, lost, starts, ends)
    return starts, ends


@numba.njit(cache=True, nogil=True)
def _find(
    data: NDArray[np.uint8],
    text_offsets: NDArray[np.int64],
    lines: bool,  # noqa: FBT001
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    offsets: NDArray[np.int64],
) -> None:
    count = 0
    for document in range(len(text_offsets) - 1):
        begin, end = text_offsets[document], text_offsets[document + 1]
        is_open = False
        while begin < end:
            stop = begin
            while stop < end and data[stop] != _LINE_FEED:
                stop += 1
            if strip_start(data, begin, stop) == stop:
                is_open = False
            elif is_open and not lines:
                ends[count - 1] = stop
            else:
                starts[count], ends[count] = begin, stop
                count += 1
                is_open = True
            begin = stop + 1
        offsets[document + 1] = count


@numba.njit(cache=True, nogil=True)
def _hash(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    index: NDArray[np.uint8],
    entries: NDArray[np.int32],
    buffer: NDArray[np.uint8],
    hashes: NDArray[np.uint64],
    characters: NDArray[np.int64],
) -> None:
    for k in range(len(starts)):
        length, characters[k] = _normalise(data, starts[k], ends[k], index, entries, buffer)
        low, high = LANE_1, LANE_2
        # As in the content hash of words v2: bijections of the state, so that different texts do not drift together.
        for i in range(0, length, 8):
            word = mix(low_bytes(load_word(buffer, i), length - i))
            low = (low ^ word) * LANE_1
            low ^= low >> np.uint64(32)
            high = (high + word) * LANE_2
            high ^= high >> np.uint64(29)
        hashes[k, 0] = mix(low ^ np.uint64(length))
        hashes[k, 1] = mix(high ^ np.uint64(length))


@numba.njit(cache=True, nogil=True)
def _normalise(
    data: NDArray[np.uint8],
    start: int,
    end: int,
    index: NDArray[np.uint8],
    entries: NDArray[np.int32],
    buffer: NDArray[np.uint8],
) -> tuple[int, int]:
    """Write the normal form into `buffer`; return its bytes and characters."""
    to = continuation = 0
    # As if white space had gone before: none is written at the beginning, nor after other white space.
    spaced = True
    i = start
    while i < end:
        word = load_word(data, i)
        spaces = _zero_bytes(word ^ _SPACES)
        repeats = spaces & (spaces << np.uint64(8) | np.uint64(spaced) << np.uint64(7))
        if i + 8 <= end and (word & _HIGH_BITS | _controls(word) | repeats) == 0:
            # Eight characters of ASCII without white space to collapse.
            upper = (word + _FROM_A) & ~(word + _BEHIND_Z) & _HIGH_BITS
            word |= upper >> np.uint64(2)
            for k in range(8):
                buffer[to + k] = np.uint8(word >> np.uint64(8 * k) & np.uint64(0xFF))
            to += 8
            i += 8
            spaced = spaces >> np.uint64(63) != 0
            continue
        stop = min(i + 8, end)
        while i < stop:
            space = space_length(data, i)
            byte = np.int64(data[i])
            if space:
                i += space
                if not spaced:
                    buffer[to] = _SPACE
                    to += 1
                spaced = True
                continue
            spaced = False
            if byte < 0x80:
                buffer[to] = byte + 32 if 0x41 <= byte <= 0x5A else byte
                to += 1
                i += 1
            else:
                point, length = decode(data, i)
                entry = np.int64(entries[np.int64(index[point // BLOCK]) * BLOCK + point % BLOCK])
                behind = encode_point(point + (entry >> 3), buffer, to)
                continuation += behind - to - 1
                to = behind
                i += length
    if spaced and to > 0:
        to -= 1
    return to, to - continuation


@kernel
def _zero_bytes(word: np.uint64) -> np.uint64:
    """The highest bit of each byte that is 0, of none else."""
    return ~((word & _LOW_SEVEN) + _LOW_SEVEN | word) & _HIGH_BITS


@kernel
def _controls(word: np.uint64) -> np.uint64:
    """The highest bit of each byte below 0x20 in a word of ASCII; anything if it holds other bytes."""
    return ~(word + _FROM_SPACE) & _HIGH_BITS


@numba.njit(cache=True, nogil=True)
def _remove(
    data: NDArray[np.uint8],
    text_offsets: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    offsets: NDArray[np.int64],
    lost: NDArray[np.bool_],
    out_starts: NDArray[np.int64],
    out_ends: NDArray[np.int64],
) -> None:
    count = 0
    for document in range(len(offsets) - 1):
        base = text_offsets[document]
        first, behind = offsets[document], offsets[document + 1]
        stop = first
        while stop < behind:
            if not lost[stop]:
                stop += 1
                continue
            begin = stop
            while stop < behind and lost[stop]:
                stop += 1
            everything = begin == first and stop == behind
            stays = _separator_that_stays(data, starts, ends, begin, stop, first, behind)
            for k in range(begin, stop):
                if everything:
                    low = base if k == first else starts[k]
                    high = starts[k + 1] if k + 1 < behind else text_offsets[document + 1]
                elif k <= stays:
                    low, high = ends[k - 1], ends[k]
                else:
                    low, high = starts[k], starts[k + 1]
                out_starts[count], out_ends[count] = low - base, high - base
                count += 1


@numba.njit(cache=True, nogil=True)
def _separator_that_stays(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    begin: int,
    stop: int,
    first: int,
    behind: int,
) -> int:
    """The paragraph which the separator follows that stays where paragraphs `begin` to `stop` of a document go."""
    if begin == first:
        return begin - 1
    if stop == behind:
        return stop - 1
    best = begin - 1
    most = 0
    for k in range(begin - 1, stop):
        feeds = 0
        for i in range(ends[k], starts[k + 1]):
            feeds += data[i] == _LINE_FEED
        if feeds > most:
            best, most = k, feeds
    return best
