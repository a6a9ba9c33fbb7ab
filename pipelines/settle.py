"""settle: everything decided about a block becomes one row-aligned verdict file, with bytes per row group.

Later phases and the audit read verdicts and commit records, never ledgers or sidecars again. Spans of all makers are
merged here, so that assemble has one list a document to apply.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.annotate.set_names import SAMPLE
from pile_builder.audit.content_statistics import count_content
from pile_builder.audit.samples import sampled_hashes
from pile_builder.blocks import RowGroupWriter, open_parquet, write_table
from pile_builder.commits import Commits
from pile_builder.document import SPANS, id64
from pile_builder.names import names_of
from pile_builder.pieces import find_pieces
from pile_builder.pipelines.engine import Task, TaskFunction
from pile_builder.pipelines.ledgers import dropped_rules, read_spans, span_objects
from pile_builder.storage import Store
from pile_builder.takedown.state import taken_of
from pile_builder.verdicts import load_sidecars

VERDICTS = pa.schema(
    [
        pa.field("id64", pa.uint64(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("pieces", pa.int32(), nullable=False),
        pa.field("rule", pa.string()),
    ]
)
"""One row per document of a block: the first 64 bits of its id hash, bytes and pieces as they will be written (spans
applied), and `phase.rule` of what dropped it, null if it is kept."""


COUNTED_SETS = ("language", "privacy", "bad_words")
"""Annotation sets of which the audit shows how their values are distributed."""
READING_SAMPLES = 32
"""Kept documents of a block that its record names as samples, the smallest hashes first."""


@dataclass
class SettleBlock(TaskFunction):
    """Writes one block's verdicts, the spans to apply to it, and the names of its documents; counts what it holds."""

    store: Store

    def __call__(self, task: Task) -> Mapping[str, Any]:
        """Merge the ledgers of one block; returns its counts."""
        commits = Commits(self.store, "settle")
        block = Commits(self.store, "ingest").load(task["block"])
        groups = np.asarray(block["row_groups"], np.int64)
        with self.store.open(block["block"]) as stream:
            table = open_parquet(stream).read(columns=["id", "bytes"])
        text_bytes = table["bytes"].to_numpy()
        spans_name, spans = self._spans(task, text_bytes)
        pieces = find_pieces(text_bytes, spans)
        sizes = np.zeros(len(text_bytes), np.int64)
        np.add.at(sizes, pieces.document, pieces.sizes)
        rules = dropped_rules(self.store, task, table.num_rows)
        rules[(sizes == 0) & np.array([rule is None for rule in rules], np.bool_)] = "settle.empty"
        kept = np.array([rule is None for rule in rules], np.bool_)
        columns = {
            "id64": id64(table["id"].combine_chunks()),
            "bytes": sizes,
            "pieces": np.bincount(pieces.document, minlength=len(sizes)),
            "rule": pa.array(rules, pa.string()),
        }
        with self.store.writing(commits.object_name) as verdicts:
            write_table(verdicts, pa.table(columns, schema=VERDICTS))
        with self.store.writing(commits.object_name) as names:
            write_table(names, names_of(task["source"], self._named(block), _aliases(block)))
        group_of = np.repeat(np.arange(len(groups)), groups)
        kept_bytes = np.zeros(len(groups), np.int64)
        np.add.at(kept_bytes, group_of, np.where(kept, sizes, 0))
        metas, sidecars = block_metas(self.store, block), counted_sidecars(self.store, task)
        content = count_content(text_bytes, sizes, rules, metas, sidecars)
        drawn = ([hashed, row] for row, hashed in sampled_hashes(self.store, task["sets"][SAMPLE]).items() if kept[row])
        return {
            "verdicts": verdicts.name,
            "spans": spans_name,
            "names": names.name,
            "name": task["name"],
            "kept": int(kept.sum()),
            "kept_bytes": int(sizes[kept].sum()),
            "row_groups": groups.tolist(),
            "row_group_bytes": kept_bytes.tolist(),
            "dropped": dict(sorted(Counter(rule for rule in rules if rule).items())),
            "content": content,
            "samples": list(islice(drawn, READING_SAMPLES)),
        }

    def _spans(self, task: Task, text_bytes: NDArray[np.int64]) -> tuple[str, pa.ListArray | None]:
        """Name and content of the block's merged spans; those of a single maker serve as they are."""
        names = span_objects(self.store, task)
        spans = read_spans(self.store, names)
        if len(names) < 2 or spans is None:
            return (names[0] if names else "", spans)
        with self.store.writing(Commits(self.store, "settle").object_name) as out:
            writer = RowGroupWriter(out, pa.schema([pa.field("spans", SPANS)]))
            writer.write(pa.record_batch({"spans": spans}), text_bytes)
            writer.close()
        return out.name, spans

    def _named(self, block: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str | None]]:
        """Id, key, metadata and rejecting rule of the documents, then of the rejects."""
        with self.store.open(block["block"]) as stream:
            for batch in open_parquet(stream).iter_batches(4_096, columns=["id", "key", "meta"]):
                for one in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    yield (*one, None)
        with self.store.open(block["rejects"]) as stream:
            for batch in open_parquet(stream).iter_batches(4_096, columns=["id", "key", "rule"]):
                for identity, key, rule in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    yield identity, key, "{}", f"ingest.{rule}"


def block_metas(store: Store, block: Mapping[str, Any]) -> Iterator[str]:
    """Metadata of each document of a block, by its ingest record: a JSON object each, as a stream."""
    with store.open(block["block"]) as stream:
        for batch in open_parquet(stream).iter_batches(4_096, columns=["meta"]):
            yield from batch.column("meta").to_pylist()


def counted_sidecars(store: Store, task: Task) -> dict[str, pa.Array]:
    """Columns of the annotations of a task's block that content counts."""
    return load_sidecars(store, {name: task["sets"][name] for name in COUNTED_SETS if name in task["sets"]})


def _aliases(block: Mapping[str, Any]) -> dict[str, str]:
    """Second names of documents that are taken down: they have no key any more."""
    return dict(name for part in ("block", "rejects") for name in taken_of(block, part).values())
