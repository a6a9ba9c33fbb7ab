"""A document's whole story, gathered from records: where it came from, what was measured and decided, where it went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from pile_builder.blocks import open_parquet
from pile_builder.document import document_id
from pile_builder.errors import PileError
from pile_builder.manifest import Select
from pile_builder.storage import Commits, Store

EXCERPT = 300
STORY = "work/story.json"
"""What `explain` needs of the last build: its blocks' keys, what applied to each source, the shards."""


def explain_document(store: Store, wanted: str) -> list[dict[str, Any]]:
    """The stories of all documents whose id or upstream key is `wanted`.

    Raises:
        PileError: there is no build here, or no such document; keys that contain the word are offered.
    """
    if not store.exists(STORY):
        msg = f"{store.root}: no build here that got as far as its end; run `pile build` first"
        raise PileError(msg)
    story = orjson.loads(store.read(STORY))
    stories = [found for block in story["blocks"] for found in _in_block(store, story, block, wanted)]
    if not stories:
        near = [key for block in story["blocks"] for key in _similar(store, block, wanted)][:5]
        hint = "; keys that contain it: " + ", ".join(near) if near else ""
        msg = f"no document with the id or key {wanted!r} in {store.root}{hint}"
        raise PileError(msg)
    return stories


def _in_block(
    store: Store, story: Mapping[str, Any], block: Mapping[str, Any], wanted: str
) -> Iterator[dict[str, Any]]:
    record = Commits(store, "ingest").load(block["ingest"])
    identity = wanted if wanted.startswith(f"{block['source']}:") else document_id(block["source"], wanted)
    head = {"source": block["source"], "split": block["name"]}
    for found in _rows(store, record["rejects"], identity, wanted, ["id", "key", "rule", "detail"]):
        found.pop("row")
        rule = found.pop("rule")
        yield head | found | {"dropped": f"ingest.{rule}"}
    for found in _rows(store, record["block"], identity, wanted, ["id", "key", "bytes", "meta"]):
        found["meta"] = orjson.loads(found["meta"])
        row = found["row"]
        yield head | found | _known(store, story, block, found) | _text(store, record, row)


def _rows(store: Store, name: str, identity: str, key: str, columns: list[str]) -> Iterator[dict[str, Any]]:
    """Rows by id, or by a key that starts with the wanted one and ends or goes on after a space."""
    with store.open(name) as stream:
        file = open_parquet(stream)
        table = file.read(columns=columns) if file.metadata.num_rows else None
    if table is None:
        return
    matches = pc.or_(
        pc.equal(table["id"], identity),
        pc.or_(pc.equal(table["key"], key), pc.starts_with(table["key"], f"{key} ")),
    )
    for row in np.flatnonzero(matches.to_numpy()).tolist():
        yield table.slice(row, 1).to_pylist()[0] | {"row": row}


def _known(
    store: Store, story: Mapping[str, Any], block: Mapping[str, Any], found: Mapping[str, Any]
) -> dict[str, Any]:
    row = found["row"]
    annotations, spans = _annotations(store, block, row)
    settled = Commits(store, "settle").load(block["settle"])
    with store.open(settled["verdicts"]) as stream:
        verdict = open_parquet(stream).read().slice(row, 1).to_pylist()[0]
    known: dict[str, Any] = {
        "annotations": annotations,
        "spans": spans,
        "rules": _rules(
            annotations, Select.model_validate(story["selects"][block["source"]]), found["meta"].get("license")
        ),
        "verdict": verdict["rule"] or "kept",
        "bytes_written": verdict["bytes"],
    }
    if story["dedup"]:
        record = Commits(store, "dedup").load(story["dedup"])
        known["cluster"] = _cluster(store, record["ledgers"].get(block["ingest"], ""), row)
    known["written"] = list(_written(store, story, block, verdict["id64"])) if not verdict["rule"] else []
    return known


def _annotations(store: Store, block: Mapping[str, Any], row: int) -> tuple[dict[str, Any], list[Any]]:
    annotations: dict[str, Any] = {}
    spans: list[Any] = []
    for key in block["sets"].values():
        name = Commits(store, "annotate").load(key)["object"]
        if not name:
            continue
        with store.open(name) as stream:
            values = open_parquet(stream).read().slice(row, 1).to_pylist()[0]
        spans = values.pop("spans", spans)
        if "signature" in values:
            values = {"words_v2": values["words"], "content": values["content"].hex()}
        annotations |= values
    return annotations, spans


def _rules(annotations: Mapping[str, Any], select: Select, licence: str | None) -> list[dict[str, Any]]:
    """Every rule's verdict, in the order in which they apply."""
    told: list[dict[str, Any]] = []
    if select.licences:
        told.append({"rule": "licence", "value": licence or "unknown", "pass": select.licences.keeps(licence)})
    if select.language:
        label, score = annotations["language"], annotations["language_score"]
        passed = label in select.language.keep and score >= select.language.min_score
        told.append(
            {"rule": "language", "value": [label, score], "threshold": select.language.min_score, "pass": passed}
        )
    for name, rule, threshold in select.all_rules():
        value = float(annotations[rule.signal])
        fails = bool(rule.fails(np.array([value]), threshold)[0])
        told.append({"rule": name, "value": value, "drop": rule.drop, "threshold": threshold, "pass": not fails})
    return told


def _cluster(store: Store, ledger: str, row: int) -> dict[str, Any] | None:
    if ledger:
        with store.open(ledger) as stream:
            table = open_parquet(stream).read()
        for found in table.filter(pc.equal(table["row"], row)).to_pylist():
            return {"lost_to": found["detail"], "by": found["rule"], "estimated_jaccard": found["value"]}
    return None


def _written(store: Store, story: Mapping[str, Any], block: Mapping[str, Any], id64: int) -> Iterator[dict[str, Any]]:
    start = f"{block['source']}:{id64:016x}"
    for key in story["shards"]:
        record = Commits(store, "assemble").load(key)
        with store.open(record["index"]) as stream:
            table = open_parquet(stream).read()
        hits = np.flatnonzero(pc.starts_with(table["id"], start).to_numpy())
        for line in hits.tolist():
            found = table.slice(line, 1).to_pylist()[0]
            yield {"shard": record["name"], "line": line, "offset": found["offset"], "copy": found["copy"]}


def _text(store: Store, record: Mapping[str, Any], row: int) -> dict[str, Any]:
    bounds = np.concatenate([[0], np.cumsum(record["row_groups"])])
    group = int(np.searchsorted(bounds, row, side="right")) - 1
    with store.open(record["block"]) as stream:
        text = open_parquet(stream).read_row_group(group, columns=["text"])["text"][row - int(bounds[group])].as_py()
    return {"text": text if len(text) <= EXCERPT else f"{text[:EXCERPT]}... ({len(text):,} characters)"}


def _similar(store: Store, block: Mapping[str, Any], wanted: str) -> list[str]:
    record = Commits(store, "ingest").load(block["ingest"])
    with store.open(record["block"]) as stream:
        keys: pa.ChunkedArray = open_parquet(stream).read(columns=["key"])["key"]
    found: list[str] = keys.filter(pc.match_substring(keys, wanted)).slice(0, 5).to_pylist()
    return found
