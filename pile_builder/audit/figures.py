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
from pile_builder.audit.content_statistics import COUNTED_SINCE, add_content, empty_content
from pile_builder.audit.intervals import wilson
from pile_builder.audit.mixture import mixture_figures, shard_figures
from pile_builder.audit.reading import draw_readings, show_readings
from pile_builder.audit.rules import RuleTotals
from pile_builder.audit.samples import Excerpts
from pile_builder.audit.tokens import read_exports
from pile_builder.commits import Commits
from pile_builder.errors import PileError
from pile_builder.planning.compare import compare_build
from pile_builder.planning.plan_json import PLAN
from pile_builder.storage import Store
from pile_builder.story import STORY

FORMAT = 1
"""Of audit.json; raised when a field changes its meaning."""
AUDIT = "report/audit.json"
SUMMARY = "report/summary.json"
_LOCK = "manifest.lock.yaml"
PAGE = "report/index.html"
_WRITTEN = (PAGE, AUDIT, SUMMARY)
FILES: Mapping[str, str] = {
    PAGE: "this page, made of audit.json alone",
    SUMMARY: "the numbers that papers and programs ask for: read = kept + dropped by rule, what was written, mixture, "
    "shares of documents with private or bad words, token exports, alarms",
    AUDIT: "every number of the page: all of these and histograms, content, rules, samples, shards",
    "report/dedup.json": "who lost what to whom, sizes of clusters, precision and recall of a sample of links",
    "report/decontamination.json": "each eval item that was found, where, and what became of it",
    "report/privacy.json": "what was replaced, with samples made unreadable",
    "report/review.json": "labels of readers and how far they agree",
    "work/expected.json": "what `pile plan` expected",
    _LOCK: "inputs, models, versions, fingerprints and digests: what builds this corpus again",
    "takedown.jsonl": "documents that were taken down, by id: who asked, when and why",
}
"""Where the numbers of a build stand, and which."""


def measure(store: Store) -> dict[str, Any]:
    """Everything that the audit page shows of a finished build.

    Returns:
        `name`, `digest`, `alarms`, `documents`, `written`, `repeated_ids` (empty if none does); `sources`: read,
        rejected, kept, dropped by rule, bytes, content; `mixture`, `shards` and `tokens`; `rules`, `dedup`,
        `decontamination`, `privacy`, `found`; `review`, `plan`; `samples`; `made`; `files`.

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
        counted = Commits(store, "recount").load(block["recount"]) if block.get("recount") else settled
        _add_block(sources[name], ingested, counted["content"])
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
        "repeated_ids": summary.get("repeated_ids", {}),
        "sources": sources,
        "mixture": mixture_figures(sources, mix, shards),
        "shards": shard_figures(shards),
        "tokens": read_exports(store, sources),
        "rules": rules.figures(excerpts),
        "dedup": _dedup(store),
        "decontamination": _report(store, "decontamination"),
        "privacy": _report(store, "privacy"),
        "found": {name: finding_rates(source["content"]) for name, source in sources.items()},
        "review": _report(store, "review"),
        "plan": [one.as_json() for one in compare_build(store)] if store.exists(PLAN) else [],
        "samples": {name: show_readings(excerpts, drawn) for name, drawn in readings.items()},
        "made": _made(story, lock),
        "files": {name: told for name, told in FILES.items() if name in _WRITTEN or store.exists(name)},
    }
    return figures | {"alarms": find_alarms(figures)}


def load_build(store: Store) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The story, the summary and the lock of a finished build.

    Raises:
        PileError: there is none, or an earlier version made it.
    """
    for name in (STORY, SUMMARY, _LOCK):
        if not store.exists(name):
            msg = f"{store.root}: expected a finished build, {name} is missing; run `pile build` to its end first"
            raise PileError(msg)
    story = orjson.loads(store.read(STORY))
    if "sources" not in story or story["phases"]["settle"]["version"] < COUNTED_SINCE:
        msg = f"{store.root}: an earlier version built this and counted less; run `pile build` again to add the counts"
        raise PileError(msg)
    lock = yaml.load(store.read(_LOCK), Loader=yaml.CSafeLoader)
    return story, orjson.loads(store.read(SUMMARY)), lock


def _records(store: Store, story: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], ...]]:
    blocks = story["blocks"]

    def records(phase: str) -> Iterator[dict[str, Any]]:
        return Commits(store, phase).load_all(block[phase] for block in blocks)

    return zip(blocks, *map(records, ("ingest", "select", "settle")), strict=True)


def _nothing(told: Mapping[str, Any]) -> dict[str, Any]:
    return {**told, "blocks": 0, "read": 0, "rejected": {}, "extracted": 0, "content": empty_content()}


def _add_block(source: dict[str, Any], ingested: Mapping[str, Any], content: Mapping[str, Any]) -> None:
    source["blocks"] += 1
    source["read"] += ingested["read"]
    source["extracted"] += ingested["kept"]
    for rule, count in ingested["dropped"].items():
        source["rejected"][rule] = source["rejected"].get(rule, 0) + count
    add_content(source["content"], content)


def _add_summary(source: dict[str, Any], summary: Mapping[str, Any], left_out: int) -> None:
    """What was decided over all blocks; `left_out` are bytes of documents that a source under one epoch leaves out."""
    for name in ("skipped", "kept", "kept_bytes", "dropped", "written"):
        source[name] = summary[name]
    source["paragraphs"] = summary.get("paragraphs")
    source["tallies"] = summary.get("tallies", {})
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
    if not report:
        return None
    check = report["check"]
    known = check["precision"] is not None
    interval = wilson(round(check["precision"] * check["links"]), check["links"]) if known else None
    return report | {"size_classes": size_classes(report["sizes"]), "precision_interval": interval}


def size_classes(sizes: Mapping[str, int]) -> list[list[int]]:
    """Clusters by classes of their size: from, to, how many; 2, 3, 4, then doubling."""
    found: dict[int, int] = {}
    for size, held in sizes.items():
        number = int(size)
        low = number if number < 4 else 1 << number.bit_length() - 1
        found[low] = found.get(low, 0) + held
    return [[low, low if low < 4 else 2 * low - 1, held] for low, held in sorted(found.items())]


def finding_rates(content: Mapping[str, Any]) -> dict[str, Any]:
    """Private matches and bad words in a source's kept documents, from counts of all of them.

    Returns:
        `documents` that were kept; `private` by kind, with `any`, and `bad_words`: `documents` with a match, their
        `share`, `matches`, and matches `per_thousand` documents. Empty where nobody looked for any.
    """
    documents = sum(content["lengths"]["kept"].values())

    def rate(counts: Mapping[str, int]) -> dict[str, Any]:
        per = max(documents, 1)
        return {**counts, "share": counts["documents"] / per, "per_thousand": 1000 * counts["matches"] / per}

    return {
        "documents": documents,
        "private": {kind: rate(counts) for kind, counts in content["private"].items()},
        "bad_words": rate(content["bad_words"]) if content["bad_words"] else {},
    }


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
