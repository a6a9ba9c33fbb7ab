"""What each phase of a build in this process takes: wall and processor seconds, memory, and what it shuffles."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes import process_tree, proportional_set_size
from pile_builder.pipelines import dedup_clusters, dedup_links, packing, paragraphs

SAMPLE_SECONDS = 0.5


@dataclass
class PhaseCost:
    """One phase, from the end of the one before to its own end.

    Attributes:
        seconds: by the clock.
        processor: of this process and all below it, user and system.
        memory: highest proportional set size of them all, bytes, sampled.
        shuffled: bytes of packed elements that went into a shuffle.
        elements: how many these were.
        group: bytes of the largest group that came out of one.
    """

    name: str
    seconds: float = 0.0
    processor: float = 0.0
    memory: int = 0
    shuffled: int = 0
    elements: int = 0
    group: int = 0


class PhaseMeter:
    """Use it as the `watch` of a build; `close` ends it and gives the phases in order.

    Shuffled bytes are counted where phases pack their elements and unpack their groups, which runs in this process as
    long as the mode is `in_memory`. Task descriptions and counts that are shuffled beside them are left out: some
    hundred bytes a block.
    """

    def __init__(self) -> None:
        self._phases: list[PhaseCost] = []
        self._name = "plan"
        self._began, self._used = time.perf_counter(), _processor_seconds()
        self._last = (self._began, self._used)
        self._memory = 0
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        self._count_shuffles()

    def __call__(self, phase: str, done: int, total: int, records: int = 0) -> None:
        """A phase says how far it is."""
        if phase != self._name:
            self._close(phase, *self._last)
        if done == total or phase != self._name:
            self._last = (time.perf_counter(), _processor_seconds())

    def next(self, phase: str) -> None:
        """What follows belongs to another phase."""
        self._last = (time.perf_counter(), _processor_seconds())
        self._close(phase, *self._last)

    def close(self) -> list[dict[str, Any]]:
        """End the last phase."""
        self.next("")
        self._over.set()
        self._thread.join()
        return [asdict(one) for one in self._phases]

    def _close(self, following: str, now: float, used: float) -> None:
        with self._lock:
            counts, self._counts = self._counts, Counter()
        self._phases.append(
            PhaseCost(
                self._name,
                now - self._began,
                used - self._used,
                self._memory,
                counts["bytes"],
                counts["elements"],
                counts["group"],
            )
        )
        self._name, self._began, self._used, self._memory = following, now, used, 0

    def _sample(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self._memory = max(self._memory, sum(map(proportional_set_size, process_tree(os.getpid()))))

    def _count_shuffles(self) -> None:
        pack, unpack = packing.pack, packing.unpack

        def counted_pack(key: int, rows: Any) -> Iterable[packing.Packed]:
            for element in pack(key, rows):
                with self._lock:
                    self._counts["bytes"] += len(element[1])
                    self._counts["elements"] += 1
                yield element

        def counted_unpack(packed: Iterable[bytes], dtype: Any) -> Any:
            rows = unpack(packed, dtype)
            with self._lock:
                self._counts["group"] = max(self._counts["group"], rows.nbytes)
            return rows

        replacements: dict[str, Callable[..., Any]] = {"pack": counted_pack, "unpack": counted_unpack}
        for module in (packing, dedup_clusters, dedup_links, paragraphs):
            for name, function in replacements.items():
                if hasattr(module, name):
                    setattr(module, name, function)


def _processor_seconds() -> float:
    """Of this process and all below it, those that have ended included."""
    ticks = 0
    for process in process_tree(os.getpid()):
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")
