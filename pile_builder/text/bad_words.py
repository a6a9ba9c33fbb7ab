"""Search for many phrases at once: an Aho-Corasick automaton over lower-cased UTF-8, linear in the text.

Lower case and classes of characters are those of words v2. By LINES a phrase counts as in C4's program: inside a
stripped line, between two characters that are not a to z, so neither at its beginning nor at its end. By DOCUMENT it
counts wherever it stands as whole words, the letters of scripts without spaces being words of their own; any white
space in it is one space, and characters that are not visible are not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from pile_builder.text.column import PADDING, TextColumn, from_strings
from pile_builder.text.normalise import BLOCK, DROPPED, JOINING, SINGLE, WORD, encode_point, load_table
from pile_builder.text.strings import line_break_length, space_length, strip_end, strip_start
from pile_builder.text.word_tables import decode

DOCUMENT, LINES = 0, 1
"""What a phrase is looked for in."""

_SPACE = 0x20


class Automaton(NamedTuple):
    """What a set of phrases compiles to; state 0 is the root.

    `classes`, uint32 of length 256: class of each byte, 0 for those in no phrase. `moves`, uint32: at state * number of
    classes + class, twice where the next state's moves begin, plus 1 if a phrase ends there. `lengths`, int32: bytes of
    the longest phrase that ends in a state, 0 if none does. `shorter`, int32: the state of the next shorter phrase that
    ends there too, or 0.
    """

    classes: NDArray[np.uint32]
    moves: NDArray[np.uint32]
    lengths: NDArray[np.int32]
    shorter: NDArray[np.int32]


def normalised(texts: Sequence[str], mode: int) -> list[str]:
    """Each text as the search sees it, in lower case; by LINES also stripped."""
    column = from_strings([text.strip() for text in texts])
    index, entries = load_table()
    buffer = np.empty(2 * column.nbytes + PADDING, np.uint8)
    found = []
    for low, high in zip(column.offsets[:-1].tolist(), column.offsets[1:].tolist(), strict=True):
        size = _prepare(column.data, low, high, index, entries, mode, buffer)
        found.append(buffer[:size].tobytes().decode())
    return found


def compile_phrases(phrases: Sequence[str]) -> Automaton:
    """The automaton of `normalised` phrases.

    Raises:
        ValueError: a phrase is empty, or there are too many.
    """
    encoded = sorted({phrase.encode() for phrase in phrases})
    if b"" in encoded:
        msg = "a phrase to search for is empty"
        raise ValueError(msg)
    used = sorted(set().union(*encoded))
    classes = np.zeros(256, np.uint32)
    classes[used] = np.arange(1, len(used) + 1)
    children: list[dict[int, int]] = [{}]
    lengths = [0]
    for phrase in encoded:
        state = 0
        for byte in phrase:
            step = int(classes[byte])
            if step not in children[state]:
                children[state][step] = len(children)
                children.append({})
                lengths.append(0)
            state = children[state][step]
        lengths[state] = len(phrase)
    moves = np.zeros((len(children), len(used) + 1), np.int32)
    suffix = np.zeros(len(children), np.int32)
    shorter = np.zeros(len(children), np.int32)
    ends = np.array(lengths, np.int32)
    level = [0]
    while level:
        below = []
        for state in level:
            # The longest proper suffix that is a state too: shorter, so its moves are complete.
            back = moves[suffix[state]].copy() if state else moves[0]
            for step, child in children[state].items():
                suffix[child] = back[step] if state else 0
                below.append(child)
            moves[state] = back
            for step, child in children[state].items():
                moves[state, step] = child
            shorter[state] = suffix[state] if lengths[suffix[state]] else shorter[suffix[state]]
        level = below
    inherits = ends == 0
    # A state in which only a shorter phrase ends stands for that one.
    for state in np.flatnonzero(inherits & (shorter > 0)).tolist():
        ends[state] = ends[shorter[state]]
        shorter[state] = shorter[shorter[state]]
    packed = 2 * moves.astype(np.int64) * moves.shape[1] + (ends[moves] > 0)
    if packed.max() >= 1 << 32:
        msg = f"the list is too long to search for: {len(encoded):,} phrases, {len(children):,} different beginnings"
        raise ValueError(msg)
    return Automaton(classes, packed.astype(np.uint32).ravel(), ends, shorter)


def count_phrases(column: TextColumn, automaton: Automaton, mode: int) -> NDArray[np.int64]:
    """In how many places of each text a phrase ends, int64 of shape (n,).

    Args:
        column: n texts.
        automaton: of phrases that were `normalised` for the same mode.
        mode: DOCUMENT or LINES.
    """
    index, entries = load_table()
    longest = int(np.diff(column.offsets).max(initial=0))
    # Lower case lengthens two bytes to three at most.
    buffer = np.empty(2 * longest + PADDING, np.uint8)
    return _count(column.data, column.offsets, index, entries, automaton, mode, buffer)


@numba.njit(cache=True, nogil=True)
def _count(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    index: NDArray[np.uint8],
    entries: NDArray[np.int32],
    automaton: Automaton,
    mode: int,
    buffer: NDArray[np.uint8],
) -> NDArray[np.int64]:
    counts = np.zeros(len(offsets) - 1, np.int64)
    for document in range(len(offsets) - 1):
        begin, end = offsets[document], offsets[document + 1]
        while begin < end:
            stop = end
            after = end
            if mode == LINES:
                stop = begin
                while stop < end and line_break_length(data, stop, end) == 0:
                    stop += 1
                after = stop + line_break_length(data, stop, end) if stop < end else end
                begin = strip_start(data, begin, stop)
                stop = strip_end(data, begin, stop)
            size = _prepare(data, begin, stop, index, entries, mode, buffer)
            counts[document] += _search(buffer, size, index, entries, automaton, mode)
            begin = after
    return counts


@numba.njit(cache=True, nogil=True)
def _prepare(
    data: NDArray[np.uint8],
    start: int,
    end: int,
    index: NDArray[np.uint8],
    entries: NDArray[np.int32],
    mode: int,
    buffer: NDArray[np.uint8],
) -> int:
    """Write `data[start:end]` to `buffer` in lower case; by DOCUMENT without invisible characters, spaces as one."""
    to = 0
    i = start
    while i < end:
        byte = data[i]
        if 0x21 <= byte < 0x80:
            buffer[to] = byte | 0x20 if 0x41 <= byte <= 0x5A else byte
            to += 1
            i += 1
            continue
        space = space_length(data, i)
        if mode == DOCUMENT and space > 0:
            if to > 0 and buffer[to - 1] != _SPACE:
                buffer[to] = _SPACE
                to += 1
            i += space
            continue
        point, size = decode(data, i)
        i += size
        entry = _entry(point, index, entries)
        if mode == DOCUMENT and entry & 7 == DROPPED:
            continue
        to = encode_point(point + (entry >> 3), buffer, to)
    return to


@numba.njit(cache=True, nogil=True)
def _search(
    text: NDArray[np.uint8],
    size: int,
    index: NDArray[np.uint8],
    entries: NDArray[np.int32],
    automaton: Automaton,
    mode: int,
) -> int:
    """In how many places a phrase ends that stands by itself."""
    classes, moves, lengths, shorter = automaton
    found = 0
    n_classes = len(moves) // len(lengths)
    move = np.uint32(0)
    for i in range(size):
        move = moves[(move >> np.uint32(1)) + classes[text[i]]]
        if move & np.uint32(1) == 0:
            continue
        match = np.int64(move >> np.uint32(1)) // n_classes
        while match > 0:
            start, end = i + 1 - lengths[match], i + 1
            if mode == LINES:
                stands = start > 0 and end < size and not _is_a_to_z(text[start - 1]) and not _is_a_to_z(text[end])
            else:
                stands = _parts(text, start, size, index, entries) and _parts(text, end, size, index, entries)
            if stands:
                found += 1
                break
            match = np.int64(shorter[match])
    return found


@numba.njit(cache=True, nogil=True)
def _parts(text: NDArray[np.uint8], at: int, size: int, index: NDArray[np.uint8], entries: NDArray[np.int32]) -> bool:
    """Whether no word goes on across the place `at`."""
    if at == 0 or at == size:
        return True
    before = at - 1
    while text[before] & 0xC0 == 0x80:
        before -= 1
    left = _entry(decode(text, before)[0], index, entries) & 7
    right = _entry(decode(text, at)[0], index, entries) & 7
    if right == JOINING:
        return left != WORD and left != SINGLE and left != JOINING
    return right != WORD or (left != WORD and left != JOINING)


@numba.njit(cache=True, nogil=True)
def _entry(point: int, index: NDArray[np.uint8], entries: NDArray[np.int32]) -> np.int64:
    """`(lower - point) * 8 + class` of a code point."""
    return np.int64(entries[np.int64(index[point // BLOCK]) * BLOCK + point % BLOCK])


@numba.njit(cache=True, nogil=True)
def _is_a_to_z(byte: int) -> bool:
    return 0x61 <= byte <= 0x7A
