"""Exact Jaccard similarity of texts: of the sets of their n-grams of words v2, each as 64 bits of hash."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pile_builder.text.column import TextColumn
from pile_builder.text.normalise import hash_words

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def shingle_sets(column: TextColumn, ngram: int) -> list[NDArray[np.uint64]]:
    """Each text's distinct n-grams as sorted hashes; a text of fewer words has one, of all of them."""
    words = hash_words(column)
    sets = []
    for document in range(len(column)):
        own = words.hashes[words.offsets[document] : words.offsets[document + 1]]
        count = max(len(own) - ngram + 1, 1)
        polynomial = np.zeros(count, np.uint64)
        for place in range(min(ngram, len(own))):
            polynomial = polynomial * _MULTIPLIER + own[place : place + count]
        # A text without words is known by its content hash alone.
        sets.append(np.unique(polynomial) if len(own) else words.content[document, :1].copy())
    return sets


def common(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> int:
    """How many hashes two sorted sets share."""
    if len(a) > len(b):
        a, b = b, a
    if not len(a):
        return 0
    at = np.minimum(np.searchsorted(b, a), len(b) - 1)
    return int(np.count_nonzero(b[at] == a))


def jaccard(shared: int, a: int, b: int) -> float:
    """The similarity of sets of sizes `a` and `b` that share so many."""
    return shared / (a + b - shared)
