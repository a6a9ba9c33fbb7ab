"""select: sidecars to a ledger of what licence, language and quality rules drop. Reads no text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.blocks import open_parquet, write_table
from pile_builder.document import LEDGER
from pile_builder.manifest import Select
from pile_builder.pipelines.engine import Task, TaskFunction
from pile_builder.recipes import Rule
from pile_builder.storage import Commits, Store


@dataclass(frozen=True)
class Test:
    """One rule as it applies to a source: its full name, the values it looks at, and which rows fail."""

    name: str
    threshold: float
    values: NDArray[np.float64]
    fails: NDArray[np.bool_]
    detail: pa.Array | None = None


@dataclass
class SelectBlock(TaskFunction):
    """Applies each source's rules to one block."""

    store: Store
    selects: Mapping[str, Select]

    def __call__(self, task: Task) -> Mapping[str, Any]:
        """Write the block's ledger."""
        commits = Commits(self.store, "select")
        select = self.selects[task["source"]]
        block = Commits(self.store, "ingest").load(task["block"])
        columns = load_sidecars(self.store, task["sets"])
        if select.licences:
            columns["licence"] = load_licences(self.store, block["block"])
        ledger = self._ledger(columns, sum(block["row_groups"]), select)
        rules = Counter(ledger["rule"].to_pylist())
        name = ""
        if ledger.num_rows:
            with self.store.writing(commits.object_name) as stream:
                write_table(stream, ledger)
            name = stream.name
        return {"ledger": name, "dropped": dict(sorted(rules.items())), "name": task["name"]}

    def _ledger(self, columns: Mapping[str, pa.Array], count: int, select: Select) -> pa.Table:
        open_rows = np.ones(count, np.bool_)
        parts = []
        for test in tests(columns, select) if count else ():
            rows = np.flatnonzero(open_rows & test.fails)
            open_rows[rows] = False
            detail = test.detail.take(pa.array(rows)) if test.detail is not None else pa.array([""] * len(rows))
            parts.append(
                pa.table(
                    {
                        "row": rows.astype(np.int32),
                        "rule": [test.name] * len(rows),
                        "value": test.values[rows],
                        "threshold": np.full(len(rows), test.threshold),
                        "detail": detail.cast(pa.string()),
                    },
                    schema=LEDGER,
                )
            )
        return pa.concat_tables([LEDGER.empty_table(), *parts]).sort_by("row")


def load_sidecars(store: Store, sets: Mapping[str, str]) -> dict[str, pa.Array]:
    """The columns of a block's sidecars (spans and sketches left out), by name."""
    columns: dict[str, pa.Array] = {}
    for name, key in sets.items():
        if name == "sketch":
            continue
        where = Commits(store, "annotate").load(key)["object"]
        if not where:
            continue
        with store.open(where) as stream:
            file = open_parquet(stream)
            wanted = [field for field in file.schema_arrow.names if field != "spans"]
            table = file.read(columns=wanted)
        columns |= {field: table[field].combine_chunks() for field in wanted}
    return columns


def load_licences(store: Store, block: str) -> pa.Array:
    """What each document's metadata say under `license`, null where they don't."""
    found: list[str | None] = []
    with store.open(block) as stream:
        for batch in open_parquet(stream).iter_batches(4_096, columns=["meta"]):
            values = (orjson.loads(meta).get("license") for meta in batch.column("meta").to_pylist())
            found += [value if isinstance(value, str) else None for value in values]
    return pa.array(found, pa.string())


def tests(columns: Mapping[str, pa.Array], select: Select) -> Iterator[Test]:
    """Every rule of a source over a block's signals, in the order in which they apply.

    The value of `licence` is 1 if the policy keeps it and 0 if not.
    """
    if select.licences:
        licences = columns["licence"].dictionary_encode()
        kept = np.array([select.licences.keeps(name) for name in [*licences.dictionary.to_pylist(), None]], np.float64)
        values = kept[licences.indices.fill_null(len(kept) - 1).to_numpy()]
        yield Test("licence", 1.0, values, values < 1, columns["licence"].fill_null("unknown"))
    if select.language and select.language.keep:
        labels, scores = columns["language"], columns["language_score"].to_numpy().astype(np.float64)
        wrong = ~pa.compute.is_in(labels.cast(pa.string()), pa.array(select.language.keep)).to_numpy(
            zero_copy_only=False
        )
        fails = wrong | (scores < select.language.min_score)
        yield Test("language", select.language.min_score, scores, fails, labels)
    for name, rule, threshold in select.all_rules():
        yield _test(name, rule, columns, threshold)


def _test(name: str, rule: Rule, columns: Mapping[str, pa.Array], threshold: float) -> Test:
    values = columns[rule.signal].to_numpy(zero_copy_only=False).astype(np.float64)
    return Test(name, threshold, values, rule.fails(values, threshold))
