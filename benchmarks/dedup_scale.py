"""The dedup phase alone over generated sketches: time and memory by the number of documents and how alike they are.

Writes blocks without text, sidecars and commit records as earlier phases would have left them, then runs the phase in a
process of its own and samples its memory.

    python -m benchmarks.dedup_scale 100000 1000000
    python -m benchmarks.dedup_scale --alike all 1000000
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.processes import WORKERS
from benchmarks.report import Result, Row, seconds
from benchmarks.settings import Settings
from pile_builder.annotate.sketch import SketchConfig, sketch_schema
from pile_builder.blocks import write_table
from pile_builder.commits import Commits
from pile_builder.dedup.config import Dedup
from pile_builder.pipelines.dedup import run_dedup
from pile_builder.pipelines.engine import RunOptions
from pile_builder.source import Split
from pile_builder.storage import Store
from pile_builder.work import BlockWork, Work

SEED = 11
BLOCKS = 20
SHARE_PAIRED = 0.05
"""Share of documents that are a near-copy of another."""
SIMILARITY = 0.85
"""How often a minimum of a near-copy equals its original's."""
CONFIG = SketchConfig()
POLL_SECONDS = 0.05
DOCUMENTS = 1_000_000
SECONDS, MEMORY = 25.0, 3.0
"""Targets at `DOCUMENTS`: at most so many seconds and GiB."""
GROWTH = 1.2
"""At most so many times ten times the time at a tenth of `DOCUMENTS`."""
ALIKE = 1.0
"""At most so many times the time of different documents where all are the same."""


@dataclass(frozen=True)
class Measured:
    """Seconds of the phase itself, peak resident bytes of its process, and what it says it found."""

    seconds: float
    memory: int
    summary: dict[str, object]


