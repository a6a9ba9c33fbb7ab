"""What a build shows in the terminal: a bar per phase while it runs, a table when it is done."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.prompt import Confirm
from rich.table import Table

from pile_builder.terminal import Console

UNITS = {
    "plan": "sources",
    "fragments": "splits",
    "ingest": "splits",
    "annotate": "sidecars",
    "select": "blocks",
    "dedup": "corpus",
    "paragraphs": "readings",
    "count": "blocks",
    "decontaminate": "blocks",
    "settle": "blocks",
    "locate": "index",
    "takedown": "records",
    "recount": "blocks",
    "mix": "plan",
    "assemble": "shards",
    "subsets": "shards",
    "tokenize": "shards",
    "shards": "shards",
    "merges": "splits",
    "read": "MB",
    "write": "MB",
}


LINE_SECONDS = 30


class PhaseProgress:
    """Call it as (phase, done, total, records) while a build runs.

    Without a terminal it prints a line per finished phase, and every half minute how far the running one is.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description:<13}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[records]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._finished: set[str] = set()
        self._last_line = time.monotonic()

    def __enter__(self) -> PhaseProgress:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, phase: str, done: int, total: int, records: int = 0) -> None:
        """Show that `done` of a phase's `total` tasks are committed, and the records that its long tasks have read."""
        if phase not in self._tasks:
            self._tasks[phase] = self._progress.add_task(phase, total=total, unit=UNITS[phase], records="")
        read = f"{records:,} records" if records else ""
        self._progress.update(self._tasks[phase], completed=done, total=total, records=read)
        if self._console.is_terminal or phase in self._finished:
            return
        if done == total:
            self._finished.add(phase)
            self._console.print(f"{phase}: {done} {UNITS[phase]} done", highlight=False)
        elif time.monotonic() - self._last_line >= LINE_SECONDS:
            self._last_line = time.monotonic()
            line = f"{phase}: {done} of {total} {UNITS[phase]} done{', ' if read else ''}{read}"
            self._console.print(line, highlight=False)

    def confirm(self, question: str) -> bool:
        """Ask on the terminal, with the bars out of the way."""
        self._progress.stop()
        try:
            return Confirm.ask(question, console=self._console, default=False)
        finally:
            self._progress.start()

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(line, highlight=False, markup=False)


def print_summary(summary: Mapping[str, Any], out: str, console: Console) -> None:
    """The table at the end of a build."""
    table = Table(box=None, pad_edge=False)
    for name in ("source", "read", "dropped", "kept", "kept bytes", "epochs", "weight", "train bytes"):
        table.add_column(name, justify="left" if name == "source" else "right", no_wrap=True)
    for name, source in summary["sources"].items():
        table.add_row(
            name,
            f"{source['read']:,}",
            f"{sum(source['dropped'].values()):,}",
            f"{source['kept']:,}",
            f"{source['kept_bytes']:,}",
            _epochs(source["epochs"]),
            f"{source['weight']:.1%}",
            f"{source['written']['train']['bytes']:,}",
        )
    console.print(table)
    console.print()
    drops = Table(box=None, pad_edge=False)
    for name in ("source", "dropped by", "documents"):
        drops.add_column(name, justify="right" if name == "documents" else "left", no_wrap=True)
    for name, source in summary["sources"].items():
        for rule, count in sorted(source["dropped"].items(), key=lambda item: (-item[1], item[0])):
            drops.add_row(name, rule, f"{count:,}")
    console.print(drops)
    console.print()
    for name, source in summary["sources"].items():
        for value, count in source.get("tallies", {}).items():
            console.print(f"{name}: of those extracted, {count:,} with {value}", highlight=False)
    for split, counts in summary["written"].items():
        pieces = f" in {counts['pieces']:,} pieces" if counts["pieces"] != counts["documents"] else ""
        line = f"{split:<10} {counts['documents']:>9,} documents {counts['bytes']:>15,} bytes{pieces}"
        console.print(line, highlight=False)
    for one in summary.get("subsets", ()):
        line = f"{one['subset']:<10} {one['documents']:>9,} documents {one['bytes']:>15,} bytes"
        where = f"{one['share']:.1%} of train, in {one['folder']}"
        console.print(f"{line}, {where}", highlight=False, soft_wrap=True)
    for alarm in summary.get("alarms", ()):
        console.print(f"alarm: {alarm}", style="bold red", highlight=False)
    console.print(f"report: {out.rstrip('/')}/report/index.html", highlight=False, soft_wrap=True)
    console.print(f"corpus: {out.rstrip('/')}/corpus  digest {summary['digest']}", highlight=False, soft_wrap=True)


def _epochs(fraction: str) -> str:
    top, _, bottom = fraction.partition("/")
    return f"{int(top) / int(bottom or 1):.3g}"
