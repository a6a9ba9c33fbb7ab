"""JSON lines, each a value, a reject or nothing: what is in a line decides about that line alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from pile_builder.source import Reject, Skipped
from pile_builder.sources import bounded_json

_MARK = b"\xef\xbb\xbf"


def json_lines(lines: Iterable[tuple[int, bytes | None]]) -> Iterator[tuple[int, Any | Reject | Skipped]]:
    """The value of each line with the offset at which it begins; a blank line is `Skipped`.

    Args:
        lines: of `read_lines`.
    """
    for offset, line in lines:
        if line is None:
            yield offset, Reject("too_large", "a line beyond the limit of a record")
        elif not line.strip():
            yield offset, Skipped("blank_line")
        else:
            yield offset, json_value(line.removeprefix(_MARK) if offset == 0 else line)


def json_value(line: bytes) -> Any | Reject:
    """The value that a line holds; a Reject if it is no JSON. Halves of surrogate pairs and NaN pass, as in Python."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        problem = error
    try:
        return bounded_json.loads(line.decode(), parse_constant=lambda _: None)
    except UnicodeDecodeError as error:
        return Reject("undecodable", f"expected UTF-8: {error.reason} at byte {error.start:,} of the line")
    except ValueError:
        # Only the last line of a file may lack its end.
        rule = "damaged" if line.endswith(b"\n") else "truncated"
        head = line[:60].decode("utf-8", "replace").strip()
        return Reject(rule, f"expected JSON on a line, got {len(line):,} bytes, {head!r}...: {problem}")
