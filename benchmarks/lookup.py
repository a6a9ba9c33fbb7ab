"""Look-ups in a build of ten million documents: time and memory of the index, and of `pile explain` as whole processes.

Writes what phases up to assemble would have left of documents with next to no text, runs the phase locate in a process
of its own, then asks for documents and domains, with nothing of the files in the page cache, and counts what is opened.

    python -m benchmarks.lookup FOLDER 10000000
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import orjson
import pyarrow as pa

from benchmarks.processes import WORKERS
from benchmarks.report import Result, Row, seconds
from benchmarks.settings import Settings
from pile_builder.audit.find import find_places
from pile_builder.blocks import RowGroupWriter, write_table
from pile_builder.commits import Commits
from pile_builder.document import BLOCK, REJECTS, document_id
from pile_builder.domains import domain_hash, domains_above
from pile_builder.names import NAMES, alias_of, name_hash
from pile_builder.pipelines.assemble import INDEX
from pile_builder.pipelines.engine import RunOptions
from pile_builder.pipelines.locate import run_locate
from pile_builder.pipelines.settle import VERDICTS
from pile_builder.selection import Select
from pile_builder.source import Split
from pile_builder.storage import Store
from pile_builder.story import STORY, read_story
from pile_builder.work import BlockWork, Work

DOCUMENTS, BLOCK_DOCUMENTS, GROUP = 10_000_000, 5_000, 1_000
HOSTS = 200_000
GIANT = "giant.example"
"""Every tenth document is from here."""
SHARDS, SEGMENTS = 25, 800
SEED = 7
SECONDS = 5.0
OBJECTS = 3


@dataclass
class Counted:
    """What a look-up took: objects opened, bytes read."""

    names: list[str] = field(default_factory=list)
    size: int = 0


def run(settings: Settings) -> Result:
    """Generate, index, and ask."""
    folder = settings.work / "lookup"
    shutil.rmtree(folder, ignore_errors=True)
    found = measure(folder, DOCUMENTS, settings.repetitions)
    shutil.rmtree(folder)
    rows = [Row(f"index of {DOCUMENTS:,} documents", seconds(found["index_seconds"]))]
    rows.append(Row(f"index of {DOCUMENTS:,} documents: size", f"{found['index_bytes'] / 1e6:.0f} MB"))
    for name, spent in found["seconds"].items():
        limit = f"{SECONDS:g} s at most"
        rows.append(Row(f"pile explain, {name}", seconds(spent), target=limit, reached=spent <= SECONDS))
    objects = max(len(one["objects"]) for one in found["found"].values())
    size = max(one["bytes"] for one in found["found"].values())
    limit = f"{OBJECTS} at most"
    rows.append(Row("objects opened to find a document", str(objects), target=limit, reached=objects <= OBJECTS))
    most = max(found["cpu_seconds"].values())
    most, memory = max(found["cpu_seconds"].values()), found["index_memory"] / 2**30
    note = (
        f"lookup: {found['blocks']:,} blocks, generated; {size / 1e6:.2f} MB are read to find a document, "
        f"`pile explain` takes {seconds(most)} of a processor at most; the index took {memory:.1f} GiB at its peak."
    )
    return Result(rows, [note])


def measure(folder: Path, documents: int, repetitions: int) -> dict[str, Any]:
    """Everything that is measured, as JSON."""
    step = [sys.executable, "-m", "benchmarks.lookup", str(folder), str(documents), "--step"]
    asked = orjson.loads(subprocess.run([*step, "generate"], check=True, stdout=subprocess.PIPE).stdout)
    indexed = subprocess.run([*step, "index"], check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1]
    questions = {
        "by id": [asked["id"]],
        "by URL": [asked["url"]],
        "a reject by URL": [asked["reject"]],
        "not there": ["http://nowhere.example/"],
        "a domain": ["--domain", asked["domain"]],
        "a domain of a tenth of all": ["--domain", GIANT],
    }
    times: dict[str, list[float]] = {name: [] for name in questions}
    cpu: dict[str, list[float]] = {name: [] for name in questions}
    pile = str(Path(sys.executable).with_name("pile"))
    for _ in range(repetitions):
        for name, words in questions.items():
            drop_cached(folder)
            started, spent = time.perf_counter(), _children_seconds()
            done = subprocess.run([pile, "explain", str(folder), *words], check=False, capture_output=True)
            times[name].append(time.perf_counter() - started)
            cpu[name].append(_children_seconds() - spent)
            if done.returncode != (name == "not there"):
                raise RuntimeError(done.stderr.decode())
    names = {name: words[0] for name, words in questions.items() if words[0] != "--domain"}
    return {
        **orjson.loads(indexed),
        "blocks": asked["blocks"],
        "disk": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        "seconds": {name: statistics.median(values) for name, values in times.items()},
        "cpu_seconds": {name: statistics.median(values) for name, values in cpu.items()},
        "found": {name: _counted(folder, word) for name, word in names.items()},
    }


def _children_seconds() -> float:
    """Processor seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _counted(folder: Path, wanted: str) -> dict[str, Any]:
    counted = Counted()
    store = CountingStore(str(folder), counted)
    places = find_places(store, read_story(store), wanted)
    return {"places": len(places), "objects": counted.names, "bytes": counted.size}


