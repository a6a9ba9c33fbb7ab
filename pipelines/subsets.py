"""subsets: for every subset of the manifest a plan of its shards, and the shards, written as those of the corpus are.

Plans are committed beside the corpus's own, under keys of their own: asking for one more subset redoes nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from pile_builder.audit.subsets import WrittenSubset
from pile_builder.errors import BuildError
from pile_builder.manifest import Manifest
from pile_builder.mixing.holdout import HOLDOUT_PURPOSE, TRAIN, HoldoutCut, split_of
from pile_builder.mixing.keyed import HashHistogram, bins_of, key, keyed_hash
from pile_builder.mixing.plan import Layout, plan_training
from pile_builder.mixing.subsets import FOLDER, SUBSET_PURPOSE, Subset, copied_bytes, nearest_cut
from pile_builder.pipelines.assemble import BlockFiles, WriteShard
from pile_builder.pipelines.engine import RunOptions, run_tasks
from pile_builder.pipelines.mix import kept_documents, row_group_sums, to_row_groups, write_plan
from pile_builder.pipelines.stored import stored
from pile_builder.storage import Commits, Store, fingerprint
from pile_builder.takedown.listing import Takedown
from pile_builder.takedown.state import disagrees
from pile_builder.work import Work

APPLIED = "work/subsets.json"
"""Which takedowns the shards of subsets heed: `takedown`, null while they are rewritten."""
VERSION = 1
"""Raised whenever the same corpus gives other subsets."""


def run_subsets(
    store: Store, work: Work, manifest: Manifest, mix: Mapping[str, Any], takedown: Takedown, options: RunOptions
) -> list[WrittenSubset]:
    """Write the manifest's subsets, largest first, and remove those that it no longer asks for.

    Shards that disagree with `takedown` are written again.

    Raises:
        BuildError: a subset is not smaller than the corpus, or tasks failed.
    """
    wanted = manifest.wanted_subsets
    names = {subset.name for subset in wanted}
    for folder in store.folders(f"corpus/{FOLDER}"):
        if folder not in names:
            store.remove_folder(f"corpus/{FOLDER}/{folder}")
    commits = Commits(store, FOLDER)
    if not wanted:
        _forget(commits, commits.done())
        return []
    plans = _plans(store, work, manifest, mix, wanted)
    tasks = {subset: _tasks(work, subset, plans[subset]) for subset in wanted}
    everything = [task for of_subset in tasks.values() for task in of_subset]
    # Shards of another mixture have the same names: their records must not vouch for ours.
    _forget(commits, commits.done() - {task["key"] for task in everything})
    is_other_list = _applied(store) != takedown.digest
    if is_other_list:
        store.write(APPLIED, orjson.dumps({"takedown": None}))
    for task in everything:
        is_there = store.exists(f"corpus/{task['name']}")
        if not is_there or (
            is_other_list and commits.has(task["key"]) and disagrees(store, commits.load(task["key"]), takedown)
        ):
            commits.forget(task["key"])
    files = {block.rank: BlockFiles(block.source, block.ingest, block.settle) for block in work.blocks}
    set_names = {name: manifest.set_name(name) for name in manifest.sources}
    seed, level = manifest.seed, manifest.output.level
    with stored(commits, files) as kept:
        function = WriteShard(store, "", kept, set_names, seed, level, takedown.object, phase=FOLDER)
        run_tasks(commits, [task["key"] for task in everything], everything, function, options)
    store.write(APPLIED, orjson.dumps({"takedown": takedown.digest}))
    return [
        WrittenSubset(subset, plans[subset], [commits.load(task["key"]) for task in tasks[subset]]) for subset in wanted
    ]


def _applied(store: Store) -> str | None:
    """Digest of the list that the shards of subsets agree with; None while they are rewritten."""
    return orjson.loads(store.read(APPLIED))["takedown"] if store.exists(APPLIED) else ""


def _forget(commits: Commits, keys: Iterable[str]) -> None:
    for one in keys:
        commits.forget(one)


def subset_key(work: Work, subset: Subset) -> str:
    """Key of a subset's plan."""
    return fingerprint([VERSION, work.mix, str(subset.size)])


