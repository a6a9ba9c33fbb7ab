"""Duplicates in 40,000 documents of jsonl with two workers: `pile dedup` against other tools, as whole processes."""

from __future__ import annotations

import json
import shutil
import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.dedup_input import DOCUMENTS, write_input
from benchmarks.processes import WORKERS, Finished, run_command
from benchmarks.report import Result, Row, at_least, seconds
from benchmarks.settings import Settings


@dataclass(frozen=True)
class Tool:
    """A tool to compare with.

    Attributes:
        name: as the table has it.
        script: takes INPUT OUT --workers, and writes OUT/counts.json.
        python: the interpreter that has the tool.
        whole: how many times as fast ours should be, as a process; `None` for no target.
        marginal: the same once running.
    """

    name: str
    script: str
    python: Path
    whole: float | None = None
    marginal: float | None = None


def run(settings: Settings) -> Result:
    """Tools take turns on all documents and on half of them, whose difference is the time once running."""
    tools = (
        Tool("datatrove", "datatrove_dedup.py", settings.datatrove, whole=25, marginal=60),
        Tool("rensa", "rensa_dedup.py", settings.dedup_tools),
        Tool("text-dedup", "text_dedup_minhash.py", settings.dedup_tools),
    )
    inputs = {DOCUMENTS: settings.work / "dedup", DOCUMENTS // 2: settings.work / "dedup-half"}
    for size, folder in inputs.items():
        write_input(folder, size)
    runs: dict[str, dict[int, list[Finished]]]
    runs = {name: {size: [] for size in inputs} for name in ("ours", *(tool.name for tool in tools))}
    # Once for the kernels' caches and the disk's; not counted.
    run_ours(inputs[DOCUMENTS], settings.work / "dedup-ours")
    for _ in range(settings.repetitions):
        for size, folder in inputs.items():
            runs["ours"][size].append(run_ours(folder, settings.work / "dedup-ours"))
            for tool in tools:
                runs[tool.name][size].append(run_tool(tool, folder, settings.work / f"dedup-{tool.name}"))
            spent = ", ".join(f"{name} {sizes[size][-1].seconds:.2f} s" for name, sizes in runs.items())
            print(f"dedup, {size:,} documents: {spent}", flush=True)
    rows = [row for tool in tools for row in compare(runs["ours"], runs[tool.name], tool)]
    kept = ", ".join(f"{sizes[DOCUMENTS][0].counts['kept']:,} ({name})" for name, sizes in runs.items())
    megabytes = runs["ours"][DOCUMENTS][0].counts["bytes_read"] / 1e6
    note = (
        f"dedup: {megabytes:.0f} MB. Kept {kept}. datatrove takes all numbers for the same word; it and text-dedup "
        "drop what shares a bucket. Ours and rensa drop what is estimated to be similar; rensa's words are what white "
        "space separates, and it compares with documents that stay only."
    )
    return Result(rows, [note])


def compare(ours: Mapping[int, list[Finished]], theirs: Mapping[int, list[Finished]], tool: Tool) -> list[Row]:
    """Rows of the whole process and of the time once running; only datatrove's have no name."""
    name = f"dedup, {DOCUMENTS:,} documents of jsonl"
    of = "" if tool.name == "datatrove" else f", {tool.name}"
    own, other = ({size: _median(finished) for size, finished in runs.items()} for runs in (ours, theirs))
    own_marginal, other_marginal = (2 * (times[DOCUMENTS] - times[DOCUMENTS // 2]) for times in (own, other))
    return [
        at_least(f"{name}: whole process{of}", own[DOCUMENTS], other[DOCUMENTS], tool.whole, seconds),
        at_least(f"{name}: once running{of}", own_marginal, other_marginal, tool.marginal, seconds),
    ]


def run_ours(folder: Path, out: Path) -> Finished:
    """`pile dedup` into an empty folder; counts are those of its report."""
    shutil.rmtree(out, ignore_errors=True)
    pile = str(Path(sys.executable).with_name("pile"))
    command = [pile, "dedup", str(folder), "--out", str(out), "--workers", str(WORKERS)]
    spent, _ = run_command(command, {}, out.with_suffix(".log"))
    return Finished(spent, json.loads((out / "report.json").read_text()))


def run_tool(tool: Tool, folder: Path, out: Path) -> Finished:
    """The same work by another tool, offline and without what an earlier run cached."""
    shutil.rmtree(out, ignore_errors=True)
    script = str(Path(__file__).with_name(tool.script))
    command = [str(tool.python), script, str(folder), str(out), "--workers", str(WORKERS)]
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(out.absolute() / "cache")}
    spent, _ = run_command(command, environment, out.with_suffix(".log"))
    return Finished(spent, json.loads((out / "counts.json").read_text()))


def _median(runs: list[Finished]) -> float:
    return statistics.median(finished.seconds for finished in runs)
