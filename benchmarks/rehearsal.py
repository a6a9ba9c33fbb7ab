"""The whole program over made-up documents, at several sizes: what each phase takes, and what a large corpus would.

    python -m benchmarks.rehearsal 100000 1000000            # measure these sizes, write REHEARSAL.md
    python -m benchmarks.rehearsal 100000 --split 20         # many small blocks; printed only
    python -m benchmarks.rehearsal                           # write REHEARSAL.md again from what was measured

Each size is built in a process of its own, in a folder that is removed. What was measured is kept in rehearsal.json.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import yaml

from benchmarks.phase_meter import PhaseMeter
from benchmarks.processes import WORKERS
from benchmarks.rehearsal_report import plain_lines, write_report
from benchmarks.report import Result, Row
from benchmarks.settings import Settings
from pile_builder.allocator import return_freed_memory
from pile_builder.export.config import Export
from pile_builder.forkserver import start_fork_server
from pile_builder.manifest import load_manifest
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.pipelines.exports import export_tokens
from pile_builder.sources.rehearsal import Rehearsal, RehearsalConfig
from pile_builder.tokenizer.train import train_tokenizer

SIZES = (100_000, 1_000_000, 10_000_000)
SPLIT_DOCUMENTS = 20_000
EVAL_ITEMS = 1_000
TOKENS_UP_TO = 100_000
"""Sizes to which token shards are written too."""
VOCABULARY = 4_000
MEMORY = 8.0
"""GiB, at most, at any size."""
GROWTH = 1.1
"""Processor seconds a document, over those of the smallest size, at most."""
MEASURED = Path(__file__).with_name("rehearsal.json")


def run(settings: Settings) -> Result:
    """All sizes, each once."""
    measured = [measure(size, SPLIT_DOCUMENTS, settings.work / "rehearsal") for size in SIZES]
    keep(measured)
    rows = []
    least = _processor_a_document(measured[0])
    for one in measured:
        spent, memory = _processor_a_document(one), max(phase["memory"] for phase in one["phases"]) / 2**30
        name = f"rehearsal, {one['documents']:,} documents"
        growth = spent / least
        rows.append(Row(f"{name}: processor a document", f"{1e6 * spent:.0f} µs", "", f"{growth:.2f}x"))
        rows[-1] = Row(*_first_four(rows[-1]), f"{GROWTH:g}x at most", growth <= GROWTH)
        rows.append(
            Row(f"{name}: memory, PSS", f"{memory:.2f} GiB", target=f"{MEMORY:g} GiB at most", reached=memory <= MEMORY)
        )
    return Result(rows, [f"rehearsal: written to {write_report(kept())}"])


def measure(documents: int, split: int, folder: Path) -> dict[str, Any]:
    """Build a corpus of so many documents in a process of its own; what it took and what came out."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_inputs(documents, split, folder)
    command = [sys.executable, "-m", "benchmarks.rehearsal", "--step", str(folder), str(documents)]
    try:
        subprocess.run(command, check=True)
        found: dict[str, Any] = orjson.loads((folder / "measured.json").read_bytes())
    finally:
        shutil.rmtree(folder)
    return found | {"documents": documents, "split": split}


def write_inputs(documents: int, split: int, folder: Path) -> None:
    """A manifest with every phase in it, and an eval set that some documents quote."""
    source = Rehearsal(RehearsalConfig(inputs=("-",)))
    items = [{"id": str(number), "text": source.eval_item(number)} for number in range(EVAL_ITEMS)]
    (folder / "evals.jsonl").write_bytes(b"".join(orjson.dumps(item) + b"\n" for item in items))
    one = {"name": "rehearsed", "files": ["evals.jsonl"], "id": "id", "question": "text", "action": "cut"}
    (folder / "evals.yaml").write_text(yaml.safe_dump({"evals": [one]}))
    options = {"documents": documents, "split_documents": split, "eval_items": EVAL_ITEMS}
    recipes = ["gopher_repetition_v1", "gopher_quality_v1", "c4_fineweb_v1", "fineweb_v1"]
    manifest = {
        "name": "rehearsal",
        "sources": {"rehearsal": {"inputs": ["-"], "epochs": 1.5, "options": options}},
        "select": {"language": {"keep": ["en"], "min_score": 0.65}, "recipes": recipes},
        "decontaminate": {"evals": ["evals.yaml"]},
    }
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest))


