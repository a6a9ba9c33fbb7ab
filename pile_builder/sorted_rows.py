"""Rows of fixed width on disk, sorted by a 64-bit hash, of which a few kilobytes are read to find some.

In front of the rows stands the hash of every `STEP`th of them, little-endian; so where the rows of a hash may lie is
known to within `STEP`, however uneven the hashes are.
"""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

STEP = 256
"""Rows between two hashes that stand in front."""


def sorted_rows(rows: NDArray[Any]) -> bytes:
    """The file of rows that are sorted by their field `hash`, uint64."""
    return rows["hash"][::STEP].astype("<u8").tobytes() + rows.tobytes()


def find_rows(stream: BinaryIO, dtype: np.dtype[Any], count: int, wanted: int) -> NDArray[Any]:
    """The rows with a hash, in their order.

    Args:
        stream: the file, seekable; two ranges of it are read.
        dtype: of a row.
        count: rows in the file.
        wanted: the hash.
    """
    fences = -(-count // STEP)
    hashes = _read(stream, 0, fences, np.dtype("<u8"))
    first = max(int(np.searchsorted(hashes, np.uint64(wanted), "left")) - 1, 0) * STEP
    last = min(int(np.searchsorted(hashes, np.uint64(wanted), "right")) * STEP, count)
    rows = _read(stream, 8 * fences + first * dtype.itemsize, last - first, dtype)
    found: NDArray[Any] = rows[rows["hash"] == np.uint64(wanted)]
    return found


def _read(stream: BinaryIO, offset: int, count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    stream.seek(offset)
    return np.frombuffer(stream.read(max(count, 0) * dtype.itemsize), dtype)
