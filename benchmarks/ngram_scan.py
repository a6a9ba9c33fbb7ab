"""The n-gram scan on one core: documents matched against 5 million n-grams, the hashing of their words included."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterator, Sequence

import numpy as np

from pile_builder.decontamination.index import NGRAM, build_index
from pile_builder.decontamination.items import EvalItem
from pile_builder.decontamination.match import find_matches
from pile_builder.text.column import TextColumn, from_strings

NGRAMS = 5_000_000
SHORT_ITEMS = 10_000
ITEM_WORDS = 62
"""Words of a long item: 50 n-grams."""
BATCH_BYTES = 8 << 20
"""As ingest cuts batches."""
BATCHES = 8
TARGET = 150.0
"""MB/s."""


def scan_speed(texts: Sequence[str], repetitions: int) -> float:
    """Bytes of text per second that `find_matches` takes in, median of some repetitions over `BATCHES` batches.

    The index holds `NGRAMS` n-grams of random words, and short items of every kind and length.
    """
    index = build_index(_items())
    batches = list(itertools.islice(_batches(texts), BATCHES))
    size = sum(batch.nbytes for batch in batches)
    find_matches(batches[0], index)
    taken = []
    for _ in range(repetitions):
        began = time.perf_counter()
        for batch in batches:
            find_matches(batch, index)
        taken.append(time.perf_counter() - began)
    return size / statistics.median(taken)


def _items() -> Iterator[EvalItem]:
    """Items of made-up words, always the same."""
    randomness = np.random.default_rng(1)
    parts = itertools.product(("b", "d", "fl", "g", "k", "m", "pr", "st"), ("a", "e", "io", "ou"), ("n", "r", "ck", ""))
    words = np.array(["".join(part) for part in parts])

    def text(size: int) -> str:
        return " ".join(words[randomness.integers(0, len(words), size)].tolist())

    for number in range(NGRAMS // (ITEM_WORDS - NGRAM + 1)):
        yield EvalItem("long", str(number), text(ITEM_WORDS))
    for number in range(SHORT_ITEMS):
        size = 5 + number % (NGRAM - 5)
        answer = number // 8 % (size // 2)
        yield EvalItem("short", str(number), text(size - answer), text(answer))


def _batches(texts: Sequence[str]) -> Iterator[TextColumn]:
    """The texts over and over, in columns of about `BATCH_BYTES`."""
    waiting: list[str] = []
    size = 0
    for text in itertools.cycle(texts):
        waiting.append(text)
        size += len(text.encode())
        if size >= BATCH_BYTES:
            yield from_strings(waiting)
            waiting, size = [], 0
