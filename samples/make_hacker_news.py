"""Writes samples/hacker_news: items in the shapes of the API and of BigQuery's export, of samples/originals."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

ORIGINALS = Path(__file__).parent / "originals" / "hacker_news" / "items.jsonl"
TARGET = Path(__file__).parent / "hacker_news"
EXPORT = pa.schema(
    [
        ("title", pa.string()), ("url", pa.string()), ("text", pa.string()), ("dead", pa.bool_()), ("by", pa.string()),
        ("score", pa.int64()), ("time", pa.int64()), ("timestamp", pa.timestamp("us", "UTC")), ("type", pa.string()),
        ("id", pa.int64()), ("parent", pa.int64()), ("descendants", pa.int64()), ("ranking", pa.int64()),
        ("deleted", pa.bool_()),
    ]
)  # fmt: skip


def main() -> None:
    """Write every sample."""
    for folder in ("api", "export", "lines"):
        (TARGET / folder).mkdir(parents=True, exist_ok=True)
    lines = ORIGINALS.read_bytes().splitlines(keepends=True)
    # Replies before what they reply to, in the other file; a number without an item, and damage.
    (TARGET / "lines" / "a.jsonl").write_bytes(b"".join([*lines[::-2], b"null\n", b'{"id": 1050, "type": "com\n']))
    (TARGET / "lines" / "b.jsonl.gz").write_bytes(
        gzip.compress(b"".join([b'{"type": "story"}\n', *lines[::2]]), mtime=0)
    )
    items = [orjson.loads(line) for line in lines]
    for item in items[9:13]:
        (TARGET / "api" / f"{item['id']}.json").write_bytes(orjson.dumps(item))
    (TARGET / "api" / "list.json").write_bytes(orjson.dumps(items[:9], option=orjson.OPT_INDENT_2))
    (TARGET / "api" / "999.json").write_bytes(b"null")
    rows = [_exported(items, item) for item in items]
    pq.write_table(pa.Table.from_pylist(rows[:10], EXPORT), TARGET / "export" / "000000000000.parquet")
    pq.write_table(pa.Table.from_pylist(rows[10:], EXPORT), TARGET / "export" / "000000000001.parquet")
    (TARGET / "export" / "000000000002.parquet").write_bytes(b"PAR1 no more than that")


def _exported(items: list[dict[str, Any]], item: dict[str, Any]) -> dict[str, Any]:
    """A row of the export: comments have their rank among their parent's, in place of lists of kids."""
    parent = next((one for one in items if item["id"] in one.get("kids", ())), None)
    ranking = parent["kids"].index(item["id"]) if parent else None
    moment = datetime.fromtimestamp(item["time"], UTC)
    named = {name: item.get(name) for name in EXPORT.names}
    return {**named, "parent": item.get("parent") or item.get("poll"), "timestamp": moment, "ranking": ranking}


if __name__ == "__main__":
    main()
