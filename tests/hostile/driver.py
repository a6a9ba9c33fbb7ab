"""Builds a corpus out of some readers' cases and says what became of each, in a process of its own.

    python -m tests.hostile.driver READER,READER FOLDER [NAME ...]

The last line of the output is JSON: by reader, the outcome of every case; their CPU seconds; the memory that all
processes of the build took beyond what a build of the good files took; by reader, whether the books balance.

Of a source that joins, what the build counts is of all its cases together: the outcome of each is that of reading it
alone, and their sum is to be what the build counted.
"""

import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from pile_builder import source
from pile_builder.allocator import return_freed_memory
from pile_builder.contract.reading import Outcome, raw_records
from pile_builder.manifest import check_manifest
from pile_builder.pipelines import ingest
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.pool import Extraction, extract_lot
from pile_builder.source import Reject, Skipped, Source
from pile_builder.storage import Store
from tests.hostile.cases import Case, Reader, all_cases, all_readers

PARTS = ("kept", "dropped", "skipped")


def main() -> None:
    chosen, folder, *names = sys.argv[1:]
    # As `pile build` does before it imports Arrow.
    return_freed_memory()
    pa.set_memory_pool(pa.system_memory_pool())
    readers = chosen.split(",")
    # Every file is a split of its own, so that what ingest counts belongs to one case.
    source.pack.__defaults__ = (1,)  # type: ignore[attr-defined]
    seconds: dict[str, float] = {}
    _time_splits(seconds)
    known = {reader: all_readers()[reader] for reader in readers}
    good = [Case(reader, name, content) for reader, each in known.items() for name, content in each.good.items()]
    cases = [case for case in all_cases() if case.reader in readers and (not names or case.name in names)]
    cases = [case for case in cases if not case.is_large or os.environ.get("PILE_HOSTILE") or names]
    with Memory() as memory:
        _build(known, good, Path(folder) / "good")
        memory.mark()
        outcome = _build(known, [*good, *cases], Path(folder) / "hostile")
    print(json.dumps({**outcome, "seconds": seconds, "memory": memory.beyond}))
    sys.stdout.flush()
    os._exit(0)


def _time_splits(seconds: dict[str, float]) -> None:
    """Note the CPU time that reading and annotating a split takes; extraction has a limit of its own."""
    run = ingest.IngestSplit.__call__

    def timed(self: ingest.IngestSplit, task: Any) -> Any:
        started = time.thread_time()
        try:
            return run(self, task)
        finally:
            seconds[task["split"]["name"]] = time.thread_time() - started

    ingest.IngestSplit.__call__ = timed  # type: ignore[method-assign]


def _build(known: Mapping[str, Reader], cases: list[Case], folder: Path) -> dict[str, Any]:
    for case in cases:
        case.write(folder / "in" / case.reader)
    manifest = check_manifest(
        {
            "name": "hostile",
            "sources": {
                reader: {"root": str(folder / "in" / reader), "inputs": ["."], "max_reject_rate": 1, **each.entry}
                for reader, each in known.items()
            },
            "select": {"language": None, "recipes": [], "privacy": ["email", "ip", "phone", "secret"]},
            "dedup": {"paragraphs": {}},
            "mix": {"validation": 0, "test": 0},
        },
        str(folder / "m.yaml"),
        {},
    )
    summary = build(manifest, str(folder / "out"), RunOptions(workers=2))
    store = Store(str(folder / "out"))
    records = [
        orjson.loads(store.read(f"work/ingest/{name}")) for name in store.names("work/ingest") if name.endswith(".json")
    ]
    outcomes: dict[str, dict[str, Any]] = {reader: {} for reader in known}
    for one in records:
        # A zip's only range is the zip.
        name = one["name"].partition("/")[2].removesuffix("@0000000000000")
        outcomes[one["source"]][name] = {part: one[part] for part in PARTS}
    balanced = {}
    for reader in known:
        counted = summary["sources"][reader]
        balanced[reader] = counted["read"] == counted["kept"] + sum(counted["dropped"].values())
        if manifest.plugins[reader].joins:
            together = added(outcomes[reader].values())
            mine = [case for case in cases if case.reader == reader]
            outcomes[reader] = {case.name: _alone(manifest.plugins[reader], case) for case in mine}
            balanced[reader] &= together == added(outcomes[reader].values())
    return {"outcomes": outcomes, "balanced": balanced}


def _alone(source: Source, case: Case) -> dict[str, Any]:
    """What becomes of a case's records in a source that joins, without the other cases."""
    config = source.config.model_copy(update={"inputs": (case.name,)})
    alone = type(source)(config)
    rows = {table: dict(alone.read_table(table, files)) for table, files in alone.side_tables().items()}
    alone.bind_tables({table: each.get for table, each in rows.items()})
    outcome: dict[str, Any] = {"kept": 0, "dropped": Counter(), "skipped": Counter()}
    for item in raw_records(alone, alone.splits()):
        assert not isinstance(item, Outcome), item.detail
        if isinstance(item, Skipped):
            outcome["skipped"][item.kind] += item.count
            continue
        [made] = [item] if isinstance(item, Reject) else extract_lot(Extraction(alone, seconds=600), [item], None)
        if isinstance(made, Reject):
            outcome["dropped"][made.rule] += 1
        else:
            outcome["kept"] += 1
    return outcome


def added(outcomes: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The sum of outcomes."""
    total: dict[str, Any] = {"kept": 0, "dropped": Counter(), "skipped": Counter()}
    for one in outcomes:
        total["kept"] += one["kept"]
        for part in ("dropped", "skipped"):
            total[part].update(one[part])
    return total


class Memory:
    """Watches how much memory of their own this process and those below it have, all together, in bytes."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._peak = self._base = 0

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def mark(self) -> None:
        """Take the peak so far for what a build takes anyway."""
        self._base, self._peak = self._peak, 0

    @property
    def beyond(self) -> int:
        """The peak since then beyond that."""
        return max(self._peak - self._base, 0)

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self._peak = max(self._peak, sum(map(_own_bytes, _family(os.getpid()))))


def _family(top: int) -> list[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = [top]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def _own_bytes(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith(("RssAnon", "RssShmem")))


if __name__ == "__main__":
    main()
