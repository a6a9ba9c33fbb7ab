"""Gradient-boosted trees, and a compiled walk through them."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Trees:
    """Trees whose leaves are summed. Inner nodes and leaves of all trees lie one after the other.

    Attributes:
        roots: int32[trees + 1], where each tree's inner nodes begin.
        leaves: int32[trees + 1], where each tree's leaves begin.
        feature: uint8[nodes], the column that a node looks at.
        threshold: float32[nodes]; at most so much goes left.
        left, right: int8[nodes], the next node of the tree, or -1 - a leaf of it.
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
        _walk(rows, self.roots, self.leaves, self.feature, self.threshold, self.left, self.right, self.leaf, out)
        return out


@numba.njit(cache=True, nogil=True)
def _walk(
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
    for i in range(len(rows)):
        row = rows[i]
        total = 0.0
        for tree in range(len(roots) - 1):
            root = roots[tree]
            node = 0 if roots[tree + 1] > root else -1
            while node >= 0:
                at = root + node
                node = int(left[at]) if row[feature[at]] <= threshold[at] else int(right[at])
            total += leaf[leaves[tree] - 1 - node]
        out[i] = total
