"""The text of a block's survivors as it would be written, and spans found on it, brought back to the block's text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.blocks import RowGroupWriter, open_parquet
from pile_builder.commits import Commits
from pile_builder.document import SPAN, SPANS
from pile_builder.pieces import merge_spans, original_offsets
from pile_builder.pipelines.engine import Task
from pile_builder.pipelines.ledgers import span_objects, survivors
from pile_builder.spans import apply_spans
from pile_builder.storage import Store
from pile_builder.text.column import TextColumn, from_arrow


class Survivors(NamedTuple):
    """Documents of one row group: rows in the block, ids, their spans, and their text as it would be written."""

    rows: NDArray[np.int64]
    ids: list[str]
    spans: pa.ListArray | None
    edited: TextColumn


def read_survivors(store: Store, task: Task, wanted: NDArray[np.int64] | None = None) -> Iterator[Survivors]:
    """Stream the documents of a block that earlier phases kept, a row group at a time; of `wanted` rows only, if given.

    Args:
        store: the build.
        task: with `block`, `spans`, `dedup` (see `dedup_ledgers`), and the keys of `select` and `paragraphs` if they
            have run.
        wanted: rows of the block, ascending.
    """
    block = Commits(store, "ingest").load(task["block"])
    bounds = [0, *np.cumsum(block["row_groups"], dtype=np.int64).tolist()]
    keep = survivors(store, task, bounds[-1])
    if wanted is not None:
        keep &= np.isin(np.arange(bounds[-1]), wanted)
    if not keep.any():
        return
    with ExitStack() as stack:
        texts, *makers = (
            open_parquet(stack.enter_context(store.open(name))) for name in (block["block"], *span_objects(store, task))
        )
        for number, (start, end) in enumerate(pairwise(bounds)):
            inside = np.flatnonzero(keep[start:end])
            if not len(inside):
                continue
            taken = pa.array(inside)
            table = texts.read_row_group(number, columns=["id", "text"]).take(taken)
            column = from_arrow(table["text"])
            spans = None
            if makers:
                layers = (each.read_row_group(number, columns=["spans"])["spans"] for each in makers)
                spans = merge_spans([layer.combine_chunks() for layer in layers]).take(taken)
                column = apply_spans(column, spans)
            yield Survivors(start + inside, table["id"].to_pylist(), spans, column)


class FoundSpans:
    """Gathers the spans found on survivors' text, row group by row group, for all `count` rows of a block."""

    def __init__(self, count: int) -> None:
        self._lengths = np.zeros(count, np.int64)
        self._flat: list[pa.Array] = []

    def add(self, group: Survivors, spans: pa.ListArray) -> pa.StructArray:
        """Take spans on the edited text of a group; returns them all, flat, on the block's text."""
        lengths = np.diff(spans.offsets.to_numpy())
        self._lengths[group.rows] = lengths
        flat = spans.flatten()
        if group.spans is not None and len(flat):
            document = np.repeat(np.arange(len(lengths)), lengths)
            starts = original_offsets(group.spans, document, flat.field("start").to_numpy(), "start")
            ends = original_offsets(group.spans, document, flat.field("end").to_numpy(), "end")
            columns = [pa.array(starts), pa.array(ends), flat.field("replacement"), flat.field("rule")]
            flat = pa.StructArray.from_arrays(columns, fields=list(SPAN))
        self._flat.append(flat)
        return flat

    def write(self, store: Store, phase: str, block: str) -> str:
        """Write the spans beside a block (the object's name), in its row groups; returns the name, empty if none."""
        if not any(len(flat) for flat in self._flat):
            return ""
        offsets = np.concatenate([[0], np.cumsum(self._lengths)]).astype(np.int32)
        spans = pa.ListArray.from_arrays(pa.array(offsets), pa.concat_arrays(self._flat))
        with store.open(block) as stream:
            sizes = open_parquet(stream).read(columns=["bytes"])["bytes"].to_numpy()
        with store.writing(Commits(store, phase).object_name) as out:
            writer = RowGroupWriter(out, pa.schema([pa.field("spans", SPANS)]))
            writer.write(pa.record_batch({"spans": spans}), sizes)
            writer.close()
        return out.name
