r"""CourtListener's bulk CSV: PostgreSQL's COPY of a table whose first columns are `id` and `date_created`.

Fields hold line feeds, and the spelling changed over the years: today every field is quoted and a backslash escapes
(`WITH (FORMAT csv, HEADER, ESCAPE '\', FORCE_QUOTE *)`, courtlistener's scripts/make_bulk_data.sh), before that quotes
were doubled, and once backticks quoted. What begins a record, a line feed, a number and a date and time, never stands
inside a field as it is, so that reading can begin anywhere, and goes on behind a broken record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from pile_builder.errors import InputError
from pile_builder.streams import MAX_RECORD_BYTES

CHUNK_BYTES = 1 << 20
OVERLAP = 80
"""Bytes that the beginning of a record may take."""
_TIME = rb"\d{4}-\d\d-\d\d[ T]\d\d:"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written: its columns, the sign that quotes, whether a backslash escapes, whether all is quoted."""

    columns: tuple[str, ...]
    quote: str
    has_backslash: bool
    quotes_all: bool = True


@dataclass(frozen=True, slots=True)
class TooLarge:
    """A record of more than MAX_RECORD_BYTES, by its id."""

    number: str


def read_head(stream: BinaryIO, name: str) -> tuple[Dialect, bytes]:
    """The dialect, and the first bytes after the header line.

    Raises:
        InputError: `damaged`: no header line of such a table.
    """
    head = stream.read(CHUNK_BYTES)
    line, _, rest = head.partition(b"\n")
    columns = tuple(line.decode("utf-8", "replace").strip("\r\ufeff").replace('"', "").replace("`", "").split(","))
    if columns[:2] != ("id", "date_created"):
        detail = f"{name}: expected a header line with the columns id,date_created,..., found {line[:60]!r}"
        raise InputError("damaged", detail)
    quotes_all = rest[:1] in (b'"', b"`")
    quote = rest[:1].decode() if quotes_all else '"'
    doubled = rest.count(b'=""')
    has_backslash = quote == '"' and rest.count(b'=\\"') >= doubled
    return Dialect(columns, quote, has_backslash, quotes_all), rest


def records(
    stream: BinaryIO, dialect: Dialect, rest: bytes = b"", *, is_start: bool = True, length: int | None = None
) -> Iterator[bytes | TooLarge]:
    """Stream records as they are stored, without their line feed.

    Args:
        stream: where `rest` ends.
        dialect: of the file.
        rest: the first bytes.
        is_start: whether `rest` begins with a record; else what comes before the first one is left to others.
        length: records that begin behind so many bytes are left to others.
    """
    begin = _begin(dialect)
    buffer, base, at = rest, 0, 0
    start: int | None = 0 if is_start and rest else None
    is_too_large = False
    while True:
        found = begin.search(buffer, at)
        if found:
            if start is not None and not is_too_large:
                yield buffer[start : found.start()].rstrip(b"\r")
            if length is not None and base + found.end() >= length:
                return
            start, at, is_too_large = found.end(), found.end(), False
            continue
        if start is None and length is not None and base + len(buffer) - OVERLAP > length:
            return
        chunk = stream.read(CHUNK_BYTES)
        if not chunk:
            break
        if start is not None and len(buffer) - start > MAX_RECORD_BYTES and not is_too_large:
            yield TooLarge(number_of(buffer[start : start + OVERLAP]))
            is_too_large = True
        # What is kept: the open record, unless it is too large already, or enough to see a beginning.
        keep = start if start is not None and not is_too_large else max(len(buffer) - OVERLAP, 0)
        base, buffer = base + keep, buffer[keep:] + chunk
        at = max(len(buffer) - len(chunk) - OVERLAP, 1 if start is not None and not is_too_large else 0)
        start = 0 if start is not None else None
    if start is not None and not is_too_large and buffer[start:].strip():
        yield buffer[start:].rstrip(b"\r\n")


def fields(record: bytes, dialect: Dialect) -> dict[str, str]:
    """A record's fields by column, NULL as "".

    Raises:
        InputError: `damaged`: quotes or the number of fields are wrong; `undecodable`: not UTF-8.
    """
    pattern, escaped = _FIELDS[dialect.quote, dialect.has_backslash]
    try:
        text = record.decode()
    except UnicodeDecodeError as error:
        raise InputError("undecodable", str(error)) from error
    values: list[str] = []
    at = 0
    while at <= len(text):
        found = pattern.match(text, at)
        if found is None:
            raise InputError("damaged", f"field {len(values) + 1}: the quotes are wrong")
        quoted = found[1]
        values.append(found[2] if quoted is None else escaped.sub(r"\1", quoted))
        at = found.end() + 1
    if len(values) != len(dialect.columns):
        raise InputError("damaged", f"expected {len(dialect.columns)} fields, found {len(values)}")
    return dict(zip(dialect.columns, values, strict=True))


def number_of(record: bytes) -> str:
    """The id that a record begins with."""
    found = re.match(rb'["`]?(\d+)', record)
    return found[1].decode() if found else ""


def _begin(dialect: Dialect) -> re.Pattern[bytes]:
    sign = dialect.quote.encode() if dialect.quotes_all else b""
    return re.compile(rb"\n(?=" + sign + rb"\d{1,12}" + sign + b"," + sign + _TIME + rb")")


def _pattern(quote: str, *, has_backslash: bool) -> tuple[re.Pattern[str], re.Pattern[str]]:
    inner = rf"[^{quote}\\]++|\\." if has_backslash else rf"[^{quote}]++|{quote}{quote}"
    escaped = rf"\\([{quote}\\])" if has_backslash else f"{quote}({quote})"
    field = rf"{quote}((?:{inner})*+){quote}(?=,|\Z)|([^{quote},]*+)(?=,|\Z)"
    return re.compile(field, re.S), re.compile(escaped)


_FIELDS = {(quote, escape): _pattern(quote, has_backslash=escape) for quote in '"`' for escape in (False, True)}
