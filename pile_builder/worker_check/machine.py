"""Checks of the machine: processors, memory, temporary space, clock."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

from pile_builder.input_files import file_system
from pile_builder.storage import Store
from pile_builder.threads import cores
from pile_builder.worker_check.finding import Finding

MEMORY_BYTES = int(1.8 * 2**30)
"""Memory a thread and its extraction process want: the kernel keeps some of the 2 GiB a core of highcpu machines."""
SPACE_BYTES = 2 << 30
"""Temporary space a thread wants: a block and its sidecars on their way to a remote store."""
CLOCK_SECONDS = 120
"""Stores refuse signed requests from clocks that are some minutes off."""
_CGROUP_MEMORY = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def usable_memory() -> int:
    """Bytes of memory: the machine's, or a container's limit if that is lower."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _CGROUP_MEMORY:
        if path.exists() and (limit := path.read_text().strip()).isdigit():
            memory = min(memory, int(limit))
    return memory


def check_machine(threads: int) -> Iterator[Finding]:
    """Compare processors, memory and temporary space with what `threads` threads need."""
    memory = usable_memory()
    enough = memory >= threads * MEMORY_BYTES
    fix = "" if enough else f"a machine type with 2 GB a vCPU or more, or --threads {max(1, memory // MEMORY_BYTES)}"
    found = (
        f"{cores()} cores, {memory / 2**30:.1f} GiB; {threads} threads want {threads * MEMORY_BYTES / 2**30:.1f} GiB"
    )
    yield Finding("memory", enough, found, fix)
    folder = tempfile.gettempdir()
    free, wanted = shutil.disk_usage(folder).free, threads * SPACE_BYTES
    found = f"{folder}: {free / 2**30:.0f} GiB free; {threads} threads want {wanted / 2**30:.0f} GiB"
    fix = "" if free >= wanted else "a larger disk (disk_gb of the runner's profile), or TMPDIR on another"
    yield Finding("temporary space", free >= wanted, found, fix)
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"writable")


def check_clock(store: Store | None) -> Iterator[Finding]:
    """Compare the clock with the time that the store gives a new file."""
    if store is None:
        yield Finding("clock", ok=True, found="not compared: give --out, the store's time is the measure")
        return
    name = f"work/check/{uuid.uuid4().hex}"
    before = time.time()
    store.write(name, b"now")
    try:
        if store.is_local:
            there = Path(store.path(name)).stat().st_mtime
        else:
            fs, path = file_system(store.path(name))
            there = fs.modified(path).astimezone(UTC).timestamp()
    except NotImplementedError:
        yield Finding("clock", ok=True, found=f"not compared: {store.root} tells no time of change")
        return
    finally:
        store.remove(name)
    off = there - (before + time.time()) / 2
    ok = abs(off) <= CLOCK_SECONDS
    yield Finding("clock", ok, f"{off:+.1f} s against the store", "" if ok else "synchronise the clock (NTP)")
