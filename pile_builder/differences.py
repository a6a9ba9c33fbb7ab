"""Which fields of nested data differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def differences(before: Any, now: Any, field: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every field whose value differs as (name, before, now), sorted by name; names of nested fields are dotted.

    >>> list(differences({"a": {"b": 1, "c": 2}}, {"a": {"b": 3, "c": 2}}))
    [('a.b', 1, 3)]
    """
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted({*before, *now}, key=str):
            yield from differences(before.get(key), now.get(key), f"{field}.{key}" if field else str(key))
    elif before != now:
        yield field, before, now