def run(settings: Settings) -> Result:
    """The documents with pairs as often as asked for; fewer documents, and only equal or different ones, once."""
    folder = settings.work / "dedup-scale"
    found = [measure(DOCUMENTS, "pairs", WORKERS, 1, folder) for _ in range(settings.repetitions)]
    spent = statistics.median(one.seconds for one in found)
    memory = max(one.memory for one in found) / 2**30
    few, same, different = (
        measure(documents, alike, WORKERS, 1, folder).seconds
        for documents, alike in ((DOCUMENTS // 10, "pairs"), (DOCUMENTS, "all"), (DOCUMENTS, "none"))
    )
    shutil.rmtree(folder)
    growth, ratio = spent / (10 * few), same / different
    name = f"dedup phase, {DOCUMENTS:,} documents"
    rows = [
        _row(f"{name}, {100 * SHARE_PAIRED:g} % paired", seconds(spent), None, f"{SECONDS:g} s", spent <= SECONDS),
        _row(f"{name}: peak memory", f"{memory:.2f} GiB", None, f"{MEMORY:g} GiB", memory <= MEMORY),
        _row(f"{name}: over ten times {DOCUMENTS // 10:,}", seconds(spent), growth, f"{GROWTH:g}x", growth <= GROWTH),
        _row(f"{name}: all equal, over all different", seconds(same), ratio, f"{ALIKE:g}x", ratio <= ALIKE),
    ]
    note = (
        f"dedup phase: generated sketches, {WORKERS} workers. {DOCUMENTS // 10:,} documents take {seconds(few)}, "
        f"{DOCUMENTS:,} different ones {seconds(different)}."
    )
    return Result(rows, [note])


def generate(store: Store, documents: int, alike: str) -> Work:
    """Write the blocks and sidecars of a corpus.

    Args:
        store: where.
        documents: how many, spread over `BLOCKS` blocks of two sources.
        alike: `pairs` makes `SHARE_PAIRED` of them near-copies of others, `none` none, `all` one text in all,
            `band` different texts that share a bucket.
    """
    rng = np.random.default_rng(SEED)
    signature = rng.integers(0, 256, (documents, CONFIG.bands * CONFIG.rows), np.uint8)
    bands = rng.integers(1, 2**63, (documents, CONFIG.bands), np.uint64)
    content = rng.integers(0, 2**63, (documents, 2), np.uint64)
    if alike == "pairs":
        count = int(documents * SHARE_PAIRED)
        chosen = rng.permutation(documents)[: 2 * count]
        originals, copies = chosen[:count], chosen[count:]
        same = rng.random((count, signature.shape[1])) < SIMILARITY
        signature[copies] = np.where(same, signature[originals], signature[copies])
        whole = same.reshape(count, CONFIG.bands, CONFIG.rows).all(axis=2)
        bands[copies] = np.where(whole, bands[originals], bands[copies])
    elif alike == "band":
        bands[:, 0] = bands[0, 0]
    elif alike == "all":
        signature[:], bands[:], content[:] = signature[0], bands[0], content[0]
    ids = rng.bytes(10 * documents).hex()
    lengths = rng.integers(200, 20_000, documents)
    places = []
    bounds = np.linspace(0, documents, BLOCKS + 1).astype(int)
    for rank, (start, end) in enumerate(pairwise(bounds)):
        rows = slice(int(start), int(end))
        source = "left" if rank < BLOCKS // 2 else "right"
        names = [f"{source}:{ids[20 * row : 20 * row + 20]}" for row in range(rows.start, rows.stop)]
        table = pa.table({"id": names, "bytes": lengths[rows], "text": pa.nulls(len(names), pa.large_string())})
        _commit(store, "ingest", f"i{rank}", table, "block", kept=len(names), row_groups=[len(names)])
        table = _sketch_table(content[rows], bands[rows], signature[rows])
        _commit(store, "annotate", f"a{rank}", table, "object", set="sketch")
        Commits(store, "select").put(f"s{rank}", {"ledger": "", "dropped": {}})
        places.append((source, rank))
    return work_of(places)


def work_of(places: Iterable[tuple[str, int]]) -> Work:
    """The work that `generate` prepares, from the source and rank of each block."""
    blocks = [
        BlockWork(
            rank=rank,
            source=source,
            split=Split(f"{rank:02}", (), {}),
            ingest=f"i{rank}",
            sets={"sketch": f"a{rank}"},
            select=f"s{rank}",
            paragraphs="",
            count="",
            decontaminate="",
            settle=f"e{rank}",
        )
        for source, rank in places
    ]
    return Work((), tuple(blocks), dedup="d", index="", common="", locate="", mix="", annotations={}, parts={})


def run_phase(store: Store, work: Work, config: Dedup, workers: int) -> tuple[float, dict[str, object]]:
    """Run the phase over a generated corpus; seconds and the summary."""
    started = time.perf_counter()
    run_dedup(store, work, config, ("left", "right"), RunOptions(workers=workers, say=print))
    return time.perf_counter() - started, Commits(store, "dedup").load(work.dedup)["summary"]


def measure(documents: int, alike: str, workers: int, passes: int, folder: Path) -> Measured:
    """Generate a corpus, then run the phase over it in another process."""
    shutil.rmtree(folder, ignore_errors=True)
    arguments = [str(documents), "--alike", alike, "--workers", str(workers), "--passes", str(passes)]
    command = [sys.executable, "-m", "benchmarks.dedup_scale", *arguments, "--folder", str(folder), "--step"]
    subprocess.run([*command, "generate"], check=True)
    with subprocess.Popen([*command, "run"], stdout=subprocess.PIPE) as process, ThreadPoolExecutor(1) as threads:
        output = threads.submit(process.communicate)
        peak = 0
        while process.poll() is None:
            peak = max(peak, _resident(process.pid))
            time.sleep(POLL_SECONDS)
        lines = output.result()[0].splitlines()
    if process.returncode:
        msg = f"the phase over {documents} documents ended with code {process.returncode}"
        raise RuntimeError(msg)
    for line in lines[:-1]:
        print(f"  {line.decode()}")
    found = orjson.loads(lines[-1])
    return Measured(found["seconds"], peak, found["summary"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure each number of documents asked for and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", type=int, nargs="+")
    parser.add_argument("--alike", choices=("pairs", "none", "all", "band"), default="pairs")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--passes", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--step", choices=("generate", "run"), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.step:
        _step(given)
        return
    for documents in given.documents:
        with tempfile.TemporaryDirectory() as temporary:
            folder = given.folder or Path(temporary) / "store"
            found = measure(documents, given.alike, given.workers, given.passes, folder)
        shown = {name: found.summary[name] for name in ("pairs", "clusters", "exact", "near") if name in found.summary}
        print(f"{documents:>10,} {given.alike}: {found.seconds:6.2f} s, {found.memory / 2**30:.2f} GiB, {shown}")


def _step(given: argparse.Namespace) -> None:
    store = Store(str(given.folder))
    places = Path(f"{given.folder}/work.json")
    if given.step == "generate":
        work = generate(store, given.documents[0], given.alike)
        places.write_bytes(orjson.dumps([[block.source, block.rank] for block in work.blocks]))
        return
    config = Dedup.model_validate({"passes": given.passes} if given.passes > 1 else {})
    spent, summary = run_phase(store, work_of(orjson.loads(places.read_bytes())), config, given.workers)
    print(orjson.dumps({"seconds": spent, "summary": summary}).decode())


def _row(work: str, ours: str, ratio: float | None, most: str, reached: bool) -> Row:
    shown = "" if ratio is None else f"{ratio:.2f}x"
    return Row(work, ours, ratio=shown, target=f"{most} at most", reached=reached)


def _sketch_table(content: NDArray[np.uint64], bands: NDArray[np.uint64], signature: NDArray[np.uint8]) -> pa.Table:
    schema = sketch_schema(CONFIG)
    count = len(content)

    def fixed(name: str, values: NDArray[np.generic]) -> pa.Array:
        buffers = [None, pa.py_buffer(np.ascontiguousarray(values))]
        return pa.FixedSizeBinaryArray.from_buffers(schema.field(name).type, count, buffers)

    rows = pa.FixedSizeListArray.from_arrays(pa.array(bands.reshape(-1)), type=schema.field("bands").type)
    columns = [fixed("content", content), rows, fixed("signature", signature), pa.array(np.full(count, 400, np.int64))]
    return pa.Table.from_arrays(columns, schema=schema)


def _commit(store: Store, phase: str, key: str, table: pa.Table, field: str, **record: object) -> None:
    commits = Commits(store, phase)
    with store.writing(commits.object_name) as stream:
        write_table(stream, table)
    commits.put(key, {field: stream.name, **record})


def _resident(process: int) -> int:
    """Resident bytes of a process, 0 once it is gone."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
