"""Gradient-boosted trees, and a kernel that evaluates them."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

ROWS = 128
"""Rows that go through the trees together: their columns and values stay in the processor's cache."""


@dataclass(frozen=True)
class Trees:
    """Trees whose leaves are summed. Inner nodes and leaves of all trees lie one after the other.

    Attributes:
        roots: int32[trees + 1], where each tree's inner nodes begin.
        leaves: int32[trees + 1], where each tree's leaves begin.
        feature: uint8[nodes], the column that a node looks at.
        threshold: float32[nodes]; at most so much goes left.
        left, right: int8[nodes], a later node of the tree, or -1 - a leaf of it.
        leaf: float32[leaves].
    """

    roots: NDArray[np.int32]
    leaves: NDArray[np.int32]
    feature: NDArray[np.uint8]
    threshold: NDArray[np.float32]
    left: NDArray[np.int8]
    right: NDArray[np.int8]
    leaf: NDArray[np.float32]

    def margins(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The sum of each row's leaves, float32[rows]: the logarithm of the odds. Summed in the order of the trees."""
        out = np.empty(len(rows), np.float32)
        _sum(rows, self.roots, self.leaves, self.feature, self.threshold, self.left, self.right, self.leaf, out)
        return out


@numba.njit(cache=True, nogil=True)
def _sum(
    rows: NDArray[np.float32],
    roots: NDArray[np.int32],
    leaves: NDArray[np.int32],
    feature: NDArray[np.uint8],
    threshold: NDArray[np.float32],
    left: NDArray[np.int8],
    right: NDArray[np.int8],
    leaf: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Evaluate trees from their leaves to their roots, for many rows at once.

    Going down a tree takes a jump a node that no processor foresees. Choosing between the values of two branches takes
    none and is done for eight rows at a time: all nodes of a tree in half the time of those on one path.
    """
    columns = np.empty((rows.shape[1], ROWS), np.float32)
    values = np.empty((np.diff(roots).max() + np.diff(leaves).max(), ROWS), np.float32)
    totals = np.empty(ROWS, np.float64)
    for begin in range(0, len(rows), ROWS):
        n = min(ROWS, len(rows) - begin)
        # Columns outside: the other way round all writes meet in a few lines of the cache.
        for column in range(rows.shape[1]):
            for row in range(n):
                columns[column, row] = rows[begin + row, column]
        totals[:] = 0.0
        for tree in range(len(roots) - 1):
            root, nodes = roots[tree], roots[tree + 1] - roots[tree]
            for k in range(leaves[tree + 1] - leaves[tree]):
                values[nodes + k, :n] = leaf[leaves[tree] + k]
            for node in range(nodes - 1, -1, -1):
                at = root + node
                low = int(left[at]) if left[at] >= 0 else nodes - 1 - int(left[at])
                high = int(right[at]) if right[at] >= 0 else nodes - 1 - int(right[at])
                _choose(columns[feature[at]], threshold[at], values[low], values[high], values[node], n)
            for row in range(n):
                totals[row] += values[0, row]
        for row in range(n):
            out[begin + row] = totals[row]


@numba.njit(cache=True, nogil=True)
def _choose(
    column: NDArray[np.float32],
    threshold: np.float32,
    low: NDArray[np.float32],
    high: NDArray[np.float32],
    out: NDArray[np.float32],
    n: int,
) -> None:
    for row in range(n):
        out[row] = low[row] if column[row] <= threshold else high[row]
