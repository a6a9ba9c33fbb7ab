"""What `pile tokenize` says when it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from pile_builder.terminal import Console


def print_exports(exports: Sequence[tuple[str, Mapping[str, Any]]], console: Console) -> None:
    """A table of tokens by split and source, then where each export lies and what dropped."""
    first = exports[0][1]
    table = Table(box=None, pad_edge=False)
    for name in ("split", "source", "tokens", "share", "copies"):
        table.add_column(name, justify="left" if name in ("split", "source") else "right", overflow="fold")
    for split, total in first["splits"].items():
        for source, copies in total["sources"].items():
            tokens = sum(copies.values())
            share = tokens / total["tokens"] if total["tokens"] else 0
            table.add_row(split, source or "-", f"{tokens:,}", f"{share:.1%}", str(len(copies)))
    console.print(table)
    tokenizer = first["tokenizer"]
    console.print(
        f"\n{tokenizer['name']}: {tokenizer['vocabulary']:,} ids, end of document {tokenizer['end_token']} "
        f"({tokenizer['end_id']}), encoded by {tokenizer['engine']}; token digest {first['digest']}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    for folder, export in exports:
        written = sum(total["written"] for total in export["splits"].values())
        dropped = sum(total["dropped"] for total in export["splits"].values())
        tail = f", {dropped:,} in dropped tails" if dropped else ""
        console.print(
            f"{export['format']}: {folder}  {written:,} tokens{tail}", highlight=False, markup=False, soft_wrap=True
        )
