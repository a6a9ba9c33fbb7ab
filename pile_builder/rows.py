"""Single rows of Parquet objects, of which only the row group that holds them is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pile_builder.blocks import open_parquet
from pile_builder.storage import Store


def read_row(store: Store, name: str, row: int, columns: Sequence[str] | None = None) -> tuple[pa.Table, int]:
    """One row of an object as a table, and the row group that it lies in.

    Args:
        store: the build.
        name: of the object.
        row: which one, counted over the whole object.
        columns: all, if None.
    """
    with store.open(name) as stream:
        file = open_parquet(stream)
        counts = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
        bounds = np.concatenate([[0], np.cumsum(counts)])
        group = int(np.searchsorted(bounds, row, side="right")) - 1
        table = file.read_row_group(group, columns=None if columns is None else list(columns))
        return table.slice(row - int(bounds[group]), 1), group


def find_in(store: Store, name: str, column: str, wanted: str | int) -> list[int]:
    """Rows of an object in which a column that is never null has a value, in order."""
    found: list[int] = []
    start = 0
    with store.open(name) as stream:
        for batch in open_parquet(stream).iter_batches(1 << 16, columns=[column]):
            here = pc.equal(batch.column(0), wanted).to_numpy(zero_copy_only=False)
            found += (np.flatnonzero(here) + start).tolist()
            start += batch.num_rows
    return found
