"""Writes the audit: report/audit.json with every number, report/index.html with all of them to be read."""

from __future__ import annotations

from typing import Any

import orjson

from pile_builder.audit.figures import AUDIT, measure
from pile_builder.audit.page import render_page
from pile_builder.storage import Store

PAGE = "report/index.html"


def write_audit(store: Store) -> dict[str, Any]:
    """Measure a finished build and write both files; returns what audit.json holds.

    Raises:
        PileError: there is no finished build, an earlier version made it, or a token export's record is damaged.
    """
    data = orjson.dumps(measure(store), option=orjson.OPT_INDENT_2) + b"\n"
    # The page is made of what a reader of the file gets.
    audit: dict[str, Any] = orjson.loads(data)
    store.write(AUDIT, data)
    store.write(PAGE, render_page(audit).encode())
    return audit
