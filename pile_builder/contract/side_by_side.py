"""Records beside what a source makes of them, for the eye: `pile sources try`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

import orjson
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from pile_builder.contract.reading import BROKEN, Outcome, extracted, raw_records, with_side_tables
from pile_builder.errors import InputError
from pile_builder.source import Raw, Reject, Skipped, Source
from pile_builder.streams import gunzip
from pile_builder.terminal import Console

_HEX_BYTES = 16
_LINE_CHARACTERS = 400
"""Most of a line that is shown."""


def print_trials(console: Console, source: Source, count: int, seed: int | None, lines: int) -> None:
    """Print records of a source's inputs, two columns each: as stored, and as text or reject.

    Args:
        console: where to.
        source: with its inputs.
        count: most records.
        seed: of a random choice over all records; the first ones if None.
        lines: most lines of each column.
    """
    with with_side_tables(source) as bound:
        _print_trials(console, bound, count, seed, lines)


def _print_trials(console: Console, source: Source, count: int, seed: int | None, lines: int) -> None:
    records: Iterable[Raw | Reject | Outcome] = (
        item for item in raw_records(source, source.splits()) if not isinstance(item, Skipped)
    )
    chosen = list(islice(records, count)) if seed is None else _drawn(records, count, seed)
    for item in chosen:
        outcome, raw = _outcome(source, item), item if isinstance(item, Raw) else None
        console.print(Rule(Text(outcome.key), align="left", characters="-"))
        table = Table(box=None, pad_edge=False, expand=True)
        table.add_column(_raw_title(raw), ratio=1, overflow="fold")
        table.add_column(_title(outcome), ratio=1, overflow="fold")
        right = outcome.text if outcome.is_document else outcome.detail
        meta = orjson.dumps(outcome.meta, default=repr, option=orjson.OPT_INDENT_2).decode() if outcome.meta else ""
        table.add_row(Text(_clipped(_stored(raw), lines)), Text(_clipped(right, lines)))
        if meta:
            table.add_row("", Text(_clipped(meta, lines), style="dim"))
        console.print(table)
    if not chosen:
        console.print("no records; `pile sources show NAME` says what is read")


def _outcome(source: Source, item: Raw | Reject | Outcome) -> Outcome:
    if isinstance(item, Raw):
        return extracted(source, item)
    return Outcome(item.key, item.rule, item.detail) if isinstance(item, Reject) else item


def _drawn(records: Iterable[Any], count: int, seed: int) -> Iterable[Any]:
    """The `count` records whose hash under the seed is least, in reading order; as many are held."""
    held: list[tuple[bytes, int, Any]] = []
    for number, item in enumerate(records):
        rank = hashlib.blake2b(f"{item.key}\n{number}".encode("utf-8", "replace"), key=str(seed).encode()).digest()
        if len(held) < count or rank < held[-1][0]:
            held = sorted([*held, (rank, number, item)], key=lambda each: each[0])[:count]
    return [item for _, _, item in sorted(held, key=lambda each: each[1])]


def _raw_title(raw: Raw | None) -> str:
    if raw is None:
        return "no record"
    parts = f", {len(raw.fragments):,} fragments" if raw.fragments else ""
    return f"{raw.media_type or 'record'}, {raw.size:,} bytes{parts}"


def _title(outcome: Outcome) -> Text:
    if outcome.rule == BROKEN:
        return Text(f"exception in {outcome.where}", style="bold red")
    if outcome.rule:
        return Text(f"reject: {outcome.rule}", style="bold yellow")
    return Text(f"document, {len(outcome.text):,} characters")


def _stored(raw: Raw | None) -> str:
    if raw is None:
        return ""
    if raw.fragments:
        return "\n".join(f"[{part.order}] {_readable(part.payload)}" for part in raw.fragments)
    return _readable(raw.payload)


def _readable(data: bytes) -> str:
    """Bytes as text if they are text, else in hexadecimal."""
    if data.startswith(b"\x1f\x8b"):
        with suppress(InputError):
            data = gunzip(data)
    head = data[:200_000]
    text = head.decode("utf-8", "replace")
    strange = sum(one == "\ufffd" or (one < " " and one not in "\t\n\r\f") for one in text[:4_000])
    if strange <= 0.02 * max(len(text[:4_000]), 1):
        return text.replace("\r\n", "\n").replace("\r", "\n")
    return "\n".join(_hexdump(head[:20_000]))


def _hexdump(data: bytes) -> Iterator[str]:
    for at in range(0, len(data), _HEX_BYTES):
        row = data[at : at + _HEX_BYTES]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"{at:06x} {row.hex(' '):<{3 * _HEX_BYTES}} {shown}"


def _clipped(text: str, lines: int) -> str:
    every = text.split("\n")
    kept = [line if len(line) <= _LINE_CHARACTERS else f"{line[:_LINE_CHARACTERS]}..." for line in every[:lines]]
    more = [f"... {len(every) - lines:,} more lines"] if len(every) > lines else []
    return "\n".join(kept + more)
