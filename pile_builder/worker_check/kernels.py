"""Checks of the compiled kernels: that this processor can run them, and whether they come from the cache."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numba
from llvmlite.binding import get_host_cpu_features, get_host_cpu_name
from numba.core.registry import CPUDispatcher

from pile_builder.worker_check.finding import Finding

LEVEL_FEATURES = {
    "x86-64-v2": ("sse4.2", "popcnt"),
    "x86-64-v3": ("sse4.2", "popcnt", "avx2", "bmi", "bmi2", "fma", "f16c", "lzcnt", "movbe"),
    "x86-64-v4": ("avx2", "bmi2", "fma", "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
}
"""What a processor must have, by level of the x86-64 psABI."""


def check_processor() -> Iterator[Finding]:
    """Make sure that the processor that kernels are compiled for (NUMBA_CPU_NAME) is no better than this one."""
    wanted = numba.config.CPU_NAME or ""
    host = get_host_cpu_features()
    missing = [name for name in LEVEL_FEATURES.get(wanted, ()) if not host.get(name)]
    if missing:
        found = f"kernels are for {wanted}; {get_host_cpu_name()} lacks {', '.join(missing)}"
        fix = "a machine type with a newer processor (not n1), or another NUMBA_CPU_NAME in the image"
        yield Finding("processor", ok=False, found=found, fix=fix)
    else:
        target = wanted or "this processor alone: an image for other machines sets NUMBA_CPU_NAME"
        yield Finding("processor", ok=True, found=f"{get_host_cpu_name()}; kernels are for {target}")


def kernel_counts() -> tuple[int, int]:
    """Kernels of the package that this process has loaded from numba's cache, and those that it had to compile."""
    hits = misses = 0
    for name, module in list(sys.modules.items()):
        if name.startswith("pile_builder."):
            for value in vars(module).values():
                # A kernel imported elsewhere counts once, where it is defined.
                if isinstance(value, CPUDispatcher) and value.py_func.__module__ == name:
                    hits += sum(value.stats.cache_hits.values())
                    misses += sum(value.stats.cache_misses.values())
    return hits, misses
