"""Kernels over the bytes of serialised HTML: names of tags, attributes, what is neither tag nor text."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from pile_builder.main_content.hashes import OFFSET, PRIME, find
from pile_builder.main_content.tags import LANDMARKS

LT, GT, SLASH, QUOTE, SPACE, LF, TAB, EQUALS, HYPHEN = 0x3C, 0x3E, 0x2F, 0x22, 0x20, 0x0A, 0x09, 0x3D, 0x2D
PADDING = 16
"""Bytes that a page is followed by, so that what is compared with some of its bytes may end behind them."""
MAX_VALUE = 1_000
"""Bytes of an attribute's value that are looked at."""
_NAMES = (
    *(b"class", b"id", b"itemprop", b"data-testid", b"data-component"),
    *(b"role", b"hidden", b"aria-hidden", b"style"),
)
_CLASS, _ID, _ITEMPROP, _TEST_ID, _COMPONENT, _ROLE, _HIDDEN, _ARIA_HIDDEN, _STYLE = range(1, len(_NAMES) + 1)
_WIDTH = 16
_NAME_BYTES = np.frombuffer(b"".join(name.ljust(_WIDTH, b"\0") for name in _NAMES), np.uint8).reshape(-1, _WIDTH)
_TRUE = len("true")
_IS_HIDDEN = LANDMARKS.index("hidden")
_DISPLAY = np.frombuffer(b"display:", np.uint8)
_NONE = np.frombuffer(b"none", np.uint8)


def padded(page: str) -> NDArray[np.uint8]:
    """A page in UTF-8 and `PADDING` zeros, put behind its characters so that a large page's bytes lie there once."""
    return np.frombuffer((page + "\0" * PADDING).encode("utf-8", "replace"), np.uint8)


@numba.njit(cache=True, nogil=True, inline="always")
def is_space(byte: int) -> bool:
    """Whether a byte is white space of ASCII."""
    return byte == SPACE or TAB <= byte <= 13


@numba.njit(cache=True, nogil=True, inline="always")
def _lower(byte: int) -> int:
    return byte + 32 if 65 <= byte <= 90 else byte


@numba.njit(cache=True, nogil=True)
def hash_bytes(data: NDArray[np.uint8], begin: int, end: int, value: np.uint64) -> np.uint64:
    """Go on with the hash of a name, ASCII letters in lower case."""
    for i in range(begin, end):
        value = (value ^ np.uint64(_lower(int(data[i])))) * PRIME
    return value


@numba.njit(cache=True, nogil=True)
def name_end(data: NDArray[np.uint8], begin: int, n: int) -> int:
    """Where the name of a tag ends."""
    end = begin
    while end < n and not is_space(data[end]) and data[end] != GT and data[end] != SLASH:
        end += 1
    return end


@numba.njit(cache=True, nogil=True)
def skip_declaration(data: NDArray[np.uint8], i: int, n: int) -> int:
    """Where a comment, a declaration or an instruction that begins at `i` is over."""
    if data[i + 2] == HYPHEN and data[i + 3] == HYPHEN:
        i += 4
        while i < n and not (data[i] == HYPHEN and data[i + 1] == HYPHEN and data[i + 2] == GT):
            i += 1
        return i + 3
    while i < n and data[i] != GT:
        i += 1
    return i + 1


@numba.njit(cache=True, nogil=True)
def skip_raw(data: NDArray[np.uint8], i: int, n: int, key: np.uint64) -> int:
    """Where the end tag of an element begins that holds no markup, of the name with that hash."""
    while i < n:
        if data[i] == LT and data[i + 1] == SLASH and hash_bytes(data, i + 2, name_end(data, i + 2, n), OFFSET) == key:
            break
        i += 1
    return i


