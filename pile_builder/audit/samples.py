"""The one place that reads the excerpts which a build keeps of some documents, and leaves out those that must go.

Excerpts lie in the annotation set `sample` of each block (see `annotate.sample`); other records name sampled documents
by row only, so a document that is left out here is shown nowhere once the report is written again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.blocks import open_parquet
from pile_builder.commits import Commits
from pile_builder.storage import Store


def sampled_rows(store: Store, key: str) -> NDArray[np.int64]:
    """Rows of a block's sampled documents, by ascending hash; `key` is that of its set `sample`."""
    rows: NDArray[np.int64] = _read(store, key, ["row"])["row"].to_numpy().astype(np.int64)
    return rows


def sampled_hashes(store: Store, key: str) -> dict[int, int]:
    """The keyed hash of each sampled document of a block by its row, ascending by hash."""
    table = _read(store, key, ["hash", "row"])
    return dict(zip(table["row"].to_pylist(), table["hash"].to_pylist(), strict=True))


class Excerpts:
    """Looks sampled documents up by the key of their block's sample and their row, reading each sample once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, dict[int, dict[str, Any]]] = {}

    def find(self, key: str, row: int) -> dict[str, Any] | None:
        """`id`, `key`, `bytes` and `excerpt` of a document; None if it was removed."""
        if key not in self._known:
            rows = _read(self._store, key, ["row", "id", "key", "bytes", "excerpt"]).to_pylist()
            self._known[key] = {one.pop("row"): one for one in rows}
        return self._known[key].get(row)


def without(store: Store, name: str, find: Callable[[pa.Array], NDArray[np.int64]]) -> tuple[pa.Table, int]:
    """A stored sample without the documents whose places among its ids `find` gives, and how many these are."""
    with store.open(name) as stream:
        table = open_parquet(stream).read()
    left_out = np.zeros(table.num_rows, np.bool_)
    left_out[find(table["id"].combine_chunks())] = True
    return table.filter(pa.array(~left_out)), int(left_out.sum())


def _read(store: Store, key: str, columns: list[str]) -> pa.Table:
    name = Commits(store, "annotate").load(key)["object"]
    if not name:
        return pa.table({column: pa.array([], pa.int64()) for column in columns})
    with store.open(name) as stream:
        return open_parquet(stream).read(columns=columns)
