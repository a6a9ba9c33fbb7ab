"""What earlier phases decided about a block's rows, read from their ledgers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.blocks import open_parquet
from pile_builder.commits import Commits
from pile_builder.pieces import merge_spans
from pile_builder.pipelines.engine import Task
from pile_builder.storage import Store
from pile_builder.work import Work

SPAN_PHASES = ("decontaminate", "paragraphs")
"""Phases that remove parts of documents, the last first."""


def dedup_ledgers(store: Store, work: Work) -> Mapping[str, str]:
    """Objects with what deduplication drops of blocks, by ingest key. Tasks name their own: the record has all."""
    if not work.dedup:
        return {}
    record = Commits(store, "dedup").load(work.dedup)
    return dict(record["ledgers"]) if record["action"] == "drop" else {}


def dropped_rules(store: Store, task: Task, count: int) -> NDArray[np.object_]:
    """`phase.rule` of the phase that dropped each of a block's `count` rows, None for those that survive.

    Args:
        store: the build.
        task: with `dedup` (see `dedup_ledgers`), and the keys of `select` and `decontaminate` if they have run.
        count: rows of the block.
    """
    ledgers = {"select": Commits(store, "select").load(task["select"])["ledger"]}
    if task.get("dedup"):
        ledgers["dedup"] = task["dedup"]
    if task.get("decontaminate"):
        ledgers["decontaminate"] = Commits(store, "decontaminate").load(task["decontaminate"])["ledger"]
    rules: NDArray[np.object_] = np.full(count, None, object)
    for phase, name in ledgers.items():
        if name:
            with store.open(name) as stream:
                ledger = open_parquet(stream).read(columns=["row", "rule"])
            rules[ledger["row"].to_numpy()] = [f"{phase}.{rule}" for rule in ledger["rule"].to_pylist()]
    return rules


def survivors(store: Store, task: Task, count: int) -> NDArray[np.bool_]:
    """Which of a block's rows no phase has dropped, bool[count]."""
    return np.array([rule is None for rule in dropped_rules(store, task, count)], np.bool_)


def span_objects(store: Store, task: Task) -> list[str]:
    """Objects of a block that have spans, row-aligned, in its row groups: cuts, paragraphs, and `spans` of the task.

    Later makers first: they saw what the earlier ones left, and `merge_spans` heeds the first of two equal spans.
    """
    made = [Commits(store, phase).load(task[phase])["spans"] for phase in SPAN_PHASES if task.get(phase)]
    made += [Commits(store, "annotate").load(key)["object"] for key in task["spans"]]
    return [name for name in made if name]


def read_spans(store: Store, names: list[str]) -> pa.ListArray | None:
    """The merged spans of a whole block from some objects; None without any object."""
    layers = []
    for name in names:
        with store.open(name) as stream:
            layers.append(open_parquet(stream).read(columns=["spans"])["spans"].combine_chunks())
    return merge_spans(layers) if layers else None
