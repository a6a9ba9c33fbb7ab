"""Which document of each component stays: an explicit order of preference, and no other influence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PREFERENCES = ("source", "quality", "length", "id")
"""What a manifest may order by: `source` the source listed first, `quality` the highest score, `length` the longest
text, `id` the smallest order key."""


@dataclass(frozen=True, slots=True)
class Linked:
    """n linked documents, in any order.

    `handle` and `component`, uint64[n], come from `components`; `source` is int64[n], the priority of the document's
    source, 0 preferred to 1; `quality` is float64[n], higher preferred; `length` is int64[n], in bytes; `order` is
    uint64[n], the order key.
    """

    handle: NDArray[np.uint64]
    component: NDArray[np.uint64]
    source: NDArray[np.int64]
    quality: NDArray[np.float64]
    length: NDArray[np.int64]
    order: NDArray[np.uint64]


def winners(documents: Linked, preference: Sequence[str] = PREFERENCES) -> NDArray[np.int64]:
    """The row of the winner of each document's component, int64[n]; a winner's is its own.

    Documents are compared by the first preference, on equality by the next, and so on; `id` must be last, since only it
    decides between all. Equal order keys fall back on `handle`, which may be any number that stands for the document.
    The winning documents do not depend on the row order.

    Raises:
        ValueError: the preference does not end with `id`, repeats or misnames an item, or a quality is NaN.
    """
    if (
        tuple(preference[-1:]) != ("id",)
        or len(set(preference)) != len(preference)
        or set(preference) - set(PREFERENCES)
    ):
        msg = f"expected an order of {', '.join(PREFERENCES)} that ends with 'id', got {list(preference)}"
        raise ValueError(msg)
    component = documents.component
    if "quality" in preference and np.isnan(documents.quality).any():
        count = int(np.isnan(documents.quality).sum())
        msg = f"expected a quality for all linked documents, got {count} NaN of {len(component)}: take 'quality' out"
        raise ValueError(msg)
    ascending = {
        "source": documents.source,
        "quality": -documents.quality,
        "length": -documents.length,
        "id": documents.order,
    }
    keys = [component, *(ascending[name] for name in preference), documents.handle]
    by_merit = np.lexsort(keys[::-1])
    component = component[by_merit]
    is_winner = np.ones(len(component), np.bool_)
    is_winner[1:] = component[1:] != component[:-1]
    result = np.empty(len(component), np.int64)
    result[by_merit] = by_merit[is_winner][np.cumsum(is_winner) - 1]
    return result
