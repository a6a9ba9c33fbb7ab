"""What `pile classifier train` shows in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from pile_builder.terminal import Console


class Reading:
    """Call it as (what, documents so far) while inputs are read. Without a terminal it prints each total only."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description:<18} {task.completed:>12,.0f} documents"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None
        self._what = ""
        self._count = 0

    def __enter__(self) -> Reading:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish()
        self._progress.stop()

    def __call__(self, what: str, count: int) -> None:
        """Show that so many documents are read."""
        if what != self._what or self._task is None:
            self._finish()
            self._task = self._progress.add_task(what, total=None)
        self._what, self._count = what, count
        self._progress.update(self._task, completed=count)

    def say(self, line: str) -> None:
        """Print a line; what was read before it is complete."""
        self._finish()
        self._progress.console.print(line, highlight=False, markup=False)

    def _finish(self) -> None:
        if self._task is None:
            return
        self._progress.update(self._task, total=max(self._count, 1), completed=max(self._count, 1))
        if not self._console.is_terminal:
            self._console.print(f"{self._what}: {self._count:,} documents", highlight=False)
        self._task = None


def print_report(report: Mapping[str, Any], out: str, console: Console) -> None:
    """The tables at the end of a training."""
    table = Table(box=None, pad_edge=False)
    for name in ("class", "documents", "taken", "held out", "windows trained", "windows held out"):
        table.add_column(name, justify="left" if name == "class" else "right", no_wrap=True)
    for name, count in report["examples"].items():
        numbers = ("documents", "taken", "heldout", "training_lines", "heldout_lines")
        table.add_row(name, *(f"{count[each]:,}" for each in numbers))
    console.print(table)
    held = report["heldout"]
    if "auc" in held:
        console.print(f"\nheld out: AUC {held['auc']:.4f}, average precision {held['average_precision']:.4f}")
        kept = Table(box=None, pad_edge=False)
        for name in ("", "positives kept", "negatives kept"):
            kept.add_column(name, justify="right" if name else "left", no_wrap=True)
        lines = {name: count["heldout_lines"] for name, count in report["examples"].items()}
        for row in held["confusion"]:
            shares = row["true_positive"] / lines["positive"], row["false_positive"] / lines["negative"]
            kept.add_row(f"score >= {row['threshold']:g}", *(f"{share:.1%}" for share in shares))
        for name, shares in held["kept_by"].items():
            kept.add_row(f"{name} (Pareto)", f"{shares['positive']:.1%}", f"{shares['negative']:.1%}")
        console.print(kept)
    else:
        console.print("\nnothing was held out of one class: more documents are needed to judge the model")
    model = report["model"]
    line = f"{out.rstrip('/')}/{model['file']}: {model['bytes']:,} bytes, sha256 {model['sha256']}"
    console.print(line, highlight=False, soft_wrap=True)
