"""Features of blocks: their text, their tags and ancestors, their containers, their tag path, their neighbours.

All are counts or quotients of counts: no function of a mathematics library, whose last digit may differ by machine.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from pile_builder.main_content import block_text as f
from pile_builder.main_content import measures as m
from pile_builder.main_content.class_words import NAMES as WORD_GROUPS
from pile_builder.main_content.scan import CHILD, CLASS_PATH, DEPTH, FAR, PARENT, PATH, TAG, Scan
from pile_builder.main_content.tags import LANDMARKS, NAMES, NUMBER

LEVELS = 4
"""Containers of a block that are looked at: its own, and those above."""
_SUMS = 4  # Of a container or path: weight, weight in links, blocks, weight of prose.

_TEXT = (
    *("weight", "words", "word_length", "link_share", "links", "digit_share", "capital_share", "comma_rate", "stops"),
    *(
        "stop_rate",
        "quotes",
        "bars",
        "marks",
        "first",
        "last",
        "numbers",
        "strong_share",
        "breaks",
        "images",
        "cjk_share",
    ),
    *("title_share", "title_cover", "long_word_share", "copies", "copy"),
)
_PLACE = ("kind", "heading", "depth", "child", "position", "weight_before", "index", "after_h1", "after_heading")
_CONTAINER = ("weight", "link_share", "blocks", "page_share", "prose_share")
_PATH = ("blocks", "page_share", "link_share", "weight")
_NEIGHBOUR = ("weight", "link_share", "kind", "last", "same")
_NEIGHBOURS = (-3, -2, -1, 1, 2, 3)
_PAGE = ("weight", "blocks", "link_share", "prose_share", "cjk_share")

FEATURES: tuple[str, ...] = (
    *_TEXT,
    *_PLACE,
    *(f"in_{name}" for name in LANDMARKS),
    *(f"class_{name}" for name in WORD_GROUPS),
    *(f"container{level}_{name}" for level in range(LEVELS) for name in _CONTAINER),
    *(f"{path}_{name}" for path in ("path", "class_path") for name in _PATH),
    *(f"block{step:+}_{name}" for step in _NEIGHBOURS for name in _NEIGHBOUR),
    *("around_weight", "around_link_share", "around_prose_share"),
    *(f"page_{name}" for name in _PAGE),
)

_KIND_ORDER = ("button", "label", "legend", "summary", "option", "li", "dt", "td", "th", "figcaption", "caption")
_N_LANDMARKS = len(LANDMARKS)
_H1, _H6 = NUMBER["h1"], NUMBER["h6"]
_PROSE_WEIGHT = 60


def _kinds() -> NDArray[np.int64]:
    """Tags as numbers that rise from what is seldom content to what often is."""
    order = ("", *_KIND_ORDER, "div", "dd", "h6", "h5", "h4", "h3", "h2", "h1", "blockquote", "pre", "p")
    return np.array([order.index(name) if name in order else order.index("div") for name in NAMES], np.int64)


_KINDS = _kinds()


def features(page: Scan, measures: NDArray[np.int64], title_words: int) -> NDArray[np.float32]:
    """The features of each block, float32[blocks, FEATURES]."""
    found = np.zeros((len(page.blocks), len(FEATURES)), np.float32)
    if len(found):
        sums = element_sums(page, measures)
        paths = path_groups(page.blocks, page.elements, PATH), path_groups(page.blocks, page.elements, CLASS_PATH)
        _fill(
            page.blocks, page.elements, page.distances, measures, title_words, sums, paths[0], paths[1], _KINDS, found
        )
    return found


def element_sums(page: Scan, measures: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sums over the blocks below each element, int64[elements, 4]: weight, weight in links, blocks, weight of prose."""
    sums = np.zeros((len(page.elements), _SUMS), np.int64)
    _sum_elements(page.blocks, page.elements, measures, sums)
    return sums


