"""Kernels that write a page's text in blocks: references and white space resolved, links and bold type counted."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from pile_builder.main_content.markup_bytes import GT, LF, LT, SPACE, TAB, is_space

BLOCK_FIELDS = (*("start", "end", "element", "link_bytes", "strong_bytes", "links", "breaks", "images", "words"),)
START, END, ELEMENT, LINK_BYTES, STRONG_BYTES, LINKS, BREAKS, IMAGES, GROUPS = range(len(BLOCK_FIELDS))

STATE = 16
"""Numbers that are known on the way, int64[STATE]: the block in hand in its fields, then these."""
N_TEXT, N_BLOCKS, GAP, IN_LINK, IN_BOLD, IN_PRE, HIDDEN = range(len(BLOCK_FIELDS), len(BLOCK_FIELDS) + 7)
_AMPERSAND = 0x26
_NO_GAP, _GAP_SPACE, _GAP_BREAK = range(3)
"""What stands between the last character written and the next one."""


@numba.njit(cache=True, nogil=True)
def write_text(data: NDArray[np.uint8], i: int, n: int, text: NDArray[np.uint8], state: NDArray[np.int64]) -> int:
    """Write what stands from `i` to the next tag; where that is."""
    if state[HIDDEN]:
        while i < n and data[i] != LT:
            i += 1
        return i
    n_text = begun = state[N_TEXT]
    start, gap, in_pre = state[START], state[GAP], state[IN_PRE]
    while i < n and data[i] != LT:
        byte, used = int(data[i]), 1
        if byte <= _AMPERSAND or byte >= 0x7F:
            byte, used = _character(data, i)
        i += used
        if byte == 0:
            continue
        if is_space(byte):
            if in_pre:
                text[n_text] = byte if byte == TAB else LF if byte == LF else SPACE
                n_text += 1
            elif gap == _NO_GAP:
                gap = _GAP_SPACE
            continue
        if gap != _NO_GAP:
            if n_text > start:
                text[n_text] = LF if gap == _GAP_BREAK else SPACE
                n_text += 1
                # The gap belongs to no link.
                begun += 1
            gap = _NO_GAP
        text[n_text] = byte
        n_text += 1
        # The rest of a character of several bytes.
        while 0x80 <= data[i] < 0xC0:
            text[n_text] = data[i]
            n_text += 1
            i += 1
    if state[IN_LINK]:
        state[LINK_BYTES] += n_text - begun
    if state[IN_BOLD]:
        state[STRONG_BYTES] += n_text - begun
    state[N_TEXT], state[GAP] = n_text, gap
    return i


@numba.njit(cache=True, nogil=True)
def _character(data: NDArray[np.uint8], i: int) -> tuple[int, int]:
    """The first byte of a character, 0 for one that is not shown, and the bytes up to the next or to its rest.

    lexbor writes `&`, `<`, `>` and the no-break space of text as references; all other characters stand for themselves.
    """
    byte = int(data[i])
    if byte == _AMPERSAND:
        a, b, c = data[i + 1], data[i + 2], data[i + 3]
        if a == 0x61 and b == 0x6D and c == 0x70:
            return byte, 5
        if b == 0x74 and c == 0x3B:
            if a == 0x6C:
                return LT, 4
            if a == 0x67:
                return GT, 4
        if a == 0x6E and b == 0x62 and c == 0x73:
            return SPACE, 6
    elif byte >= 0xC2:
        a, b = data[i + 1], data[i + 2]
        if byte == 0xC2:
            if a == 0xA0:
                return SPACE, 2
            # A soft hyphen.
            if a == 0xAD:
                return 0, 2
        # A zero-width space, a word joiner, a byte order mark.
        elif (
            (byte == 0xE2 and a == 0x80 and b == 0x8B)
            or (byte == 0xE2 and a == 0x81 and b == 0xA0)
            or (byte == 0xEF and a == 0xBB and b == 0xBF)
        ):
            return 0, 3
        # The ideographic space, with which Chinese paragraphs begin.
        elif byte == 0xE3 and a == 0x80 and b == 0x80:
            return SPACE, 3
    elif byte == 0x7F or (byte < SPACE and not is_space(byte)):
        return 0, 1
    return byte, 1


@numba.njit(cache=True, nogil=True)
def part_words(state: NDArray[np.int64]) -> None:
    """Two links without a space between them: style sheets set them apart."""
    if state[GAP] == _NO_GAP and not state[IN_PRE]:
        state[GAP] = _GAP_SPACE


@numba.njit(cache=True, nogil=True)
def break_line(state: NDArray[np.int64]) -> bool:
    """A `<br>`: whether it is the second in a row, which ends the block."""
    if state[GAP] == _GAP_BREAK or state[N_TEXT] == state[START]:
        return True
    state[GAP] = _GAP_BREAK
    state[BREAKS] += 1
    return False


@numba.njit(cache=True, nogil=True)
def close_block(text: NDArray[np.uint8], blocks: NDArray[np.int64], element: int, state: NDArray[np.int64]) -> bool:
    """Note the block in hand, if it has text, and begin the next; False if there is no room for more."""
    first, end = state[START], state[N_TEXT]
    while end > first and (text[end - 1] == LF or text[end - 1] == SPACE or text[end - 1] == TAB):
        end -= 1
    if state[IN_PRE]:
        # Empty lines go, the indentation of the first that is not stays.
        line = first
        while line < end and (text[line] == LF or text[line] == SPACE or text[line] == TAB):
            line += 1
            if text[line - 1] == LF:
                first = line
    if end > first:
        row = blocks[state[N_BLOCKS]]
        row[:] = state[: len(BLOCK_FIELDS)]
        row[START], row[END], row[ELEMENT] = first, end, element
        state[N_BLOCKS] += 1
        state[IMAGES] = 0
    state[START] = state[N_TEXT]
    state[LINK_BYTES] = state[STRONG_BYTES] = state[LINKS] = state[BREAKS] = state[GROUPS] = 0
    state[GAP] = _NO_GAP
    return state[N_BLOCKS] < len(blocks)
