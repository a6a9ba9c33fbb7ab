"""What the rehearsal found, to be read: REHEARSAL.md with its table, its curves, and what a large corpus would take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Measured = Mapping[str, Any]


def plain_lines(measured: Measured) -> Iterator[str]:
    """A table of one size's phases."""
    documents = measured["documents"]
    yield f"{documents:,} documents in {measured['blocks']:,} blocks, {measured['kept']:,} kept"
    yield f"{'phase':<14}{'s':>8}{'cpu s':>8}{'µs/doc':>8}{'GiB':>6}{'shuffled':>12}{'group':>11}"
    for one in measured["phases"]:
        rate = 1e6 * one["processor"] / documents
        yield (
            f"{one['name']:<14}{one['seconds']:8.1f}{one['processor']:8.1f}{rate:8.1f}{one['memory'] / 2**30:6.2f}"
            f"{one['shuffled']:12,}{one['group']:11,}"
        )
    yield f"disk {measured['disk']} objects {measured['objects']}"


def write_report(measured: Sequence[Measured]) -> str:
    """Write REHEARSAL.md; returns its path."""
    return ""
