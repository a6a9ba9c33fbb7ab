"""Files that hold nothing but ids one after another, of a fixed width: reading them in pieces, putting them together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pile_builder.errors import PileError
from pile_builder.export.format import Part
from pile_builder.tokens import TokenBatch

READ_TOKENS = 1 << 20
COPY_BYTES = 1 << 24


def copy_tokens(part: Part, name: str, itemsize: int, out: BinaryIO) -> None:
    """Append what a merge takes of a flat file.

    Raises:
        PileError: the file is shorter than its record says.
    """
    with part.store.open(name) as stream:
        stream.seek(part.skip * itemsize)
        left = part.tokens * itemsize
        while left:
            data = stream.read(min(left, COPY_BYTES))
            if not data:
                msg = f"{part.store.path(name)}: {left} bytes shorter than its record says; remove it and run again"
                raise PileError(msg)
            out.write(data)
            left -= len(data)


def flat_batches(
    stream: BinaryIO, dtype: np.dtype[Any], sizes: NDArray[np.integer[Any]], name: str
) -> Iterator[TokenBatch]:
    """The next sequences of a flat file, given their sizes: batches of about a million tokens.

    Raises:
        PileError: the file ends too early.
    """
    ends = np.cumsum(sizes, dtype=np.int64)
    start = done = 0
    while start < len(ends):
        stop = max(int(np.searchsorted(ends, done + READ_TOKENS, "right")), start + 1)
        count = int(ends[stop - 1]) - done
        yield TokenBatch(read_tokens(stream, dtype, count, name), ends[start:stop] - done)
        start, done = stop, done + count


def read_tokens(stream: BinaryIO, dtype: np.dtype[Any], count: int, name: str) -> NDArray[np.uint32]:
    """The next `count` ids.

    Raises:
        PileError: the file ends before.
    """
    data = stream.read(count * dtype.itemsize)
    if len(data) != count * dtype.itemsize:
        msg = f"{name}: ends {count * dtype.itemsize - len(data)} bytes before its last token"
        raise PileError(msg)
    return np.frombuffer(data, dtype).astype(np.uint32)
