"""Running our command and datatrove's script as processes: time, counts, memory."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.inputs import MODEL

WORKERS = 2
SAMPLE_SECONDS = 0.2


@dataclass(frozen=True)
class Finished:
    """A process that ended well: wall seconds from start to exit, what it counted, peak memory in bytes if sampled."""

    seconds: float
    counts: Mapping[str, Any]
    memory: int = 0


def run_ours(manifest: Path, data: Path, out: Path, *, sample_memory: bool = False) -> Finished:
    """`pile build` into an empty folder; counts are those of the build's only source."""
    shutil.rmtree(out, ignore_errors=True)
    pile = str(Path(sys.executable).with_name("pile"))
    command = [pile, "build", str(manifest), "--out", str(out), "--workers", str(WORKERS)]
    seconds, memory = run_command(command, {"PILE_DATA": str(data.absolute())}, out.with_suffix(".log"), sample_memory)
    summary = json.loads((out / "report" / "summary.json").read_text())
    return Finished(seconds, summary["sources"]["common_crawl"], memory)


def run_datatrove(python: Path, extractor: str, data: Path, out: Path) -> Finished:
    """The same work by datatrove, offline."""
    shutil.rmtree(out, ignore_errors=True)
    script = str(Path(__file__).with_name("datatrove_web.py"))
    command = [str(python), script, str(data / "web"), str(out), "--model", str(MODEL), "--extractor", extractor]
    # datatrove copies the model into its cache of downloads: let that be ours.
    environment = {"HF_HOME": str(out.parent.absolute() / "datatrove-cache"), "HF_HUB_OFFLINE": "1"}
    seconds, _ = run_command([*command, "--workers", str(WORKERS)], environment, out.with_suffix(".log"))
    return Finished(seconds, json.loads((out / "counts.json").read_text()))


def run_command(
    command: Sequence[str], environment: Mapping[str, str], log: Path, sample_memory: bool = False
) -> tuple[float, int]:
    """Seconds and sampled memory of a command; its output goes to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT)
        sampler = _MemorySampler(process.pid) if sample_memory else None
        status = process.wait()
        seconds = time.perf_counter() - began
    if status:
        sys.exit(f"{' '.join(command)} ended with status {status}:\n{log.read_text()[-2000:]}")
    return seconds, sampler.stop() if sampler else 0


class _MemorySampler:
    """Watches the proportional set size of a process and all below it."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._peak = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """End; the highest sum seen, in bytes."""
        self._over.set()
        self._thread.join()
        return self._peak

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self._peak = max(self._peak, sum(map(proportional_set_size, process_tree(self._root))))


def process_tree(root: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The command's name, in parentheses, may hold anything.
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(parent, []).append(int(path.parent.name))
    tree = [root]
    for process in tree:
        tree += children.get(process, [])
    return tree


def proportional_set_size(process: int) -> int:
    """Bytes of a process, what it shares with others counted in part; 0 once it is gone."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) << 10 if found else 0
