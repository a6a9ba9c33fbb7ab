"""Writing and reading blocks and sidecars: Parquet files whose row groups hold about 4 MiB of text.

The writer cuts row groups by the documents' own sizes, never by how they arrived, so that the same documents make the
same file however they were batched. A sidecar is cut by the same sizes: its row groups are its block's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pile_builder.storage import HashingWriter

ROW_GROUP_BYTES = 4 << 20
"""Bytes of text with which a row group is full; the document that fills it is its last."""
ROW_GROUP_ROWS = 1 << 16
BLOCK_SETTINGS: Mapping[str, Any] = {
    "compression": "zstd",
    "compression_level": 1,
    "use_dictionary": False,
    "write_statistics": False,
    "store_schema": True,
    "write_page_checksum": True,
}


class RowGroupWriter:
    """Writes record batches as Parquet with row groups cut by `sizes`, the bytes of text of each row.

    Attributes:
        rows: rows in each row group written so far.
    """

    def __init__(
        self,
        stream: HashingWriter | BinaryIO,
        schema: pa.Schema,
        row_group_bytes: int = ROW_GROUP_BYTES,
        settings: Mapping[str, Any] = BLOCK_SETTINGS,
    ) -> None:
        """`settings` are those of `ParquetWriter`."""
        self._writer = pq.ParquetWriter(stream, schema, **settings)
        self._schema, self._full = schema, row_group_bytes
        self._waiting: list[pa.RecordBatch] = []
        self._filled = 0
        self._count = 0
        self.rows: list[int] = []

    def write(self, batch: pa.RecordBatch, sizes: NDArray[np.int64]) -> None:
        """Append rows."""
        start = 0
        while start < batch.num_rows:
            room = np.cumsum(sizes[start:]) + self._filled
            stop = start + int(np.searchsorted(room, self._full)) + 1
            stop = min(stop, start + ROW_GROUP_ROWS - self._count, batch.num_rows)
            self._waiting.append(batch.slice(start, stop - start))
            self._filled += int(sizes[start:stop].sum())
            self._count += stop - start
            start = stop
            if self._filled >= self._full or self._count >= ROW_GROUP_ROWS:
                self._flush()

    def close(self) -> None:
        """Write what waits, and the footer."""
        if self._waiting:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        table = pa.Table.from_batches(self._waiting, self._schema).combine_chunks()
        self._writer.write_table(table, row_group_size=max(table.num_rows, 1))
        self.rows.append(table.num_rows)
        self._waiting, self._filled, self._count = [], 0, 0


def write_table(stream: HashingWriter, table: pa.Table) -> None:
    """Write a small table as Parquet."""
    settings = {"compression": "zstd", "write_statistics": False, "write_page_checksum": True}
    pq.write_table(table, stream, row_group_size=1 << 20, **settings)


def open_parquet(stream: Any) -> pq.ParquetFile:
    """Open a Parquet object for reading by row groups; a page that is not what was written is an error."""
    return pq.ParquetFile(stream, pre_buffer=False, page_checksum_verification=True)
