"""subsets: for every subset of the manifest a plan of its shards, and the shards, written as those of the corpus are.

Plans are committed beside the corpus's own, under keys of their own: asking for one more subset redoes nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import orjson

from pile_builder.audit.subsets import WrittenSubset
from pile_builder.commits import Commits
from pile_builder.errors import BuildError
from pile_builder.manifest import Manifest
from pile_builder.mixing.keyed import bins_of
from pile_builder.mixing.plan import Layout, plan_training
from pile_builder.mixing.subsets import FOLDER, Subset, nearest_cut
from pile_builder.pipelines.assemble import BlockFiles, WriteShard
from pile_builder.pipelines.engine import RunOptions, run_tasks
from pile_builder.pipelines.kept import Gathered, Histograms, Scanner
from pile_builder.pipelines.mix import write_plan
from pile_builder.pipelines.mix_scans import NEAR, row_groups_of
from pile_builder.pipelines.stored import stored
from pile_builder.pipelines.subset_scans import CountTraining, FindNearCuts, SumSubsets
from pile_builder.storage import Store, fingerprint
from pile_builder.takedown.listing import Takedown
from pile_builder.takedown.state import disagrees
from pile_builder.work import Work

_SCANS = ("count", "near", "row groups")
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
    plans = _plans(store, work, manifest, mix, wanted, options)
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


def _plans(
    store: Store,
    work: Work,
    manifest: Manifest,
    mix: Mapping[str, Any],
    wanted: Sequence[Subset],
    options: RunOptions,
) -> dict[Subset, dict[str, Any]]:
    """The record of every subset's plan; those that are not committed yet are made together, by three scans."""
    commits = Commits(store, "mix")
    missing = [subset for subset in wanted if not commits.has(subset_key(work, subset))]
    if missing:
        scanner = Scanner(store, work, fingerprint([subset_key(work, subset) for subset in missing]), options)
        names, sources = sorted(manifest.sources), mix["sources"]
        asked = (store, names, manifest.seed, sources)
        cuts, planned = _cuts(scanner, asked, missing)
        summed = [table for table, _ in scanner.run("row groups", SumSubsets(*asked, [cuts[one] for one in missing]))]
        epochs = [Fraction(sources[name]["epochs"]) for name in names]
        layout = Layout(segment_bytes=manifest.output.segment_bytes, shard_bytes=manifest.output.shard_bytes)
        for number, subset in enumerate(missing):
            plan = plan_training(row_groups_of(summed, number), names, epochs, manifest.seed, layout)
            of_source = {
                name: {**values, "subset_cut": str(cuts[subset][name]), "subset_bytes": planned[subset][name]}
                for name, values in sources.items()
            }
            record = {"splits": {"train": write_plan(store, plan)}, "sources": of_source, "subset": str(subset.size)}
            commits.put(subset_key(work, subset), record)
        scanner.forget(_SCANS)
    return {subset: commits.load(subset_key(work, subset)) for subset in wanted}


def _cuts(
    scanner: Scanner, asked: tuple[Store, list[str], int, Mapping[str, Any]], subsets: Sequence[Subset]
) -> tuple[dict[Subset, dict[str, np.uint64]], dict[Subset, dict[str, int]]]:
    """Per subset and source the hash below which documents belong to it, and the training bytes that were aimed at."""
    names = asked[1]
    counted = Histograms(names)
    for table, _ in scanner.run("count", CountTraining(*asked)):
        counted.merge(table)
    by_name = counted.by_name
    total = sum(histogram.total for histogram in by_name.values())
    try:
        parts = {subset: subset.fraction_of(total) for subset in subsets}
    except ValueError as error:
        raise BuildError(str(error)) from error
    quotas = {
        subset: {name: int(part * histogram.total) for name, histogram in by_name.items()}
        for subset, part in parts.items()
    }
    bins = {
        name: sorted({histogram.bin_of(quotas[subset][name]) for subset in subsets})
        for name, histogram in by_name.items()
    }
    near = Gathered(names, NEAR)
    for table, _ in scanner.run("near", FindNearCuts(*asked, bins)):
        near.merge(table)
    cuts: dict[Subset, dict[str, np.uint64]] = {subset: {} for subset in subsets}
    for name, histogram in by_name.items():
        hashes, weights = near.of(name)
        for subset in subsets:
            quota = quotas[subset][name]
            here = bins_of(hashes) == histogram.bin_of(quota)
            cuts[subset][name] = nearest_cut(histogram, quota, hashes[here], weights[here])
    return cuts, quotas
