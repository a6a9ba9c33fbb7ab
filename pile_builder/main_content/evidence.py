"""What single words say for or against content: words of a block's text, words of its ancestors' classes and ids.

The evidence of a word is the logarithm of the odds that a block with it is content, over those of any block, learned
from labelled pages of several hosts each (`lexicon.py`); words that say little are not listed.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from pile_builder.main_content.hashes import Table, find, table_of
from pile_builder.main_content.measures import Measures
from pile_builder.main_content.scan import Scan

UNIT = 16
"""Evidence is kept in so many parts of a natural logarithm."""
EDGE = 3
"""Words at a block's beginning and end that are looked at by themselves."""
EVIDENCE: tuple[str, ...] = (
    *("words_mean", "words_low", "words_high", "words_first", "words_last", "words_known"),
    *("classes_own", "classes_low", "classes_high", "classes_trail"),
)


class Lexicon(NamedTuple):
    """Evidence of words by the upper 32 bits of their hash, in parts of 1 / `UNIT`.

    Attributes:
        text: of words in blocks.
        classes: of words in classes and ids.
    """

    text: Table
    classes: Table


def lexicon_of(text: dict[int, int], classes: dict[int, int]) -> Lexicon:
    """A lexicon of evidence by short hash."""
    return Lexicon(table_of(sorted(text.items())), table_of(sorted(classes.items())))


def evidence_features(page: Scan, measures: Measures, lexicon: Lexicon) -> NDArray[np.float32]:
    """What the words of each block and of its ancestors say, float32[blocks, EVIDENCE]."""
    found = np.zeros((len(page.blocks), len(EVIDENCE)), np.float32)
    trails = np.zeros((len(page.elements), 4), np.int64)
    _trails(page.elements, page.words, *lexicon.classes, trails)
    _fill(page.blocks, measures.words, measures.starts, *lexicon.text, trails, found)
    return found


@numba.njit(cache=True, nogil=True)
def _trails(
    elements: NDArray[np.int64],
    words: NDArray[np.uint64],
    keys: NDArray[np.uint64],
    values: NDArray[np.int64],
    trails: NDArray[np.int64],
) -> None:
    """For each element the sum of its own words; least, greatest and fading sum of those from the root down to it."""
    for e in range(1, len(elements)):
        above = trails[elements[e, 0]]
        own = 0
        low, high = above[1], above[2]
        for k in range(elements[e, 7], elements[e, 8]):
            value = find(keys, values, words[k] >> np.uint64(32), 0)
            own += value
            low = min(low, value)
            high = max(high, value)
        trails[e, 0], trails[e, 1], trails[e, 2] = own, low, high
        trails[e, 3] = own + 3 * above[3] // 4


@numba.njit(cache=True, nogil=True)
def _fill(
    blocks: NDArray[np.int64],
    words: NDArray[np.uint64],
    starts: NDArray[np.int64],
    keys: NDArray[np.uint64],
    values: NDArray[np.int64],
    trails: NDArray[np.int64],
    found: NDArray[np.float32],
) -> None:
    for b in range(len(blocks)):
        row = found[b]
        begin, end = starts[b], starts[b + 1]
        total = known = low = high = first = last = 0
        for k in range(begin, end):
            value = find(keys, values, words[k] >> np.uint64(32), 0)
            total += value
            known += value != 0
            low = min(low, value)
            high = max(high, value)
            if k < begin + EDGE:
                first += value
            if k >= end - EDGE:
                last += value
        count = max(end - begin, 1)
        row[0] = total / count
        row[1] = low
        row[2] = high
        row[3] = first
        row[4] = last
        row[5] = known / count
        for k in range(4):
            row[6 + k] = trails[blocks[b, 2], k]
