"""A column of UTF-8 text as two NumPy arrays, the form in which every kernel takes it.

Arrow keeps a string column as one byte buffer and an array of offsets. Kernels read that buffer in wide loads which may
run past the last byte, so a column guarantees `PADDING` readable zero bytes behind its text. Arrow promises that only
for buffers that it allocated itself and only past the end of the whole buffer, so `from_arrow` copies when it must.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

PADDING = 64
"""Readable bytes behind the last text byte of every column."""


@dataclass(frozen=True, slots=True)
class TextColumn:
    """n texts: text i is `data[offsets[i]:offsets[i + 1]]`, valid UTF-8.

    `data` is uint8 of at least `offsets[n] + PADDING` bytes, C-contiguous; `offsets` is int64 of length n + 1 and does
    not decrease. `offsets[0]` need not be 0.
    """

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def nbytes(self) -> int:
        """Bytes of text, padding not counted."""
        return int(self.offsets[-1] - self.offsets[0])

    def to_arrow(self) -> pa.LargeStringArray:
        """The same texts as an Arrow array that shares `data`."""
        return pa.LargeStringArray.from_buffers(len(self), pa.py_buffer(self.offsets), pa.py_buffer(self.data))


def from_arrow(column: pa.Array | pa.ChunkedArray) -> TextColumn:
    """View an Arrow string column without nulls as a `TextColumn`; copies the text once if its tail is not padded.

    Raises:
        TypeError: the column is not of type string or large_string.
        ValueError: the column has nulls.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if pa.types.is_string(column.type):
        column = column.cast(pa.large_string())
    if not pa.types.is_large_string(column.type):
        msg = f"expected a column of type large_string, got {column.type}"
        raise TypeError(msg)
    if column.null_count:
        msg = f"expected a text column without nulls, got {column.null_count} nulls in {len(column)} rows"
        raise ValueError(msg)
    if len(column) == 0:
        return TextColumn(np.zeros(PADDING, np.uint8), np.zeros(1, np.int64))
    _, offset_buffer, data_buffer = column.buffers()
    offsets = np.frombuffer(offset_buffer, np.int64)[column.offset : column.offset + len(column) + 1]
    data = np.frombuffer(data_buffer, np.uint8) if data_buffer is not None else np.zeros(0, np.uint8)
    if len(data) < offsets[-1] + PADDING:
        start = int(offsets[0])
        padded = np.zeros(int(offsets[-1]) - start + PADDING, np.uint8)
        padded[: int(offsets[-1]) - start] = data[start : int(offsets[-1])]
        data, offsets = padded, offsets - start
    return TextColumn(data, offsets)


def from_strings(texts: Iterable[str]) -> TextColumn:
    """Encode Python strings as a column (lone surrogates raise UnicodeEncodeError, as they are not text)."""
    return from_bytes([text.encode() for text in texts])


def from_bytes(texts: Sequence[bytes]) -> TextColumn:
    """Texts that are UTF-8 already, as a column."""
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in texts], out=offsets[1:])
    return TextColumn(np.frombuffer(b"".join([*texts, bytes(PADDING)]), np.uint8), offsets)
