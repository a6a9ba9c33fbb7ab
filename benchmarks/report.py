"""The table that the benchmarks print and keep."""

from __future__ import annotations

import datetime
import os
import platform
import re
import statistics
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

OUR_PACKAGES = ("pile-builder", "apache-beam", "numba", "trafilatura", "resiliparse", "selectolax", "ftfy")
THEIR_PACKAGES = ("datatrove", "spacy", "trafilatura", "resiliparse")
DEDUP_PACKAGES = ("rensa", "text-dedup")


@dataclass(frozen=True)
class Row:
    """One line of the table; `reached` is None where there is no target."""

    work: str
    ours: str
    theirs: str = ""
    ratio: str = ""
    target: str = ""
    reached: bool | None = None


@dataclass
class Result:
    """What one benchmark found: rows, and sentences that explain them."""

    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def at_least(work: str, ours: float, theirs: float, target: float | None, show: Callable[[float], str]) -> Row:
    """A row whose ratio is theirs over ours (times), which should reach the target."""
    ratio = theirs / ours
    wanted = f"{target:g}x" if target is not None else ""
    return Row(work, show(ours), show(theirs), f"{ratio:.2f}x", wanted, None if target is None else ratio >= target)


def seconds(value: float) -> str:
    """A duration."""
    return f"{value:.1f} s"


def per_cent(share: float) -> str:
    """A share in per cent."""
    return f"{100 * share:.2f} %"


def alternate(repetitions: int, *measures: Callable[[], float]) -> list[float]:
    """Run the measures in turn, A, B, A, B, ...; the median of each."""
    taken: list[list[float]] = [[] for _ in measures]
    for _ in range(repetitions):
        for values, measure in zip(taken, measures, strict=True):
            values.append(measure())
    return [statistics.median(values) for values in taken]


def plain_table(rows: Sequence[Row]) -> str:
    """The rows as aligned text."""
    cells = [("work", "ours", "theirs", "ratio", "target", "reached"), *map(_cells, rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    return "\n".join("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)) for line in cells)


def markdown(results: Iterable[Result], theirs: Mapping[Path, Sequence[str]], command: str, repetitions: int) -> str:
    """The whole of RESULTS.md; `theirs` has other tools' packages by the Python interpreter that has them."""
    results = list(results)
    lines = [
        "# Results",
        "",
        f"Written by `{command}` on {datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d %H:%M} UTC; medians of "
        f"{repetitions} where a time is given. [README.md](README.md) says what each line means.",
        "",
        f"- Machine: {_processor()}, {os.cpu_count()} cores, {_memory()} GiB; Python {platform.python_version()}; load "
        f"at the end {os.getloadavg()[1]:.1f} over five minutes",
        f"- Ours: {', '.join(f'{name} {version(name)}' for name in OUR_PACKAGES)}",
        f"- Theirs: {', '.join(_their_versions(python, names) for python, names in theirs.items())}",
        "",
        "| work | ours | theirs | ratio | target | reached |",
        "|---|---|---|---|---|---|",
    ]
    lines += [f"| {' | '.join(_cells(row))} |" for result in results for row in result.rows]
    lines += ["", *(f"- {note}" for result in results for note in result.notes), ""]
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    reached = {None: "", True: "yes", False: "no"}[row.reached]
    return (row.work, row.ours, row.theirs, row.ratio, row.target, reached)


def _processor() -> str:
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.processor()


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _their_versions(python: Path, names: Sequence[str]) -> str:
    code = f"from importlib.metadata import version\nfor name in {tuple(names)!r}: print(name, version(name))"
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True)
    return ", ".join(done.stdout.splitlines())
