"""What `pile audit` prints: the mixture as a table, alarms, and where the page lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from rich.table import Table
from rich.text import Text

from pile_builder.audit.diff import COUNTS, SHARES
from pile_builder.audit.page.words import count, epochs, plain, share, short, size
from pile_builder.terminal import Console

_LEFT = ("source", "field", "rule", "differs in", "in the first", "in the second")


def print_audit(audit: Mapping[str, Any], directory: str, console: Console) -> None:
    """The core of an audit: one line per source, alarms, the page's place."""
    rows = []
    for name, one in audit["mixture"]["sources"].items():
        source = audit["sources"][name]
        rows.append(
            (
                name,
                count(source["read"]),
                count(source["kept"]),
                share(source["kept"] / max(source["read"], 1)),
                size(source["kept_bytes"]),
                epochs(one["epochs"]),
                epochs(one["epochs_realised"]),
                share(one["weight"]),
                share(one["weight_realised"]),
                *(count(export["sources"].get(name, {"tokens": 0})["tokens"]) for export in audit["tokens"].values()),
            )
        )
    head = ["source", "read", "kept", "of read", "text", "epochs", "realised", "weight", "realised"]
    print_table(console, [*head, *(f"tokens, {name}" for name in audit["tokens"])], rows)
    for alarm in audit["alarms"]:
        console.print(Text(f"alarm: {plain(alarm['message'])}", style="bold red"))
    where = directory.rstrip("/")
    said = f"report: {where}/report/index.html  digest {audit['digest']}"
    console.print(Text(said), soft_wrap=True)


def print_differences(found: Mapping[str, Any], console: Console) -> None:
    """What moved between two builds."""
    digests = found["digests"]
    said = f"the same corpus, digest {digests[0]}" if found["same"] else f"digest {digests[0]} -> {digests[1]}"
    console.print(Text(said), soft_wrap=True)
    if found["phases"]:
        console.print(Text(f"phases that did other work: {', '.join(found['phases'])}"), soft_wrap=True)
    fields = [
        (kind, one["field"], _value(one["first"]), _value(one["second"]))
        for kind in ("manifest", "versions")
        for one in found[kind]
    ]
    _print_some(console, ["differs in", "field", "in the first", "in the second"], fields)
    counts, shares, drops = [], [], []
    for name, source in found["sources"].items():
        for field in COUNTS:
            counts += _moved((name, field), source[field], count)
        for field in SHARES:
            write = size if field == "train_bytes" else share if field.startswith("weight") else epochs
            shares += _moved((name, field), source[field], write)
        for rule, pair in source["dropped"].items():
            drops += _moved((name, rule), pair, count)
    _print_some(console, ["source", "field", "first", "second", "by"], counts + shares)
    _print_some(console, ["source", "rule", "first", "second", "by"], drops)
    for export, sources in found["tokens"].items():
        moved = [row for name, pair in sources.items() for row in _moved((name, f"tokens, {export}"), pair, count)]
        _print_some(console, ["source", "field", "first", "second", "by"], moved)
    rows = [
        (name, *(count(one[each]) for each in ("only_first", "only_second", "both")))
        for name, one in found["documents"].items()
    ]
    _print_some(console, ["source", "documents only in the first", "only in the second", "in both"], rows)


def _moved(head: tuple[str, str], pair: list[Any], write: Callable[[float], str]) -> list[tuple[str, ...]]:
    before, now = pair
    if before == now:
        return []
    told = ["–" if value is None else write(value) for value in pair]
    by = (now or 0) - (before or 0)
    return [(*head, *told, f"{'+' if by > 0 else '−'}{write(abs(by))}")]


def _value(value: Any) -> str:
    return "–" if value is None else orjson.dumps(value).decode()


def _print_some(console: Console, head: list[str], rows: Sequence[tuple[str, ...]]) -> None:
    if rows:
        console.print()
        print_table(console, head, rows)


def print_table(console: Console, head: list[str], rows: Sequence[tuple[str, ...]]) -> None:
    """A plain table; numbers stand to the right."""
    table = Table(box=None, pad_edge=False)
    for name in head:
        table.add_column(name, justify="left" if name in _LEFT else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(short(cell, 60)) for cell in row))
    console.print(table)
