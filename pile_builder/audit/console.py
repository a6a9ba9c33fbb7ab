"""What `pile audit` prints: the mixture as a table, alarms, and where the page lies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pile_builder.audit.page.words import count, epochs, plain, share, short, size

_LEFT = ("source", "field", "rule")


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


def print_table(console: Console, head: list[str], rows: list[tuple[str, ...]]) -> None:
    """A plain table; numbers stand to the right."""
    table = Table(box=None, pad_edge=False)
    for name in head:
        table.add_column(name, justify="left" if name in _LEFT else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(short(cell, 60)) for cell in row))
    console.print(table)
