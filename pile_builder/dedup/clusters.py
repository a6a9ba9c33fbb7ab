"""From components to verdicts: the best member of each, who lost to it, and what the report says about clusters.

A component may have members in every block, so no place holds all of them: each block names the best of its own, the
bests of a component meet and the best of them wins, and each block compares its own members with the winner.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pile_builder.dedup.links import estimate_jaccard
from pile_builder.dedup.winners import Linked, winners

MEMBERS = 5
"""Members of a large cluster that the report names."""
LARGEST = 20
"""Clusters that the report shows."""


def best_dtype(permutations: int) -> np.dtype[Any]:
    """A block's best member of one component, with all by which it is compared with those of other blocks.

    `order` is the member's order key, `count` the block's members of the component, `members` the ids of the first of
    them by id, `named` of which are set.
    """
    return np.dtype(
        [
            ("component", "<u8"),
            ("handle", "<u8"),
            ("id", "<u8"),
            ("order", "<u8"),
            ("quality", "<f8"),
            ("length", "<i8"),
            ("count", "<i8"),
            ("named", "<i8"),
            ("members", "<u8", (MEMBERS,)),
            ("content", "<u8", (2,)),
            ("signature", "u1", (permutations,)),
        ]
    )


@dataclass(frozen=True, slots=True)
class Members:
    """The linked documents of one block, n of them, in any order.

    `component`, `handle`, `id` and `order` are uint64[n], `priority` is int64[n], `quality` float64[n], `length`
    int64[n], as `Linked` has them; `content` is uint64[n, 2], `signature` uint8[n, p].
    """

    component: NDArray[np.uint64]
    handle: NDArray[np.uint64]
    id: NDArray[np.uint64]
    order: NDArray[np.uint64]
    priority: NDArray[np.int64]
    quality: NDArray[np.float64]
    length: NDArray[np.int64]
    content: NDArray[np.uint64]
    signature: NDArray[np.uint8]


def best_of_block(members: Members, prefer: Sequence[str]) -> NDArray[Any]:
    """The best member of each component in a block, as `best_dtype`, by component."""
    merits = Linked(
        # Between sources that share an id the order key decides, and never where a document lies.
        handle=members.order,
        component=members.component,
        source=members.priority,
        quality=members.quality,
        length=members.length,
        order=members.id,
    )
    best = winners(merits, prefer)
    by_id = np.lexsort((members.id, members.component))
    component = members.component[by_id]
    starts = _starts(component)
    counts = np.diff(starts, append=len(component))
    row = best[by_id[starts]]
    found = np.zeros(len(starts), best_dtype(members.signature.shape[1]))
    for name in ("component", "handle", "id", "order", "quality", "length", "content", "signature"):
        found[name] = getattr(members, name)[row]
    found["count"], found["named"] = counts, np.minimum(counts, MEMBERS)
    for place in range(MEMBERS):
        there = counts > place
        found["members"][there, place] = members.id[by_id[starts[there] + place]]
    return found


def winner_of_each(best: NDArray[Any], priority: NDArray[np.int64], prefer: Sequence[str]) -> NDArray[np.int64]:
    """For each of m bests of blocks the row of its component's winner, int64[m].

    Args:
        best: array of `best_dtype`, all bests of the components that occur in it, in any order.
        priority: int64[m], priority of each one's source.
        prefer: see `winners`.
    """
    merits = Linked(best["order"], best["component"], priority, best["quality"], best["length"], best["id"])
    return winners(merits, prefer)


Cluster = tuple[int, str, list[str], int]


@dataclass(frozen=True)
class ClusterCounts:
    """What is counted about components; `largest` has (size, winner, members, winner's handle) of the `LARGEST`."""

    sizes: Counter[int] = field(default_factory=Counter)
    largest: list[Cluster] = field(default_factory=list)

    def __add__(self, other: ClusterCounts) -> ClusterCounts:
        return ClusterCounts(self.sizes + other.sizes, _first(self.largest + other.largest))

    def to_json(self) -> dict[str, Any]:
        """As JSON-able data."""
        return {"sizes": sorted(self.sizes.items()), "largest": self.largest}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ClusterCounts:
        """What `to_json` gave."""
        return cls(Counter(dict(data["sizes"])), [tuple(one) for one in data["largest"]])


def count_clusters(
    best: NDArray[Any], winner: NDArray[np.int64], source: NDArray[np.int64], names: Sequence[str]
) -> ClusterCounts:
    """Count the components of bests.

    Args:
        best: array of `best_dtype`, m rows.
        winner: int64[m], from `winner_of_each`.
        source: int64[m], index of each one's source in `names`, which are sorted.
        names: of sources.
    """
    by_winner = np.argsort(winner, kind="stable")
    starts = _starts(winner[by_winner])
    totals = np.add.reduceat(best["count"][by_winner], starts) if len(starts) else np.zeros(0, np.int64)
    ends = np.append(starts[1:], len(best))
    top = winner[by_winner[starts]]
    largest = []
    for cluster in np.lexsort((best["id"][top], source[top], -totals))[:LARGEST].tolist():
        parts = by_winner[starts[cluster] : ends[cluster]].tolist()
        named = sorted(
            (int(one), int(source[row])) for row in parts for one in best["members"][row][: best["named"][row]]
        )
        members = [name_of(names[number], one) for one, number in named[:MEMBERS]]
        row = int(top[cluster])
        winner_name = name_of(names[source[row]], int(best["id"][row]))
        largest.append((int(totals[cluster]), winner_name, members, int(best["handle"][row])))
    sizes, numbers = np.unique(totals, return_counts=True)
    return ClusterCounts(Counter(dict(zip(sizes.tolist(), numbers.tolist(), strict=True))), largest)


def name_of(source: str, number: int) -> str:
    """How a document is named where only 64 bits of its id are known: the id's beginning."""
    return f"{source}:{number:016x}"


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The members of a block that lost, m of them, by handle.

    `handle`, `winner` (a handle) and `winner_id` are uint64[m]; `is_exact` says whether loser and winner have the same
    content hash, `jaccard` is their estimated similarity, 1 for exact copies, whether or not they were linked directly.
    """

    handle: NDArray[np.uint64]
    winner: NDArray[np.uint64]
    winner_id: NDArray[np.uint64]
    length: NDArray[np.int64]
    is_exact: NDArray[np.bool_]
    jaccard: NDArray[np.float64]


def losers_of_block(members: Members, won: NDArray[Any]) -> Verdicts:
    """Compare a block's members with the winners of their components.

    Args:
        members: the block's linked documents.
        won: array of `best_dtype`, the winner of each of their components, in any order.
    """
    won = won[np.argsort(won["component"])]
    at = np.searchsorted(won["component"], members.component)
    lost = np.flatnonzero(won["handle"][at] != members.handle)
    lost = lost[np.argsort(members.handle[lost])]
    winner = at[lost]
    is_exact = (won["content"][winner] == members.content[lost]).all(axis=1)
    jaccard = np.ones(len(lost))
    near = np.flatnonzero(~is_exact)
    jaccard[near] = estimate_jaccard(won["signature"][winner[near]], members.signature[lost[near]])
    return Verdicts(
        members.handle[lost],
        won["handle"][winner],
        won["id"][winner],
        members.length[lost],
        is_exact,
        jaccard,
    )


def _first(clusters: list[Cluster]) -> list[Cluster]:
    return sorted(clusters, key=lambda one: (-one[0], one[1]))[:LARGEST]


def _starts(ordered: NDArray[Any]) -> NDArray[np.int64]:
    """Where the runs of equal values begin."""
    is_start = np.ones(len(ordered), np.bool_)
    is_start[1:] = ordered[1:] != ordered[:-1]
    return np.flatnonzero(is_start)
