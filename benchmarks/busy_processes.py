"""How many extraction processes one process keeps busy: what limits threads, and where `--mode auto` takes processes.

Ingest reads, sends records to the pool, annotates and writes in one process; most of that holds the interpreter's lock,
so that it takes one core at most. The pool's processor time over this process's own says how many processes of the
pool it can feed.
"""

from __future__ import annotations

import shutil
import time

from benchmarks.inputs import load, write_manifest
from benchmarks.processes import WORKERS
from benchmarks.report import Result, Row
from benchmarks.settings import Settings
from pile_builder.commits import Commits
from pile_builder.manifest import Manifest
from pile_builder.pipelines.annotate import SidecarPlan
from pile_builder.pipelines.build import pool_handle
from pile_builder.pipelines.engine import RunOptions
from pile_builder.pipelines.ingest import IngestSplit
from pile_builder.storage import Store
from pile_builder.work import plan_work, split_to_json

COPIES = 3
VARIANTS = ("blocks", "resiliparse", "trafilatura")


def run(settings: Settings) -> Result:
    """Every extractor over the same pages, after a first pass that loads kernels and is not counted."""
    rows = []
    for variant in VARIANTS:
        path = write_manifest(variant, settings.work)
        out = settings.work / "busy"
        _ingest(load(path, settings.input(1)), Store(str(out)))
        pages, own, pool = _ingest(load(path, settings.input(COPIES)), Store(str(out)))
        shutil.rmtree(out)
        costs = f"{1_000 * own / pages:.2f} ms a page here, {1_000 * pool / pages:.2f} ms in the pool"
        rows.append(Row(f"extraction processes that one process feeds, {variant} ({costs})", f"{pool / own:.1f}"))
    return Result(rows)


def _ingest(manifest: Manifest, store: Store) -> tuple[int, float, float]:
    """Records read, processor seconds of this process, and of the pool's, without their start."""
    work, commits = plan_work(manifest, store), Commits(store, "ingest")
    handle = pool_handle(store, work, manifest, RunOptions(workers=WORKERS))
    pool = handle.acquire()
    sidecars = {name: SidecarPlan(wanted) for name, wanted in work.annotations.items()}
    function = IngestSplit(store, handle, sidecars, dict.fromkeys(manifest.sources, 1.0))
    try:
        function.setup()
        began = time.process_time()
        read = 0
        for block in work.blocks:
            task = block.task(block.ingest) | {"split": split_to_json(block.split), "sets": dict(block.sets)}
            record = function(task)
            commits.put(block.ingest, record)
            read += record["read"]
        return read, time.process_time() - began, sum(pool.seconds.values())
    finally:
        function.teardown()
        pool.close()
