"""The mixture as it was planned and as it came out: epochs, weights, bytes, and the share of each source per shard.

A source's epochs are how often each surviving byte of it appears in training: its training bytes over the bytes that
are left for training once validation and test are held out. Its weight is its share of all training bytes. What was
taken down counts neither as planned nor as missing: bytes are held against the plan without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cache
from importlib import resources
from typing import Any

import orjson

SPLITS = ("train", "validation", "test")
TOLERANCE = 0.005
"""Share of a source's planned training bytes that it may be off, or one of its largest documents if that is more."""


def mixture_figures(
    sources: Mapping[str, Mapping[str, Any]], mix: Mapping[str, Any], shards: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What was planned and what came out.

    Args:
        sources: figures of each source, with `written` and `content.largest`.
        mix: record of the mix phase.
        shards: records of the assemble phase.
    """
    trained = sum(_bytes(shards, name, ("train",)) for name in sources)
    return {
        "tolerance": TOLERANCE,
        "total": mix["total"],
        "train_bytes": trained,
        "shortfall": mix["shortfall"],
        "sources": {name: _source(name, sources[name], mix["sources"][name], shards, trained) for name in sources},
    }


def shard_figures(shards: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Name, split and bytes by source of every shard, in order."""
    return [
        {
            "name": shard["name"],
            "split": shard["split"],
            "size": shard["size"],
            "sources": {name: counts["bytes"] for name, counts in shard["sources"].items()},
        }
        for shard in shards
    ]


def shard_shares(name: str, shards: Sequence[Mapping[str, Any]]) -> list[float]:
    """A source's share of the bytes of each training shard, in order, from `shard_figures`."""
    return [
        shard["sources"].get(name, 0) / max(sum(shard["sources"].values()), 1)
        for shard in shards
        if shard["split"] == "train"
    ]


@cache
def pile_table() -> dict[str, dict[str, Any]]:
    """Table 1 of the Pile's paper (arXiv 2101.00027) by the release's set names: GiB, per cent, KiB, documents."""
    path = resources.files("pile_builder.audit").joinpath("pile_table.json")
    table: dict[str, dict[str, Any]] = orjson.loads(path.read_bytes())
    return table


def taken_documents(name: str, shards: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Documents of a source that shards leave out because they are taken down: bytes of one copy by id."""
    return {
        identity: size
        for shard in shards
        for identity, size in shard.get("taken", {}).items()
        if identity.rsplit(":", 1)[0] == name
    }


def taken_bytes(name: str, shards: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Bytes of a source, copies counted, that shards of each split leave out because they are taken down."""
    found = dict.fromkeys(SPLITS, 0)
    for shard in shards:
        found[shard["split"]] += shard.get("taken_bytes", {}).get(name, 0)
    return found


def _source(
    name: str,
    source: Mapping[str, Any],
    planned: Mapping[str, Any],
    shards: Sequence[Mapping[str, Any]],
    trained: int,
) -> dict[str, Any]:
    train, held = _bytes(shards, name, ("train",)), _bytes(shards, name, ("validation", "test"))
    pool = planned["available"] - held - sum(taken_documents(name, shards).values())
    epochs = Fraction(planned["epochs"])
    taken = taken_bytes(name, shards)["train"]
    target = planned["target"] - taken
    largest = source["content"]["largest"]
    allowed = max(int(TOLERANCE * target), largest)
    kept = source["kept"]
    shares = shard_shares(name, shard_figures(shards))
    return {
        "set_name": source["set_name"],
        "available": planned["available"],
        "held_out": held,
        "pool": pool,
        "epochs": float(epochs),
        "epochs_realised": train / pool if pool else 0.0,
        "taken_bytes": taken,
        "target": target,
        "train_bytes": train,
        "train_documents": source["written"]["train"]["documents"],
        "difference": train - target,
        "largest_document": largest,
        "tolerance_bytes": allowed,
        "within_tolerance": abs(train - target) <= allowed,
        "weight": planned["weight"],
        "weight_realised": train / trained if trained else 0.0,
        "shard_shares": [min(shares, default=0.0), max(shares, default=0.0)],
        "mean_document": source["kept_bytes"] / kept if kept else 0.0,
        "capped": planned["capped"],
        "pile": pile_table().get(source["set_name"]),
    }


def _bytes(shards: Sequence[Mapping[str, Any]], name: str, splits: tuple[str, ...]) -> int:
    return sum(shard["sources"].get(name, {"bytes": 0})["bytes"] for shard in shards if shard["split"] in splits)
