"""Duplicates in 40,000 documents of jsonl with two workers: `pile dedup` against datatrove, as whole processes."""

from __future__ import annotations

import json
import shutil
import statistics
import sys
from pathlib import Path

from benchmarks.dedup_input import DOCUMENTS, write_input
from benchmarks.processes import WORKERS, Finished, run_command
from benchmarks.report import Result, at_least, seconds
from benchmarks.settings import Settings

WHOLE, MARGINAL = 25, 60
"""Targets: times as fast as datatrove, as a process and once running."""


def run(settings: Settings) -> Result:
    """Tools take turns on all documents and on half of them, whose difference is the time once running."""
    sizes = {DOCUMENTS: settings.work / "dedup", DOCUMENTS // 2: settings.work / "dedup-half"}
    ours: dict[int, list[Finished]] = {size: [] for size in sizes}
    theirs: dict[int, list[Finished]] = {size: [] for size in sizes}
    for size, folder in sizes.items():
        write_input(folder, size)
    # Once for the kernels' caches and the disk's; not counted.
    run_ours(sizes[DOCUMENTS], settings.work / "dedup-ours")
    for _ in range(settings.repetitions):
        for size, folder in sizes.items():
            ours[size].append(run_ours(folder, settings.work / "dedup-ours"))
            theirs[size].append(run_datatrove(settings.datatrove, folder, settings.work / "dedup-datatrove"))
            mine, other = ours[size][-1].seconds, theirs[size][-1].seconds
            print(f"dedup, {size:,} documents: ours {mine:.2f} s, datatrove {other:.1f} s", flush=True)
    own, other = ({size: _median(runs[size]) for size in sizes} for runs in (ours, theirs))
    name = f"dedup, {DOCUMENTS:,} documents of jsonl"
    own_marginal, other_marginal = (2 * (times[DOCUMENTS] - times[DOCUMENTS // 2]) for times in (own, other))
    counts = ours[DOCUMENTS][0].counts
    megabytes = counts["bytes_read"] / 1e6
    note = (
        f"dedup: {megabytes:.0f} MB. Kept {counts['kept']:,} (ours) and {theirs[DOCUMENTS][0].counts['kept']:,} "
        "(datatrove's): datatrove takes all numbers for the same word and drops what shares a bucket; ours compares "
        "numbers too, and drops what is verified to be similar."
    )
    rows = [
        at_least(f"{name}: whole process", own[DOCUMENTS], other[DOCUMENTS], WHOLE, seconds),
        at_least(f"{name}: once running", own_marginal, other_marginal, MARGINAL, seconds),
    ]
    return Result(rows, [note])


def run_ours(folder: Path, out: Path) -> Finished:
    """`pile dedup` into an empty folder; counts are those of its report."""
    shutil.rmtree(out, ignore_errors=True)
    pile = str(Path(sys.executable).with_name("pile"))
    command = [pile, "dedup", str(folder), "--out", str(out), "--workers", str(WORKERS)]
    spent, _ = run_command(command, {}, out.with_suffix(".log"))
    return Finished(spent, json.loads((out / "report.json").read_text()))


def run_datatrove(python: Path, folder: Path, out: Path) -> Finished:
    """The same work by datatrove, offline."""
    shutil.rmtree(out, ignore_errors=True)
    script = str(Path(__file__).with_name("datatrove_dedup.py"))
    command = [str(python), script, str(folder), str(out), "--workers", str(WORKERS)]
    spent, _ = run_command(command, {"HF_HUB_OFFLINE": "1"}, out.with_suffix(".log"))
    return Finished(spent, json.loads((out / "counts.json").read_text()))


def _median(runs: list[Finished]) -> float:
    return statistics.median(finished.seconds for finished in runs)
