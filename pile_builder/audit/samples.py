"""The one place that reads the excerpts which a build keeps of some documents, and removes them when they must go.

Excerpts lie in the annotation set `sample` of each block (see `annotate.sample`); other records name sampled documents
by row only, so a document that was removed here is shown nowhere once the report is written again.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.annotate.sets import SAMPLE
from pile_builder.blocks import open_parquet, write_table
from pile_builder.storage import Commits, Store

REPORTS = ("report/index.html", "report/audit.json")
"""What shows excerpts; `remove_samples` takes them away, `pile audit` writes them anew."""


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


def remove_samples(store: Store, ids: Collection[str]) -> int:
    """Remove documents from every sample that was ever stored here, and the reports that show excerpts if any was.

    Records and objects are replaced, and the objects with the excerpts deleted. Nothing else moves: no phase runs again
    because of it, and `pile audit` writes the reports without the documents.

    Args:
        store: the build.
        ids: of the documents, `source:hexadecimal`.

    Returns:
        How many excerpts were removed.
    """
    commits = Commits(store, "annotate")
    wanted = pa.array(sorted(ids), pa.string())
    removed, outdated = 0, set()
    for key in sorted(commits.done()):
        record = commits.load(key)
        if record["set"] != SAMPLE or not record["object"]:
            continue
        with store.open(record["object"]) as stream:
            table = open_parquet(stream).read()
        left = table.filter(pa.compute.invert(pa.compute.is_in(table["id"], wanted)))
        if left.num_rows == table.num_rows:
            continue
        removed += table.num_rows - left.num_rows
        outdated.add(record["object"])
        with store.writing(commits.object_name) as out:
            write_table(out, left)
        commits.replace(key, record | {"object": out.name})
    for name in sorted(outdated):
        store.remove(name)
    for name in REPORTS if removed else ():
        store.remove(name)
    return removed


def _read(store: Store, key: str, columns: list[str]) -> pa.Table:
    name = Commits(store, "annotate").load(key)["object"]
    if not name:
        return pa.table({column: pa.array([], pa.int64()) for column in columns})
    with store.open(name) as stream:
        return open_parquet(stream).read(columns=columns)
