"""report/decontamination.json: which items of which eval set the corpus held, where, and what became of it.

Items are listed by name, so that whoever evaluates a model trained on the corpus can leave them out even where the
documents were only tagged.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from heapq import nsmallest
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.blocks import open_parquet
from pile_builder.commits import Commits
from pile_builder.document import id64
from pile_builder.manifest import Manifest
from pile_builder.mixing.keyed import key, keyed_hash
from pile_builder.storage import Store
from pile_builder.takedown.state import taken_rows
from pile_builder.work import Work

EXAMPLES = 5
"""Documents shown per eval set, drawn by keyed hash."""


def contamination_report(store: Store, work: Work, manifest: Manifest) -> dict[str, Any]:
    """What the decontaminate phase found, per eval set and per source.

    Returns:
        `index`: its n-grams, those found in the corpus, those ignored as too common, bytes; `evals`: by name action,
        number of items, ids of those too short to protect, ids of the contaminated, documents by source, examples (of
        documents that are not taken down); `documents`: by source and verdict.
    """
    counted = Commits(store, "count")
    index, common = counted.load(work.index), counted.load(work.common)
    short: dict[str, list[str]] = defaultdict(list)
    for name, item in index["unprotectable"]:
        short[name].append(item)
    items: dict[str, set[str]] = defaultdict(set)
    documents: dict[str, Counter[str]] = defaultdict(Counter)
    examples: dict[str, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
    for source, gone, table in _matches(store, work):
        names = table["eval"].to_pylist()
        for name, item in zip(names, table["item"].to_pylist(), strict=True):
            items[name].add(item)
        for name, _ in sorted(set(zip(names, table["row"].to_pylist(), strict=True))):
            documents[name][source] += 1
        shown = table.filter(pa.array(~np.isin(table["row"].to_numpy(), gone)))
        for name, found in _examples(shown, manifest.seed):
            examples[name] = nsmallest(EXAMPLES, examples[name] + found, key=lambda one: (one[0], one[1]["id"]))
    verdicts: dict[str, Counter[str]] = defaultdict(Counter)
    records = Commits(store, "decontaminate").load_all(block.decontaminate for block in work.blocks)
    for block, record in zip(work.blocks, records, strict=True):
        verdicts[block.source].update(record["verdicts"])
    return {
        "index": {
            "ngrams": index["ngrams"],
            "found": common["found"],
            "ignored_as_common": common["ignored"],
            "bytes": index["bytes"],
        },
        "evals": {
            one.name: {
                "action": one.action,
                "items": index["items"][one.name],
                "unprotectable": short[one.name],
                "contaminated": sorted(items[one.name]),
                "documents": dict(sorted(documents[one.name].items())),
                "examples": [example for _, example in examples[one.name]],
            }
            for one in manifest.eval_sets
        },
        "documents": {source: dict(sorted(counts.items())) for source, counts in sorted(verdicts.items())},
    }


def _matches(store: Store, work: Work) -> Iterator[tuple[str, NDArray[np.int64], pa.Table]]:
    """Source, rows that are taken down, and matches of each block that has any."""
    for block in work.blocks:
        name = Commits(store, "decontaminate").load(block.decontaminate)["matches"]
        if name:
            with store.open(name) as stream:
                table = open_parquet(stream).read()
            yield block.source, taken_rows(Commits(store, "ingest").load(block.ingest)), table


def _examples(table: pa.Table, seed: int) -> Iterator[tuple[str, list[tuple[int, dict[str, Any]]]]]:
    """Per eval set the first passages of the documents with the smallest hashes."""
    hashes = keyed_hash(key(seed, "decontamination examples"), id64(table["id"].combine_chunks())).tolist()
    firsts: dict[tuple[str, int], int] = {}
    for at, pair in enumerate(zip(table["eval"].to_pylist(), table["row"].to_pylist(), strict=True)):
        firsts.setdefault(pair, at)
    by_eval: dict[str, list[int]] = defaultdict(list)
    for (name, _), at in firsts.items():
        by_eval[name].append(at)
    columns = ("id", "item", "verdict", "seen", "total", "excerpt")
    for name, places in by_eval.items():
        chosen = nsmallest(EXAMPLES, places, key=lambda at: hashes[at])
        rows = table.select(columns).take(chosen).to_pylist()
        yield name, [(hashes[at], row) for at, row in zip(chosen, rows, strict=True)]
