"""Agreement of an extracted text with the true one, as the article-extraction-benchmark defines it.

https://github.com/scrapinghub/article-extraction-benchmark: counts of shingles of four words, normalised by page, so
that a long one weighs no more than a short one; precision and recall are means over pages, F1 is their harmonic mean.
Here a Chinese or Japanese character is a word, since no spaces part them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

SHINGLE = 4
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")


@dataclass(frozen=True)
class Agreement:
    """Means over pages."""

    precision: float
    recall: float
    pages: int

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def words_of(text: str) -> list[str]:
    """The words of a text, as written."""
    return _WORD.findall(text)


def shingles(text: str) -> Counter[tuple[str, ...]]:
    """How often each run of four words occurs; a shorter text is one shingle."""
    words = words_of(text)
    if not words:
        return Counter()
    return Counter(tuple(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1)))


def page_counts(true: str, found: str) -> tuple[float, float, float]:
    """Shares of shingles in both texts, in the found one alone, in the true one alone."""
    wanted, got = shingles(true), shingles(found)
    both = sum((wanted & got).values())
    total = sum((wanted | got).values())
    if not total:
        return 0.0, 0.0, 0.0
    return both / total, sum((got - wanted).values()) / total, sum((wanted - got).values()) / total


def agreement(counts: Iterable[tuple[float, float, float]]) -> Agreement:
    """Precision over pages where something was found, recall over pages where something was to be found."""
    listed = list(counts)
    precisions = [both / (both + more) for both, more, _ in listed if both + more > 0]
    recalls = [both / (both + missed) for both, _, missed in listed if both + missed > 0]
    return Agreement(_mean(precisions), _mean(recalls), len(listed))


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
