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

BLOCK = 4_096
"""Ids of a row of the table."""
STEP = 1 << 18
"""Ids whose tops are looked for together."""
ABOVE = "above"
"""The row's values: of each id, how far below it that of its story is."""

Lookup = Callable[[str], Mapping[str, Any] | None]


def resolve(pairs: Iterable[tuple[int, int]]) -> NDArray[np.int32]:
    """The top of each id's thread, by id: of items without a parent, and of ids that do not occur, the id itself.

    Args:
        pairs: (id, parent) in any order; a parent that does not come before its reply counts as none.
    """
    roots = np.arange(1 << 16, dtype=np.int32)
    for number, parent in pairs:
        if number >= len(roots):
            size = max(number + 1, len(roots) * 9 // 8)
            roots = np.concatenate([roots, np.arange(len(roots), size, dtype=np.int32)])
        if 0 < parent < number:
            roots[number] = parent
    for start in range(0, len(roots), STEP):
        # What lies before this step is at its top already; within it, each round goes twice as far up.
        part = roots[start : start + STEP]
        while not np.array_equal(further := roots[part], part):
            part[:] = further
    return roots


def table_rows(roots: NDArray[np.int32]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Rows of the side table; blocks without a comment have none."""
    for start in range(0, len(roots), BLOCK):
        part = roots[start : start + BLOCK]
        above = np.arange(start, start + len(part), dtype=np.int32) - part
        if above.any():
            yield f"{start // BLOCK:08}", {ABOVE: above.tolist()}


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
