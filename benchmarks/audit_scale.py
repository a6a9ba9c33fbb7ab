"""`pile audit` of a million documents: generated records of blocks without text, measured in a process of its own."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from benchmarks.report import Result, Row, seconds
from benchmarks.settings import Settings
from pile_builder.annotate.sample import SCHEMA
from pile_builder.audit.content_statistics import count_content
from pile_builder.audit.rule_statistics import count_rule, rule_scales
from pile_builder.blocks import write_table
from pile_builder.commits import Commits
from pile_builder.document import document_id
from pile_builder.manifest import Manifest, check_manifest
from pile_builder.pipelines.assemble import INDEX, shard_tasks
from pile_builder.pipelines.build import finish
from pile_builder.repeated_ids import merge_repeated
from pile_builder.source import Split
from pile_builder.storage import Store
from pile_builder.takedown.listing import Takedown
from pile_builder.verdicts import Test as RuleTest
from pile_builder.work import BlockWork, Work

BLOCKS, SOURCES, SHARDS, ROWS = 1_000, 22, 300, 1_000
SELECT = {"recipes": ["gopher_repetition_v1", "gopher_quality_v1", "fineweb_v1"], "language": {"keep": ["en"]}}
TIME, MEMORY = 30.0, 1 << 30
"""What a report may take."""
SAMPLES = Path(__file__).parents[1] / "samples"


def run(settings: Settings) -> Result:
    """The command, start to exit, over the records of `BLOCKS` blocks of `ROWS` documents."""
    folder = settings.work / "audit"
    shutil.rmtree(folder, ignore_errors=True)
    names = [f"source{number:02}" for number in range(SOURCES)]
    sources = {name: {"plugin": "books", "inputs": ["books"]} for name in names}
    data = {"name": "audit", "root": str(SAMPLES), "sources": sources, "select": SELECT, "dedup": None}
    write_records(Store(str(folder)), check_manifest(data, "audit.yaml", {}))
    command = [
        sys.executable,
        "-m",
        "tests.peak_memory",
        sys.executable,
        "-m",
        "pile_builder.cli",
        "audit",
        str(folder),
    ]
    times, peaks = [], []
    for _ in range(settings.repetitions):
        started = time.perf_counter()
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        times.append(time.perf_counter() - started)
        peaks.append(int(done.stdout.rstrip().rpartition("\n")[2]))
    spent, peak = statistics.median(times), max(peaks)
    size = (folder / "report/index.html").stat().st_size
    shutil.rmtree(folder)
    name = f"pile audit, {BLOCKS * ROWS:,} documents in {BLOCKS:,} blocks of {SOURCES} sources"
    rows = [
        Row(name, seconds(spent), target=f"{TIME:g} s at most", reached=spent <= TIME),
        Row(
            f"{name}: peak memory",
            f"{peak / 2**20:.0f} MiB",
            target=f"{MEMORY >> 20:,} MiB at most",
            reached=peak <= MEMORY,
        ),
    ]
    return Result(rows, [f"audit: the page has {size / 2**20:.1f} MiB."])


def write_records(store: Store, manifest: Manifest) -> dict[str, Any]:
    """The records of a finished build of the manifest's sources; returns its summary."""
    names = list(manifest.sources)
    work = generate(store, manifest, names)
    return finish(store, work, manifest, *mixed(store, work, names), [], Takedown.of([]))


