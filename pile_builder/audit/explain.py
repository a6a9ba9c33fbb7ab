"""A document's whole story, gathered from records: where it came from, what was measured and decided, where it went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from pile_builder.blocks import open_parquet
from pile_builder.document import document_id, is_id
from pile_builder.errors import PileError
from pile_builder.finished import read_story
from pile_builder.row_index import find_rows
from pile_builder.selection import Select
from pile_builder.storage import Commits, Store
from pile_builder.takedown.state import entry_of, taken_of
from pile_builder.verdicts import load_columns, tests

EXCERPT = 300


def explain_document(store: Store, wanted: str) -> list[dict[str, Any]]:
    """The stories of all documents whose id or upstream key is `wanted`.

    Raises:
        PileError: there is no build here, or no such document; keys that contain the word are offered.
    """
    story = read_story(store)
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
    source = block["source"]
    identity = wanted if wanted.startswith(f"{source}:") and is_id(wanted) else document_id(source, wanted)
    with store.open(Commits(store, "settle").load(block["settle"])["index"]) as stream:
        kept, rejected = find_rows(stream, identity)
    if not kept and not rejected:
        return
    record = Commits(store, "ingest").load(block["ingest"])
    head = {"source": source, "split": block["name"]}
    for part, rows in (("block", kept), ("rejects", rejected)):
        for row in (gone := taken_of(record, part)).keys() & rows:
            yield head | {"id": gone[row][0], "taken_down": entry_of(store, gone[row][0])}
            rows.remove(row)
    for found in _rows(store, record["rejects"], rejected, ["id", "key", "rule", "detail"]):
        found.pop("row")
        rule = found.pop("rule")
        yield head | found | {"dropped": f"ingest.{rule}"}
    for found in _rows(store, record["block"], kept, ["id", "key", "bytes", "meta"]):
        row = found["row"]
        found["meta"] = orjson.loads(found["meta"])
        group, inside = _place(record["row_groups"], row)
        known = _known(store, story, block, found, group)
        yield head | found | known | {"text": _excerpt(store, record["block"], group, inside)}


def _rows(store: Store, name: str, rows: list[int], columns: list[str]) -> list[dict[str, Any]]:
    if not rows:
        return []
    with store.open(name) as stream:
        table = open_parquet(stream).read(columns=columns).take(rows)
    return [found | {"row": row} for found, row in zip(table.to_pylist(), rows, strict=True)]


def _place(row_groups: list[int], row: int) -> tuple[int, int]:
    """Which row group a row lies in, and where in it."""
    bounds = np.concatenate([[0], np.cumsum(row_groups)])
    group = int(np.searchsorted(bounds, row, side="right")) - 1
    return group, row - int(bounds[group])


def _known(
    store: Store, story: Mapping[str, Any], block: Mapping[str, Any], found: Mapping[str, Any], group: int
) -> dict[str, Any]:
    row = found["row"]
    annotations, spans = _annotations(store, block, row)
    settled = Commits(store, "settle").load(block["settle"])
    with store.open(settled["verdicts"]) as stream:
        verdict = open_parquet(stream).read().slice(row, 1).to_pylist()[0]
    known: dict[str, Any] = {
        "annotations": annotations,
        "spans": spans,
        "rules": list(_rules(store, story, block, row)),
        "verdict": verdict["rule"] or "kept",
        "bytes_written": verdict["bytes"],
    }
    if story["dedup"]:
        record = Commits(store, "dedup").load(story["dedup"])
        known["cluster"] = _cluster(store, record["ledgers"].get(block["ingest"], ""), row)
    if block["paragraphs"]:
        record = Commits(store, "paragraphs").load(block["paragraphs"])
        known["removed_paragraphs"] = _of_row(store, record["places"], row, ["row"])
    if block["decontaminate"]:
        record = Commits(store, "decontaminate").load(block["decontaminate"])
        known["contamination"] = _of_row(store, record["matches"], row, ["row", "id"])
    known["written"] = list(_written(store, story, block, group, verdict["id64"])) if not verdict["rule"] else []
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
        spans += values.pop("spans", [])
        if "signature" in values:
            values = {"words_v2": values["words"], "content": values["content"].hex()}
        annotations |= values
    return annotations, sorted(spans, key=lambda span: (span["start"], span["end"]))


def _rules(store: Store, story: Mapping[str, Any], block: Mapping[str, Any], row: int) -> Iterator[dict[str, Any]]:
    """Every rule's verdict, in the order in which they apply."""
    source = block["source"]
    select = Select.model_validate(story["selects"][source])
    text = Commits(store, "ingest").load(block["ingest"])["block"]
    columns = load_columns(store, text, block["sets"], select)
    one = {name: column.slice(row, 1) for name, column in columns.items()}
    for test in tests(one, select, source, story["seed"]):
        value, threshold = float(test.values[0]), float(np.broadcast_to(test.threshold, 1)[0])
        told = {"rule": test.name, "value": value, "drop": test.drop, "threshold": threshold}
        told |= {"detail": test.detail[0].as_py()} if test.detail is not None else {}
        yield told | {"pass": not test.fails[0]}


def _cluster(store: Store, ledger: str, row: int) -> dict[str, Any] | None:
    for found in _of_row(store, ledger, row):
        return {"lost_to": found["detail"], "by": found["rule"], "estimated_jaccard": found["value"]}
    return None


def _of_row(store: Store, name: str, row: int, without: Sequence[str] = ()) -> list[dict[str, Any]]:
    """What a table (the name of an object, or empty) says of a row of its block."""
    if not name:
        return []
    with store.open(name) as stream:
        table = open_parquet(stream).read()
    return list(table.filter(pc.equal(table["row"], row)).drop_columns(list(without)).to_pylist())


def _written(
    store: Store, story: Mapping[str, Any], block: Mapping[str, Any], group: int, id64: int
) -> Iterator[dict[str, Any]]:
    """Lines of the shards, looked for only in the shards that the plan made of the document's row group."""
    start = f"{block['source']}:{id64:016x}"
    mix = Commits(store, "mix").load(story["mix"])
    for shard in story["shards"]:
        with store.open(mix["splits"][shard["split"]]["plan"]) as stream:
            plan = open_parquet(stream).read(columns=["segment", "block", "row_group"])
        here = pc.and_(pc.equal(plan["block"], block["rank"]), pc.equal(plan["row_group"], group))
        segments = plan.filter(here)["segment"].to_numpy()
        if not ((segments >= shard["start"]) & (segments < shard["end"])).any():
            continue
        record = Commits(store, "assemble").load(shard["key"])
        with store.open(record["index"]) as stream:
            table = open_parquet(stream).read()
        hits = np.flatnonzero(pc.starts_with(table["id"], start).to_numpy())
        for line in hits.tolist():
            found = table.slice(line, 1).to_pylist()[0]
            where = {name: found[name] for name in ("offset", "copy", "piece")}
            yield {"shard": record["name"], "line": line} | where


def _excerpt(store: Store, block: str, group: int, inside: int) -> str:
    with store.open(block) as stream:
        text = str(open_parquet(stream).read_row_group(group, columns=["text"])["text"][inside].as_py())
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}... ({len(text):,} characters)"


def _similar(store: Store, block: Mapping[str, Any], wanted: str) -> list[str]:
    record = Commits(store, "ingest").load(block["ingest"])
    with store.open(record["block"]) as stream:
        keys: pa.ChunkedArray = open_parquet(stream).read(columns=["key"])["key"]
    found: list[str] = keys.filter(pc.match_substring(keys, wanted)).slice(0, 5).to_pylist()
    return found
