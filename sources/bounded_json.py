"""JSON of others: read as Python reads it, but no deeper than every version of Python can."""

from __future__ import annotations

import json
import re
from typing import Any

DEPTH = 500
"""Deepest nesting: Python 3.11 allows a thousand calls in all, later versions ten times that in C."""
_SIGN = re.compile(r'"(?:[^"\\]++|\\.)*+\\?(?:"|\Z)|[][{}]', re.DOTALL)


def loads(data: bytes | str, **options: Any) -> Any:
    """A JSON value. Halves of surrogate pairs pass, and NaN unless `options` of `json.loads` say otherwise.

    Raises:
        ValueError: it is no JSON, or nested deeper than `DEPTH`; UnicodeDecodeError if it is no text.
    """
    text = data if isinstance(data, str) else data.decode(json.detect_encoding(data), "surrogatepass")
    if text.count("[") + text.count("{") > DEPTH and _is_too_deep(text):
        msg = f"nested deeper than {DEPTH}"
        raise ValueError(msg)
    return json.loads(text, **options)


def _is_too_deep(text: str) -> bool:
    depth = 0
    for found in _SIGN.finditer(text):
        if found[0] in "[{":
            depth += 1
            if depth > DEPTH:
                return True
        elif found[0] in "]}":
            depth -= 1
    return False
