"""Items of Hacker News from the shapes in which they are offered: JSON of the API, exports as JSON lines or Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any, BinaryIO

import orjson

from pile_builder.errors import InputError
from pile_builder.input_files import InputFile, open_input
from pile_builder.source import Reject, Skipped
from pile_builder.sources.json_lines import json_lines
from pile_builder.sources.parquet_file import arrow_errors, open_parquet, python_rows
from pile_builder.streams import MAX_RECORD_BYTES, open_text_bytes, read_lines

MAX_ID = 200_000_000
"""Larger numbers are no items (2025: 45 million)."""
FIELDS = (
    "id", "type", "by", "time", "text", "url", "title", "parent", "poll", "dead", "deleted", "score", "kids", "ranking",
    "descendants",
)  # fmt: skip
MAX_NUMBER = 1 << 62
MAX_TIME = 1 << 33
"""Seconds; the year 2242."""
BATCH_ROWS = 4_096

_TYPES = {1: "story", 2: "comment", 3: "poll", 4: "pollopt", 5: "job"}
"""Numbers of types in exports that have them."""
_NUMBERS = ("id", "parent", "poll", "score", "ranking", "descendants")

_TEXTS = ("by", "text", "url", "title")

Item = dict[str, Any]


def read_items(file: InputFile, fields: Sequence[str] = FIELDS) -> Iterator[Item | Reject | Skipped]:
    """Stream the items of a file: fields that are given, numbers as numbers, `time` in seconds; no nulls.

    Args:
        file: Parquet by its name; else JSON, one item a line, or one value that is an item or a list of them.
        fields: which ones, of `FIELDS`.

    Raises:
        InputError: `truncated`, `damaged`, `bomb` or `too_large`.
    """
    rows = _parquet_rows(file, fields) if file.name.endswith(".parquet") else _json_rows(file)
    for number, row in enumerate(rows):
        if isinstance(row, Reject):
            yield row if row.key else replace(row, key=f"{file.name}#{number}")
        elif row is None:
            # The API answers so for numbers that it does not give away.
            yield Skipped("missing_item")
        else:
            try:
                yield _item(row, fields)
            except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
                detail = f"expected an item: {type(error).__name__} {error}"[:200]
                yield Reject("damaged", detail, f"{file.name}#{number}")


def _item(row: Mapping[str, Any], fields: Sequence[str]) -> Item:
    item = {name: row[name] for name in fields if row.get(name) is not None}
    for name in _NUMBERS:
        if name in item:
            item[name] = _number(item[name])
    if not 0 < item["id"] <= MAX_ID:
        raise ValueError(f"id {item['id']}")
    if "type" in item:
        item["type"] = _TYPES.get(item["type"], item["type"])
    if isinstance(moment := item.get("time"), datetime):
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if moment is not None:
        item["time"] = int(moment)
        if not 0 <= item["time"] < MAX_TIME:
            raise ValueError(f"time {moment}")
    if strange := next((name for name in _TEXTS if not isinstance(item.get(name, ""), str)), ""):
        raise ValueError(f"{strange} {item[strange]!r}")
    for name in ("dead", "deleted"):
        if item.pop(name, None) in (True, 1, "true"):
            item[name] = True
    if "kids" in item:
        item["kids"] = [int(kid) for kid in item["kids"]]
        if any(not 0 <= kid <= MAX_NUMBER for kid in item["kids"]):
            raise ValueError("kids that are no items")
    return item


def _number(value: Any) -> int:
    number = int(value)
    if isinstance(value, bool) or (isinstance(value, float) and number != value) or abs(number) > MAX_NUMBER:
        raise ValueError(f"number {value!r:.40}")
    return number


def _json_rows(file: InputFile) -> Iterator[Mapping[str, Any] | Reject | None]:
    with open_text_bytes(file) as stream:
        first = stream.readline(MAX_RECORD_BYTES)
        if first.strip() in (b"{", b"[") or first.startswith(b"["):
            yield from _values(first, stream, file.name)
            return
        lines = chain([(0, first)] if first else [], read_lines(stream))
        for number, (_, found) in enumerate(json_lines(lines)):
            if isinstance(found, Reject):
                yield Reject(found.rule, found.detail, f"{file.name}@{number}")
            elif not isinstance(found, Skipped):
                yield found


def _values(first: bytes, stream: BinaryIO, name: str) -> list[Any]:
    """The items of a file that is one value over several lines."""
    data = first + stream.read(MAX_RECORD_BYTES)
    if len(data) > MAX_RECORD_BYTES:
        detail = f"{name}: one JSON value of more than {MAX_RECORD_BYTES:,} bytes, expected one item a line"
        raise InputError("too_large", detail)
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InputError("damaged", f"{name}: {error}") from error
    return value if isinstance(value, list) else [value]


def _parquet_rows(file: InputFile, fields: Sequence[str]) -> Iterator[Mapping[str, Any] | Reject]:
    with open_input(file) as stored:
        table = open_parquet(stored, file)
        with arrow_errors(file.name):
            columns = [name for name in table.schema_arrow.names if name in fields]
            for batch in table.iter_batches(BATCH_ROWS, columns=columns, use_threads=False):
                yield from python_rows(batch)
