"""A block's look-up index: from a hash to rows of the block or of its rejects, read by a few kilobytes.

The file holds a count, that many sorted 64-bit hashes, and one 32-bit row for each, its highest bit set for rejects;
all little-endian. Hashes are uniform, so where one must lie is known to within a few hundred entries.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from pile_builder.document import document_id

REJECT = np.uint32(1 << 31)
"""Marks the row of a reject."""
_WINDOW_DEVIATIONS = 12
"""Half a window, in standard deviations of the place of a uniform hash (at most sqrt(n) / 2)."""


def alias_of(source: str, key: str) -> str:
    """The second name by which a record is found: the id of the part of its key before a space, or nothing."""
    return document_id(source, key.split(" ", 1)[0]) if " " in key else ""


def row_index(
    source: str,
    kept: Sequence[tuple[str, str]],
    rejects: Sequence[tuple[str, str]],
    aliases: Mapping[str, str] | None = None,
) -> bytes:
    """The index of a block's documents and rejects, each given as (id, key) in row order.

    `aliases` has the second name of some ids whose key is not known any more.
    """
    known = aliases or {}
    pairs = [
        (int(name.rsplit(":", 1)[1][:16], 16), row + offset)
        for records, offset in ((kept, 0), (rejects, int(REJECT)))
        for row, (identity, key) in enumerate(records)
        for name in (identity, alias_of(source, key) or known.get(identity, ""))
        if name
    ]
    pairs.sort()
    hashes = np.array([one for one, _ in pairs], "<u8")
    return np.array([len(pairs)], "<u8").tobytes() + hashes.tobytes() + np.array([r for _, r in pairs], "<u4").tobytes()


def find_rows(stream: BinaryIO, identity: str) -> tuple[list[int], list[int]]:
    """Rows of documents and of rejects whose hash is that of an id, from a seekable stream."""
    (count,) = np.frombuffer(stream.read(8), "<u8").tolist()
    wanted = np.uint64(int(identity.rsplit(":", 1)[1][:16], 16))
    guess = int(wanted) * count >> 64
    reach = _WINDOW_DEVIATIONS * (math.isqrt(count) // 2 + 1)
    start, stop = max(guess - reach, 0), min(guess + reach, count)
    hashes = _entries(stream, 8 + 8 * start, stop - start, "<u8")
    first, last = (start + int(np.searchsorted(hashes, wanted, side)) for side in ("left", "right"))
    if (first == start and start > 0) or (last == stop and stop < count):
        # Not where chance puts it: many records share few hashes.
        hashes = _entries(stream, 8, count, "<u8")
        first, last = (int(np.searchsorted(hashes, wanted, side)) for side in ("left", "right"))
    rows = _entries(stream, 8 + 8 * count + 4 * first, last - first, "<u4")
    is_reject = (rows & REJECT) != 0
    return rows[~is_reject].tolist(), (rows[is_reject] ^ REJECT).tolist()


def read_index(stream: BinaryIO) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    """A whole index: its sorted hashes and their rows, those of rejects marked, both of shape (n,)."""
    (count,) = np.frombuffer(stream.read(8), "<u8").tolist()
    return np.frombuffer(stream.read(8 * count), "<u8"), np.frombuffer(stream.read(4 * count), "<u4")


def _entries(stream: BinaryIO, offset: int, count: int, dtype: str) -> NDArray[np.unsignedinteger]:
    stream.seek(offset)
    return np.frombuffer(stream.read(count * np.dtype(dtype).itemsize), dtype)
