"""settle: everything decided about a block becomes one row-aligned verdict file, with bytes per row group.

Later phases and the audit read verdicts and commit records, never ledgers, sidecars or text again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from pile_builder.blocks import open_parquet, write_table
from pile_builder.document import id64
from pile_builder.pipelines.engine import Task, TaskFunction
from pile_builder.storage import Commits, Store

VERDICTS = pa.schema(
    [
        pa.field("id64", pa.uint64(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("rule", pa.string()),
    ]
)
"""One row per document of a block: the first 64 bits of its id hash, bytes as they will be written (spans applied), and
`phase.rule` of what dropped it, null if it is kept."""


@dataclass
class SettleBlock(TaskFunction):
    """Writes one block's verdicts."""

    store: Store

    def __call__(self, task: Task) -> Mapping[str, Any]:
        """Merge the ledgers of one block; returns its counts."""
        block = Commits(self.store, "ingest").load(task["block"])
        groups = np.asarray(block["row_groups"], np.int64)
        with self.store.open(block["block"]) as stream:
            table = open_parquet(stream).read(columns=["id", "bytes"])
        sizes = self._edited_sizes(task, table)
        rules = np.full(table.num_rows, None, object)
        ledgers = {"select": Commits(self.store, "select").load(task["select"])["ledger"]}
        if task["dedup"]:
            ledgers["dedup"] = Commits(self.store, "dedup").load(task["dedup"])["ledgers"].get(task["block"], "")
        for phase, name in ledgers.items():
            if name:
                with self.store.open(name) as stream:
                    ledger = open_parquet(stream).read(columns=["row", "rule"])
                rules[ledger["row"].to_numpy()] = [f"{phase}.{rule}" for rule in ledger["rule"].to_pylist()]
        rules[(sizes == 0) & np.array([rule is None for rule in rules], np.bool_)] = "settle.empty"
        kept = np.array([rule is None for rule in rules], np.bool_)
        verdicts = pa.table([id64(table["id"].combine_chunks()), sizes, pa.array(rules, pa.string())], schema=VERDICTS)
        with self.store.writing(Commits(self.store, "settle").object_name) as out:
            write_table(out, verdicts)
        group_of = np.repeat(np.arange(len(groups)), groups)
        kept_bytes = np.bincount(group_of, np.where(kept, sizes, 0), len(groups)).astype(np.int64)
        return {
            "verdicts": out.name,
            "name": task["name"],
            "kept": int(kept.sum()),
            "kept_bytes": int(sizes[kept].sum()),
            "row_groups": groups.tolist(),
            "row_group_bytes": kept_bytes.tolist(),
            "dropped": dict(sorted(Counter(rule for rule in rules if rule).items())),
        }

    def _edited_sizes(self, task: Task, table: pa.Table) -> np.ndarray[Any, np.dtype[np.int64]]:
        lines = Commits(self.store, "annotate").load(task["lines"])["object"] if task["lines"] else ""
        if not lines:
            return np.asarray(table["bytes"].to_numpy())
        with self.store.open(lines) as stream:
            return np.asarray(open_parquet(stream).read(columns=["edited_bytes"])["edited_bytes"].to_numpy())
