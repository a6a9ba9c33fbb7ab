"""What moved between two builds, and why: manifests, versions, counts, mixture, tokens, documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pile_builder.audit.documents import compare_documents, shard_keys
from pile_builder.audit.figures import load_build, measure
from pile_builder.differences import differences
from pile_builder.storage import Store

COUNTS = ("read", "extracted", "kept", "kept_bytes")
SHARES = ("epochs", "epochs_realised", "weight", "weight_realised", "train_bytes")


def compare_builds(first: Store, second: Store) -> dict[str, Any]:
    """Hold two finished builds against each other.

    Returns:
        `digests`, whether they are the `same`; `manifest` and `versions`, fields that differ as (field, first, second);
        `phases`, the names of those whose work differs; `sources`, by name pairs of counts and shares, and by rule
        pairs of documents dropped where they differ; `tokens`, by export and source; `documents`, by source.

    Raises:
        PileError: one of them is no finished build.
    """
    a, b = measure(first), measure(second)
    stories = [load_build(store)[0] for store in (first, second)]
    made = a["made"], b["made"]
    return {
        "names": [a["name"], b["name"]],
        "digests": [a["digest"], b["digest"]],
        "same": a["digest"] == b["digest"],
        "manifest": _fields(made[0]["manifest"], made[1]["manifest"]),
        "versions": _fields(
            *({name: one[name] for name in ("package", "python", "libraries", "models")} for one in made)
        ),
        "phases": [
            name
            for name in dict.fromkeys([*made[0]["phases"], *made[1]["phases"]])
            if made[0]["phases"].get(name) != made[1]["phases"].get(name)
        ],
        "sources": {name: _source(name, a, b) for name in dict.fromkeys([*a["sources"], *b["sources"]])},
        "tokens": {
            export: _pairs(*({name: one["tokens"] for name, one in _export(each, export).items()} for each in (a, b)))
            for export in dict.fromkeys([*a["tokens"], *b["tokens"]])
        },
        "documents": compare_documents((first, second), [shard_keys(story) for story in stories]),
    }


def _fields(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"field": field, "first": before, "second": now} for field, before, now in differences(a, b)]


def _source(name: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for section, fields in (("sources", COUNTS), ("mixture", SHARES)):
        one, other = (
            (each[section] if section == "sources" else each[section]["sources"]).get(name, {}) for each in (a, b)
        )
        found |= {field: [one.get(field), other.get(field)] for field in fields}
    dropped = (each["sources"].get(name, {"dropped": {}})["dropped"] for each in (a, b))
    return found | {"dropped": {rule: pair for rule, pair in _pairs(*dropped).items() if pair[0] != pair[1]}}


def _export(audit: Mapping[str, Any], export: str) -> dict[str, Any]:
    found: dict[str, Any] = audit["tokens"].get(export, {"sources": {}})["sources"]
    return found


def _pairs(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, list[int]]:
    return {name: [a.get(name, 0), b.get(name, 0)] for name in sorted({*a, *b})}
