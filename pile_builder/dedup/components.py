"""Connected components of links: which documents are copies of each other, directly or through others.

A union-find over all documents of the splits, on one worker: a document's index is its split's base plus its row, so
the only state is one array, and links are streamed through it in batches. A component is named by its smallest handle.
"""

from __future__ import annotations

from collections.abc import Iterator

import numba
import numpy as np
from numpy.typing import NDArray

ROW_BITS = 32
NARROW_LIMIT = 2**32
"""Numbers of documents below this are indexed in 4 bytes."""

Indices = NDArray[np.uint32] | NDArray[np.int64]


def union_find_bytes(n_documents: int) -> int:
    """The memory in bytes that a `UnionFind` over that many documents holds: a parent and a mark each."""
    return n_documents * ((4 if n_documents < NARROW_LIMIT else 8) + 1)


class UnionFind:
    """Components of links that arrive in batches, in any order, with the same result.

    `rows_per_split` is int64[splits], each split's number of documents, by rank. Takes `union_find_bytes` of memory.
    """

    def __init__(self, rows_per_split: NDArray[np.int64]) -> None:
        self._bases = np.zeros(len(rows_per_split) + 1, np.int64)
        np.cumsum(rows_per_split, out=self._bases[1:])
        total = int(self._bases[-1])
        self._parents: Indices = (
            np.arange(total, dtype=np.uint32) if total < NARROW_LIMIT else np.arange(total, dtype=np.int64)
        )

    def add(self, a: NDArray[np.uint64], b: NDArray[np.uint64]) -> None:
        """Join the documents of each link, two arrays uint64[m] of handles.

        Raises:
            ValueError: a handle's split or row is not among those announced.
        """
        _union(self._parents, self._indices(a), self._indices(b))

    def components(self) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.uint64]]]:
        """Yield (handles, components) of each split's linked documents, uint64 each, handles in order.

        Documents without links are left out. One item per split, empty ones included; call it when all links are added.
        """
        is_linked = np.zeros(len(self._parents), np.bool_)
        _flatten(self._parents, is_linked)
        for rank in range(len(self._bases) - 1):
            start, end = self._bases[rank], self._bases[rank + 1]
            rows = np.flatnonzero(is_linked[start:end])
            yield self._handles(rows + start), self._handles(self._parents[start:end][rows])

    def _indices(self, handles: NDArray[np.uint64]) -> NDArray[np.int64]:
        ranks = (handles >> np.uint64(ROW_BITS)).astype(np.int64)
        rows = (handles & np.uint64(2**ROW_BITS - 1)).astype(np.int64)
        splits = len(self._bases) - 1
        if len(ranks) and ranks.max() >= splits:
            msg = (
                f"expected handles of {splits} splits, got split rank {ranks.max()}: links and splits are of two builds"
            )
            raise ValueError(msg)
        is_beyond = rows >= self._bases[ranks + 1] - self._bases[ranks]
        if is_beyond.any():
            bad = int(np.flatnonzero(is_beyond)[0])
            split = ranks[bad]
            count = self._bases[split + 1] - self._bases[split]
            msg = f"expected rows below {count} in split {split}, got {rows[bad]}: links and splits are of two builds"
            raise ValueError(msg)
        return self._bases[ranks] + rows

    def _handles(self, indices: Indices) -> NDArray[np.uint64]:
        ranks = np.searchsorted(self._bases, indices, side="right") - 1
        return ranks.astype(np.uint64) << np.uint64(ROW_BITS) | (indices - self._bases[ranks]).astype(np.uint64)


def components(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The components of links that are all in memory: (linked handles in order, component of each), uint64 both.

    Needs no number of rows, but some 60 bytes a link while it runs.
    """
    handles, indices = np.unique(np.concatenate([a, b]), return_inverse=True)
    parents = np.arange(len(handles))
    _union(parents, indices[: len(a)], indices[len(a) :])
    _flatten(parents, np.empty(len(handles), np.bool_))
    return handles, handles[parents]


@numba.njit(cache=True, nogil=True)
def _root(parents: Indices, index: int) -> int:
    """The root of an index, halving the path on the way (Tarjan & van Leeuwen 1984)."""
    while parents[index] != index:
        parents[index] = parents[parents[index]]
        index = int(parents[index])
    return index


@numba.njit(cache=True, nogil=True)
def _union(parents: Indices, a: NDArray[np.int64], b: NDArray[np.int64]) -> None:
    """Hang the larger root under the smaller, so that a root is the smallest of its component."""
    for link in range(len(a)):
        one, other = _root(parents, a[link]), _root(parents, b[link])
        parents[max(one, other)] = min(one, other)


@numba.njit(cache=True, nogil=True)
def _flatten(parents: Indices, is_linked: NDArray[np.bool_]) -> None:
    """Point every index at its root, and mark those of components of two or more."""
    for index in range(len(parents)):
        # A parent is never larger than its child, so it points at the root by now.
        parents[index] = parents[parents[index]]
        if parents[index] != index:
            is_linked[index] = True
            is_linked[parents[index]] = True
