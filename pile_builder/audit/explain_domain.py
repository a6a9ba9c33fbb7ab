"""What a build has of a domain and the names below it: how many documents of each fate, and the first of them by id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pile_builder.audit.find import Place, places_of
from pile_builder.commits import Commits
from pile_builder.corpus_index import NO_ROW, CorpusIndex
from pile_builder.domains import parse_domain
from pile_builder.errors import PileError
from pile_builder.rows import read_row
from pile_builder.storage import Store
from pile_builder.story import read_story
from pile_builder.takedown.state import taken_of


def explain_domain(store: Store, given: str, limit: int) -> dict[str, Any]:
    """Documents and rejects whose address is of a domain or below it.

    Returns:
        `domain`; `documents` in all; `fates`, rows of source, rule (`kept` or `phase.rule`), documents, and bytes as
        they would be written; `listed`, the first `limit` (of at most `LISTED`) by id with key, rule and bytes.
        What is taken down after the last settle is still counted; where listed, it says so.

    Raises:
        PileError: there is no build here, the domain is none, or nothing is from there.
    """
    domain = parse_domain(given)
    story = read_story(store)
    index = CorpusIndex.open(store, story)
    rows = index.sited(domain)
    if not len(rows):
        msg = f"no document from {domain} or a name below it in {store.root}"
        raise PileError(msg)
    listed = rows[rows["row"] != NO_ROW][:limit]
    return {
        "domain": domain,
        "documents": int(rows["documents"].sum()),
        "fates": _fates(index, story, rows),
        "listed": [
            _listed(store, story, place, index.rule(int(row["rule"])) or "kept", int(row["bytes"]))
            for row, place in zip(listed, places_of(listed), strict=True)
        ],
    }


def _fates(index: CorpusIndex, story: Mapping[str, Any], rows: NDArray[Any]) -> list[dict[str, Any]]:
    documents: Counter[tuple[str, str]] = Counter()
    size: Counter[tuple[str, str]] = Counter()
    pairs, which = np.unique(rows[["rank", "rule"]], return_inverse=True)
    counts = np.zeros((2, len(pairs)), np.int64)
    for at, field in enumerate(("documents", "bytes")):
        np.add.at(counts[at], which, rows[field].astype(np.int64))
    for (rank, rule), (of_pair, bytes_of_pair) in zip(pairs.tolist(), counts.T.tolist(), strict=True):
        fate = (story["blocks"][rank]["source"], index.rule(rule) or "kept")
        documents[fate] += of_pair
        size[fate] += bytes_of_pair
    return [
        {"source": source, "rule": rule, "documents": documents[source, rule], "bytes": size[source, rule]}
        for source, rule in sorted(documents, key=lambda fate: (fate[0], -documents[fate], fate[1]))
    ]


def _listed(store: Store, story: Mapping[str, Any], place: Place, rule: str, size: int) -> dict[str, Any]:
    record = Commits(store, "ingest").load(story["blocks"][place.rank]["ingest"])
    if taken := taken_of(record, place.part).get(place.row):
        return {"id": taken[0], "key": "", "rule": "taken down", "bytes": 0}
    known = read_row(store, record[place.part], place.row, ("id", "key"))[0].to_pylist()[0]
    return {**known, "rule": rule, "bytes": size}
