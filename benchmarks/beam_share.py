"""Beam's share of a phase: the phase through the engine against the same function called in a plain loop, one thread.

The corpus is small, so each phase gets the same block or shard many times under other keys, enough for some seconds of
work. The share is (phase - loop) / phase; it holds the work list, the pipeline, the watcher and the commit look-ups.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.inputs import load, write_manifest
from benchmarks.processes import WORKERS, run_ours
from benchmarks.report import Result, Row, alternate, per_cent
from benchmarks.settings import Settings
from pile_builder.commits import Commits
from pile_builder.manifest import Manifest
from pile_builder.pipelines.annotate import AnnotateBlock, SidecarPlan
from pile_builder.pipelines.assemble import BlockFiles, WriteShard, shard_tasks
from pile_builder.pipelines.build import pool_handle
from pile_builder.pipelines.engine import RunOptions, Task, TaskFunction, run_tasks
from pile_builder.pipelines.ingest import IngestSplit
from pile_builder.pipelines.select import SelectBlock
from pile_builder.pipelines.stored import Stored, stored
from pile_builder.source import Split
from pile_builder.storage import Store
from pile_builder.work import Work, plan_work, split_to_json

LIMIT = 0.1
ANNOTATED, SELECTED, SHARDS = 40, 600, 100
"""Tasks of each phase."""
OPTIONS = RunOptions(workers=1)


@dataclass(frozen=True)
class Phase:
    """A phase's function, and its tasks without their keys; `sets` says whether a task commits annotation sets."""

    name: str
    function: TaskFunction
    tasks: tuple[Mapping[str, Any], ...]
    sets: tuple[str, ...] = ()

    def keyed(self, run: str) -> list[Task]:
        """The tasks under keys that no other run has."""
        tasks: list[Task] = []
        for number, task in enumerate(self.tasks):
            sets = {name: f"{run}-{number}-{name}" for name in self.sets}
            # annotate commits a task under the key of its last set.
            key = f"{run}-{number}" if self.name != "annotate" else list(sets.values())[-1]
            tasks.append({**task, "key": key} | ({"sets": sets} if sets else {}))
        return tasks


def run(settings: Settings) -> Result:
    """Measure ingest with the cheapest extractor, where a fixed cost shows most, annotate, select and assemble."""
    path = write_manifest("resiliparse", settings.work)
    data, out = settings.input(1), settings.work / "beam"
    run_ours(path, data, out)
    rows = []
    with _phases(load(path, data), out) as phases:
        runs = itertools.count()
        for phase in phases:
            commits = Commits(Store(str(out)), phase.name)

            def through_beam(phase: Phase = phase, commits: Commits = commits) -> float:
                tasks = phase.keyed(f"beam{next(runs)}")
                keys = [task["key"] for task in tasks]
                return _timed(lambda: run_tasks(commits, keys, tasks, phase.function, OPTIONS))

            def in_a_loop(phase: Phase = phase, commits: Commits = commits) -> float:
                tasks = phase.keyed(f"loop{next(runs)}")
                return _timed(lambda: _loop(commits, tasks, phase.function))

            in_a_loop()
            whole, plain = alternate(settings.repetitions, through_beam, in_a_loop)
            share = (whole - plain) / whole
            name = f"Beam's share of {phase.name}, {len(phase.tasks)} tasks in {whole:.1f} s"
            rows.append(Row(name, per_cent(share), target=f"{per_cent(LIMIT)} at most", reached=share <= LIMIT))
    return Result(rows)


@contextmanager
def _phases(manifest: Manifest, out: Path) -> Iterator[list[Phase]]:
    """The phases to measure, on what a finished build at `out` has; the extraction pool runs inside."""
    store = Store(str(out))
    work = plan_work(manifest, store)
    block = work.blocks[0]
    common = {"rank": block.rank, "source": block.source, "name": block.name}
    files = [Split(file.name, (file,)) for each in work.blocks for file in each.split.files]
    handle = pool_handle(store, work, manifest, RunOptions(workers=WORKERS))
    sidecars = {name: SidecarPlan(wanted) for name, wanted in work.annotations.items()}
    blocks = {each.rank: BlockFiles(each.source, each.ingest, each.settle) for each in work.blocks}
    pool = handle.acquire()
    pool.warm()
    try:
        with stored(Commits(store, "assemble"), blocks) as kept:
            yield [
                Phase(
                    "ingest",
                    IngestSplit(store, handle, sidecars, {block.source: 1.0}),
                    tuple(common | {"split": split_to_json(split)} for split in files),
                    tuple(block.sets),
                ),
                Phase(
                    "annotate",
                    AnnotateBlock(store, sidecars),
                    (common | {"block": block.ingest},) * ANNOTATED,
                    tuple(block.sets),
                ),
                Phase(
                    "select",
                    SelectBlock(store, {block.source: manifest.select_of(block.source)}, manifest.seed),
                    (common | {"block": block.ingest, "sets": dict(block.sets)},) * SELECTED,
                ),
                Phase("assemble", *_assembly(store, work, manifest, kept)),
            ]
    finally:
        pool.close()


def _assembly(
    store: Store, work: Work, manifest: Manifest, files: Stored[Mapping[int, BlockFiles]]
) -> tuple[WriteShard, tuple[Mapping[str, Any], ...]]:
    names = {name: manifest.set_name(name) for name in manifest.sources}
    function = WriteShard(store, work.mix, files, names, manifest.seed, manifest.output.level)
    shard = shard_tasks(work, Commits(store, "mix").load(work.mix))[0]
    return function, tuple(shard | {"name": f"bench/{number:05}.jsonl.zst"} for number in range(SHARDS))


def _loop(commits: Commits, tasks: list[Task], function: TaskFunction) -> None:
    function.setup()
    for task in tasks:
        commits.put(task["key"], function(task))
    function.teardown()


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
