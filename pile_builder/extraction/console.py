"""Trials of extractors for the eye: a table, texts in columns, the page's lines with marks, what only one kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING

from rich.rule import Rule
from rich.table import Table
from rich.text import Text as RichText

from pile_builder.extraction.overlap import Text, agreement, aligned, text_of
from pile_builder.extraction.trials import Page, Trial
from pile_builder.terminal import Console

if TYPE_CHECKING:
    from pile_builder.main_content import Block

PATH_SHOWN = 3
"""Innermost tags of a block that are shown."""
LINE_CHARACTERS = 600
"""Most of a line that is shown."""
MOST, SOME = 0.8, 0.2
"""Shares of a line's words from which it counts as kept, and as kept in part."""
MARKS = {"kept": "●", "part": "◐", "lost": "·"}
_STYLES = {"kept": "green", "part": "yellow", "lost": "dim"}
OF_THE_PAGE = frozenset({"title", "language", "date_published", "canonical_url", "url"})
"""Metadata that is shown above the trials."""
LOST_SHOWN = 3
"""Lines in a row that all lost and that are still shown each."""


@dataclass(frozen=True)
class Trials:
    """A page and what extractors made of it, with what is compared computed once."""

    page: Page
    trials: Sequence[Trial]

    @property
    def letters(self) -> list[str]:
        """What the trials are called in narrow columns: A, B, ..."""
        return [chr(ord("A") + number) for number in range(len(self.trials))]

    @cached_property
    def visible(self) -> Text:
        """The page's visible text."""
        return text_of(self.page.visible)

    @cached_property
    def texts(self) -> list[Text]:
        """The text of each trial."""
        return [text_of(trial.text) for trial in self.trials]

    def kept_share(self, number: int) -> float | None:
        """Share of the page's visible words that an extractor kept; None if those are not known."""
        count = self.visible.word_count
        return self.visible.count_in(self.texts[number]) / count if count else None

    def agreement(self, one: int, other: int) -> float:
        """Share of the words of two extractors that the other has too."""
        return agreement(self.texts[one], self.texts[other])

    def only(self, number: int) -> list[str]:
        """Lines of an extractor most of whose words no other kept."""
        own, others = self.texts[number], [text for at, text in enumerate(self.texts) if at != number]
        return [
            line
            for line, words in zip(own.lines, own.words, strict=True)
            if words and all(sum(other.held(words)) <= SOME * len(words) for other in others)
        ]


def print_overview(console: Console, found: Trials) -> None:
    """What the page is, and a row for each extractor."""
    page = found.page
    console.print(RichText(page.name, style="bold", overflow="fold"))
    facts = [f"{page.size:,} bytes", f"{page.characters:,} characters ({page.charset})" if page.charset else ""]
    facts += [f"{found.visible.word_count:,} words visible"]
    console.print(RichText(", ".join(fact for fact in facts if fact)))
    for name in ("title", "published", "language", "canonical"):
        if value := getattr(page, name):
            console.print(RichText(f"{name:<10}{_clipped(value)}", style="dim"))
    if page.problem:
        console.print(RichText(f"no visible text to compare with: {page.problem}", style="yellow"))
    table = Table(box=None, pad_edge=False)
    table.add_column()
    table.add_column("extractor", overflow="fold")
    for name in ("words", "of page", "ms"):
        table.add_column(name, justify="right", no_wrap=True)
    if len(found.trials) > 1:
        for letter in found.letters:
            table.add_column(f"as {letter}", justify="right", no_wrap=True)
    for number, trial in enumerate(found.trials):
        row = [found.letters[number], trial.choice.label]
        if trial.rule:
            row += [trial.rule, "", ""]
        else:
            share, seconds = found.kept_share(number), trial.seconds
            row += [f"{found.texts[number].word_count:,}", f"{share:.0%}" if share is not None else "-"]
            row += [f"{1000 * seconds:.1f}" if seconds is not None else "-"]
        if len(found.trials) > 1:
            row += [
                "" if other == number or trial.rule or one.rule else f"{found.agreement(number, other):.0%}"
                for other, one in enumerate(found.trials)
            ]
        table.add_row(*row, style="yellow" if trial.rule else "")
    console.print(table)
    for trial in found.trials:
        if trial.detail:
            console.print(RichText(f"{trial.choice.label}: {trial.rule}: {trial.detail}", style="yellow"))
    _print_meta(console, found.trials)


