"""Ids that more than one kept document of a source has: a record that lies in two inputs, read twice.

A source's keys are unique, but inputs may overlap: an article in two packages, a subtitle file in two formats. The
index of a build has every id sorted; there they are counted, and some are kept as examples, the smallest hashes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pile_builder.blocks import open_parquet
from pile_builder.commits import Commits
from pile_builder.corpus_index import NAMED, REJECT
from pile_builder.names import rule_number
from pile_builder.storage import Store

EXAMPLES, PLACES = 20, 5
"""Ids that are kept as examples, and places of each."""
OWNED = np.dtype([*NAMED.descr, ("source", "<u4")])
"""A `NAMED` row on its way to the index; `source` is a number of the document's source if the hash is that of its own
id and the document is kept, else 0."""


def owned_rows(named: NDArray[Any], source: str, kept: NDArray[np.bool_]) -> NDArray[Any]:
    """`OWNED` rows of a block's `NAMED` rows, the first of which are its documents' own; kept: bool[documents]."""
    rows = np.zeros(len(named), OWNED)
    for field in NAMED.names or ():
        rows[field] = named[field]
    rows["source"][: len(kept)] = np.where(kept, rule_number(source), 0)
    return rows


def named_of(owned: NDArray[Any]) -> NDArray[Any]:
    """The `NAMED` rows of `OWNED` ones, sorted."""
    rows = np.empty(len(owned), NAMED)
    for field in NAMED.names or ():
        rows[field] = owned[field]
    return np.sort(rows)


def count_repeated(owned: NDArray[Any]) -> dict[str, Any]:
    """How often ids of a partition repeat.

    Returns:
        `ids` that several documents have, `documents` beside the first of each, and `examples`: hash and up to `PLACES`
        pairs of block rank and row.
    """
    own = owned[(owned["source"] != 0) & ((owned["row"] & REJECT) == 0)]
    own = own[np.lexsort((own["row"], own["rank"], own["source"], own["hash"]))]
    again = np.zeros(len(own), np.bool_)
    again[1:] = (own["hash"][1:] == own["hash"][:-1]) & (own["source"][1:] == own["source"][:-1])
    firsts = np.flatnonzero(~again & np.append(again[1:], False)[: len(again)])
    ends = np.append(np.flatnonzero(~again), len(own))
    examples = []
    for first in firsts[:EXAMPLES].tolist():
        end = int(ends[np.searchsorted(ends, first, "right")])
        places = own[first : min(end, first + PLACES)]
        pairs = [list(pair) for pair in zip(places["rank"].tolist(), places["row"].tolist(), strict=True)]
        examples.append([f"{int(own['hash'][first]):016x}", pairs])
    return {"ids": len(firsts), "documents": int(again.sum()), "examples": examples}


def merge_repeated(counts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """One count of those of parts."""
    every = list(counts)
    examples = sorted(example for one in every for example in one["examples"])
    return {
        "ids": sum(one["ids"] for one in every),
        "documents": sum(one["documents"] for one in every),
        "examples": examples[:EXAMPLES],
    }


def describe_repeated(
    store: Store, repeated: Mapping[str, Any], blocks: Mapping[int, tuple[str, str]]
) -> dict[str, Any]:
    """The count with its examples as people read them.

    Args:
        store: the build.
        repeated: as `merge_repeated` gives it.
        blocks: of each rank the block's name and its key of ingest.
    """
    examples = []
    for _, places in repeated["examples"]:
        rank, row = places[0]
        with store.open(Commits(store, "ingest").load(blocks[rank][1])["block"]) as stream:
            one = open_parquet(stream).read(columns=["id", "key"]).slice(row, 1).to_pylist()[0]
        inputs = list(dict.fromkeys(blocks[each][0] for each, _ in places))
        examples.append({**one, "inputs": inputs})
    return {"ids": repeated["ids"], "documents": repeated["documents"], "examples": examples}
