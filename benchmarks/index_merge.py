"""Merging indexes of Megatron's format: time, and the peak memory of a process that does nothing else.

python -m benchmarks.index_merge FOLDER 2000 100000
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import orjson

from benchmarks.report import Result, Row, seconds
from benchmarks.settings import Settings
from pile_builder.export.format import Part
from pile_builder.export.megatron import HEADER, merge_indexes, write_header
from pile_builder.storage import Store

INDEXES, DOCUMENTS = 2_000, 100_000
DIFFERENT = 20
"""Indexes that are generated; the others are further names of these."""
DTYPE = np.dtype("<u2")
LIMIT = 200e6
GROWTH = 1.2
"""At most so many times the memory of a tenth of the indexes."""


@dataclass(frozen=True)
class Measured:
    """Seconds of a merge; resident bytes of its process before it, and at their highest; bytes of the result."""

    seconds: float
    before: int
    peak: int
    size: int


def run(settings: Settings) -> Result:
    """All the indexes, and a tenth of them, each in a process of its own."""
    folder = settings.work / "index-merge"
    found, few = (measure(folder, indexes, DOCUMENTS) for indexes in (INDEXES, INDEXES // 10))
    shutil.rmtree(folder)
    name = f"merge of {INDEXES:,} indexes of {DOCUMENTS:,} documents"
    memory = f"{found.peak / 1e6:.0f} MB"
    rows = [
        Row(f"{name}, {found.size / 2**30:.1f} GiB", seconds(found.seconds)),
        Row(f"{name}: peak memory", memory, target=f"{LIMIT / 1e6:.0f} MB at most", reached=found.peak <= LIMIT),
        Row(
            f"{name}: memory over that of a tenth",
            memory,
            ratio=f"{found.peak / few.peak:.2f}x",
            target=f"{GROWTH:g}x at most",
            reached=found.peak <= GROWTH * few.peak,
        ),
    ]
    return Result(rows, [f"index merge: {found.before / 1e6:.0f} MB are the interpreter and its modules."])


def measure(folder: Path, indexes: int, documents: int) -> Measured:
    """Generate indexes and merge them in another process."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    generate(folder, indexes, documents)
    command = [sys.executable, "-m", "benchmarks.index_merge", str(folder), str(indexes), str(documents)]
    return Measured(**orjson.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))


def generate(folder: Path, indexes: int, documents: int) -> None:
    """Write indexes of documents of 1 to 3,999 tokens; all but `DIFFERENT` are hard links. There is no data beside."""
    rng = np.random.default_rng(7)
    for number in range(indexes):
        path = folder / f"{number}.idx"
        if number >= DIFFERENT:
            os.link(folder / f"{number % DIFFERENT}.idx", path)
            continue
        sizes = rng.integers(1, 4_000, documents)
        with path.open("wb") as index:
            write_header(index, DTYPE, documents)
            index.write(sizes.astype("<i4").tobytes())
            index.write(((np.cumsum(sizes) - sizes) * DTYPE.itemsize).astype("<i8").tobytes())
            index.write(np.arange(documents + 1, dtype="<i8").tobytes())


def main(arguments: Sequence[str] | None = None) -> None:
    """Merge what lies in the folder; print seconds, peak resident bytes and the size of the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("indexes", type=int)
    parser.add_argument("documents", type=int)
    given = parser.parse_args(arguments)
    tokens = []
    for number in range(min(given.indexes, DIFFERENT)):
        sizes = np.fromfile(given.folder / f"{number}.idx", "<i4", given.documents, offset=HEADER.size)
        tokens.append(int(sizes.sum(dtype=np.int64)))
    store = Store(str(given.folder))
    parts = [
        Part(store, (f"{number}.bin",), 0, given.documents, 0, tokens[number % DIFFERENT])
        for number in range(given.indexes)
    ]
    target = given.folder / "merged.idx"
    before, began = _peak(), time.perf_counter()
    with target.open("wb") as out:
        merge_indexes(parts, DTYPE, out)
    spent = time.perf_counter() - began
    print(orjson.dumps(asdict(Measured(spent, before, _peak(), target.stat().st_size))).decode())


def _peak() -> int:
    """Highest resident bytes of this process; what getrusage says includes those of the one that started it."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    if not found:
        msg = "expected VmHWM in /proc/self/status: this benchmark runs on Linux only"
        raise RuntimeError(msg)
    return int(found[1]) << 10


if __name__ == "__main__":
    main()
