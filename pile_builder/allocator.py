"""Makes this process and those that it starts hand freed memory back to the system instead of keeping it for later.

Blocks of text come and go by the megabyte; left alone, glibc's and Arrow's allocators keep a peak's worth of it in
every thread's arena for the rest of a build.
"""

from __future__ import annotations

import ctypes
import os

THRESHOLD = 1 << 20
"""Bytes: larger allocations are mapped on their own, and this much free space at the heap's end is given back."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def return_freed_memory() -> None:
    """Set the thresholds; call it before pyarrow is imported. Without glibc only Arrow's allocator is chosen."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(THRESHOLD))
    os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(THRESHOLD))
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_TRIM_THRESHOLD, THRESHOLD)
        mallopt(_M_MMAP_THRESHOLD, THRESHOLD)
