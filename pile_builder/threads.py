"""Work on several threads whose results keep their order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

_CGROUP_QUOTAS = (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"))
"""Microseconds of processor time, and in how many they may be used: of version 2, and of version 1."""
Item = TypeVar("Item")
Result = TypeVar("Result")


def cores(root: Path = Path("/sys/fs/cgroup")) -> int:
    """Cores that this process may use: those of its affinity, or a container's limit if that is lower.

    Args:
        root: where control groups are mounted.
    """
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for paths in _CGROUP_QUOTAS:
        with suppress(OSError, ValueError):
            quota, period = " ".join((root / path).read_text() for path in paths).split()
            if int(quota) > 0:
                return min(count, -(-int(quota) // int(period)))
    return count


def in_order(workers: int, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result]]:
    """Work on items in threads, two for each taken ahead; yield each item with its result, in order."""
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for item in items:
            waiting.append((item, pool.submit(work, item)))
            if len(waiting) > 2 * workers:
                first, result = waiting.popleft()
                yield first, result.result()
        while waiting:
            first, result = waiting.popleft()
            yield first, result.result()
