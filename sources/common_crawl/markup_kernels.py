"""Kernels over the bytes of a page as it came: runs of text for its preview, the depth of its elements."""

from __future__ import annotations

from functools import cache

import numba
import numpy as np
from numpy.typing import NDArray

from pile_builder.main_content.hashes import OFFSET, Table, find, hash_table
from pile_builder.main_content.markup_bytes import GT, HYPHEN, LT, PADDING, SLASH, hash_bytes, is_space, padded
from pile_builder.sources.common_crawl.html import FLAT

RUN_BYTES = 256 << 10
"""Bytes of a run of text that are looked at."""

_HIDDEN_NAMES = ("script", "style", "noscript", "template", "svg", "textarea", "select", "title")
_BRACE, _EXCLAMATION = 0x7B, 0x21


def text_runs(page: str, least: int, enough: int, most_short: int) -> tuple[list[str], list[str], int]:
    """Runs of text between tags, in their order, those of scripts, styles, titles and the like left out.

    Args:
        page: the whole page.
        least: characters of a long run. One with a brace is code, one in a comment is none.
        enough: characters of long runs after which no more are looked for.
        most_short: short runs that are kept.

    Returns:
        The long runs, the short ones, the characters of the long ones.
    """
    longs, shorts = np.empty((enough // least + 1, 2), np.int64), np.empty((most_short, 2), np.int64)
    data = padded(page)
    n_long, n_short, chars = _text_runs(data, len(data) - PADDING, *_hidden_table(), least, enough, longs, shorts)
    found = ([data[a:b].tobytes().decode() for a, b in runs.tolist()] for runs in (longs[:n_long], shorts[:n_short]))
    return next(found), next(found), chars


def tag_depth(page: str, limit: int) -> int:
    """How deep elements nest by start and end tags alone; more than `limit` if that is exceeded anywhere."""
    data = padded(page)
    size = 1 << (2 * int(np.count_nonzero(data == LT)) + 1).bit_length()
    opened = np.zeros(size, np.uint64), np.zeros(size, np.int64)
    return int(_tag_depth(data, len(data) - PADDING, *_flat_table(), *opened, limit))


@cache
def _hidden_table() -> Table:
    return hash_table((name, 1) for name in _HIDDEN_NAMES)


@cache
def _flat_table() -> Table:
    return hash_table((name, 1) for name in sorted(FLAT))


@numba.njit(cache=True, nogil=True)
def _is_letter(byte: int) -> bool:
    return 97 <= (byte | 32) <= 122


@numba.njit(cache=True, nogil=True)
def _letters_end(data: NDArray[np.uint8], i: int) -> int:
    while _is_letter(data[i]):
        i += 1
    return i


@numba.njit(cache=True, nogil=True)
def _text_runs(
    data: NDArray[np.uint8],
    n: int,
    hidden_keys: NDArray[np.uint64],
    hidden_values: NDArray[np.int64],
    least: int,
    enough: int,
    longs: NDArray[np.int64],
    shorts: NDArray[np.int64],
) -> tuple[int, int, int]:
    n_long = n_short = gathered = 0
    closing = np.uint64(0)
    i = 0
    while i < n and data[i] != LT:
        i += 1
    while i < n:
        begin = i + 1
        i = begin
        start = 0
        while i < n and data[i] != LT:
            if data[i] == GT and start == 0:
                start = i + 1
            i += 1
        if closing:
            if not _closes(data, begin, closing):
                continue
            closing = np.uint64(0)
        else:
            end = _letters_end(data, begin)
            if end > begin and not (48 <= data[end] <= 57 or data[end] == 95):
                key = hash_bytes(data, begin, end, OFFSET)
                if find(hidden_keys, hidden_values, key, 0):
                    closing = key
                    continue
        first, last = _trimmed(data, start or begin, i)
        if first == last:
            continue
        chars, has_brace = _measured(data, first, last)
        if chars < least:
            if n_short < len(shorts):
                shorts[n_short, 0], shorts[n_short, 1] = first, last
                n_short += 1
        elif not has_brace and not _is_comment(data, begin):
            longs[n_long, 0], longs[n_long, 1] = first, last
            n_long += 1
            gathered += chars
            if gathered >= enough:
                break
    return n_long, n_short, gathered


@numba.njit(cache=True, nogil=True)
def _closes(data: NDArray[np.uint8], begin: int, key: np.uint64) -> bool:
    """Whether an end tag begins with a name of that hash, whatever follows the name."""
    if data[begin] != SLASH:
        return False
    value = OFFSET
    at = begin + 1
    while _is_letter(data[at]):
        value = hash_bytes(data, at, at + 1, value)
        if value == key:
            return True
        at += 1
    return False


@numba.njit(cache=True, nogil=True)
def _is_comment(data: NDArray[np.uint8], begin: int) -> bool:
    return bool(data[begin] == _EXCLAMATION and data[begin + 1] == HYPHEN and data[begin + 2] == HYPHEN)


@numba.njit(cache=True, nogil=True)
def _trimmed(data: NDArray[np.uint8], begin: int, end: int) -> tuple[int, int]:
    """Where text begins and ends without white space around it, within `RUN_BYTES`."""
    if end - begin > RUN_BYTES:
        end = begin + RUN_BYTES
        while 0x80 <= data[end] < 0xC0:
            end -= 1
    width = _space_width(data, begin)
    while begin < end and width:
        begin += width
        width = _space_width(data, begin)
    while begin < end:
        at = end - 1
        while at > begin and 0x80 <= data[at] < 0xC0:
            at -= 1
        if _space_width(data, at) != end - at:
            break
        end = at
    return begin, end


@numba.njit(cache=True, nogil=True)
def _space_width(data: NDArray[np.uint8], i: int) -> int:
    """Bytes of the character at `i` if Unicode has it for white space, else 0."""
    byte, second, third = data[i], data[i + 1], data[i + 2]
    if byte < 0x80:
        return 1 if is_space(byte) or 0x1C <= byte <= 0x1F else 0
    if byte == 0xC2:
        return 2 if second == 0x85 or second == 0xA0 else 0
    if byte == 0xE2 and second == 0x80:
        return 3 if third <= 0x8A or third == 0xA8 or third == 0xA9 or third == 0xAF else 0
    if byte == 0xE2 and second == 0x81:
        return 3 if third == 0x9F else 0
    is_other = (byte == 0xE1 and second == 0x9A) or (byte == 0xE3 and second == 0x80)
    return 3 if is_other and third == 0x80 else 0


@numba.njit(cache=True, nogil=True)
def _measured(data: NDArray[np.uint8], begin: int, end: int) -> tuple[int, bool]:
    """Characters of a text, and whether it has a brace."""
    chars = 0
    has_brace = False
    for i in range(begin, end):
        chars += not 0x80 <= data[i] < 0xC0
        has_brace |= data[i] == _BRACE
    return chars, has_brace


@numba.njit(cache=True, nogil=True)
def _tag_depth(
    data: NDArray[np.uint8],
    n: int,
    flat_keys: NDArray[np.uint64],
    flat_values: NDArray[np.int64],
    open_keys: NDArray[np.uint64],
    open_counts: NDArray[np.int64],
    limit: int,
) -> int:
    mask = np.uint64(len(open_keys) - 1)
    depth = deepest = 0
    i = 0
    while i < n:
        if data[i] != LT:
            i += 1
            continue
        is_end = data[i + 1] == SLASH
        begin = i + 2 if is_end else i + 1
        i = _letters_end(data, begin)
        if i == begin:
            continue
        key = hash_bytes(data, begin, i, OFFSET)
        if find(flat_keys, flat_values, key, 0):
            continue
        place = key & mask
        while open_keys[place] != 0 and open_keys[place] != key:
            place = (place + np.uint64(1)) & mask
        if not is_end:
            open_keys[place] = key
            open_counts[place] += 1
            depth += 1
            deepest = max(deepest, depth)
            if deepest > limit:
                break
        elif open_counts[place]:
            open_counts[place] -= 1
            depth -= 1
    return deepest
