"""report/summary.json: what was read, kept, dropped by which rule, and written, from commit records alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pile_builder.audit.mixture import SPLITS, taken_bytes, taken_documents
from pile_builder.commits import Commits
from pile_builder.manifest import Manifest
from pile_builder.storage import Store, fingerprint
from pile_builder.takedown.listing import Takedown
from pile_builder.work import Work


def summarise(
    store: Store,
    work: Work,
    manifest: Manifest,
    mix: Mapping[str, Any],
    shards: Sequence[Mapping[str, Any]],
    takedown: Takedown,
) -> dict[str, Any]:
    """Count a finished build.

    For every source read = kept + sum(dropped); kept are the distinct documents of which a copy was written. What
    shards leave out because it is taken down is dropped by `takedown`, and `taken_bytes` says how much text that is
    (one copy each under `kept`, all copies by split); the summary's own `takedown` says how many documents are listed,
    in this corpus or not.
    """
    sources = {name: _source(store, work, name, mix, shards) for name in manifest.sources}
    for name, counts in count_paragraphs(store, work).items():
        sources[name]["paragraphs"] = counts
    return {
        "name": manifest.name,
        "digest": corpus_digest(shards),
        "documents": {
            "read": sum(source["read"] for source in sources.values()),
            "kept": sum(source["kept"] for source in sources.values()),
        },
        "written": _written(shards, sources),
        "sources": sources,
        **({"takedown": {"listed": len(takedown), "list": takedown.digest}} if takedown else {}),
    }


def corpus_digest(shards: Iterable[Mapping[str, Any]]) -> str:
    """Hash of the shards' logical content in order: names and, per line, id, copy, text and metadata."""
    return fingerprint([[shard["name"], shard["digest"]] for shard in shards])


def count_paragraphs(store: Store, work: Work) -> dict[str, dict[str, int]]:
    """What was removed of repeated paragraphs, by source; empty if the manifest does not ask for it.

    `removed` of those `compared` lay in `documents` documents; of those that are `emptied` nothing is left.
    """
    sources: dict[str, Counter[str]] = {}
    for block in work.blocks:
        if block.paragraphs:
            record = Commits(store, "paragraphs").load(block.paragraphs)
            counts = {name: value for name, value in record.items() if name not in ("spans", "places")}
            sources.setdefault(block.source, Counter()).update(counts)
    return {name: dict(counts) for name, counts in sources.items()}


def _source(
    store: Store, work: Work, name: str, mix: Mapping[str, Any], shards: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    read = kept = kept_bytes = 0
    skipped: Counter[str] = Counter()
    tallies: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    blocks = [block for block in work.blocks if block.source == name]
    ingests = Commits(store, "ingest").load_all(block.ingest for block in blocks)
    settles = Commits(store, "settle").load_all(block.settle for block in blocks)
    for ingested, settled in zip(ingests, settles, strict=True):
        read += ingested["read"]
        skipped.update(ingested["skipped"])
        # Builds of earlier versions have none.
        tallies.update(ingested.get("tallies", {}))
        dropped.update({f"ingest.{rule}": count for rule, count in ingested["dropped"].items()})
        dropped.update(settled["dropped"])
        kept += settled["kept"]
        kept_bytes += settled["kept_bytes"]
    taken = taken_documents(name, shards)
    if taken:
        dropped["takedown"] = len(taken)
    left_out = mix["sources"][name]["left_out"]
    if left_out["documents"]:
        dropped["mix.epochs"] = left_out["documents"]
    return {
        "read": read,
        "skipped": dict(sorted(skipped.items())),
        **({"tallies": dict(sorted(tallies.items()))} if tallies else {}),
        "kept": kept - left_out["documents"] - len(taken),
        "kept_bytes": kept_bytes - left_out["bytes"] - sum(taken.values()),
        "epochs": mix["sources"][name]["epochs"],
        "weight": round(mix["sources"][name]["weight"], 6),
        "written": _written(shards, [name]),
        "dropped": dict(sorted(dropped.items())),
        **({"taken_bytes": {"kept": sum(taken.values()), **taken_bytes(name, shards)}} if taken else {}),
    }


def _written(shards: Sequence[Mapping[str, Any]], names: Iterable[str]) -> dict[str, dict[str, int]]:
    """Lines by split; copies count."""
    written = {split: dict.fromkeys(("documents", "pieces", "bytes"), 0) for split in SPLITS}
    wanted = set(names)
    for shard in shards:
        for name, counts in shard["sources"].items():
            if name in wanted:
                for field, count in counts.items():
                    written[shard["split"]][field] += count
    return written
