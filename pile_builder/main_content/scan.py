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

from pile_builder.main_content import block_text as b
from pile_builder.main_content.block_text import BLOCK_FIELDS
from pile_builder.main_content.class_words import NAMES as WORD_GROUPS
from pile_builder.main_content.class_words import SKIPPED, word_table
from pile_builder.main_content.hashes import OFFSET, PRIME, find
from pile_builder.main_content.markup_bytes import (
    GT,
    HYPHEN,
    LT,
    PADDING,
    SLASH,
    hash_bytes,
    name_end,
    padded,
    read_attributes,
    skip_declaration,
    skip_raw,
)
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

MAX_ELEMENTS = 100_000
"""Block-level elements of a page that are known by themselves; later ones count as part of the one around them."""
MAX_OPEN = 1_024
"""Elements that may be open at once; deeper ones are read as part of the innermost."""
MAX_UNCLOSED = 32
"""Elements that an end tag may close besides its own."""
FAR = 255
"""The distance to an ancestor that there is not."""
KINDS = len(LANDMARKS) + len(WORD_GROUPS)
"""Kinds of ancestors to whom a distance is known: landmarks, then groups of class words."""

ELEMENT_FIELDS = ("parent", "tag", "depth", "child", "item", "path", "class_path")
PARENT, TAG, DEPTH, CHILD, ITEM, PATH, CLASS_PATH = range(len(ELEMENT_FIELDS))

_A, _B, _STRONG, _BR, _IMG, _PRE, _LI = (NUMBER[name] for name in ("a", "b", "strong", "br", "img", "pre", "li"))
_CUSTOM = NUMBER["custom-"]
_LINK = LANDMARKS.index("link")
_N_LANDMARKS = len(LANDMARKS)
_EXCLAMATION, _QUESTION = 0x21, 0x3F
_MOST_STEPS = 250


class Scan(NamedTuple):
    """Blocks and block-level elements of a page.

    Attributes:
        text: the text of all blocks one after the other, uint8, UTF-8, white space collapsed outside `pre`.
        blocks: int64[blocks, BLOCK_FIELDS]: start and end in `text`, element, bytes in links and in bold type, numbers
            of links, line breaks and images, groups of class words of inline elements that begin with the block.
        elements: int64[elements, ELEMENT_FIELDS]: parent (-1 for none), tag, depth, how manieth child of the parent,
            how manieth list item, hash of the tags from the root on, the same with classes.
        distances: uint8[elements, KINDS]: steps up to the nearest ancestor of each kind, 0 for itself, `FAR` for none.
    """

    text: NDArray[np.uint8]
    blocks: NDArray[np.int64]
    elements: NDArray[np.int64]
    distances: NDArray[np.uint8]


def scan(page: str) -> Scan:
    """Walk a page as lexbor serialises it. Any other text is survived, in time and memory linear in their number."""
    data = padded(page)
    tags = int(np.count_nonzero(data == LT))
    text = np.empty(len(data) + 64, np.uint8)
    blocks = np.zeros((min(tags, MAX_ELEMENTS) + 2, len(BLOCK_FIELDS)), np.int64)
    elements = np.zeros((min(tags, MAX_ELEMENTS) + 1, len(ELEMENT_FIELDS)), np.int64)
    distances = np.empty((len(elements), KINDS), np.uint8)
    tables = *tag_table(), *word_table(), *attribute_table()
    n_text, n_blocks, n_elements = _scan(
        data, len(data) - PADDING, *tables, tag_flags(), tag_landmarks(), text, blocks, elements, distances
    )
    return Scan(text[:n_text], blocks[:n_blocks], elements[:n_elements], distances[:n_elements])


