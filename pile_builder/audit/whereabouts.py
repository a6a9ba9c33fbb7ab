"""Where a document was written: lines of shards, of the subsets' shards, and its place in every export of these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow.compute as pc

from pile_builder.blocks import open_parquet
from pile_builder.commits import Commits
from pile_builder.export.known import known_exports
from pile_builder.rows import find_in, read_row
from pile_builder.storage import Store

_LINE = ("offset", "copy", "piece")
_TOKENS = ("file", "sequence", "position", "offset", "tokens")


class Whereabouts:
    """Looks documents up in all that a finished build wrote."""

    def __init__(self, store: Store, story: Mapping[str, Any]) -> None:
        self._store, self._story = store, story
        self._exports: list[tuple[str, Store, Mapping[str, Any]]] | None = None

    def lines(self, rank: int, group: int, identity: str) -> list[dict[str, Any]]:
        """Lines of the corpus's shards with a document of a block's row group: shard, line, offset, copy, piece."""
        mix = Commits(self._store, "mix").load(self._story["mix"])
        commits = Commits(self._store, "assemble")
        found: list[dict[str, Any]] = []
        for split, plan in mix["splits"].items():
            shards = [shard for shard in self._story["shards"] if shard["split"] == split]
            for shard in self._planned(plan["plan"], shards, rank, group):
                record = commits.load(shard["key"])
                found += self._in_shard(record["name"], record["index"], identity)
        return found

    def subset_lines(self, rank: int, group: int, identity: str) -> dict[str, list[dict[str, Any]]]:
        """The same of every subset that the document is in, by the subset's label."""
        found: dict[str, list[dict[str, Any]]] = {}
        for subset in self._story.get("subsets", []):
            for shard in self._planned(subset["plan"], subset["shards"], rank, group):
                lines = self._in_shard(shard["name"], shard["index"], identity)
                if lines:
                    found.setdefault(subset["subset"], []).extend(lines)
        return found

    def exported(self, identity: str, lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Where the exports of the build have some lines: export, and file, sequence, position of the first token."""
        if self._exports is None:
            self._exports = list(known_exports(self._store))
        return [
            {"export": name, "shard": line["shard"], "copy": line["copy"], "piece": line["piece"]} | place
            for name, folder, export in self._exports
            for line in lines
            for place in _in_export(folder, export, line, identity)
        ]

    def _planned(
        self, plan: str, shards: Sequence[Mapping[str, Any]], rank: int, group: int
    ) -> Iterator[Mapping[str, Any]]:
        """The shards that a plan made of a row group, among others."""
        with self._store.open(plan) as stream:
            table = open_parquet(stream).read(columns=["segment", "block", "row_group"])
        here = pc.and_(pc.equal(table["block"], rank), pc.equal(table["row_group"], group))
        segments = table["segment"].filter(here).to_numpy()
        for shard in shards:
            if ((segments >= shard["start"]) & (segments < shard["end"])).any():
                yield shard

    def _in_shard(self, name: str, index: str, identity: str) -> list[dict[str, Any]]:
        return [
            {"shard": name, "line": line} | read_row(self._store, index, line, _LINE)[0].to_pylist()[0]
            for line in find_in(self._store, index, "id", identity)
        ]


def _in_export(
    folder: Store, export: Mapping[str, Any], line: Mapping[str, Any], identity: str
) -> Iterator[dict[str, Any]]:
    for shard in export["shards"]:
        if shard["name"] != line["shard"]:
            continue
        if export["format"] == "text":
            file, row = _among(shard["files"], "rows", line["line"])
            yield {"file": file, "row": row}
        elif line["line"] < shard["documents"]:
            # A provenance table has a row for every line of its shard.
            row = read_row(folder, shard["provenance"], line["line"], ("id", *_TOKENS))[0].to_pylist()[0]
            if row.pop("id") == identity:
                yield row | _merged(shard, row["sequence"])


def _merged(shard: Mapping[str, Any], sequence: int | None) -> dict[str, Any]:
    """Where a merge put a sequence of a shard; nothing if there was none, or the sequence is in the dropped tail."""
    if "first_sequence" not in shard or sequence is None:
        return {}
    file, inside = _among(shard["files"], "sequences", shard["first_sequence"] + sequence)
    return {"file": file, "sequence": inside}


def _among(files: Sequence[Mapping[str, Any]], field: str, number: int) -> tuple[str, int]:
    """The file that holds the row or sequence of a number, files one behind the other, and its number there."""
    ends = np.cumsum([file[field] for file in files])
    at = int(np.searchsorted(ends, number, side="right"))
    return str(files[at]["name"]), number - int(ends[at] - files[at][field])
