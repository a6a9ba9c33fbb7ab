"""report/privacy.json: how many addresses, numbers and keys the kept documents held, with samples made unreadable."""

from __future__ import annotations

from collections import Counter
from heapq import nsmallest
from typing import Any

import numpy as np
import pyarrow as pa

from pile_builder.annotate.privacy import masked_samples
from pile_builder.blocks import open_parquet
from pile_builder.commits import Commits
from pile_builder.manifest import Manifest
from pile_builder.mixing.keyed import key, keyed_hash
from pile_builder.storage import Store
from pile_builder.takedown.state import taken_rows
from pile_builder.text.column import from_arrow
from pile_builder.work import BlockWork, Work

SAMPLES = 10
"""Documents sampled per source, drawn by keyed hash."""
_PREFIX = "privacy."


def privacy_report(store: Store, work: Work, manifest: Manifest) -> dict[str, Any]:
    """Per source that replaces anything: documents with a match, matches by kind, samples.

    Text is read of the sampled documents only, a row group each. What is taken down does not count.
    """
    sources: dict[str, Any] = {}
    for name in manifest.sources:
        if not manifest.select_of(name).privacy:
            continue
        documents, found = 0, Counter[str]()
        drawn: list[tuple[int, int, int]] = []
        blocks = [block for block in work.blocks if block.source == name]
        for number, block in enumerate(blocks):
            sidecar, verdicts = _tables(store, block)
            if sidecar is None:
                continue
            kept = verdicts["rule"].is_null().to_numpy().copy()
            kept[taken_rows(Commits(store, "ingest").load(block.ingest))] = False
            counts = {kind: sidecar[kind].to_numpy()[kept] for kind in sidecar.column_names}
            found.update({kind.removeprefix(_PREFIX): int(values.sum()) for kind, values in counts.items()})
            rows = np.flatnonzero(kept)[sum(counts.values()) > 0]
            documents += len(rows)
            hashes = keyed_hash(key(manifest.seed, "privacy samples"), verdicts["id64"].to_numpy()[rows])
            drawn = nsmallest(
                SAMPLES,
                drawn + [(hashed, number, row) for hashed, row in zip(hashes.tolist(), rows.tolist(), strict=True)],
            )
        samples = [sample for _, number, row in drawn for sample in _samples(store, blocks[number], row)]
        sources[name] = {"documents": documents, "replaced": dict(found), "samples": samples}
    return {"sources": sources}


def _tables(store: Store, block: BlockWork) -> tuple[pa.Table | None, pa.Table]:
    """The block's counts of private matches, None if it has no documents, and its verdicts."""
    with store.open(Commits(store, "settle").load(block.settle)["verdicts"]) as stream:
        verdicts = open_parquet(stream).read()
    name = Commits(store, "annotate").load(block.sets["privacy"])["object"]
    if not name:
        return None, verdicts
    with store.open(name) as stream:
        file = open_parquet(stream)
        return file.read(columns=[column for column in file.schema_arrow.names if column != "spans"]), verdicts


def _samples(store: Store, block: BlockWork, row: int) -> list[dict[str, str]]:
    """The first match of each kind in one document."""
    ingested = Commits(store, "ingest").load(block.ingest)
    bounds = np.concatenate([[0], np.cumsum(ingested["row_groups"])])
    group = int(np.searchsorted(bounds, row, side="right")) - 1
    inside = row - int(bounds[group])
    parts = []
    names = (ingested["block"], Commits(store, "annotate").load(block.sets["privacy"])["object"])
    for name, column in zip(names, ("text", "spans"), strict=True):
        with store.open(name) as stream:
            parts.append(open_parquet(stream).read_row_group(group, columns=[column]).slice(inside, 1))
    text, spans = parts[0]["text"].combine_chunks(), parts[1]["spans"].combine_chunks()
    return masked_samples(from_arrow(text), pa.record_batch({"spans": spans}), 1)