def generate(store: Store, manifest: Manifest, names: list[str]) -> Work:
    """Records of all blocks; a few different ones are made and given to block after block."""
    kinds = [kind(store, manifest, number) for number in range(8)]
    blocks = []
    for rank in range(BLOCKS):
        source, (sample, selected, settled, kept) = names[rank * len(names) // BLOCKS], kinds[rank % len(kinds)]
        head = {"source": source, "name": f"{source}/{rank}", "skipped": {}, "time_limited": [], "row_groups": [ROWS]}
        ingested = head | {"read": ROWS, "kept": ROWS, "dropped": {}}
        Commits(store, "ingest").put(f"i{rank}", ingested)
        Commits(store, "annotate").put(f"s{rank}", {"object": sample, "set": "sample"})
        Commits(store, "select").put(f"e{rank}", selected)
        Commits(store, "settle").put(
            f"t{rank}", settled | {"kept": kept, "kept_bytes": settled["content"]["bytes"]["kept"]}
        )
        keys = {"ingest": f"i{rank}", "select": f"e{rank}", "settle": f"t{rank}"}
        empty = dict.fromkeys(("paragraphs", "count", "decontaminate"), "")
        blocks.append(BlockWork(rank, source, Split(str(rank), ()), sets={"sample": f"s{rank}"}, **keys, **empty))
    parts: dict[str, dict[str, Any]] = {
        phase: {} for phase in ("ingest", "annotate", "select", "settle", "mix", "assemble")
    }
    Commits(store, "locate").put("locate", {"parts": {}, "rules": {}, "repeated": merge_repeated([])})
    return Work((), tuple(blocks), "", "", "", "locate", "mix", {}, parts)


def kind(store: Store, manifest: Manifest, number: int) -> tuple[str, dict[str, Any], dict[str, Any], int]:
    """A block's sample, records of select and settle, and how many documents it keeps."""
    randomness = np.random.default_rng(number)
    select = manifest.select
    reached, counted = np.ones(ROWS, bool), {}
    rules = np.full(ROWS, None, object)
    sampled = randomness.permutation(ROWS)[:256]
    rows = list(select.all_rules())
    scores = randomness.random(ROWS) ** 0.1
    tests = [RuleTest("language", 0.65, scores, scores < 0.65)]
    for name, rule, threshold in rows:
        values = randomness.lognormal(np.log(threshold) - (2 if rule.drop == "above" else -2), 1, ROWS)
        tests.append(RuleTest(name, threshold, values, rule.fails(values, threshold), drop=rule.drop))
    for test in tests:
        counted[test.name] = count_rule(test, reached, rule_scales(select), sampled)
        rules[np.flatnonzero(reached & test.fails)] = f"select.{test.name}"
        reached &= ~test.fails
    sizes = randomness.lognormal(8, 1.2, ROWS).astype(np.int64) + 1
    metas = (
        orjson.dumps(
            {"url": f"https://host{int(host)}.example/", "date": f"{1990 + int(host) % 30}", "license": "MIT"}
        ).decode()
        for host in randomness.zipf(1.5, ROWS) % 100_000
    )
    content = count_content(sizes, sizes, rules, metas, {"language": pa.array(["en"] * ROWS)})
    ids = [document_id("toy", f"{number} {row}") for row in sampled.tolist()]
    table = pa.table(
        {
            "hash": np.arange(256, dtype=np.uint64),
            "row": sampled.astype(np.int32),
            "id": ids,
            "key": ids,
            "bytes": sizes[sampled],
            "excerpt": [f"{one} " * 20 for one in ids],
        },
        schema=SCHEMA,
    )
    with store.writing(Commits(store, "annotate").object_name) as stream:
        write_table(stream, table)
    dropped = {name: int((rules == name).sum()) for name in sorted({rule for rule in rules if rule})}
    kept = int(reached.sum())
    samples = [[at, row] for at, row in enumerate(sampled.tolist()) if reached[row]][:32]
    record = {"content": content, "samples": samples, "dropped": dropped, "row_groups": [ROWS]}
    return stream.name, {"rules": counted, "dropped": {}, "ledger": ""}, record, kept


def mixed(store: Store, work: Work, names: list[str]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Records of mix and of the shards, every source spread evenly over them."""
    kept = {name: [0, 0] for name in names}
    for block in work.blocks:
        settled = Commits(store, "settle").load(block.settle)
        kept[block.source][0] += settled["kept"]
        kept[block.source][1] += settled["kept_bytes"]
    total = sum(size for _, size in kept.values())
    shared = {"left_out": {"documents": 0, "bytes": 0}, "epochs": "1", "capped": False}
    mix = {
        "total": total,
        "shortfall": 0,
        "sources": {
            name: shared | {"available": size, "target": size, "weight": size / total}
            for name, (_, size) in kept.items()
        },
        "splits": {
            "train": {"shards": list(range(SHARDS + 1))},
            "validation": {"shards": [0]},
            "test": {"shards": [0]},
        },
    }
    Commits(store, "mix").put("mix", mix)
    with store.writing(Commits(store, "assemble").object_name) as stream:
        write_table(stream, INDEX.empty_table())
    shards = []
    for at, task in enumerate(shard_tasks(work, mix)):
        parts = {
            name: [each * (at + 1) // SHARDS - each * at // SHARDS for each in counts] for name, counts in kept.items()
        }
        counted = {name: {"documents": held, "pieces": held, "bytes": size} for name, (held, size) in parts.items()}
        record = {
            "name": task["name"],
            "split": "train",
            "sha256": "",
            "size": 1,
            "digest": "",
            "index": stream.name,
            "frames": [],
        }
        shards.append(record | {"sources": counted})
        Commits(store, "assemble").put(task["key"], shards[-1])
    return mix, shards
