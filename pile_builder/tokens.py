"""Token ids as they flow: sequences one after another in one array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """Sequences of token ids: documents with their end-of-document token, or windows.

    Attributes:
        tokens: shape (t,), ids of all sequences one after another.
        ends: shape (d,), the offset behind each sequence's last token.
    """

    tokens: NDArray[np.uint32]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Tokens of each sequence, shape (d,)."""
        return np.diff(self.ends, prepend=0)

    def slice(self, start: int, stop: int) -> TokenBatch:
        """Sequences `start` to `stop`, without copying their ids."""
        begin = int(self.ends[start - 1]) if start else 0
        end = int(self.ends[stop - 1]) if stop else 0
        return TokenBatch(self.tokens[begin:end], self.ends[start:stop] - begin)


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
