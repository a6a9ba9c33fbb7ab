"""Side tables (licences, metadata): indexed once per build, looked up by key from any process."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from pile_builder.document import packed_json, valid_text
from pile_builder.source import Source

Lookup = Callable[[str], Mapping[str, Any] | None]


def build_lookup(rows: Iterable[tuple[str, Mapping[str, Any]]], path: Path) -> int:
    """Write an index of (key, values) as an SQLite file at `path`, replacing it; a later key wins.

    Returns:
        The number of keys.
    """
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("CREATE TABLE side (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
        connection.execute("BEGIN")
        packed = ((valid_text(key), packed_json(value).encode()) for key, value in rows)
        connection.executemany("INSERT OR REPLACE INTO side VALUES (?, ?)", packed)
        connection.execute("COMMIT")
        (count,) = connection.execute("SELECT count(*) FROM side").fetchone()
    finally:
        connection.close()
    return int(count)


def open_lookup(path: str) -> Lookup:
    """A function from key to values, or None; opens the index at its first call."""
    connection: sqlite3.Connection | None = None

    def find(key: str) -> Mapping[str, Any] | None:
        nonlocal connection
        if connection is None:
            connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
        row = connection.execute("SELECT value FROM side WHERE key = ?", (valid_text(key),)).fetchone()
        return orjson.loads(row[0]) if row else None

    return find


def with_tables(source: Source, tables: Mapping[str, str]) -> Source:
    """A copy of a source that looks records up while it reads; for one thread, as connections are.

    Args:
        source: stays as it is.
        tables: indexes of its side tables, by table name.
    """
    copy = type(source)(source.config)
    copy.bind_tables({name: open_lookup(path) for name, path in tables.items()})
    return copy