def drop_cached(folder: Path) -> None:
    """Ask the system to forget the files of a folder."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


class CountingStore(Store):
    """A store that counts what is opened and read."""

    def __init__(self, root: str, counted: Counted) -> None:
        super().__init__(root)
        object.__setattr__(self, "_counted", counted)

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Open a file whose reads are counted."""
        counted: Counted = self.__dict__["_counted"]
        counted.names.append(name)
        with super().open(name) as stream:
            yield cast("BinaryIO", _Counting(stream, counted))


class _Counting:
    def __init__(self, stream: BinaryIO, counted: Counted) -> None:
        self._stream, self._count = stream, counted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._count.size += len(data)
        return data


def generate(store: Store, documents: int) -> dict[str, Any]:
    """Write the records and objects of a build; returns what to ask for."""
    rng = np.random.default_rng(SEED)
    hosts = [f"{'www.' * (one % 3 == 0)}site{one}.example" for one in range(HOSTS)]
    hashes = np.array([domain_hash(next(domains_above(host))) for host in hosts], np.uint64)
    count = documents // BLOCK_DOCUMENTS
    ids: list[pa.Array] = []
    asked: dict[str, Any] = {"blocks": count}
    for rank in range(count):
        chosen = rng.integers(0, HOSTS, BLOCK_DOCUMENTS)
        is_giant = rng.random(BLOCK_DOCUMENTS) < 0.1
        numbers = rng.integers(0, 2**63, BLOCK_DOCUMENTS)
        pairs = zip(chosen.tolist(), is_giant.tolist(), numbers.tolist(), strict=True)
        keys = [f"http://{GIANT if giant else hosts[one]}/{number:x} 2024-01-01" for one, giant, number in pairs]
        words = rng.bytes(10 * BLOCK_DOCUMENTS).hex()
        names = [f"web:{words[at : at + 20]}" for at in range(0, len(words), 20)]
        aliases = rng.integers(0, 2**64, BLOCK_DOCUMENTS + 1, np.uint64)
        if rank == count // 2:
            # Random hashes but for those that are asked for.
            names[77] = document_id("web", keys[77])
            aliases[78] = name_hash(alias_of("web", keys[78]))
            asked |= {"id": names[77], "url": keys[78].split(" ")[0], "domain": hosts[int(chosen[0])]}
        reject = f"http://rejected.example/{rank} 2024-01-01"
        aliases[-1] = name_hash(alias_of("web", reject))
        asked["reject"] = reject.split(" ")[0]
        ids.append(pa.array(names))
        domains = np.append(np.where(is_giant, np.uint64(domain_hash(GIANT)), hashes[chosen]), hashes[0])
        _block(store, rank, names, keys, reject, aliases, domains)
    shards = _shards(store, ids)
    _story(store, count, shards)
    return asked


def _block(store: Store, rank: int, names: list[str], keys: list[str], reject: str, aliases: Any, domains: Any) -> None:
    rows = len(names)
    hexes = b"".join(bytes.fromhex(name[4:20]) for name in [*names, document_id("web", reject)])
    id64 = np.frombuffer(hexes, ">u8").astype(np.uint64)
    sizes = pa.array(np.full(rows, 4_000))
    texts = pa.array(["some text"] * rows, pa.large_string())
    batch = pa.record_batch([pa.array(names), pa.array(keys), pa.array(["{}"] * rows), sizes, texts], schema=BLOCK)
    commits = Commits(store, "ingest")
    with store.writing(commits.object_name) as block:
        writer = RowGroupWriter(block, BLOCK, GROUP * 4_000)
        writer.write(batch, sizes.to_numpy())
        writer.close()
    rejected = pa.table([[document_id("web", reject)], [reject], ["bad"], [""]], schema=REJECTS)
    with store.writing(commits.object_name) as rejects:
        write_table(rejects, rejected)
    record = {"block": block.name, "rejects": rejects.name, "row_groups": writer.rows, "read": rows + 1}
    commits.put(f"i{rank}", record | {"source": "web"})
    settled = Commits(store, "settle")
    rules = [None if at % 3 else "select.short" for at in range(rows)]
    table = [id64[:-1], sizes, np.ones(rows, np.int32), pa.array(rules, pa.string())]
    with store.writing(settled.object_name) as verdicts:
        write_table(verdicts, pa.table(table, schema=VERDICTS))
    lists = pa.ListArray.from_arrays(pa.array(np.arange(rows + 2, dtype=np.int32)), pa.array(domains))
    known = [pa.array(id64), pa.array(aliases), lists, pa.array([None] * rows + ["ingest.bad"], pa.string())]
    with store.writing(settled.object_name) as named:
        write_table(named, pa.table(known, schema=NAMES))
    settled.put(f"e{rank}", {"verdicts": verdicts.name, "names": named.name})


