"""Token exports of a corpus: what each wrote, from the `export.json` beside its shards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson

from pile_builder.errors import PileError
from pile_builder.export.known import known_exports
from pile_builder.storage import Store

FOLDER = "tokens"


def read_exports(store: Store, sources: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Every export by its folder's name: format, tokenizer, counts by split, and by source tokens of all copies.

    `sources` are figures with `written`, against whose bytes tokens are held.

    Raises:
        PileError: an export.json is not as expected.
    """
    found = {}
    for name in store.folders(FOLDER):
        path = f"{FOLDER}/{name}/export.json"
        if not store.exists(path):
            continue
        try:
            record = orjson.loads(store.read(path))
            if record["format"] != "text":
                found[name] = _export(record, sources)
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            msg = (
                f"{store.path(path)}: expected an export's record with format, tokenizer.name and splits (documents, "
                f"tokens, written, dropped, sources): {error!r}; export the tokens again, or move the folder away"
            )
            raise PileError(msg) from error
    return found


def _export(record: Mapping[str, Any], sources: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    tokens: Counter[str] = Counter()
    size: Counter[str] = Counter()
    splits = {}
    for split, counts in record["splits"].items():
        splits[split] = {name: counts[name] for name in ("documents", "tokens", "written", "dropped")}
        for name, copies in counts["sources"].items():
            tokens[name] += sum(copies.values())
            if name in sources:
                size[name] += sources[name]["written"][split]["bytes"]
    return {
        "format": record["format"],
        "tokenizer": record["tokenizer"]["name"],
        "splits": splits,
        "sources": {
            name: {
                "tokens": held,
                "share": held / max(tokens.total(), 1),
                "bytes_per_token": size[name] / held if held and size[name] else None,
            }
            for name, held in sorted(tokens.items())
        },
    }


def token_exports(build: Store) -> list[dict[str, Any]]:
    """What report/summary.json says of each finished token export of a build: folder, format, tokenizer, tokens."""
    found = []
    for name, _, export in known_exports(build):
        if export["format"] != "text":
            tokens = {split: total["tokens"] for split, total in export["splits"].items()}
            kind = {"format": export["format"], "tokenizer": export["tokenizer"]["name"]}
            found.append({"folder": name, **kind, "digest": export["digest"], "tokens": tokens})
    return found
