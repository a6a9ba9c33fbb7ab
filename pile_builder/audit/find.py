"""From an id or upstream key to the places of the documents and rejects that it names, through the build's index."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from pile_builder.blocks import open_parquet
from pile_builder.commits import Commits
from pile_builder.corpus_index import CorpusIndex
from pile_builder.document import document_id, is_id
from pile_builder.names import name_hash, split_rows
from pile_builder.storage import Store

_BLOCKS_ASKED = 64
"""Blocks whose keys are compared when nothing is found."""


@dataclass(frozen=True)
class Place:
    """Where a document (`block`) or reject lies: rank of the block, row."""

    rank: int
    part: Literal["block", "rejects"]
    row: int


def find_places(store: Store, story: Mapping[str, Any], wanted: str) -> list[Place]:
    """Where documents and rejects lie whose id or key (or its beginning, up to a space) is `wanted`, by rank.

    Opens at most two objects: the record of the index, one of its partitions.

    Raises:
        PileError: an earlier version made the build.
    """
    source = source_of(story, wanted)
    # An id's hash does not depend on the source.
    named = CorpusIndex.open(store, story).named(name_hash(wanted if source else document_id("any", wanted)))
    return sorted(
        (place for place in places_of(named) if source in ("", story["blocks"][place.rank]["source"])),
        key=lambda place: (place.rank, place.part, place.row),
    )


def source_of(story: Mapping[str, Any], wanted: str) -> str:
    """The source of a document whose id `wanted` is, or its first 64 bits, as winners are called; empty for a key."""
    source, _, digits = wanted.rpartition(":")
    is_winner = re.fullmatch("[0-9a-f]{16}", digits) is not None
    return source if (is_winner or is_id(wanted)) and source in story["sources"] else ""


def places_of(rows: Any) -> Iterator[Place]:
    """The places of rows of an index, int fields `rank` and `row`."""
    for one in rows:
        for part, found in split_rows(one["row"].reshape(1)):
            for row in found.tolist():
                yield Place(int(one["rank"]), "block" if part == "block" else "rejects", row)


def similar_keys(store: Store, story: Mapping[str, Any], wanted: str, limit: int = 5) -> list[str]:
    """Some keys of documents that contain a word, from the first blocks of each source."""
    found: list[str] = []
    asked: dict[str, int] = {}
    share = _BLOCKS_ASKED // max(len(story["sources"]), 1) + 1
    for block in story["blocks"]:
        asked[block["source"]] = asked.get(block["source"], 0) + 1
        if asked[block["source"]] > share:
            continue
        with store.open(Commits(store, "ingest").load(block["ingest"])["block"]) as stream:
            keys: pa.ChunkedArray = open_parquet(stream).read(columns=["key"])["key"]
        found += keys.filter(pc.match_substring(keys, wanted, ignore_case=True)).slice(0, limit).to_pylist()
        if len(found) >= limit:
            break
    return found[:limit]
