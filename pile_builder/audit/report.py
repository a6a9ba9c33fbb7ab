"""Writes the audit: report/audit.json with every number, report/index.html with all of them to be read.

report/summary.json, which a build writes first, gets what only the audit knows, so that its numbers are the page's.
"""

from __future__ import annotations

from typing import Any

import orjson

from pile_builder.audit.figures import AUDIT, FILES, PAGE, SUMMARY, measure
from pile_builder.audit.page import render_page
from pile_builder.audit.tokens import token_exports
from pile_builder.storage import Store

_ALWAYS = (PAGE, AUDIT, "manifest.lock.yaml")
"""Files that every build has, so that equal builds have equal summaries."""


def write_audit(store: Store) -> dict[str, Any]:
    """Measure a finished build and write both files, and the summary again; returns what audit.json holds.

    Raises:
        PileError: there is no finished build, an earlier version made it, or a token export's record is damaged.
    """
    data = orjson.dumps(measure(store), option=orjson.OPT_INDENT_2) + b"\n"
    # The page is made of what a reader of the file gets.
    audit: dict[str, Any] = orjson.loads(data)
    store.write(AUDIT, data)
    store.write(PAGE, render_page(audit).encode())
    store.write(SUMMARY, orjson.dumps(_summary(store, audit), option=orjson.OPT_INDENT_2) + b"\n")
    return audit


def _summary(store: Store, audit: dict[str, Any]) -> dict[str, Any]:
    """The build's summary with the audit's mixture, findings and alarms, token exports, and where all else stands."""
    summary: dict[str, Any] = orjson.loads(store.read(SUMMARY))
    for name in ("exports", "mixture", "found", "alarms", "files"):
        summary.pop(name, None)
    exports = token_exports(store)
    return (
        summary
        | {"mixture": audit["mixture"], "found": audit["found"]}
        | ({"exports": exports} if exports else {})
        | {"alarms": [alarm["message"] for alarm in audit["alarms"]], "files": {name: FILES[name] for name in _ALWAYS}}
    )
