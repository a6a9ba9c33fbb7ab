"""The block pass: one walk over a page's serialised tree that writes its text in blocks and notes where they lie.

lexbor parses whatever the web holds and serialises its tree: every element closed, every attribute in double quotes,
`<`, `>`, `&` and no-break spaces of text escaped. Such bytes are walked by a compiled kernel many times faster than the
tree by Python. A block is a longest run of text that no block-level element and no double line break interrupts.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from pile_builder.main_content.class_words import NAMES as WORD_GROUPS
from pile_builder.main_content.class_words import word_table
from pile_builder.main_content.tags import (
    BLOCK,
    HIDDEN,
    LANDMARKS,
    NUMBER,
    RAW,
    VOID,
    attribute_table,
    tag_flags,
    tag_landmarks,
    tag_table,
)

MAX_ELEMENTS = 200_000
"""Block-level elements of a page that are looked at; the text of what follows is not seen."""
MAX_OPEN = 1_024
"""Elements that may be open at once; deeper ones are read as part of the innermost."""
FAR = 255
"""The distance to an ancestor that there is not."""
KINDS = len(LANDMARKS) + len(WORD_GROUPS)
"""Kinds of ancestors to whom a distance is known: landmarks, then groups of class words."""

_LT, _GT, _SLASH, _QUOTE, _AMP, _SPACE, _LF, _EQUALS = 0x3C, 0x3E, 0x2F, 0x22, 0x26, 0x20, 0x0A, 0x3D
_OFFSET, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_A, _B, _STRONG, _BR, _HR, _IMG = (NUMBER[name] for name in ("a", "b", "strong", "br", "hr", "img"))
_PRE, _LI, _CUSTOM = NUMBER["pre"], NUMBER["li"], NUMBER["custom-"]
_LINK, _IS_HIDDEN = LANDMARKS.index("link"), LANDMARKS.index("hidden")
_N_LANDMARKS = len(LANDMARKS)
_CLASS, _ID, _ROLE, _ITEMPROP, _HIDDEN_ATTRIBUTE, _ARIA, _STYLE = range(1, 8)
_ATTRIBUTES = (b"class", b"id", b"role", b"itemprop", b"hidden", b"aria-hidden", b"style")
_ATTRIBUTE_NAMES = b"".join(name.ljust(12, b"\0") for name in _ATTRIBUTES)
_ATTRIBUTE_BYTES = np.frombuffer(_ATTRIBUTE_NAMES, np.uint8).reshape(len(_ATTRIBUTES), 12).copy()

BLOCK_FIELDS = (
    *("start", "end", "element", "link_bytes", "strong_bytes", "links", "breaks", "images", "words_mask"),
    *("text_before",),
)
ELEMENT_FIELDS = ("parent", "tag", "depth", "child", "item", "path", "class_path")


class Scan(NamedTuple):
    """Blocks and block-level elements of a page.

    Attributes:
        text: the text of all blocks one after the other, uint8, UTF-8, white space collapsed outside `pre`.
        blocks: int64[blocks, BLOCK_FIELDS]: start and end in `text`, element, bytes in links and in bold type, numbers of
            links, line breaks and images, groups of class words of inline elements that begin with the block.
        elements: int64[elements, ELEMENT_FIELDS]: parent (-1 for none), tag, depth, how manieth child of the parent,
            how manieth list item, hash of the tags from the root on, the same with classes.
        distances: uint8[elements, KINDS]: steps up to the nearest ancestor of each kind, 0 for itself, `FAR` for none.
    """

    text: NDArray[np.uint8]
    blocks: NDArray[np.int64]
    elements: NDArray[np.int64]
    distances: NDArray[np.uint8]


def scan(page: bytes) -> Scan:
    """Walk a page as lexbor serialises it. Any other bytes are survived, in time and memory linear in their number."""
    data = np.frombuffer(page + b"\0" * 16, np.uint8)
    tags = int(np.count_nonzero(data == _LT))
    most_elements = min(tags, MAX_ELEMENTS) + 1
    most_blocks = min(2 * tags, 2 * MAX_ELEMENTS) + 2
    text = np.empty(len(data) + 64, np.uint8)
    blocks = np.zeros((most_blocks, len(BLOCK_FIELDS)), np.int64)
    elements = np.zeros((most_elements, len(ELEMENT_FIELDS)), np.int64)
    distances = np.empty((most_elements, KINDS), np.uint8)
    n_text, n_blocks, n_elements = _scan(
        data,
        len(page),
        *tag_table(),
        tag_flags(),
        tag_landmarks(),
        *attribute_table(),
        *word_table(),
        _ATTRIBUTE_BYTES,
        text,
        blocks,
        elements,
        distances,
    )
    return Scan(text[:n_text], blocks[:n_blocks], elements[:n_elements], distances[:n_elements])


@numba.njit(cache=True, nogil=True, inline="always")
def _is_space(byte: int) -> bool:
    return byte == 32 or (9 <= byte <= 13)


@numba.njit(cache=True, nogil=True, inline="always")
def _lower(byte: int) -> int:
    return byte + 32 if 65 <= byte <= 90 else byte


@numba.njit(cache=True, nogil=True)
def _find(keys: NDArray[np.uint64], values: NDArray[np.int64], key: np.uint64, missing: int) -> int:
    mask = np.uint64(len(keys) - 1)
    place = key & mask
    while keys[place] != 0:
        if keys[place] == key:
            return values[place]
        place = (place + np.uint64(1)) & mask
    return missing


@numba.njit(cache=True, nogil=True)
def _class_groups(
    data: NDArray[np.uint8], begin: int, end: int, keys: NDArray[np.uint64], values: NDArray[np.int64]
) -> int:
    """Groups of the words of a class or an id: words end at what is no letter or digit, and before a capital."""
    found = 0
    value = _OFFSET
    length = 0
    before = 0
    for i in range(begin, end + 1):
        byte = int(data[i]) if i < end else 0
        is_letter = 97 <= byte <= 122 or 48 <= byte <= 57
        is_capital = 65 <= byte <= 90
        if length and (not (is_letter or is_capital) or (is_capital and 97 <= before <= 122)):
            found |= _find(keys, values, value, 0)
            value, length = _OFFSET, 0
        if is_letter or is_capital:
            value = (value ^ np.uint64(_lower(byte))) * _PRIME
            length += 1
        before = byte
    return found


@numba.njit(cache=True, nogil=True)
def _hash(data: NDArray[np.uint8], begin: int, end: int, value: np.uint64) -> np.uint64:
    for i in range(begin, end):
        value = (value ^ np.uint64(_lower(int(data[i])))) * _PRIME
    return value


@numba.njit(cache=True, nogil=True)
def _hash_class(data: NDArray[np.uint8], begin: int, end: int, value: np.uint64) -> np.uint64:
    """Digits left out: `post-123` and `post-124` are the same."""
    for i in range(begin, end):
        if not 48 <= data[i] <= 57:
            value = (value ^ np.uint64(data[i])) * _PRIME
    return value


@numba.njit(cache=True, nogil=True)
def _attribute(data: NDArray[np.uint8], begin: int, end: int, names: NDArray[np.uint8]) -> int:
    length = end - begin
    if length > 11:
        return 0
    for k in range(len(names)):
        if names[k, length] == 0 and names[k, 0] == data[begin]:
            same = True
            for i in range(length):
                if names[k, i] != data[begin + i]:
                    same = False
                    break
            if same:
                return k + 1
    return 0


@numba.njit(cache=True, nogil=True)
def _hides(data: NDArray[np.uint8], begin: int, end: int) -> bool:
    """Whether a style says `display: none`."""
    for i in range(begin, end - 11):
        if data[i] == 100 and data[i + 1] == 105 and data[i + 6] == 121 and data[i + 7] == 58:
            j = i + 8
            while j < end and data[j] == 32:
                j += 1
            return j + 3 < end and data[j] == 110 and data[j + 1] == 111 and data[j + 2] == 110 and data[j + 3] == 101
    return False


@numba.njit(cache=True, nogil=True)
def _scan(  # noqa: C901, PLR0912
    data, n, tag_keys, tag_values, tag_flags, tag_landmarks, attribute_keys, attribute_values, word_keys, word_values,
    attribute_names, text, blocks, elements, distances,
):  # fmt: skip
    open_hash = np.zeros(MAX_OPEN, np.uint64)
    open_tag = np.zeros(MAX_OPEN, np.int64)
    open_element = np.zeros(MAX_OPEN, np.int64)
    children = np.zeros(len(elements), np.int32)
    items = np.zeros(len(elements), np.int32)
    depth = 0
    beyond = 0
    hidden = 0
    links = 0
    bold = 0
    preformatted = 0
    # The root of all, which no tag makes.
    n_elements = 1
    elements[0, 0] = -1
    elements[0, 5] = np.int64(1)
    elements[0, 6] = np.int64(1)
    distances[0, :] = FAR
    element = 0
    n_blocks = 0
    n_text = 0
    # The block in hand.
    begin = 0
    link_bytes = strong_bytes = n_links = breaks = images = mask = 0
    pending_space = False
    pending_break = False
    i = 0
    while i < n:
        byte = data[i]
        if byte != _LT:
            # Text up to the next tag.
            if hidden:
                while i < n and data[i] != _LT:
                    i += 1
                continue
            while i < n and data[i] != _LT:
                byte = data[i]
                width = 1
                if byte == _AMP:
                    if data[i + 1] == 97 and data[i + 2] == 109 and data[i + 3] == 112 and data[i + 4] == 59:
                        i += 4
                    elif data[i + 1] == 108 and data[i + 2] == 116 and data[i + 3] == 59:
                        byte = _LT
                        i += 3
                    elif data[i + 1] == 103 and data[i + 2] == 116 and data[i + 3] == 59:
                        byte = _GT
                        i += 3
                    elif (
                        data[i + 1] == 110 and data[i + 2] == 98 and data[i + 3] == 115 and data[i + 4] == 112
                        and data[i + 5] == 59
                    ):  # fmt: skip
                        byte = _SPACE
                        i += 5
                elif byte >= 0xC2:
                    width = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
                    # Soft hyphens, zero-width spaces and joiners of words, byte order marks.
                    if byte == 0xC2:
                        if data[i + 1] == 0xAD:
                            i += 2
                            continue
                        if data[i + 1] == 0xA0:
                            byte = _SPACE
                            i += 1
                            width = 1
                    elif byte == 0xE2 and data[i + 1] == 0x80 and data[i + 2] == 0x8B:
                        i += 3
                        continue
                    elif byte == 0xE2 and data[i + 1] == 0x81 and data[i + 2] == 0xA0:
                        i += 3
                        continue
                    elif byte == 0xEF and data[i + 1] == 0xBB and data[i + 2] == 0xBF:
                        i += 3
                        continue
                if byte < 128 and _is_space(byte):
                    if preformatted:
                        # The first lines that hold nothing are left out when the block is closed.
                        text[n_text] = _LF if byte != 9 and byte != 32 else byte
                        if byte == 13:
                            text[n_text] = _SPACE
                        n_text += 1
                    else:
                        pending_space = True
                    i += 1
                    continue
                if byte < 32 or byte == 127:
                    i += 1
                    continue
                if n_text > begin:
                    if pending_break:
                        text[n_text] = _LF
                        n_text += 1
                    elif pending_space:
                        text[n_text] = _SPACE
                        n_text += 1
                pending_space = False
                pending_break = False
                written = n_text
                text[n_text] = byte
                n_text += 1
                i += 1
                for _ in range(width - 1):
                    if i < n and data[i] != _LT:
                        text[n_text] = data[i]
                        n_text += 1
                        i += 1
                if links:
                    link_bytes += n_text - written
                if bold:
                    strong_bytes += n_text - written
            continue
        # A tag.
        follow = data[i + 1]
        if follow == 33 or follow == 63:
            if data[i + 2] == 45 and data[i + 3] == 45:
                i += 4
                while i < n and not (data[i] == 45 and data[i + 1] == 45 and data[i + 2] == _GT):
                    i += 1
                i += 3
            else:
                while i < n and data[i] != _GT:
                    i += 1
                i += 1
            continue
        is_end = follow == _SLASH
        name_begin = i + 2 if is_end else i + 1
        j = name_begin
        has_hyphen = False
        while j < n and not _is_space(data[j]) and data[j] != _GT and data[j] != _SLASH:
            has_hyphen |= data[j] == 45
            j += 1
        key = _hash(data, name_begin, j, _OFFSET)
        if key == 0:
            key = np.uint64(1)
        tag = _find(tag_keys, tag_values, key, 0)
        if tag == 0 and has_hyphen:
            tag = _CUSTOM
        flags = tag_flags[tag]
        is_block = flags & BLOCK != 0

        if is_end:
            while j < n and data[j] != _GT:
                j += 1
            i = j + 1
            if beyond:
                beyond -= 1
                continue
            top = depth - 1
            while top >= 0 and open_hash[top] != key and depth - top < 32:
                top -= 1
            if top < 0 or open_hash[top] != key:
                continue
        else:
            top = depth
        # A block ends where a block-level element begins or ends.
        closes = is_block
        for k in range(top, depth):
            closes |= tag_flags[open_tag[k]] & BLOCK != 0
        if not is_end and tag == _BR:
            if pending_break or n_text == begin:
                closes = True
            else:
                pending_break = True
                breaks += 1
        if closes:
            end = n_text
            first = begin
            while end > first and (text[end - 1] == _LF or text[end - 1] == _SPACE or text[end - 1] == 9):
                end -= 1
            if preformatted and end > first:
                line = first
                while line < end and (text[line] == _LF or text[line] == _SPACE or text[line] == 9):
                    line += 1
                    if text[line - 1] == _LF:
                        first = line
            if end > first:
                row = blocks[n_blocks]
                row[0], row[1], row[2] = first, end, element
                row[3], row[4], row[5], row[6] = link_bytes, strong_bytes, n_links, breaks
                row[7], row[8] = images, mask
                n_blocks += 1
                images = 0
            begin = n_text
            link_bytes = strong_bytes = n_links = breaks = mask = 0
            pending_space = False
            pending_break = False
            if n_blocks == len(blocks):
                break

        if is_end:
            for k in range(depth - 1, top - 1, -1):
                other = open_tag[k]
                hidden -= tag_flags[other] & HIDDEN != 0
                links -= other == _A
                bold -= other == _B or other == _STRONG
                preformatted -= other == _PRE
                element = open_element[k]
            depth = top
            continue

        # Attributes of a start tag.
        groups = 0
        landmarks = 0
        if tag_landmarks[tag] >= 0:
            landmarks |= 1 << tag_landmarks[tag]
        class_hash = np.uint64(0)
        while j < n and data[j] != _GT:
            while j < n and (_is_space(data[j]) or data[j] == _SLASH):
                j += 1
            attribute_begin = j
            while j < n and data[j] != _EQUALS and data[j] != _GT and data[j] != _SLASH and not _is_space(data[j]):
                j += 1
            attribute_end = j
            value_begin = value_end = j
            if data[j] == _EQUALS:
                j += 1
                if data[j] == _QUOTE:
                    j += 1
                    value_begin = j
                    while j < n and data[j] != _QUOTE:
                        j += 1
                    value_end = j
                    j += 1
            if attribute_end == attribute_begin:
                if j < n and data[j] != _GT:
                    j += 1
                continue
            which = _attribute(data, attribute_begin, attribute_end, attribute_names)
            if which == 0:
                continue
            value_end = min(value_end, value_begin + 1000)
            if which == _CLASS or which == _ID:
                groups |= _class_groups(data, value_begin, value_end, word_keys, word_values)
                if which == _CLASS:
                    class_hash = _hash_class(data, value_begin, value_end, _OFFSET)
            elif which == _ROLE or which == _ITEMPROP:
                prefix = _hash(data, attribute_begin, attribute_end + 1, _OFFSET)
                landmark = _find(attribute_keys, attribute_values, _hash(data, value_begin, value_end, prefix), -1)
                if landmark >= 0:
                    landmarks |= 1 << landmark
            elif which == _HIDDEN_ATTRIBUTE:
                landmarks |= 1 << _IS_HIDDEN
            elif which == _ARIA:
                if value_end - value_begin == 4:
                    landmarks |= 1 << _IS_HIDDEN
            elif _hides(data, value_begin, value_end):
                landmarks |= 1 << _IS_HIDDEN
        i = j + 1

        if flags & RAW:
            # On to the end tag, which the loop then finds without a start.
            while i < n:
                if data[i] == _LT and data[i + 1] == _SLASH:
                    if _hash(data, i + 2, i + 2 + (name_end_of(data, i + 2, n) - (i + 2)), _OFFSET) == key:
                        break
                i += 1
            continue
        if flags & VOID:
            images += tag == _IMG
            continue
        if depth == MAX_OPEN:
            beyond += 1
            continue
        open_hash[depth] = key
        open_tag[depth] = tag
        open_element[depth] = element
        depth += 1
        hidden += flags & HIDDEN != 0
        links += tag == _A
        n_links += tag == _A
        bold += tag == _B or tag == _STRONG
        preformatted += tag == _PRE
        if is_block and n_elements < len(elements):
            row = elements[n_elements]
            row[0], row[1], row[2] = element, tag, elements[element, 2] + 1
            row[3] = children[element]
            children[element] += 1
            if tag == _LI:
                row[4] = items[element]
                items[element] += 1
            row[5] = np.int64((np.uint64(elements[element, 5]) ^ np.uint64(tag)) * _PRIME)
            row[6] = np.int64((np.uint64(elements[element, 6]) ^ np.uint64(tag) ^ class_hash) * _PRIME)
            for k in range(KINDS):
                above = distances[element, k]
                distances[n_elements, k] = above + 1 if above < 250 else above
                if (landmarks >> k) & 1 if k < _N_LANDMARKS else (groups >> (k - _N_LANDMARKS)) & 1:
                    distances[n_elements, k] = 0
            if links:
                distances[n_elements, _LINK] = 0
            element = n_elements
            n_elements += 1
        elif n_text == begin:
            mask |= groups
    return n_text, n_blocks, n_elements


@numba.njit(cache=True, nogil=True)
def name_end_of(data: NDArray[np.uint8], begin: int, n: int) -> int:
    """Where a tag's name ends."""
    end = begin
    while end < n and end < begin + 16 and not _is_space(data[end]) and data[end] != _GT:
        end += 1
    return end
