"""report/audit.json: every number that the audit shows, from commit records, counts and samples. Reads no block.

Records are read one at a time and added up, so memory depends on the number of sources, rules and shards alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import yaml

import pile_builder
from pile_builder.audit.alarms import find_alarms
from pile_builder.audit.content_statistics import add_content, empty_content
from pile_builder.audit.mixture import mixture_figures, shard_figures
from pile_builder.audit.reading import draw_readings, show_readings
from pile_builder.audit.rules import RuleTotals
from pile_builder.audit.samples import Excerpts
from pile_builder.audit.tokens import read_exports
from pile_builder.errors import PileError
from pile_builder.finished import STORY
from pile_builder.planning.compare import compare_build
from pile_builder.planning.plan_json import PLAN
from pile_builder.storage import Commits, Store

FORMAT = 1
"""Of audit.json; raised when a field changes its meaning."""
AUDIT = "report/audit.json"
_SUMMARY = "report/summary.json"
_LOCK = "manifest.lock.yaml"


def measure(store: Store) -> dict[str, Any]:
    """Everything that the audit page shows of a finished build.

    Returns:
        `name`, `digest`, `alarms`, `documents`, `written`; `sources`: read, rejected, kept, dropped by rule, bytes,
        content; `mixture`, `shards` and `tokens`; `rules`, `dedup`, `decontamination`, `privacy`; `review`, `plan`;
        `samples`; `made`.

    Raises:
        PileError: there is no finished build here, or one that an earlier version made.
    """
    story, summary, lock = load_build(store)
    mix = Commits(store, "mix").load(story["mix"])
    sources = {name: _nothing(one) for name, one in story["sources"].items()}
    rules = RuleTotals(story["selects"])
    readings: dict[str, list[list[Any]]] = {name: [] for name in sources}
    for block, ingested, selected, settled in _records(store, story):
        name = block["source"]
        _add_block(sources[name], ingested, settled)
        rules.add(name, block["sets"]["sample"], selected["rules"])
        readings[name] = draw_readings(readings[name], block["sets"]["sample"], settled["samples"])
    for name, source in sources.items():
        _add_summary(source, summary["sources"][name], mix["sources"][name]["left_out"]["bytes"])
    excerpts = Excerpts(store)
    shards = list(Commits(store, "assemble").load_all(shard["key"] for shard in story["shards"]))
    figures = {
        "format": FORMAT,
        "name": summary["name"],
        "description": str(lock["manifest"].get("description") or "").strip(),
        "digest": summary["digest"],
        "documents": summary["documents"],
        "written": summary["written"],
        "sources": sources,
        "mixture": mixture_figures(sources, mix, shards),
        "shards": shard_figures(shards),
        "tokens": read_exports(store, sources),
        "rules": rules.figures(excerpts),
        "dedup": _dedup(store),
        "decontamination": _report(store, "decontamination"),
        "privacy": _report(store, "privacy"),
        "review": _report(store, "review"),
        "plan": [one.as_json() for one in compare_build(store)] if store.exists(PLAN) else [],
        "samples": {name: show_readings(excerpts, drawn) for name, drawn in readings.items()},
        "made": _made(story, lock),
    }
    return figures | {"alarms": find_alarms(figures)}


def load_build(store: Store) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The story, the summary and the lock of a finished build.

    Raises:
        PileError: there is none, or an earlier version made it.
    """
    for name in (STORY, _SUMMARY, _LOCK):
        if not store.exists(name):
            msg = f"{store.root}: expected a finished build, {name} is missing; run `pile build` to its end first"
            raise PileError(msg)
    story = orjson.loads(store.read(STORY))
    if "sources" not in story:
        msg = f"{store.root}: an earlier version built this and counted less; run `pile build` again to add the counts"
        raise PileError(msg)
    lock = yaml.load(store.read(_LOCK), Loader=yaml.CSafeLoader)
    return story, orjson.loads(store.read(_SUMMARY)), lock


def _records(store: Store, story: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], ...]]:
    blocks = story["blocks"]

    def records(phase: str) -> Iterator[dict[str, Any]]:
        return Commits(store, phase).load_all(block[phase] for block in blocks)

    return zip(blocks, *map(records, ("ingest", "select", "settle")), strict=True)


def _nothing(told: Mapping[str, Any]) -> dict[str, Any]:
    return {**told, "blocks": 0, "read": 0, "rejected": {}, "extracted": 0, "content": empty_content()}


def _add_block(source: dict[str, Any], ingested: Mapping[str, Any], settled: Mapping[str, Any]) -> None:
    source["blocks"] += 1
    source["read"] += ingested["read"]
    source["extracted"] += ingested["kept"]
    for rule, count in ingested["dropped"].items():
        source["rejected"][rule] = source["rejected"].get(rule, 0) + count
    add_content(source["content"], settled["content"])


def _add_summary(source: dict[str, Any], summary: Mapping[str, Any], left_out: int) -> None:
    """What was decided over all blocks; `left_out` are bytes of documents that a source under one epoch leaves out."""
    for name in ("skipped", "kept", "kept_bytes", "dropped", "written"):
        source[name] = summary[name]
    source["paragraphs"] = summary.get("paragraphs")
    counted = source["content"].pop("bytes")
    lost = {**counted["dropped"], "mix.epochs": left_out}
    # What ingest rejects never became text.
    source["dropped_bytes"] = {rule: lost.get(rule) for rule in source["dropped"]}
    source["extracted_bytes"], source["edited_bytes"] = counted["extracted"], counted["edited"]
    known = sum(size for size in source["dropped_bytes"].values() if size)
    source["balanced"] = {
        "documents": source["read"] == source["kept"] + sum(source["dropped"].values()),
        "bytes": source["extracted_bytes"] == source["kept_bytes"] + source["edited_bytes"] + known,
    }


def _dedup(store: Store) -> dict[str, Any] | None:
    report = _report(store, "dedup")
    return report | {"size_classes": size_classes(report["sizes"])} if report else None


def size_classes(sizes: Mapping[str, int]) -> list[list[int]]:
    """Clusters by classes of their size: from, to, how many; 2, 3, 4, then doubling."""
    found: dict[int, int] = {}
    for size, held in sizes.items():
        number = int(size)
        low = number if number < 4 else 1 << number.bit_length() - 1
        found[low] = found.get(low, 0) + held
    return [[low, low if low < 4 else 2 * low - 1, held] for low, held in sorted(found.items())]


def _report(store: Store, name: str) -> dict[str, Any] | None:
    path = f"report/{name}.json"
    return dict(orjson.loads(store.read(path))) if store.exists(path) else None


def _made(story: Mapping[str, Any], lock: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "package": lock["package"],
        "audited_by": pile_builder.__version__,
        "python": lock["python"],
        "libraries": lock["libraries"],
        "models": lock["models"],
        "seed": story["seed"],
        "phases": {
            name: {**phase, "fingerprint": lock["fingerprints"].get(name, "")}
            for name, phase in story["phases"].items()
            if name in lock["fingerprints"]
        },
        "inputs": len(lock["inputs"]),
        "time_limited": len(lock["time_limited"]),
        "files": len(lock["files"]),
        "compressed_bytes": sum(file["size"] for file in lock["files"]),
        "manifest": lock["manifest"],
    }
