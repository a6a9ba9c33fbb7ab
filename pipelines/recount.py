"""recount: what settle counted of a block's content, without the documents that are taken down.

settle may have seen them whole, or emptied by an earlier takedown; either way the blocks that hold any are counted once
more from their verdicts, sidecars and what is left of their metadata. No text is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from pile_builder.audit.content_statistics import count_content
from pile_builder.blocks import open_parquet
from pile_builder.commits import Commits
from pile_builder.pipelines.engine import RunOptions, Task, TaskFunction, run_tasks
from pile_builder.pipelines.settle import block_metas, counted_sidecars
from pile_builder.storage import Store, fingerprint
from pile_builder.takedown.state import taken_of, taken_rows
from pile_builder.work import VERSIONS, Work

PHASE = "recount"
RULE = "takedown"
"""What dropped a document that shards leave out because it is taken down."""


@dataclass
class RecountBlock(TaskFunction):
    """Counts one block's content again."""

    store: Store

    def __call__(self, task: Task) -> Mapping[str, Any]:
        """Count; rows that shards leave out are dropped by `takedown`, and nothing describes any that is taken down."""
        block = Commits(self.store, "ingest").load(task["block"])
        with self.store.open(Commits(self.store, "settle").load(task["settle"])["verdicts"]) as stream:
            verdicts = open_parquet(stream).read(columns=["bytes", "rule"])
        with self.store.open(block["block"]) as stream:
            text_bytes = open_parquet(stream).read(columns=["bytes"])["bytes"].to_numpy()
        rules = np.array([*verdicts["rule"].to_pylist(), None], object)[:-1]
        rules[task["left_out"]] = RULE
        metas, sidecars = block_metas(self.store, block), counted_sidecars(self.store, task)
        sizes = verdicts["bytes"].to_numpy()
        return {"content": count_content(text_bytes, sizes, rules, metas, sidecars, taken_rows(block))}


def recount_tasks(store: Store, work: Work, shards: Sequence[Mapping[str, Any]]) -> dict[int, dict[str, Any]]:
    """The tasks of blocks that hold documents which are taken down, by the block's rank.

    Args:
        store: the build.
        work: its tasks.
        shards: records of the assemble phase.
    """
    gone = pa.array(sorted({identity for shard in shards for identity in shard.get("taken", {})}), pa.string())
    tasks = {}
    for block in work.blocks:
        taken = taken_of(Commits(store, "ingest").load(block.ingest))
        if taken:
            rows = sorted(taken)
            ids = pa.array([taken[row][0] for row in rows], pa.string())
            is_left_out = pa.compute.is_in(ids, gone).to_pylist()
            left_out = [row for row, one in zip(rows, is_left_out, strict=True) if one]
            key = fingerprint([VERSIONS["settle"], block.settle, rows, left_out])
            task = block.task(key) | {"block": block.ingest, "settle": block.settle, "sets": dict(block.sets)}
            tasks[block.rank] = task | {"left_out": left_out}
    return tasks


def run_recount(store: Store, work: Work, shards: Sequence[Mapping[str, Any]], options: RunOptions) -> None:
    """Count every block that holds documents which are taken down, and forget counts of other lists.

    Raises:
        BuildError: tasks failed.
    """
    commits = Commits(store, PHASE)
    tasks = list(recount_tasks(store, work, shards).values())
    keys = [task["key"] for task in tasks]
    if tasks:
        run_tasks(commits, keys, tasks, RecountBlock(store), options)
    for key in commits.done() - set(keys):
        commits.forget(key)