def _print_meta(console: Console, trials: Sequence[Trial]) -> None:
    """Metadata of the documents beyond what the page says of itself, once for all extractors that agree."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    names = list(dict.fromkeys(name for trial in trials for name in trial.meta if name not in OF_THE_PAGE))
    for name in names:
        values = [(str(trial.meta[name]), trial.choice.label) for trial in trials if trial.meta.get(name)]
        everyone = len(values) == sum(not trial.rule for trial in trials) and len({value for value, _ in values}) == 1
        for value, group in groupby(sorted(values), key=lambda pair: pair[0]):
            who = "" if everyone else f"  ({', '.join(label for _, label in group)})"
            table.add_row(name, RichText(f"{value[:LINE_CHARACTERS]}{who}"))
    if table.row_count:
        console.print(table)


def print_columns(console: Console, found: Trials, one: int, other: int, lines: int) -> None:
    """Two texts side by side, equal lines in one row; what the other has not is coloured."""
    left, right = found.texts[one], found.texts[other]
    pairs = aligned(left, right)
    table = Table(box=None, pad_edge=False, expand=True, padding=(0, 2, 0, 0))
    for number in (one, other):
        table.add_column(RichText(found.trials[number].choice.label, style="bold"), ratio=1, overflow="fold")
    for a, b in pairs[:lines]:
        table.add_row(_coloured(left, a, right, "cyan"), _coloured(right, b, left, "magenta"))
    console.print(table)
    _print_more(console, len(pairs) - lines, "rows")


def print_marks(console: Console, found: Trials, lines: int) -> None:
    """The page's visible lines in their order, each with a mark for every extractor: kept, in part, lost."""
    table = Table(box=None, pad_edge=False, expand=True)
    for letter in found.letters:
        table.add_column(RichText(letter, style="bold"), no_wrap=True)
    table.add_column(RichText("the page", style="bold"), ratio=1, overflow="fold")
    rows = _rows(found)
    for marks, line in rows[:lines]:
        table.add_row(*(RichText(MARKS[fate], style=_STYLES[fate]) for fate in marks), line)
    console.print(table)
    _print_more(console, len(rows) - lines, "lines")
    console.print(RichText("  ".join(f"{mark} {fate}" for fate, mark in MARKS.items()), style="dim"))


def _rows(found: Trials) -> list[tuple[list[str], RichText]]:
    """Fates of each visible line and the line; of many in a row that nobody kept only the first."""
    fates = [[_fate(words, text) for text in found.texts] for words in found.visible.words]
    rows: list[tuple[list[str], RichText]] = []
    at = 0
    for is_lost, group in groupby(fates, key=lambda each: all(fate == "lost" for fate in each)):
        run = list(group)
        shown = run[:1] if is_lost and len(run) > LOST_SHOWN else run
        for number, each in enumerate(shown):
            line = _clipped(_indented(found.visible.lines[at + number]))
            rows.append((each, RichText(line, style="dim" if is_lost else "")))
        if len(shown) < len(run):
            words = sum(map(len, found.visible.words[at + 1 : at + len(run)]))
            note = f"... {len(run) - 1:,} more lines, {words:,} words, lost by all"
            rows.append((["lost"] * len(found.trials), RichText(note, style="dim italic")))
        at += len(run)
    return rows


def print_only(console: Console, found: Trials, lines: int) -> None:
    """For each extractor the lines that no other kept."""
    for number, trial in enumerate(found.trials):
        if trial.rule:
            continue
        own = found.only(number)
        words = sum(text_of(line).word_count for line in own)
        title = f"only {trial.choice.label}: {len(own):,} lines, {words:,} words"
        console.print(Rule(RichText(title, style="bold"), align="left", characters="-"))
        for line in own[:lines]:
            console.print(RichText(_clipped(line)))
        _print_more(console, len(own) - lines, "lines")


def print_blocks(console: Console, blocks: Sequence[Block], lines: int) -> None:
    """Blocks in the page's order: probability of being content, kept or not, tags, text."""
    table = Table(box=None, pad_edge=False, expand=True)
    table.add_column("p", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("tags", ratio=1, overflow="fold", style="dim")
    table.add_column("text", ratio=3, overflow="fold")
    for block in blocks[:lines]:
        fate = "kept" if block.kept else "part" if block.probability >= SOME else "lost"
        path = " > ".join(block.path.split(" > ")[-PATH_SHOWN:])
        table.add_row(
            RichText(f"{block.probability:.2f}", style=_STYLES[fate]),
            RichText(MARKS["kept" if block.kept else "lost"], style=_STYLES[fate]),
            RichText(path),
            RichText(_clipped(block.text), style="" if block.kept else "dim"),
        )
    console.print(table)
    _print_more(console, len(blocks) - lines, "blocks")
    kept = sum(block.kept for block in blocks)
    console.print(RichText(f"{kept:,} of {len(blocks):,} blocks kept", style="dim"))


def _fate(words: Sequence[str], text: Text) -> str:
    share = sum(text.held(words)) / len(words) if words else 0.0
    return "kept" if share >= MOST else "part" if share >= SOME else "lost"


def _coloured(text: Text, line: int | None, other: Text, style: str) -> RichText:
    if line is None:
        return RichText("")
    words = text.words[line]
    fate = _fate(words, other) if words else "kept"
    return RichText(_clipped(text.lines[line]), style=style if fate == "lost" else "")


def _print_more(console: Console, count: int, what: str) -> None:
    if count > 0:
        console.print(RichText(f"... {count:,} more {what} (--lines)", style="dim"))


def _indented(line: str) -> str:
    """A line with at most eight spaces before it and single ones in it: the cells of tables are padded."""
    return " " * min(len(line) - len(line.lstrip()), 8) + " ".join(line.split())


def _clipped(line: str) -> str:
    return line if len(line) <= LINE_CHARACTERS else f"{line[:LINE_CHARACTERS]}..."
