"""Token ids of documents, in the form that every stage of an export passes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TokenBatch:
    """Ids of documents one after another.

    Attributes:
        tokens: (t,) uint32, ids of documents one after another.
        ends: (d,) int64, offset behind each document's last token.
    """

    tokens: NDArray[np.uint32]
    ends: NDArray[np.int64]


def join(batches: Sequence[TokenBatch]) -> TokenBatch:
    """The documents of several batches as one batch, in their order."""
    if len(batches) == 1:
        return batches[0]
    sizes = np.array([0, *(len(batch.tokens) for batch in batches)], np.int64)
    starts = np.cumsum(sizes)
    return TokenBatch(
        np.concatenate([np.zeros(0, np.uint32), *(batch.tokens for batch in batches)]),
        np.concatenate(
            [np.zeros(0, np.int64), *(batch.ends + start for batch, start in zip(batches, starts, strict=False))]
        ),
    )


def batch_of(documents: Sequence[NDArray[np.uint32]]) -> TokenBatch:
    """Documents given one by one, each with its end-of-document id, as one batch."""
    return TokenBatch(
        np.concatenate([np.zeros(0, np.uint32), *documents]),
        np.cumsum([len(document) for document in documents], dtype=np.int64),
    )
