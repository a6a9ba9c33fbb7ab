"""The exports of a corpus: where they are, and whether they hold what they say."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from pile_builder.audit.verify_text import verify_text
from pile_builder.audit.verify_tokens import TokenCheck, verify_export
from pile_builder.export.exported import EXPORT
from pile_builder.storage import Store


def exports_in(store: Store) -> list[str]:
    """Names of the exports below a build, or `[""]` if the folder is an export itself."""
    if store.exists(EXPORT):
        return [""]
    return [f"tokens/{name}" for name in store.folders("tokens") if store.exists(f"tokens/{name}/{EXPORT}")]


def verify_any(store: Store, build: Store | None = None) -> Iterator[TokenCheck]:
    """Check an export of tokens or of text, and with a build, that it was made of its corpus.

    Raises:
        PileError: there is no finished export.
    """
    export = orjson.loads(store.read(EXPORT)) if store.exists(EXPORT) else {}
    if export.get("format") == "text":
        yield from verify_text(store, export, build)
    else:
        yield from verify_export(store, build)