@numba.njit(cache=True, nogil=True)
def path_groups(blocks: NDArray[np.int64], elements: NDArray[np.int64], column: int) -> NDArray[np.int64]:
    """Number of each block's tag path among the page's paths, int64[blocks]."""
    size = 4
    while size < 2 * len(blocks):
        size *= 2
    keys = np.zeros(size, np.int64)
    numbers = np.zeros(size, np.int64)
    groups = np.empty(len(blocks), np.int64)
    count = 0
    for b in range(len(blocks)):
        key = elements[blocks[b, f.ELEMENT], column] | 1
        place = np.int64((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)) & (size - 1)
        while keys[place] != 0 and keys[place] != key:
            place = (place + 1) & (size - 1)
        if keys[place] == 0:
            keys[place] = key
            numbers[place] = count
            count += 1
        groups[b] = numbers[place]
    return groups


@numba.njit(cache=True, nogil=True, inline="always")
def _link_weight(block: NDArray[np.int64], weight: int) -> int:
    return weight * block[f.LINK_BYTES] // max(block[f.END] - block[f.START], 1)


@numba.njit(cache=True, nogil=True, inline="always")
def _is_prose(block: NDArray[np.int64], measures: NDArray[np.int64]) -> bool:
    """Long enough for a sentence, with the end of one, and not a list of links."""
    return (
        measures[m.WEIGHT] >= _PROSE_WEIGHT
        and measures[m.STOPS] + measures[m.COMMAS] > 0
        and 3 * block[f.LINK_BYTES] < block[f.END] - block[f.START]
    )


@numba.njit(cache=True, nogil=True)
def _sum_elements(
    blocks: NDArray[np.int64], elements: NDArray[np.int64], measures: NDArray[np.int64], sums: NDArray[np.int64]
) -> None:
    for b in range(len(blocks)):
        weight = measures[b, m.WEIGHT]
        row = sums[blocks[b, f.ELEMENT]]
        row[0] += weight
        row[1] += _link_weight(blocks[b], weight)
        row[2] += 1
        row[3] += weight * _is_prose(blocks[b], measures[b])
    # An element comes after its parent.
    for e in range(len(elements) - 1, 0, -1):
        for k in range(_SUMS):
            sums[elements[e, PARENT], k] += sums[e, k]


@numba.njit(cache=True, nogil=True, inline="always")
def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


