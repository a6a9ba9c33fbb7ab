"""Which story a comment belongs to: items name their parent only, and the way up leads through any number of files.

One pass over ids and parents fills an array (4 bytes an item); a parent was written before its replies, so that ids
fall on the way up and there is no way around in a circle. The array becomes a side table with a row per 4,096 ids,
which is read again a block at a time: items of a file lie close to each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pile_builder.sources.hacker_news.items import MAX_ID

BLOCK = 4_096
"""Ids of a row of the table."""
STEP = 1 << 18
"""Ids whose tops are looked for together."""
ABOVE = "above"
"""The row's values: of each id, how far below it that of its story is."""

Lookup = Callable[[str], Mapping[str, Any] | None]


def resolve(pairs: Iterable[tuple[int, int]]) -> NDArray[np.int32]:
    """How far below the top of its thread each id is, int32 by id up to the last reply's.

    It is 0 for what has no parent and for what is no item.

    Args:
        pairs: (id, parent) in any order; a parent that does not come before its reply counts as none.
    """
    # Memory that nothing was written to costs nothing, so that one item with a large id costs no more than another.
    above = np.zeros(MAX_ID + 1, np.int32)
    last = 0
    for number, parent in pairs:
        if 0 < parent < number:
            above[number] = number - parent
            last = max(last, number)
    above = above[: last + 1]
    for start in range(0, len(above), STEP):
        # What lies before this step is at its top already; within it, each round goes twice as far up.
        part = above[start : start + STEP]
        below = np.flatnonzero(part)
        while len(below):
            further = above[start + below - part[below]]
            below, further = below[further > 0], further[further > 0]
            part[below] += further
    return above


def table_rows(above: NDArray[np.int32]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Rows of the side table; blocks without a comment have none."""
    for start in range(0, len(above), STEP):
        if above[start : start + STEP].any():
            for first in range(start, min(start + STEP, len(above)), BLOCK):
                part = above[first : first + BLOCK]
                if part.any():
                    yield f"{first // BLOCK:08}", {ABOVE: part.tolist()}


class Roots:
    """Looks up tops of threads, the last block kept."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._number = -1
        self._above: list[int] | None = None

    def __call__(self, item: int) -> int:
        """The top of an item's thread."""
        number, place = divmod(item, BLOCK)
        if number != self._number:
            row = self._lookup(f"{number:08}")
            self._number, self._above = number, row[ABOVE] if row else None
        return item - self._above[place] if self._above and place < len(self._above) else item
