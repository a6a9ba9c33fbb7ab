"""What deduplication reads of a block: columns of sidecars, row by row, and the text of single documents if asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.annotate.set_names import WITHOUT_SIGNALS
from pile_builder.annotate.sketch import column_values
from pile_builder.blocks import open_parquet
from pile_builder.commits import Commits
from pile_builder.document import handles, id64
from pile_builder.errors import BuildError
from pile_builder.pieces import merge_spans
from pile_builder.pipelines.engine import Task
from pile_builder.pipelines.ledgers import span_objects
from pile_builder.spans import apply_spans
from pile_builder.storage import Store
from pile_builder.text.column import TextColumn, from_arrow


def source_salt(source: str) -> np.uint64:
    """64 bits that stand for a source's name."""
    return np.uint64(int.from_bytes(blake2b(source.encode(), digest_size=8, person=b"source").digest(), "little"))


@dataclass(frozen=True)
class BlockRows:
    """The selected documents of one block, n of them; a column is read when it is asked for."""

    store: Store
    task: Task

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Their rows in the block, int64[n], ascending."""
        keep = np.ones(sum(self._block["row_groups"]), np.bool_)
        dropped = Commits(self.store, "select").load(self.task["select"])["ledger"]
        if dropped:
            with self.store.open(dropped) as stream:
                keep[open_parquet(stream).read(columns=["row"])["row"].to_numpy()] = False
        return np.flatnonzero(keep)

    @cached_property
    def handles(self) -> NDArray[np.uint64]:
        """Their handles, uint64[n], ascending."""
        return handles(self.task["rank"], self.rows)

    @cached_property
    def ids(self) -> NDArray[np.uint64]:
        """The first 64 bits of their ids' hashes, uint64[n]; documents of two sources may share one."""
        return id64(self._read(self._block["block"], "id"))[self.rows]

    @property
    def orders(self) -> NDArray[np.uint64]:
        """Their order keys, uint64[n]: functions of source and id, equal for no two documents."""
        return self.ids ^ source_salt(self.task["source"])

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Bytes of their texts, int64[n]."""
        return np.asarray(self._read(self._block["block"], "bytes").to_numpy()[self.rows])

    @cached_property
    def content(self) -> NDArray[np.uint64]:
        """Their content hashes, uint64[n, 2]."""
        return self._sketch("content").view(np.uint64)

    @property
    def bands(self) -> NDArray[np.uint64]:
        """Their band hashes, uint64[n, bands]."""
        return self._sketch("bands")

    @cached_property
    def signature(self) -> NDArray[np.uint8]:
        """Their signatures, uint8[n, permutations]."""
        return self._sketch("signature")

    def at(self, wanted: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Positions (0 to n - 1) of handles of this block."""
        return np.searchsorted(self.handles, wanted)

    def quality(self, column: str) -> NDArray[np.float64]:
        """A signal of theirs, float64[n]; documents without a value come last, as minus infinity.

        Raises:
            BuildError: no sidecar of the block has that column.
        """
        known: list[str] = []
        for name, key in self.task["sets"].items():
            sidecar = Commits(self.store, "annotate").load(key)["object"]
            with self.store.open(sidecar) as stream:
                file = open_parquet(stream)
                columns = file.schema_arrow.names if name not in WITHOUT_SIGNALS else []
                known += columns
                if column in columns:
                    values = file.read(columns=[column])[column].combine_chunks()
                    found = values.to_numpy(zero_copy_only=False).astype(np.float64)[self.rows]
                    return np.where(np.isnan(found), -np.inf, found)
        msg = (
            f"dedup.quality: expected a signal column of source {self.task['source']}, got {column!r}; "
            f"there are {', '.join(sorted(known)) or 'none'}: a recipe or rule that uses the signal computes it"
        )
        raise BuildError(msg)

    def texts(self, positions: NDArray[np.int64]) -> TextColumn:
        """The texts at ascending positions, spans applied; reads only the row groups that hold them."""
        rows = self.rows[positions]
        bounds = np.concatenate([[0], np.cumsum(self._block["row_groups"])])
        texts = self._pick(self._block["block"], "text", rows, bounds).cast(pa.large_string())
        column = from_arrow(texts)
        layers = [self._pick(name, "spans", rows, bounds) for name in span_objects(self.store, self.task)]
        return apply_spans(column, merge_spans(layers)) if layers else column

    @cached_property
    def _block(self) -> dict[str, Any]:
        return Commits(self.store, "ingest").load(self.task["block"])

    def _sketch(self, name: str) -> NDArray[Any]:
        sidecar = Commits(self.store, "annotate").load(self.task["sets"]["sketch"])["object"]
        values = column_values(self._read(sidecar, name))
        return values if len(values) == len(self.rows) else values[self.rows]

    def _read(self, name: str, column: str) -> pa.Array:
        with self.store.open(name) as stream:
            return open_parquet(stream).read(columns=[column])[column].combine_chunks()

    def _pick(self, name: str, column: str, rows: NDArray[np.int64], bounds: NDArray[np.int64]) -> pa.Array:
        group_of = np.searchsorted(bounds, rows, side="right") - 1
        parts: list[pa.Array] = []
        with self.store.open(name) as stream:
            file = open_parquet(stream)
            for group in np.unique(group_of).tolist():
                inside = rows[group_of == group] - bounds[group]
                values = file.read_row_group(group, columns=[column])[column].combine_chunks()
                parts.append(values.take(pa.array(inside)))
        return pa.concat_arrays(parts)


@dataclass(frozen=True)
class Sources:
    """The sources of a corpus by block rank, and which is preferred.

    Attributes:
        names: of sources, sorted.
        of_rank: int64[blocks], index into `names`.
        priority: int64[names], 0 preferred to 1.
        keys: the ingest key of each block.
    """

    names: Sequence[str]
    of_rank: NDArray[np.int64]
    priority: NDArray[np.int64]
    keys: Sequence[str]

    @classmethod
    def of(cls, blocks: Sequence[tuple[str, str]], order: Sequence[str]) -> Sources:
        """From (source, ingest key) of each block by rank, and sources in order of preference."""
        names = sorted({source for source, _ in blocks})
        of_rank = np.array([names.index(source) for source, _ in blocks], np.int64)
        priority = [order.index(name) if name in order else len(order) for name in names]
        return cls(names, of_rank, np.array(priority, np.int64), [key for _, key in blocks])
