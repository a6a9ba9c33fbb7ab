"""Packed elements: rows of fixed width travel between workers as bytes of at most 1 MiB, under an integer key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

PACKED_BYTES = 1 << 20
"""Bytes of an element at most; some runners refuse large ones."""
Packed = tuple[int, bytes]


def pack(key: int, rows: NDArray[Any]) -> Iterator[Packed]:
    """Rows of one key as elements."""
    step = max(PACKED_BYTES // rows.dtype.itemsize, 1)
    for start in range(0, len(rows), step):
        yield key, rows[start : start + step].tobytes()


def pack_by(keys: NDArray[np.int64], rows: NDArray[Any]) -> Iterator[Packed]:
    """Rows as elements, each under its own key (not negative)."""
    order = np.argsort(keys, kind="stable")
    keys, rows = keys[order], rows[order]
    starts = np.flatnonzero(np.diff(keys, prepend=-1)).tolist()
    for start, end in pairwise([*starts, len(keys)]):
        yield from pack(int(keys[start]), rows[start:end])


def unpack(packed: Iterable[bytes], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The rows of elements, in their order, read-only."""
    return np.frombuffer(b"".join(packed), dtype)