def _tasks(work: Work, subset: Subset, plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    mix = subset_key(work, subset)
    tasks = []
    for number, (start, end) in enumerate(pairwise(plan["splits"]["train"]["shards"])):
        name = f"{FOLDER}/{subset.name}/train/{number:05}.jsonl.zst"
        shard = fingerprint([mix, work.parts["assemble"], name])
        task = {"key": shard, "name": name, "split": "train", "start": int(start), "end": int(end), "mix": mix}
        tasks.append(task)
    return tasks


@dataclass(frozen=True)
class _Training:
    """Training documents of one block: hashes for subsets, bytes with and without copies, row group, extra copy."""

    source: str
    rank: int
    block_hash: int
    hashes: NDArray[np.uint64]
    sizes: NDArray[np.int64]
    weights: NDArray[np.int64]
    group: NDArray[np.int64]
    is_extra: NDArray[np.bool_]


def _plans(
    store: Store, work: Work, manifest: Manifest, mix: Mapping[str, Any], wanted: Sequence[Subset]
) -> dict[Subset, dict[str, Any]]:
    """The record of every subset's plan; those that are not committed yet are made together, in three passes."""
    commits = Commits(store, "mix")
    missing = [subset for subset in wanted if not commits.has(subset_key(work, subset))]
    if missing:
        cuts, planned = _cuts(store, work, manifest, mix, missing)
        groups = _row_groups(store, work, manifest, mix, cuts)
        names = sorted(manifest.sources)
        epochs = [Fraction(mix["sources"][name]["epochs"]) for name in names]
        layout = Layout(segment_bytes=manifest.output.segment_bytes, shard_bytes=manifest.output.shard_bytes)
        for subset in missing:
            plan = plan_training(to_row_groups(groups[subset]), names, epochs, manifest.seed, layout)
            sources = {
                name: {**values, "subset_cut": str(cuts[subset][name]), "subset_bytes": planned[subset][name]}
                for name, values in mix["sources"].items()
            }
            record = {"splits": {"train": write_plan(store, plan)}, "sources": sources, "subset": str(subset.size)}
            commits.put(subset_key(work, subset), record)
    return {subset: commits.load(subset_key(work, subset)) for subset in wanted}


def _training(store: Store, work: Work, manifest: Manifest, mix: Mapping[str, Any]) -> Iterator[_Training]:
    """The training documents of the corpus, block by block."""
    seed = manifest.seed
    for block in work.blocks:
        kept = kept_documents(store, block)
        values = mix["sources"][block.source]
        holdout = HoldoutCut(np.uint64(values["validation_cut"]), np.uint64(values["test_cut"]), 0, 0)
        train = split_of(keyed_hash(key(seed, HOLDOUT_PURPOSE), kept.ids), holdout) == TRAIN
        ids, sizes = kept.ids[train], kept.sizes[train]
        is_extra = keyed_hash(key(seed, f"epochs:{block.source}"), ids) < np.uint64(values["extra_cut"])
        yield _Training(
            block.source,
            block.rank,
            kept.block_hash,
            keyed_hash(key(seed, SUBSET_PURPOSE), ids),
            sizes,
            copied_bytes(sizes, is_extra, Fraction(values["epochs"])),
            kept.group[train],
            is_extra,
        )


def _cuts(
    store: Store, work: Work, manifest: Manifest, mix: Mapping[str, Any], subsets: Sequence[Subset]
) -> tuple[dict[Subset, dict[str, np.uint64]], dict[Subset, dict[str, int]]]:
    """Per subset and source the hash below which documents belong to it, and the training bytes that were aimed at."""
    histograms = {name: HashHistogram() for name in manifest.sources}
    for block in _training(store, work, manifest, mix):
        histograms[block.source].add(block.hashes, block.weights)
    total = sum(histogram.total for histogram in histograms.values())
    try:
        parts = {subset: subset.fraction_of(total) for subset in subsets}
    except ValueError as error:
        raise BuildError(str(error)) from error
    quotas = {
        subset: {name: int(part * histogram.total) for name, histogram in histograms.items()}
        for subset, part in parts.items()
    }
    bins = {
        name: {histogram.bin_of(quotas[subset][name]) for subset in subsets} for name, histogram in histograms.items()
    }
    near: dict[str, list[tuple[NDArray[np.uint64], NDArray[np.int64]]]] = {name: [] for name in histograms}
    for block in _training(store, work, manifest, mix):
        there = np.isin(bins_of(block.hashes), list(bins[block.source]))
        near[block.source].append((block.hashes[there], block.weights[there]))
    cuts: dict[Subset, dict[str, np.uint64]] = {subset: {} for subset in subsets}
    for name, histogram in histograms.items():
        hashes = np.concatenate([np.zeros(0, np.uint64), *(part for part, _ in near[name])])
        weights = np.concatenate([np.zeros(0, np.int64), *(part for _, part in near[name])])
        for subset in subsets:
            quota = quotas[subset][name]
            here = bins_of(hashes) == histogram.bin_of(quota)
            cuts[subset][name] = nearest_cut(histogram, quota, hashes[here], weights[here])
    return cuts, quotas


def _row_groups(
    store: Store,
    work: Work,
    manifest: Manifest,
    mix: Mapping[str, Any],
    cuts: Mapping[Subset, Mapping[str, np.uint64]],
) -> dict[Subset, list[list[Any]]]:
    """Per subset what it takes of every row group, as the planner wants it."""
    names = sorted(manifest.sources)
    rows: dict[Subset, list[list[Any]]] = {subset: [] for subset in cuts}
    for block in _training(store, work, manifest, mix):
        head = [names.index(block.source), block.rank, block.block_hash]
        for subset, of_source in cuts.items():
            inside = block.hashes < of_source[block.source]
            rows[subset] += row_group_sums(head, block.group[inside], block.sizes[inside], block.is_extra[inside])
    return rows