@numba.njit(cache=True, nogil=True)
def _fill(
    blocks: NDArray[np.int64],
    elements: NDArray[np.int64],
    distances: NDArray[np.uint8],
    measures: NDArray[np.int64],
    title_words: int,
    sums: NDArray[np.int64],
    paths: NDArray[np.int64],
    class_paths: NDArray[np.int64],
    kinds: NDArray[np.int64],
    found: NDArray[np.float32],
) -> None:
    n = len(blocks)
    page = sums[0]
    cjk = 0
    path_sums = np.zeros((2, n, _SUMS), np.int64)
    for b in range(n):
        weight = measures[b, m.WEIGHT]
        cjk += measures[b, m.CJK]
        for p in range(2):
            row = path_sums[p, paths[b] if p == 0 else class_paths[b]]
            row[0] += weight
            row[1] += _link_weight(blocks[b], weight)
            row[2] += 1
    before = 0
    h1 = heading = -1
    for b in range(n):
        block, measure, row = blocks[b], measures[b], found[b]
        element = block[f.ELEMENT]
        tag = elements[element, TAG]
        weight = measure[m.WEIGHT]
        size = block[f.END] - block[f.START]
        words = measure[m.WORDS] + measure[m.CJK]
        k = 0
        row[k + 0] = weight
        row[k + 1] = words
        row[k + 2] = _share(measure[m.CHARS], words)
        row[k + 3] = _share(block[f.LINK_BYTES], size)
        row[k + 4] = block[f.LINKS]
        row[k + 5] = _share(measure[m.DIGITS], measure[m.CHARS])
        row[k + 6] = _share(measure[m.CAPITALS], measure[m.LETTERS])
        row[k + 7] = _share(measure[m.COMMAS], weight)
        row[k + 8] = measure[m.STOPS]
        row[k + 9] = _share(measure[m.STOPS], weight)
        row[k + 10] = measure[m.QUOTES]
        row[k + 11] = measure[m.BARS]
        row[k + 12] = measure[m.MARKS]
        row[k + 13] = measure[m.FIRST]
        row[k + 14] = measure[m.LAST]
        row[k + 15] = measure[m.NUMBERS]
        row[k + 16] = _share(block[f.STRONG_BYTES], size)
        row[k + 17] = block[f.BREAKS]
        row[k + 18] = block[f.IMAGES]
        row[k + 19] = _share(measure[m.CJK], measure[m.CHARS])
        row[k + 20] = _share(measure[m.TITLE_WORDS], words)
        row[k + 21] = _share(measure[m.TITLE_WORDS], title_words)
        row[k + 22] = _share(measure[m.LONG_WORDS], measure[m.WORDS])
        row[k + 23] = measure[m.COPIES]
        row[k + 24] = measure[m.COPY]
        k += 25
        is_heading = _H6 <= tag <= _H1
        if tag == _H1:
            h1 = b
        row[k + 0] = kinds[tag]
        row[k + 1] = 7 - (_H1 - tag) - 1 if is_heading else 0
        row[k + 2] = elements[element, DEPTH]
        row[k + 3] = elements[element, CHILD]
        row[k + 4] = _share(b, n)
        row[k + 5] = _share(before, page[0])
        row[k + 6] = b
        row[k + 7] = b - h1 if h1 >= 0 else -1
        row[k + 8] = b - heading if heading >= 0 else -1
        k += 9
        if is_heading:
            heading = b
        before += weight
        for d in range(distances.shape[1]):
            distance = distances[element, d]
            if d >= _N_LANDMARKS and (block[f.GROUPS] >> (d - _N_LANDMARKS)) & 1:
                distance = 0
            row[k] = distance if distance < 250 else FAR
            k += 1
        container = element
        for _ in range(LEVELS):
            total = sums[container]
            row[k + 0] = total[0]
            row[k + 1] = _share(total[1], total[0])
            row[k + 2] = total[2]
            row[k + 3] = _share(total[0], page[0])
            row[k + 4] = _share(total[3], page[3])
            k += 5
            if elements[container, PARENT] >= 0:
                container = elements[container, PARENT]
        for p in range(2):
            total = path_sums[p, paths[b] if p == 0 else class_paths[b]]
            row[k + 0] = total[2]
            row[k + 1] = _share(total[0], page[0])
            row[k + 2] = _share(total[1], total[0])
            row[k + 3] = _share(total[0], total[2])
            k += 4
        for step in range(-3, 4):
            if step == 0:
                continue
            other = b + step
            if 0 <= other < n:
                row[k + 0] = measures[other, m.WEIGHT]
                row[k + 1] = _share(blocks[other, f.LINK_BYTES], blocks[other, f.END] - blocks[other, f.START])
                row[k + 2] = kinds[elements[blocks[other, f.ELEMENT], TAG]]
                row[k + 3] = measures[other, m.LAST]
                row[k + 4] = class_paths[other] == class_paths[b]
            else:
                row[k] = -1
            k += 5
        around = around_link = around_prose = 0
        for other in range(max(b - 6, 0), min(b + 7, n)):
            weight = measures[other, m.WEIGHT]
            around += weight
            around_link += _link_weight(blocks[other], weight)
            around_prose += weight * _is_prose(blocks[other], measures[other])
        row[k + 0] = around
        row[k + 1] = _share(around_link, around)
        row[k + 2] = _share(around_prose, around)
        row[k + 3] = page[0]
        row[k + 4] = page[2]
        row[k + 5] = _share(page[1], page[0])
        row[k + 6] = _share(page[3], page[0])
        row[k + 7] = _share(3 * cjk, page[0])
