"""A document's whole story, gathered from records: where it came from, what was measured and decided, where it went.

Of what lies beside its block only the row group is read that holds the document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from pile_builder.annotate.set_names import SAMPLE
from pile_builder.audit.find import Place, find_places, similar_keys, source_of
from pile_builder.audit.whereabouts import Whereabouts
from pile_builder.blocks import open_parquet
from pile_builder.commits import Commits
from pile_builder.errors import PileError
from pile_builder.rows import read_row
from pile_builder.selection import Select
from pile_builder.storage import Store
from pile_builder.story import read_story
from pile_builder.takedown.state import entry_of, taken_of
from pile_builder.verdicts import row_columns, tests

EXCERPT = 300


def explain_document(store: Store, wanted: str) -> list[dict[str, Any]]:
    """The stories of all documents whose id or upstream key is `wanted`.

    Raises:
        PileError: there is no build here, or no such document; keys that contain the word are offered.
    """
    story = read_story(store)
    whereabouts = Whereabouts(store, story)
    told = (_tell(store, story, whereabouts, place) for place in find_places(store, story, wanted))
    # An id is found by 64 of its 80 bits.
    stories = [one for one in told if not source_of(story, wanted) or one["id"].startswith(wanted)]
    if not stories:
        near = similar_keys(store, story, wanted)
        hint = "; keys that contain it: " + ", ".join(near) if near else ""
        msg = f"no document with the id or key {wanted!r} in {store.root}{hint}"
        raise PileError(msg)
    return stories


def _tell(store: Store, story: Mapping[str, Any], whereabouts: Whereabouts, place: Place) -> dict[str, Any]:
    block = story["blocks"][place.rank]
    record = Commits(store, "ingest").load(block["ingest"])
    head: dict[str, Any] = {"source": block["source"], "split": block["name"]}
    taken = taken_of(record, place.part).get(place.row)
    if taken:
        return head | {"id": taken[0], "taken_down": entry_of(store, taken[0])}
    if place.part == "rejects":
        reject, _ = read_row(store, record["rejects"], place.row, ("id", "key", "rule", "detail"))
        (found,) = reject.to_pylist()
        return {**head, "dropped": f"ingest.{found.pop('rule')}", **found}
    document, group = read_row(store, record["block"], place.row, ("id", "key", "bytes", "meta", "text"))
    (found,) = document.drop_columns(["text"]).to_pylist()
    found["row"] = place.row
    found["meta"] = orjson.loads(found["meta"])
    known = _known(store, story, block, document, place.row)
    known |= _written(whereabouts, place.rank, group, found["id"], is_kept=known["verdict"] == "kept")
    return {**head, **found, **known, "text": _excerpt(document["text"][0].as_py())}


def _known(
    store: Store, story: Mapping[str, Any], block: Mapping[str, Any], document: pa.Table, row: int
) -> dict[str, Any]:
    annotations, spans = _annotations(store, block, row)
    settled = Commits(store, "settle").load(block["settle"])
    verdict = read_row(store, settled["verdicts"], row)[0].to_pylist()[0]
    known: dict[str, Any] = {
        "annotations": annotations,
        "spans": spans,
        "rules": list(_rules(store, story, block, document, row)),
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
    return known


def _written(whereabouts: Whereabouts, rank: int, group: int, identity: str, *, is_kept: bool) -> dict[str, Any]:
    if not is_kept:
        return {"written": []}
    lines = whereabouts.lines(rank, group, identity)
    subsets = whereabouts.subset_lines(rank, group, identity)
    told: dict[str, Any] = {"written": lines}
    if subsets:
        told["subsets"] = subsets
    exported = whereabouts.exported(identity, [*lines, *(line for of in subsets.values() for line in of)])
    return told | ({"exports": exported} if exported else {})


def _annotations(store: Store, block: Mapping[str, Any], row: int) -> tuple[dict[str, Any], list[Any]]:
    annotations: dict[str, Any] = {}
    spans: list[Any] = []
    for set_name, key in block["sets"].items():
        name = Commits(store, "annotate").load(key)["object"]
        if not name or set_name == SAMPLE:
            continue
        values = read_row(store, name, row)[0].to_pylist()[0]
        spans += values.pop("spans", [])
        if "signature" in values:
            values = {"words_v2": values["words"], "content": values["content"].hex()}
        annotations |= values
    return annotations, sorted(spans, key=lambda span: (span["start"], span["end"]))


def _rules(
    store: Store, story: Mapping[str, Any], block: Mapping[str, Any], document: pa.Table, row: int
) -> Iterator[dict[str, Any]]:
    """Every rule's verdict, in the order in which they apply."""
    source = block["source"]
    select = Select.model_validate(story["selects"][source])
    columns = row_columns(store, document, block["sets"], row, select)
    for test in tests(columns, select, source, story["seed"]):
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


def _excerpt(text: str) -> str:
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}... ({len(text):,} characters)"
