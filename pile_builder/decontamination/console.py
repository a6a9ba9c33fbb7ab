"""What `pile decontaminate` shows in the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from pile_builder.decontamination.disguises import FORMS, VERBATIM, WHOLE
from pile_builder.decontamination.evals import EvalSet, load_items
from pile_builder.decontamination.index import ITEMS_PER_NGRAM, LEAST_WORDS, NGRAM, Index
from pile_builder.decontamination.items import EvalItem
from pile_builder.decontamination.probe import FormResult, ProbeReport
from pile_builder.terminal import Console

SHORT = {"first 75 %": "75 %", "first 50 %": "50 %", "question only": "question", "answer apart": "apart"}
"""Headings of the forms that leave out or move something."""
SHOWN = 5
"""Ids that are named after a problem; the JSON file has all of them."""


class Steps:
    """A bar per step of the work. Without a terminal it prints a line for each that is done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description:<22}"),
            BarColumn(),
            TextColumn("{task.completed:>10,.0f} {task.fields[unit]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Steps:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, step: str, done: int, total: int | None, unit: str) -> None:
        """Show how far a step is; it is done when `done` is `total`, which may not be known before."""
        if step not in self._tasks:
            self._tasks[step] = self._progress.add_task(step, total=total, unit=unit)
        self._progress.update(self._tasks[step], completed=done, total=total)
        if done == total and not self._console.is_terminal:
            self._console.print(f"{step}: {done:,} {unit}", highlight=False)

    def items(self, sets: Sequence[EvalSet]) -> Iterator[EvalItem]:
        """The items of all sets, counted on the way.

        Raises:
            ManifestError: a set cannot be read.
        """
        step, count = "reading eval sets", 0
        for one in sets:
            for item in load_items(one, "."):
                count += 1
                yield item
            self.show(step, count, None, "items")
        self.show(step, count, count, "items")


def print_index(index: Index, counts: Counter[str], out: str, console: Console) -> None:
    """The table of an index that was built: `counts` are the items of each set."""
    short = Counter(name for name, _ in index.unprotectable)
    table = _table(("eval set", "items", "unprotectable"))
    for name, count in counts.items():
        table.add_row(name, f"{count:,}", f"{short[name]:,}" if short[name] else "")
    console.print(table)
    line = f"{out}: {counts.total():,} items, {index.size:,} n-grams, {index.nbytes / 2**20:,.1f} MiB"
    console.print(line, highlight=False, soft_wrap=True)
    _say_unprotectable(index.unprotectable, console)


def print_probe(report: ProbeReport, console: Console) -> None:
    """Share caught by set, the worst of the forms that keep an item whole; all sets by form; then what is wrong."""
    table = _table(("eval set", "planted", "too short", "whole", *SHORT.values()))
    for each in report.sets:
        whole = min((each.forms[form] for form in WHOLE), key=lambda result: result.caught)
        cells = (whole, *(each.forms[form] for form in SHORT))
        short = f"{len(each.unprotectable):,}" if each.unprotectable else ""
        table.add_row(each.name, f"{each.sampled:,}", short, *map(_share, cells))
    console.print("caught, in per cent of the planted:")
    console.print(table)
    console.print()
    totals = _table(("form", "planted", "caught", "missed", "share", "at fault", "cut out", "left over"))
    for form in FORMS:
        results = [each.forms[form] for each in report.sets]
        planted, caught, cut = (sum(getattr(one, name) for one in results) for name in ("planted", "caught", "cut"))
        faults, left = (sum(len(getattr(one, name)) for one in results) for name in ("faults", "survived"))
        counts = (f"{count:,}" for count in (planted, caught, planted - caught))
        share = f"{caught / planted:.2%}" if planted else "-"
        totals.add_row(form, *counts, share, f"{faults:,}", f"{cut:,}", f"{left:,}")
    console.print(totals)
    console.print()
    for line in _explanation(report):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    _say_unprotectable([(each.name, one) for each in report.sets for one in each.unprotectable], console)


def _explanation(report: ProbeReport) -> Iterator[str]:
    yield (
        f"A miss is a copy that a build would keep, since less is left of the item than {NGRAM} words in a row or a "
        "short question and its answer; at fault is the matcher if brute force finds the copy all the same."
    )
    problems = [("missed though whole", form, "missed") for form in WHOLE]
    problems += [("missed, and brute force finds them", form, "faults") for form in SHORT]
    problems += [("still found after cutting", form, "survived") for form in FORMS]
    for what, form, name in problems:
        if found := [f"{each.name}/{one}" for each in report.sets for one in getattr(each.forms[form], name)]:
            yield f"{what}, {form}: {_some(found)}"
    if unnamed := [f"{each.name}/{one}" for each in report.sets for one in each.forms[VERBATIM].unnamed]:
        yield (
            f"caught under other items' names, since over {ITEMS_PER_NGRAM} items of the set share all of their "
            f"n-grams: {_some(unnamed)}"
        )
    documents = sum(result.planted for each in report.sets for result in each.forms.values())
    shared, stray = (sum(getattr(each, name) for each in report.sets) for name in ("shared", "stray"))
    yield (
        f"in {shared:,} of {documents:,} documents other items that share words with the planted one were found too; "
        f"in {stray:,} items were found where nothing was planted"
    )
    held = [f"{one.eval}/{one.item} ({one.seen} of {one.total})" for one in report.contamination]
    holds = f"{len(held):,} items: {_some(held)}" if held else "no item"
    yield f"the text itself, {report.hosts:,} passages that were looked at, holds {holds}"


def _say_unprotectable(unprotectable: Sequence[tuple[str, str]], console: Console) -> None:
    if unprotectable:
        names = _some(f"{name}/{one}" for name, one in unprotectable)
        line = f"{len(unprotectable):,} items have fewer than {LEAST_WORDS} words and cannot be protected: {names}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _table(columns: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    return table


def _share(result: FormResult) -> str:
    # Rounded down: 100 is said of all only.
    return f"{1000 * result.caught // result.planted / 10:g}" if result.planted else "-"


def _some(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
