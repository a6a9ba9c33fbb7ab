"""How spans rewrite text: the one place where they become text, used by annotations and by assemble alike."""

from __future__ import annotations

import numba
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.text.column import PADDING, TextColumn


def apply_spans(column: TextColumn, spans: pa.ListArray) -> TextColumn:
    """Replace each span of each document; documents without spans are copied as they are.

    Args:
        column: n texts.
        spans: n lists of type `SPANS`, byte offsets into the text, sorted and not overlapping.

    Raises:
        ValueError: a span lies outside its document or overlaps the one before.
    """
    flat = spans.flatten()
    if len(flat) == 0:
        return column
    lists = spans.offsets.to_numpy() - spans.offsets[0].as_py()
    replacement = flat.field("replacement").fill_null("").cast(pa.large_string())
    _, offset_buffer, data_buffer = replacement.buffers()
    piece_offsets = np.frombuffer(offset_buffer, np.int64)[replacement.offset :][: len(replacement) + 1]
    pieces = np.frombuffer(data_buffer, np.uint8) if data_buffer is not None else np.zeros(0, np.uint8)
    table = np.empty((len(flat), 4), np.int64)
    table[:, 0] = flat.field("start").to_numpy()
    table[:, 1] = flat.field("end").to_numpy()
    table[:, 2] = piece_offsets[:-1]
    table[:, 3] = piece_offsets[1:]
    offsets = np.zeros(len(column) + 1, np.int64)
    bad = _edited_offsets(column.offsets, lists.astype(np.int64), table, offsets)
    if bad >= 0:
        msg = f"spans of document {bad} in its batch lie outside its text or overlap"
        raise ValueError(msg)
    data = np.zeros(int(offsets[-1]) + PADDING, np.uint8)
    _copy_edited(column.data, column.offsets, lists.astype(np.int64), table, pieces, data, offsets)
    return TextColumn(data, offsets)


@numba.njit(cache=True, nogil=True)
def _edited_offsets(
    offsets: NDArray[np.int64], lists: NDArray[np.int64], table: NDArray[np.int64], out: NDArray[np.int64]
) -> int:
    total = 0
    for i in range(len(offsets) - 1):
        size = offsets[i + 1] - offsets[i]
        at = 0
        edited = size
        for j in range(lists[i], lists[i + 1]):
            if table[j, 0] < at or table[j, 1] < table[j, 0] or table[j, 1] > size:
                return i
            at = table[j, 1]
            edited += table[j, 3] - table[j, 2] - (table[j, 1] - table[j, 0])
        total += edited
        out[i + 1] = total
    return -1


@numba.njit(cache=True, nogil=True)
def _copy_edited(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    lists: NDArray[np.int64],
    table: NDArray[np.int64],
    pieces: NDArray[np.uint8],
    out: NDArray[np.uint8],
    out_offsets: NDArray[np.int64],
) -> None:
    for i in range(len(offsets) - 1):
        to = out_offsets[i]
        at = offsets[i]
        for j in range(lists[i], lists[i + 1]):
            stop = offsets[i] + table[j, 0]
            out[to : to + stop - at] = data[at:stop]
            to += stop - at
            size = table[j, 3] - table[j, 2]
            out[to : to + size] = pieces[table[j, 2] : table[j, 3]]
            to += size
            at = offsets[i] + table[j, 1]
        out[to : to + offsets[i + 1] - at] = data[at : offsets[i + 1]]
