"""select: sidecars to a ledger of what licence, language and quality rules drop. Reads no text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from pile_builder.blocks import write_table
from pile_builder.document import LEDGER
from pile_builder.pipelines.engine import Task, TaskFunction
from pile_builder.selection import Select
from pile_builder.storage import Commits, Store
from pile_builder.verdicts import Test, load_columns, tests


@dataclass
class SelectBlock(TaskFunction):
    """Applies each source's rules to one block."""

    store: Store
    selects: Mapping[str, Select]
    seed: int

    def __call__(self, task: Task) -> Mapping[str, Any]:
        """Write the block's ledger."""
        commits = Commits(self.store, "select")
        select = self.selects[task["source"]]
        block = Commits(self.store, "ingest").load(task["block"])
        columns = load_columns(self.store, block["block"], task["sets"], select)
        ledger = self._ledger(sum(block["row_groups"]), tests(columns, select, task["source"], self.seed))
        rules = Counter(ledger["rule"].to_pylist())
        name = ""
        if ledger.num_rows:
            with self.store.writing(commits.object_name) as stream:
                write_table(stream, ledger)
            name = stream.name
        dropped = dict(sorted(rules.items()))
        return {"ledger": name, "dropped": dropped, "name": task["name"], "block": task["block"]}

    def _ledger(self, count: int, applied: Iterator[Test]) -> pa.Table:
        open_rows = np.ones(count, np.bool_)
        parts = []
        for test in applied if count else ():
            rows = np.flatnonzero(open_rows & test.fails)
            open_rows[rows] = False
            detail = test.detail.take(pa.array(rows)) if test.detail is not None else pa.array([""] * len(rows))
            parts.append(
                pa.table(
                    {
                        "row": rows.astype(np.int32),
                        "rule": [test.name] * len(rows),
                        "value": test.values[rows],
                        "threshold": np.broadcast_to(test.threshold, count)[rows],
                        "detail": detail.cast(pa.string()),
                    },
                    schema=LEDGER,
                )
            )
        return pa.concat_tables([LEDGER.empty_table(), *parts]).sort_by("row")
