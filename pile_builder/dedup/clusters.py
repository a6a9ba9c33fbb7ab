"""From verified links to verdicts: components, the winner of each, and what is counted about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pile_builder.dedup.components import ROW_BITS, components
from pile_builder.dedup.winners import Linked, winners

LINK = np.dtype(
    [
        ("a", "<u8"),
        ("b", "<u8"),
        ("a_order", "<u8"),
        ("b_order", "<u8"),
        ("a_length", "<i8"),
        ("b_length", "<i8"),
        ("jaccard", "<f8"),
        ("exact", "?"),
    ]
)
"""A verified link between two documents, by handle, with what is needed to choose between them."""

LOSER = np.dtype(
    [
        ("handle", "<u8"),
        ("winner", "<u8"),
        ("winner_order", "<u8"),
        ("jaccard", "<f8"),
        ("exact", "?"),
    ]
)
"""A document that lost to another, by an exact copy or not; their estimated Jaccard if they were linked directly."""


@dataclass(frozen=True)
class Clusters:
    """The losers, sorted by handle, and what the report says about the clusters they come from."""

    losers: NDArray[Any]
    summary: dict[str, Any]


def resolve(
    links: NDArray[Any],
    source_of: NDArray[np.int64],
    sources: Sequence[str],
    priority: Sequence[int],
    prefer: Sequence[str],
) -> Clusters:
    """Choose who stays.

    Args:
        links: array of `LINK`, in any order, repeats allowed.
        source_of: int64[blocks], index into `sources` by block rank.
        sources: names of sources.
        priority: per source, 0 preferred to 1.
        prefer: order of preference, see `winners`.

    Returns:
        The losers of all components; the result does not depend on the order of links.
    """
    links = np.unique(links)
    handles, component = components(links["a"], links["b"])
    exact_handles, exact_component = components(links["a"][links["exact"]], links["b"][links["exact"]])
    order = np.zeros(len(handles), np.uint64)
    length = np.zeros(len(handles), np.int64)
    for side in ("a", "b"):
        at = np.searchsorted(handles, links[side])
        order[at], length[at] = links[f"{side}_order"], links[f"{side}_length"]
    source = source_of[(handles >> np.uint64(ROW_BITS)).astype(np.int64)]
    documents = Linked(handles, component, np.asarray(priority)[source], np.zeros(len(handles)), length, order)
    best = winners(documents, prefer)
    lost = np.flatnonzero(best != np.arange(len(handles)))
    losers = np.zeros(len(lost), LOSER)
    losers["handle"], losers["winner"] = handles[lost], handles[best[lost]]
    losers["winner_order"] = order[best[lost]]
    losers["exact"] = _same(exact_handles, exact_component, losers["handle"], losers["winner"])
    losers["jaccard"] = _direct(links, losers)
    matrix: dict[str, dict[str, int]] = {}
    for loser, winner, count in _count_pairs(source[lost], source[best[lost]]):
        matrix.setdefault(sources[loser], {})[sources[winner]] = count
    sizes, numbers = np.unique(np.unique(component, return_counts=True)[1], return_counts=True)
    summary = {
        "links": len(links),
        "clusters": int(numbers.sum()),
        "sizes": {str(size): int(number) for size, number in zip(sizes, numbers, strict=True)},
        "exact": int(losers["exact"].sum()),
        "near": int((~losers["exact"]).sum()),
        "chained": int((~losers["exact"] & np.isnan(losers["jaccard"])).sum()),
        "lost_to": matrix,
    }
    return Clusters(losers, summary)


def _same(
    handles: NDArray[np.uint64], component: NDArray[np.uint64], a: NDArray[np.uint64], b: NDArray[np.uint64]
) -> NDArray[np.bool_]:
    """Whether both of each pair are known and in one component."""
    if len(handles) == 0:
        return np.zeros(len(a), np.bool_)
    at_a = np.minimum(np.searchsorted(handles, a), len(handles) - 1)
    at_b = np.minimum(np.searchsorted(handles, b), len(handles) - 1)
    return (handles[at_a] == a) & (handles[at_b] == b) & (component[at_a] == component[at_b])


def _direct(links: NDArray[Any], losers: NDArray[Any]) -> NDArray[np.float64]:
    """Estimated Jaccard of each loser's own link to its winner, NaN where only others connect them."""
    both = np.concatenate([np.stack([links["a"], links["b"]], 1), np.stack([links["b"], links["a"]], 1)])
    value = np.concatenate([links["jaccard"], links["jaccard"]])
    by_pair = np.lexsort((both[:, 1], both[:, 0]))
    keys = np.zeros(len(both), np.dtype([("a", "<u8"), ("b", "<u8")]))
    keys["a"], keys["b"] = both[by_pair, 0], both[by_pair, 1]
    wanted = np.zeros(len(losers), keys.dtype)
    wanted["a"], wanted["b"] = losers["handle"], losers["winner"]
    if len(keys) == 0:
        return np.full(len(losers), np.nan)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, value[by_pair][at], np.nan)


def _count_pairs(a: NDArray[np.int64], b: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    pairs, counts = np.unique(np.stack([a, b], 1), axis=0, return_counts=True)
    return [(int(one), int(other), int(count)) for (one, other), count in zip(pairs, counts, strict=True)]