@numba.njit(cache=True, nogil=True)
def read_attributes(
    data: NDArray[np.uint8],
    i: int,
    n: int,
    word_keys: NDArray[np.uint64],
    word_values: NDArray[np.int64],
    landmark_keys: NDArray[np.uint64],
    landmark_values: NDArray[np.int64],
) -> tuple[int, int, int, np.uint64]:
    """Read the attributes of a start tag from behind its name on.

    Returns:
        Where the tag ends; groups of words in classes and ids, a bit for each; landmarks by attributes, a bit for each;
        a hash of the class.
    """
    groups = landmarks = 0
    class_hash = np.uint64(0)
    while i < n and data[i] != GT:
        while i < n and (is_space(data[i]) or data[i] == SLASH):
            i += 1
        begin = i
        while i < n and data[i] != EQUALS and data[i] != GT and data[i] != SLASH and not is_space(data[i]):
            i += 1
        end = value_begin = value_end = i
        if data[i] == EQUALS:
            i += 1
            if data[i] == QUOTE:
                value_begin = value_end = i + 1
                while value_end < n and data[value_end] != QUOTE:
                    value_end += 1
                i = value_end + 1
        elif end == begin:
            continue
        value_end = min(value_end, value_begin + MAX_VALUE)
        which = _known_name(data, begin, end)
        if which == 0:
            continue
        if which <= _COMPONENT:
            groups |= _class_groups(data, value_begin, value_end, word_keys, word_values)
        if which == _CLASS:
            class_hash = _class_hash(data, value_begin, value_end)
        elif which == _ROLE or which == _ITEMPROP:  # noqa: SIM109
            prefix = hash_bytes(data, begin, end + 1, OFFSET)
            value = hash_bytes(data, value_begin, value_end, prefix)
            landmark = find(landmark_keys, landmark_values, value, -1)
            if landmark >= 0:
                landmarks |= 1 << landmark
        elif (
            which == _HIDDEN
            or (which == _ARIA_HIDDEN and value_end - value_begin == _TRUE)
            or (which == _STYLE and _hides(data, value_begin, value_end))
        ):
            landmarks |= 1 << _IS_HIDDEN
    return i + 1, groups, landmarks, class_hash


@numba.njit(cache=True, nogil=True)
def _known_name(data: NDArray[np.uint8], begin: int, end: int) -> int:
    """The number of an attribute's name, 0 for one that says nothing."""
    length = end - begin
    if length >= _WIDTH:
        return 0
    for k in range(len(_NAME_BYTES)):
        if _NAME_BYTES[k, 0] == data[begin] and _NAME_BYTES[k, length] == 0:
            i = 1
            while i < length and _NAME_BYTES[k, i] == data[begin + i]:
                i += 1
            if i == length:
                return k + 1
    return 0


@numba.njit(cache=True, nogil=True)
def _is_at(data: NDArray[np.uint8], begin: int, wanted: NDArray[np.uint8]) -> bool:
    for i in range(len(wanted)):  # noqa: SIM110
        if data[begin + i] != wanted[i]:
            return False
    return True


@numba.njit(cache=True, nogil=True)
def _class_groups(
    data: NDArray[np.uint8], begin: int, end: int, keys: NDArray[np.uint64], values: NDArray[np.int64]
) -> int:
    """Groups of the words of a class or an id: words end at what is no letter or digit, and before a capital."""
    found = 0
    value = OFFSET
    length = before = 0
    for i in range(begin, end + 1):
        byte = int(data[i]) if i < end else 0
        is_capital = 65 <= byte <= 90
        is_word = 97 <= byte <= 122 or 48 <= byte <= 57 or is_capital
        if length and (not is_word or (is_capital and 97 <= before <= 122)):
            found |= find(keys, values, value, 0)
            value, length = OFFSET, 0
        if is_word:
            value = (value ^ np.uint64(_lower(byte))) * PRIME
            length += 1
        before = byte
    return found


@numba.njit(cache=True, nogil=True)
def _class_hash(data: NDArray[np.uint8], begin: int, end: int) -> np.uint64:
    """Digits left out: `post-123` and `post-124` are the same."""
    value = OFFSET
    for i in range(begin, end):
        if not 48 <= data[i] <= 57:
            value = (value ^ np.uint64(data[i])) * PRIME
    return value


@numba.njit(cache=True, nogil=True)
def _hides(data: NDArray[np.uint8], begin: int, end: int) -> bool:
    """Whether a style says `display: none`."""
    for i in range(begin, end - len(_DISPLAY) - len(_NONE) + 1):
        if data[i] == _DISPLAY[0] and _is_at(data, i, _DISPLAY):
            j = i + len(_DISPLAY)
            while j < end and data[j] == SPACE:
                j += 1
            return j + len(_NONE) <= end and _is_at(data, j, _NONE)
    return False
