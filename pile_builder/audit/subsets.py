"""What a build says of its subsets: counts for the summary, files for the lock, dataset cards, and their check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
import yaml

from pile_builder.audit.summary import corpus_digest
from pile_builder.audit.verify import ShardCheck, check_shard
from pile_builder.blocks import open_parquet
from pile_builder.commits import Commits
from pile_builder.document import id64
from pile_builder.manifest import Manifest
from pile_builder.mixing.keyed import key, keyed_hash
from pile_builder.mixing.subsets import FOLDER, SUBSET_PURPOSE, Subset
from pile_builder.storage import Store
from pile_builder.takedown.listing import FILE, takedown_of
from pile_builder.takedown.state import applied_entries, disagrees

COUNTS = ("documents", "pieces", "bytes")


@dataclass(frozen=True)
class WrittenSubset:
    """A subset that lies in the corpus: what was asked for, its plan's record, its shards' records in order."""

    subset: Subset
    plan: Mapping[str, Any]
    shards: Sequence[Mapping[str, Any]]

    @property
    def folder(self) -> str:
        """Below the corpus."""
        return f"{FOLDER}/{self.subset.name}"

    def digest(self, held_out: Sequence[Mapping[str, Any]]) -> str:
        """Hash of its shards' logical content and of the held-out shards that go with it."""
        return corpus_digest([*self.shards, *held_out])


