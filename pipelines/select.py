"""select: sidecars to a ledger of what licence, language and quality rules drop, and counts of every rule's signal.

Reads no text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.annotate.set_names import SAMPLE
from pile_builder.audit.rule_statistics import count_rule, rule_scales
from pile_builder.audit.samples import sampled_rows
from pile_builder.blocks import write_table
from pile_builder.commits import Commits
from pile_builder.document import LEDGER
from pile_builder.pipelines.engine import Task, TaskFunction
from pile_builder.selection import Select
from pile_builder.storage import Store
from pile_builder.verdicts import Test, load_columns, tests


@dataclass
class SelectBlock(TaskFunction):
    """Applies each source's rules to one block."""

    store: Store
    selects: Mapping[str, Select]
    seed: int

    def __call__(self, task: Task) -> Mapping[str, Any]:
        """Write the block's ledger; returns what each rule dropped, and under `rules` what `count_rule` says of it."""
        commits = Commits(self.store, "select")
        select = self.selects[task["source"]]
        block = Commits(self.store, "ingest").load(task["block"])
        columns = load_columns(self.store, block["block"], task["sets"], select)
        sampled, scales = sampled_rows(self.store, task["sets"][SAMPLE]), rule_scales(select)
        count = sum(block["row_groups"])
        reached = np.ones(count, np.bool_)
        parts, counted = [], {}
        for test in tests(columns, select, task["source"], self.seed) if count else ():
            counted[test.name] = count_rule(test, reached, scales, sampled)
            rows = np.flatnonzero(reached & test.fails)
            reached[rows] = False
            parts.append(_ledger(test, rows))
        ledger = pa.concat_tables([LEDGER.empty_table(), *parts]).sort_by("row")
        rules = Counter(ledger["rule"].to_pylist())
        name = ""
        if ledger.num_rows:
            with self.store.writing(commits.object_name) as stream:
                write_table(stream, ledger)
            name = stream.name
        return {
            "ledger": name,
            "dropped": dict(sorted(rules.items())),
            "name": task["name"],
            "block": task["block"],
            "rules": counted,
        }


def _ledger(test: Test, rows: NDArray[np.int64]) -> pa.Table:
    detail = test.detail.take(pa.array(rows)) if test.detail is not None else pa.array([""] * len(rows))
    columns = {
        "row": rows.astype(np.int32),
        "rule": [test.name] * len(rows),
        "value": test.values[rows],
        "threshold": np.broadcast_to(test.threshold, len(test.values))[rows],
        "detail": detail.cast(pa.string()),
    }
    return pa.table(columns, schema=LEDGER)
