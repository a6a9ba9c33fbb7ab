"""Peak memory of a whole build, and how it grows with the input."""

from __future__ import annotations

from benchmarks.inputs import MANIFEST
from benchmarks.processes import WORKERS, run_ours
from benchmarks.report import Result, Row
from benchmarks.settings import Settings

TIMES = 10
LIMIT = 1.5 * 2**30
GROWTH = 1.1


def run(settings: Settings) -> Result:
    """Proportional set size (what is shared is counted once) of the command and its pool, sampled while they run."""
    small, large = (
        run_ours(MANIFEST, settings.input(copies), settings.work / "memory", sample_memory=True).memory
        for copies in (1, TIMES)
    )
    return Result(
        [
            Row(
                "memory a core, PSS",
                f"{small / WORKERS / 2**30:.2f} GiB",
                target="1.5 GiB at most",
                reached=small / WORKERS <= LIMIT,
            ),
            Row(
                f"memory a core with {TIMES} times the input",
                f"{large / WORKERS / 2**30:.2f} GiB",
                ratio=f"{large / small:.2f}x",
                target=f"{GROWTH:g}x at most",
                reached=large <= GROWTH * small,
            ),
        ]
    )