def keep(measured: Sequence[dict[str, Any]]) -> None:
    """Remember what was measured, in place of earlier numbers of the same sizes."""
    known = {one["documents"]: one for one in [*kept(), *measured]}
    ordered = [known[size] for size in sorted(known)]
    MEASURED.write_bytes(orjson.dumps(ordered, option=orjson.OPT_INDENT_2) + b"\n")


def kept() -> list[dict[str, Any]]:
    """What is remembered, by size."""
    return list(orjson.loads(MEASURED.read_bytes())) if MEASURED.exists() else []


def main() -> None:
    """Measure what is asked for, print it, write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", type=int, nargs="*")
    parser.add_argument("--split", type=int, default=SPLIT_DOCUMENTS, help="documents of a split")
    parser.add_argument("--work", type=Path, default=Path(".bench/work"), help="folder for inputs and outputs")
    parser.add_argument("--step", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        (given.step / "measured.json").write_bytes(orjson.dumps(_build(given.step, given.documents[0])))
        return
    for size in given.documents:
        found = measure(size, given.split, given.work / "rehearsal")
        print("\n".join(plain_lines(found)), flush=True)
        if given.split == SPLIT_DOCUMENTS:
            keep([found])
    if kept():
        print(f"written to {write_report(kept())}")


def _build(folder: Path, documents: int) -> dict[str, Any]:
    return_freed_memory()
    start_fork_server()
    out = folder / "out"
    manifest = load_manifest(folder / "manifest.yaml")
    meter = PhaseMeter()
    summary = build(manifest, str(out), RunOptions(workers=WORKERS, watch=_Report(meter)))
    phases = meter.close()
    if documents <= TOKENS_UP_TO:
        tokenizer = folder / "tokenizer.json"
        train_tokenizer([str(out)], VOCABULARY, tokenizer, 10_000_000, 1)
        meter = PhaseMeter()
        meter.next("tokenize")
        export_tokens(str(out), [Export(format="megatron", tokenizer=str(tokenizer))], RunOptions(workers=WORKERS))
        phases += meter.close()[1:]
    source = summary["sources"]["rehearsal"]
    disk: Counter[str] = Counter()
    objects: Counter[str] = Counter()
    for path in out.rglob("*"):
        if path.is_file():
            top = path.relative_to(out).parts
            name = top[1] if top[0] == "work" and len(top) > 2 else top[0]
            disk[name] += path.stat().st_size
            objects[name] += 1
    return {
        "phases": phases,
        "blocks": len(list((out / "work" / "ingest").glob("*.json"))),
        "read": source["read"],
        "kept": source["kept"],
        "kept_bytes": source["kept_bytes"],
        "written_bytes": sum(split["bytes"] for split in summary["written"].values()),
        "dropped": source["dropped"],
        "disk": dict(disk),
        "objects": dict(objects),
        "load": os.getloadavg()[1],
        "digest": summary["digest"],
    }


class _Report:
    """Passes a build's progress on, and names what comes after the shards."""

    def __init__(self, meter: PhaseMeter) -> None:
        self._meter = meter
        self._is_over = False

    def __call__(self, phase: str, done: int, total: int, records: int) -> None:
        if not self._is_over:
            self._meter(phase, done, total, records)
        if phase == "assemble" and done == total and not self._is_over:
            self._is_over = True
            self._meter.next("report")


def _processor_a_document(measured: dict[str, Any]) -> float:
    spent: float = sum(phase["processor"] for phase in measured["phases"] if phase["name"] != "tokenize")
    return spent / float(measured["documents"])


def _first_four(row: Row) -> tuple[str, str, str, str]:
    return row.work, row.ours, row.theirs, row.ratio


if __name__ == "__main__":
    main()
