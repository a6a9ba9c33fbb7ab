"""`pile dedup FILES` in the terminal: progress while it runs, a table when it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from pile_builder.console import PhaseProgress
from pile_builder.dedup.files import Options, deduplicate
from pile_builder.dedup.presets import probability
from pile_builder.terminal import Console

FILES_SHOWN = 30
"""Rows of the table, beside the sum."""


def run(files: Sequence[str], out: str, options: Options) -> None:
    """Deduplicate, and say what came of it.

    Raises:
        PileError: as `deduplicate`.
    """
    with PhaseProgress(Console(stderr=True)) as progress:
        report = deduplicate(files, out, options, progress, progress.say)
    _print_report(report, out, options, Console())


def _print_report(report: Mapping[str, Any], out: str, options: Options, console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("file", "read", "exact", "near", "rejected", "kept", "bytes written"):
        table.add_column(name, justify="left" if name == "file" else "right", overflow="fold")
    files = report["files"]
    for file in files[:FILES_SHOWN]:
        table.add_row(*_row(file["output"], file))
    if len(files) > FILES_SHOWN:
        table.add_row(f"... {len(files) - FILES_SHOWN:,} more files")
    if len(files) > 1:
        table.add_section()
        table.add_row(*_row("all", report))
    console.print(table)
    lines = []
    clusters, largest = report["clusters"], report["clusters"]["largest"]
    for top in largest[:1]:
        where = f"{top['file']}, line {top['line']}"
        lines.append(f"{clusters['number']:,} clusters, the largest of {top['documents']:,} documents ({where})")
    if not options.exact_only:
        chance = probability(options.threshold, options.bands, options.rows)
        lines.append(
            f"{chance:.0%} of pairs at the threshold of {options.threshold:g} share one of {options.bands} bands"
        )
    if report["below_threshold"]:
        lines.append(
            f"{report['below_threshold']:,} documents lost through others, below the threshold to their winner"
        )
    lines += [f"{count:,} rejected: {reason}" for reason, count in report["rejected"].items()]
    seconds = report["seconds"]
    spent = ", ".join(f"{name} {seconds[name]:.2f}" for name in seconds)
    lines.append(f"{sum(seconds.values()):.2f} s ({spent}); report: {out.rstrip('/')}/report.json")
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _row(name: str, counts: Mapping[str, Any]) -> tuple[str, ...]:
    dropped, rejected = counts["dropped"], sum(counts["rejected"].values())
    numbers = (counts["read"], dropped["exact"], dropped["near"], rejected, counts["kept"], counts["bytes_written"])
    return name.replace("[", "\\["), *(f"{number:,}" for number in numbers)