def subset_summary(
    written: WrittenSubset, summary: Mapping[str, Any], held_out: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Counts of a subset: of all, and by source with what was planned and the share of the source's training bytes.

    Args:
        written: the subset.
        summary: of the corpus that it is part of.
        held_out: records of the corpus's validation and test shards.
    """
    sources = {}
    for name, values in written.plan["sources"].items():
        counts = {
            field: sum(shard["sources"].get(name, {}).get(field, 0) for shard in written.shards) for field in COUNTS
        }
        whole = summary["sources"][name]["written"]["train"]["bytes"]
        sources[name] = {
            **counts,
            "planned_bytes": values["subset_bytes"],
            "share": round(counts["bytes"] / whole, 6) if whole else 0.0,
        }
    total = {field: sum(source[field] for source in sources.values()) for field in COUNTS}
    whole = summary["written"]["train"]["bytes"]
    return {
        "subset": written.subset.label,
        "folder": f"corpus/{written.folder}",
        "digest": written.digest(held_out),
        **total,
        "planned_bytes": sum(source["planned_bytes"] for source in sources.values()),
        "share": round(total["bytes"] / whole, 6) if whole else 0.0,
        "sources": sources,
    }


def subset_story(written: WrittenSubset) -> dict[str, Any]:
    """Where a subset's documents are to be looked for: its plan, its shards with their bounds and indexes."""
    bounds = written.plan["splits"]["train"]["shards"]
    shards = [
        {"name": shard["name"], "start": start, "end": end, "index": shard["index"]}
        for shard, (start, end) in zip(written.shards, pairwise(bounds), strict=True)
    ]
    return {"subset": written.subset.label, "plan": written.plan["splits"]["train"]["plan"], "shards": shards}


def subset_lock(written: WrittenSubset, held_out: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A subset as the lock lists it: its digest, where every source was cut, its files."""
    return {
        "subset": written.subset.label,
        "folder": written.folder,
        "digest": written.digest(held_out),
        "cuts": {name: values["subset_cut"] for name, values in written.plan["sources"].items()},
        "files": [{field: shard[field] for field in ("name", "size", "sha256", "digest")} for shard in written.shards],
    }


def subset_card(manifest: Manifest, written: WrittenSubset, counts: Mapping[str, Any]) -> str:
    """The dataset card of a subset's folder, with its YAML head."""
    files = [{"split": "train", "path": "train/*.jsonl.zst"}]
    title = f"{manifest.name}, {written.subset.label}"
    head = yaml.safe_dump(
        {"pretty_name": title, "configs": [{"config_name": "default", "data_files": files}]}, sort_keys=False
    )
    rows = "\n".join(
        f"| {manifest.set_name(name)} | {source['documents']:,} | {source['bytes']:,} | {source['share']:.2%} |"
        for name, source in counts["sources"].items()
    )
    return f"""---
{head}---

# {title}

{written.subset.label} of the training text of {manifest.name}: of every source the documents that come first in one
keyed order, so it has the mixture of the whole, and each smaller subset of this build lies inside every larger one.
Validation and test are those of the whole, two folders up. Digest with them: `{counts["digest"]}`.

| source | documents, with copies | bytes of text | share of the source |
|---|---:|---:|---:|
{rows}
| all | {counts["documents"]:,} | {counts["bytes"]:,} | {counts["share"]:.2%} |

    from datasets import load_dataset
    subset = load_dataset("path/to/this/folder", split="train", streaming=True)
"""


def verify_subsets(store: Store) -> Iterator[tuple[str, ShardCheck]]:
    """Check every subset: its shards as the corpus's, its counts and digest, and that its documents are its own.

    A document belongs to a subset if its hash lies below its source's cut; cuts that rise with the subsets' sizes
    therefore show that one lies inside the next.

    Yields:
        The subset's folder and a check: of each shard, then of the subset as a whole.
    """
    summary = orjson.loads(store.read("report/summary.json"))
    lock = yaml.load(store.read("manifest.lock.yaml"), Loader=yaml.CSafeLoader)
    entries = lock.get("subsets", [])
    counted = {entry["folder"].rsplit("/", 1)[-1]: entry for entry in summary.get("subsets", [])}
    commits = Commits(store, FOLDER)
    records = {record["name"]: record for record in commits.load_all(sorted(commits.done()))}
    takedown = takedown_of(applied_entries(store))
    held_out = [file for file in lock["files"] if not file["name"].startswith("train/")]
    hash_key = key(lock["manifest"].get("seed", 1), SUBSET_PURPOSE)
    larger: Mapping[str, Any] | None = None
    for entry in sorted(entries, key=lambda one: -sum(file["size"] for file in one["files"])):
        name = entry["folder"].rsplit("/", 1)[-1]
        whole = ShardCheck(entry["folder"])
        for file in entry["files"]:
            check = ShardCheck(file["name"])
            record = records.get(file["name"])
            check_shard(store, file, record, check)
            if record and disagrees(store, record, takedown):
                problem = f"holds documents that {FILE} lists, or leaves out others; run `pile build` again"
                check.problems.append(problem)
            if record and not check.problems:
                _check_cuts(store, record, entry["cuts"], hash_key, check)
            whole.lines += check.lines
            whole.bytes += check.bytes
            yield entry["folder"], check
        said = counted.get(name, {"pieces": 0, "bytes": 0, "digest": ""})
        if (whole.lines, whole.bytes) != (said["pieces"], said["bytes"]):
            found = f"{whole.lines} lines, {whole.bytes} bytes"
            whole.problems.append(
                f"the summary says {said['pieces']} lines, {said['bytes']} bytes; the shards hold {found}"
            )
        if corpus_digest([*entry["files"], *held_out]) != entry["digest"] or entry["digest"] != said["digest"]:
            whole.problems.append("its digest is not that of the files listed in the lock, or not the summary's")
        if larger and any(int(cut) > int(larger["cuts"][source]) for source, cut in entry["cuts"].items()):
            whole.problems.append(f"a source is cut above where {larger['folder']} cuts it: it does not lie inside")
        larger = entry
        whole.lines = whole.bytes = 0
        yield entry["folder"], whole


def _check_cuts(
    store: Store, record: Mapping[str, Any], cuts: Mapping[str, str], hash_key: np.uint64, check: ShardCheck
) -> None:
    """Whether every line's document hashes below the cut of its source."""
    with store.open(record["index"]) as stream:
        ids = open_parquet(stream).read(columns=["id"])["id"].combine_chunks()
    limits = np.array([np.uint64(cuts[identity.split(":", 1)[0]]) for identity in ids.to_pylist()], np.uint64)
    outside = int((keyed_hash(hash_key, id64(ids)) >= limits).sum())
    if outside:
        check.problems.append(f"{outside} lines are of documents that do not belong to the subset")