@numba.njit(cache=True, nogil=True)
def _scan(
    data: NDArray[np.uint8],
    n: int,
    tag_keys: NDArray[np.uint64],
    tag_values: NDArray[np.int64],
    word_keys: NDArray[np.uint64],
    word_values: NDArray[np.int64],
    landmark_keys: NDArray[np.uint64],
    landmark_values: NDArray[np.int64],
    flags_of: NDArray[np.uint8],
    landmark_of: NDArray[np.int64],
    text: NDArray[np.uint8],
    blocks: NDArray[np.int64],
    elements: NDArray[np.int64],
    distances: NDArray[np.uint8],
) -> tuple[int, int, int]:
    state = np.zeros(b.STATE, np.int64)
    open_hash = np.zeros(MAX_OPEN, np.uint64)
    # Of open elements: tag, block-level element around, whether it hides its text.
    open_fields = np.zeros((MAX_OPEN, 3), np.int64)
    # Of block-level elements: children and list items so far.
    counts = np.zeros((len(elements), 2), np.int64)
    elements[0, PARENT] = -1
    elements[0, PATH] = elements[0, CLASS_PATH] = 1
    distances[0, :] = FAR
    n_elements = 1
    element = depth = beyond = 0
    after_link = -1
    i = 0
    while i < n:
        if data[i] != LT:
            i = b.write_text(data, i, n, text, state)
            continue
        if data[i + 1] == _EXCLAMATION or data[i + 1] == _QUESTION:
            i = skip_declaration(data, i, n)
            continue
        is_end = data[i + 1] == SLASH
        begin = i + 2 if is_end else i + 1
        i = name_end(data, begin, n)
        key = hash_bytes(data, begin, i, OFFSET)
        tag = find(tag_keys, tag_values, key, 0)
        if tag == 0 and _has_hyphen(data, begin, i):
            tag = _CUSTOM
        flags = flags_of[tag]
        top = depth
        closes = flags & BLOCK != 0
        if is_end:
            while i < n and data[i] != GT:
                i += 1
            i += 1
            if tag == _A:
                after_link = i
            if beyond:
                beyond -= 1
                continue
            top -= 1
            while top >= 0 and open_hash[top] != key and depth - top < MAX_UNCLOSED:
                top -= 1
            if top < 0 or open_hash[top] != key:
                continue
            for k in range(top, depth):
                closes |= flags_of[open_fields[k, 0]] & BLOCK != 0
        elif tag == _BR:
            closes = b.break_line(state)
        if closes and not b.close_block(text, blocks, element, state):
            break
        if is_end:
            while depth > top:
                depth -= 1
                _count_open(open_fields[depth, 0], open_fields[depth, 2], state, -1)
                element = open_fields[depth, 1]
            continue
        if tag == _A and begin - 1 == after_link:
            b.part_words(state)
        i, groups, landmarks, class_hash = read_attributes(
            data, i, n, word_keys, word_values, landmark_keys, landmark_values
        )
        if flags & RAW:
            # The loop meets the end tag, of which there is no start.
            i = skip_raw(data, i, n, key)
            continue
        if flags & VOID:
            state[b.IMAGES] += tag == _IMG
            continue
        if depth == MAX_OPEN:
            beyond += 1
            continue
        open_hash[depth] = key
        open_fields[depth, 0] = tag
        open_fields[depth, 1] = element
        open_fields[depth, 2] = flags & HIDDEN != 0 or groups & SKIPPED != 0
        _count_open(tag, open_fields[depth, 2], state, 1)
        state[b.LINKS] += tag == _A
        depth += 1
        if flags & BLOCK and n_elements < len(elements):
            if landmark_of[tag] >= 0:
                landmarks |= 1 << landmark_of[tag]
            if state[b.IN_LINK]:
                landmarks |= 1 << _LINK
            _add_element(elements, counts, n_elements, element, tag, class_hash)
            _add_distances(distances, n_elements, element, landmarks, groups)
            element = n_elements
            n_elements += 1
        elif state[b.N_TEXT] == state[b.START]:
            state[b.GROUPS] |= groups
    return state[b.N_TEXT], state[b.N_BLOCKS], n_elements


@numba.njit(cache=True, nogil=True)
def _has_hyphen(data: NDArray[np.uint8], begin: int, end: int) -> bool:
    for i in range(begin, end):  # noqa: SIM110
        if data[i] == HYPHEN:
            return True
    return False


@numba.njit(cache=True, nogil=True)
def _count_open(tag: int, hides: int, state: NDArray[np.int64], sign: int) -> None:
    """An element is opened (1) or closed (-1)."""
    if tag == _A:
        state[b.IN_LINK] += sign
    elif tag == _B or tag == _STRONG:  # noqa: SIM109
        state[b.IN_BOLD] += sign
    elif tag == _PRE:
        state[b.IN_PRE] += sign
    state[b.HIDDEN] += sign * hides


@numba.njit(cache=True, nogil=True)
def _add_element(
    elements: NDArray[np.int64], counts: NDArray[np.int64], number: int, parent: int, tag: int, class_hash: np.uint64
) -> None:
    row, above = elements[number], elements[parent]
    row[PARENT], row[TAG], row[DEPTH] = parent, tag, above[DEPTH] + 1
    row[CHILD] = counts[parent, 0]
    counts[parent, 0] += 1
    if tag == _LI:
        row[ITEM] = counts[parent, 1]
        counts[parent, 1] += 1
    row[PATH] = np.int64((np.uint64(above[PATH]) ^ np.uint64(tag)) * PRIME)
    row[CLASS_PATH] = np.int64((np.uint64(above[CLASS_PATH]) ^ np.uint64(tag) ^ class_hash) * PRIME)


@numba.njit(cache=True, nogil=True)
def _add_distances(distances: NDArray[np.uint8], number: int, parent: int, landmarks: int, groups: int) -> None:
    bits = landmarks | groups << _N_LANDMARKS
    for k in range(KINDS):
        above = distances[parent, k]
        distances[number, k] = 0 if (bits >> k) & 1 else above + 1 if above < _MOST_STEPS else above
