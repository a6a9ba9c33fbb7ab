"""The copies of documents: all members of their clusters, and whatever else has their very words.

Clusters are those of the dedup phase: whoever lost to the same winner, with the winner. Documents that a rule dropped
before deduplication are in no cluster; those with the same content hash are found all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.annotate.sketch import column_values
from pile_builder.blocks import open_parquet
from pile_builder.commits import Commits
from pile_builder.dedup.clusters import name_of
from pile_builder.document import id64
from pile_builder.storage import Store
from pile_builder.takedown.listing import Takedown


def copies_of(store: Store, story: Mapping[str, Any], asked: Iterable[str]) -> dict[str, str]:
    """The copies of some documents, each with the one of these whose copy it is; `asked` themselves are left out.

    Args:
        store: the build.
        story: see `story.STORY`.
        asked: ids.
    """
    origin = {identity: identity for identity in sorted(asked)}
    if not story["dedup"]:
        return {}
    seen = _Seen()
    # A copy's cluster may lead to other texts, and these to other clusters: until nothing new is met.
    while True:
        before = seen.size
        listed = Takedown.of(origin)
        for block in story["blocks"]:
            for members in _members(store, story["dedup"], block):
                _join(members, listed, origin, seen)
        if seen.size == before:
            return {identity: first for identity, first in origin.items() if identity != first}


class _Seen:
    """Clusters (by the name of their winner) and texts (by content hash) of listed documents, with who led to them."""

    def __init__(self) -> None:
        self.clusters: dict[str, str] = {}
        self.texts: dict[bytes, str] = {}

    @property
    def size(self) -> int:
        return len(self.clusters) + len(self.texts)


class _Members:
    """Some documents of one block: their ids, to whom each lost (None for the others), content hashes uint8[n, 16]."""

    def __init__(self, source: str, ids: pa.Array, lost_to: NDArray[np.object_], content: NDArray[np.uint8]) -> None:
        self.ids, self.lost_to, self.content = ids, lost_to, content
        self._source = source
        self.numbers = id64(ids)

    def name(self, row: int) -> str:
        """How a document is called as a winner."""
        return name_of(self._source, int(self.numbers[row]))

    def clusters(self, row: int) -> list[str]:
        """The clusters that a document may be in: its own, if it won one, and that of who beat it."""
        winner = self.lost_to[row]
        return [self.name(row)] if winner is None else [winner]


def _members(store: Store, dedup: str, block: Mapping[str, Any]) -> Iterator[_Members]:
    ingested = Commits(store, "ingest").load(block["ingest"])
    sidecar = Commits(store, "annotate").load(block["sets"]["sketch"])["object"]
    if not sidecar:
        return
    lost_to: NDArray[np.object_] = np.full(sum(ingested["row_groups"]), None, object)
    ledger = Commits(store, "dedup").load(dedup)["ledgers"].get(block["ingest"], "")
    if ledger:
        with store.open(ledger) as stream:
            table = open_parquet(stream).read(columns=["row", "detail"])
        lost_to[table["row"].to_numpy()] = table["detail"].to_pylist()
    with store.open(ingested["block"]) as texts, store.open(sidecar) as sketches:
        ids, content = open_parquet(texts), open_parquet(sketches)
        start = 0
        # A sidecar's row groups are its block's.
        for group, count in enumerate(ingested["row_groups"]):
            own = ids.read_row_group(group, columns=["id"])["id"].combine_chunks()
            hashes = content.read_row_group(group, columns=["content"])["content"].combine_chunks()
            yield _Members(block["source"], own, lost_to[start : start + count], column_values(hashes))
            start += count


def _join(members: _Members, listed: Takedown, origin: dict[str, str], seen: _Seen) -> None:
    """Note the clusters and texts of listed documents, and list whoever shares one that is known."""
    rows = set(listed.find(members.ids).tolist())
    rows.update(np.flatnonzero([winner in seen.clusters for winner in members.lost_to]).tolist())
    winners = np.array([int(name.rsplit(":", 1)[1], 16) for name in seen.clusters], np.uint64)
    rows.update(np.flatnonzero(np.isin(members.numbers, winners)).tolist())
    first = members.content[:, :8].copy().view("<u8").reshape(-1)
    known = np.frombuffer(b"".join(text[:8] for text in seen.texts), "<u8")
    rows.update(np.flatnonzero(np.isin(first, known)).tolist())
    for row in sorted(rows):
        identity, text = members.ids[row].as_py(), members.content[row].tobytes()
        clusters = members.clusters(row)
        led = [seen.clusters[name] for name in clusters if name in seen.clusters]
        led += [seen.texts[text]] if text in seen.texts else []
        first_led = origin.get(identity) or (min(led) if led else None)
        if first_led is None:
            continue
        origin.setdefault(identity, first_led)
        for name in clusters:
            seen.clusters.setdefault(name, first_led)
        seen.texts.setdefault(text, first_led)
