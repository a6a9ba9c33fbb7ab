"""Builds a corpus out of a reader's cases and says what became of each, in a process of its own.

    python -m tests.hostile.driver READER FOLDER [NAME ...]

The last line of the output is JSON: the outcome of every case, its CPU seconds, the memory that all processes of the
build took beyond what a build of one good file took, and whether the books balance.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import orjson

from pile_builder import source
from pile_builder.manifest import check_manifest
from pile_builder.pipelines import ingest
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.storage import Store
from tests.hostile.cases import Case, Reader, all_cases, all_readers

RECIPES = ["gopher_quality_v1", "gopher_repetition_v1", "c4_tfds_v1", "c4_fineweb_v1", "fineweb_v1", "code_v1"]


def main() -> None:
    reader, folder, *names = sys.argv[1:]
    # Every file is a split of its own, so that what ingest counts belongs to one case.
    source.pack.__defaults__ = (1,)  # type: ignore[attr-defined]
    seconds: dict[str, float] = {}
    _time_splits(seconds)
    known = all_readers()[reader]
    good = [Case(reader, name, content) for name, content in known.good.items()]
    cases = [case for case in all_cases() if case.reader == reader and (not names or case.name in names)]
    cases = [case for case in cases if not case.is_large or os.environ.get("PILE_HOSTILE") or names]
    with Memory() as memory:
        _build(reader, known, good, Path(folder) / "good")
        memory.mark()
        outcome = _build(reader, known, [*good, *cases], Path(folder) / "hostile")
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


def _build(reader: str, known: Reader, cases: list[Case], folder: Path) -> dict[str, Any]:
    for case in cases:
        case.write(folder / "in")
    manifest = check_manifest(
        {
            "name": "hostile",
            "root": "in",
            "sources": {reader: {"inputs": ["."], **known.entry}},
            "select": {"language": None, "recipes": [], "privacy": ["email", "ip", "phone", "secret"]},
            "dedup": {"paragraphs": {}},
            "mix": {"validation": 0, "test": 0},
        },
        str(folder / "m.yaml"),
        {},
    )
    summary = build(manifest, str(folder / "out"), RunOptions(workers=2))
    counted = summary["sources"][reader]
    store = Store(str(folder / "out"))
    records = [
        orjson.loads(store.read(f"work/ingest/{name}")) for name in store.names("work/ingest") if name.endswith(".json")
    ]
    outcomes = {
        one["name"].partition("/")[2]: {part: one[part] for part in ("kept", "dropped", "skipped")} for one in records
    }
    balanced = counted["read"] == counted["kept"] + sum(counted["dropped"].values())
    return {"outcomes": outcomes, "balanced": balanced, "kept": counted["kept"]}


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
