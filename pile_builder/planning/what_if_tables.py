"""What other thresholds would change, as tables for the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich.markup import escape
from rich.table import Table

from pile_builder.planning.what_if import KEPT, Effect, Example, Tally, WhatIf
from pile_builder.terminal import Console

_KEY_WIDTH = 72


def what_if_json(result: WhatIf) -> dict[str, Any]:
    """All numbers and examples, with the rule `kept` for what no rule drops."""
    return {
        "sources": {name: _effect_json(effect) for name, effect in result.effects.items()},
        "manifest": dict(result.changes),
        "notes": list(result.notes),
    }


def print_what_if(result: WhatIf, console: Console) -> None:
    """One table a source, examples under it, and at the end the lines for the manifest."""
    for name, effect in result.effects.items():
        tried = ", ".join(f"{one.rule} {_number(one.now)} -> {_number(one.then)}" for one in effect.trials)
        console.print(f"[bold]{escape(name)}[/]: {escape(tried)}", markup=True, highlight=False, soft_wrap=True)
        console.print(_rules(effect))
        if effect.now == effect.then:
            console.print("  nothing changes\n", highlight=False)
            continue
        _print_change(console, "come in", effect.comes_in, effect.entering, "dropped now")
        _print_change(console, "go out", effect.goes_out, effect.leaving, "would be dropped", effect.gone_anyway)
        console.print()
    for note in result.notes:
        console.print(f"note: {note}", style="yellow", highlight=False)
    if result.changes:
        console.print("\nin the manifest:\n", highlight=False)
        lines = "\n".join(f"  {line}" for line in result.manifest_lines.rstrip().splitlines())
        console.print(lines, highlight=False, markup=False, soft_wrap=True)
    else:
        console.print("nothing to change in the manifest: it says this already", highlight=False)


def _rules(effect: Effect) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for column in ("  rule", "dropped now", "bytes", "then", "bytes", "change"):
        table.add_column(column, justify="left" if "rule" in column else "right", no_wrap=True)
    tried = {trial.rule.removesuffix(".min_score").removesuffix(".threshold") for trial in effect.trials}
    tried |= {trial.rule for trial in effect.trials}
    nothing = Tally()
    quiet = Tally()
    for rule in effect.now:
        now, then = effect.now[rule], effect.then.get(rule, nothing)
        if rule == KEPT:
            continue
        if now == then and rule not in tried:
            quiet.merge(now)
            continue
        style = "bold" if rule in tried else ""
        table.add_row(f"  {rule}", *_pair(now, then), style=style)
    if quiet.documents:
        table.add_row("  other rules, unchanged", *_pair(quiet, quiet), style="dim")
    table.add_row("  kept by select", *_pair(effect.now[KEPT], effect.then[KEPT]))
    return table


def _pair(now: Tally, then: Tally) -> tuple[str, ...]:
    change = then.documents - now.documents
    sign = f"{change:+,}" if change else "="
    return f"{now.documents:,}", f"{now.bytes:,}", f"{then.documents:,}", f"{then.bytes:,}", sign


def _print_change(
    console: Console, what: str, tally: Tally, examples: list[Example], why: str, anyway: Tally | None = None
) -> None:
    later = f", of which {anyway.documents:,} are dropped later anyway" if anyway and anyway.documents else ""
    console.print(f"  {tally.documents:,} documents, {tally.bytes:,} bytes {what}{later}", highlight=False)
    if not examples:
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2), show_header=True, header_style="dim")
    for column in ("    value", f"{why} by", "key"):
        table.add_column(column, overflow="ellipsis", no_wrap=True, justify="right" if "value" in column else "left")
    for one in examples:
        key = one.key if len(one.key) <= _KEY_WIDTH else f"{one.key[: _KEY_WIDTH - 3]}..."
        table.add_row(f"{one.value:.4g}", f"{one.rule} ({one.threshold:.4g})", key.replace("[", "\\["))
    console.print(table)


def _effect_json(effect: Effect) -> dict[str, Any]:
    return {
        "tried": [asdict(trial) for trial in effect.trials],
        "taken_down": asdict(effect.taken_down),
        "now": _tallies(effect.now),
        "then": _tallies(effect.then),
        "comes_in": {**asdict(effect.comes_in), "examples": [_example(one) for one in effect.entering]},
        "goes_out": {
            **asdict(effect.goes_out),
            "dropped_later_anyway": asdict(effect.gone_anyway),
            "examples": [_example(one) for one in effect.leaving],
        },
    }


def _tallies(tallies: Mapping[str, Tally]) -> dict[str, dict[str, int]]:
    return {rule or "kept": asdict(tally) for rule, tally in tallies.items()}


def _example(example: Example) -> dict[str, Any]:
    return {name: value for name, value in asdict(example).items() if name != "hash"}


def _number(value: float | None) -> str:
    return "by chance" if value is None else f"{value:g}"