def _shards(store: Store, ids: list[pa.Array]) -> list[dict[str, Any]]:
    """Shards whose segments take row groups in turn, and the plan of them."""
    groups = BLOCK_DOCUMENTS // GROUP
    places = [(rank, group) for rank in range(len(ids)) for group in range(groups)]
    segment = [at % SEGMENTS for at in range(len(places))]
    plan = {"segment": segment, "block": [rank for rank, _ in places], "row_group": [group for _, group in places]}
    with store.writing(Commits(store, "mix").object_name) as stream:
        write_table(stream, pa.table(plan))
    Commits(store, "mix").put("mix", {"splits": {"train": {"plan": stream.name}}})
    tasks = []
    for shard in range(SHARDS):
        start, end = shard * SEGMENTS // SHARDS, (shard + 1) * SEGMENTS // SHARDS
        mine = [place for place, one in zip(places, segment, strict=True) if start <= one < end]
        names = pa.concat_arrays(
            [pa.array([], pa.string())] + [ids[rank][group * GROUP : (group + 1) * GROUP] for rank, group in mine]
        )
        nothing = np.zeros(len(names))
        columns = [names, *(pa.array(nothing, one.type, safe=False) for one in list(INDEX)[1:])]
        with store.writing(Commits(store, "assemble").object_name) as index:
            write_table(index, pa.table(columns, schema=INDEX))
        name = f"train/{shard:05}.jsonl.zst"
        Commits(store, "assemble").put(f"a{shard}", {"name": name, "index": index.name})
        tasks.append({"key": f"a{shard}", "name": name, "split": "train", "start": start, "end": end})
    return tasks


def work_of(blocks: int) -> Work:
    """The work whose records `generate` writes."""
    empty = dict.fromkeys(("select", "paragraphs", "count", "decontaminate"), "")
    made = [
        BlockWork(rank, "web", Split(f"crawl/{rank:05}.warc.gz", ()), f"i{rank}", {}, settle=f"e{rank}", **empty)
        for rank in range(blocks)
    ]
    return Work((), tuple(made), "", "", "", "locate", "mix", {}, {})


def _story(store: Store, blocks: int, shards: list[dict[str, Any]]) -> None:
    # A real build's keys and annotation sets take more room.
    told = [
        block.task(block.settle)
        | {"ingest": block.ingest, "settle": block.settle, "sets": {}}
        | {"select": "", "paragraphs": "", "decontaminate": "", "as_long_as": "0" * 400}
        for block in work_of(blocks).blocks
    ]
    story = {
        "blocks": told,
        "selects": {"web": Select(language=None).model_dump(mode="json")},
        "sources": {"web": {}},
        "seed": 1,
        "dedup": "",
        "locate": "locate",
        "mix": "mix",
        "shards": shards,
        "takedown": "",
    }
    store.write(STORY, orjson.dumps(story))


def index(store: Store, blocks: int) -> dict[str, Any]:
    """Run the phase; seconds, peak memory of this process, and bytes of the index."""
    started = time.perf_counter()
    run_locate(store, work_of(blocks), RunOptions(workers=WORKERS))
    spent = time.perf_counter() - started
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    parts = Commits(store, "locate").load("locate")["parts"]
    size = sum(Path(store.path(part["object"])).stat().st_size for part in parts.values())
    return {"index_seconds": spent, "index_memory": peak, "index_bytes": size, "partitions": len(parts)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure for as many documents as asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("documents", type=int)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--step", choices=("generate", "index"), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    store = Store(str(given.folder))
    if given.step == "generate":
        print(orjson.dumps(generate(store, given.documents)).decode())
    elif given.step == "index":
        print(orjson.dumps(index(store, given.documents // BLOCK_DOCUMENTS)).decode())
    else:
        found = measure(given.folder, given.documents, given.repetitions)
        print(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())


if __name__ == "__main__":
    main()
