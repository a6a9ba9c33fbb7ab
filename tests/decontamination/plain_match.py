"""Matching by brute force in plain Python: the oracle of the scan and the matcher."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from pile_builder.decontamination.items import EvalItem
from pile_builder.text.normalise import DROPPED, SEPARATOR, SINGLE, WORD
from tests.text.test_normalise import classify

Word = tuple[str, int, int]
Gram = tuple[tuple[str, ...], ...]
"""An n-gram as (words,), a pair as (anchor, partner)."""
Occurrence = tuple[int, int, Gram]


def words_of(text: str) -> list[Word]:
    """Each word with its first byte and the byte behind it."""
    words: list[Word] = []
    state, at = SEPARATOR, 0
    for character in text:
        kind, lower = classify(ord(character))
        end = at + len(character.encode())
        if kind == SEPARATOR:
            state = SEPARATOR
        elif kind != DROPPED:
            if state == SEPARATOR or kind == SINGLE or (kind == WORD and state == SINGLE):
                words.append((chr(lower), at, end))
                state = SINGLE if kind == SINGLE else WORD
            else:
                words[-1] = (words[-1][0] + chr(lower), words[-1][1], end)
        at = end
    return words


def grams_of(item: EvalItem, ngram: int) -> list[Gram]:
    question, answer = (tuple(word for word, _, _ in words_of(text)) for text in (item.question, item.answer))
    words = question + answer
    if len(words) < 5:
        return []
    if len(words) >= ngram:
        return [(words[i : i + ngram],) for i in range(len(words) - ngram + 1)]
    if question and answer:
        return [(question, answer) if len(question) >= len(answer) else (answer, question)]
    return [(words,)]


def occurrences(words: Sequence[str], grams: set[Gram]) -> list[Occurrence]:
    """Every place of every n-gram and every anchor with its nearest partner."""
    by_anchor = defaultdict(list)
    for gram in sorted(grams):
        by_anchor[gram[0]].append(gram)
    found = []
    for length in sorted({len(anchor) for anchor in by_anchor}):
        for first in range(len(words) - length + 1):
            for gram in by_anchor.get(tuple(words[first : first + length]), ()):
                if len(gram) == 1:
                    found.append((first, first + length, gram))
                elif near := nearest(words, first, first + length, gram[1]):
                    found.append((min(first, near[0]), max(first + length, near[1]), gram))
    return sorted(found)


def nearest(words: Sequence[str], first: int, behind: int, partner: tuple[str, ...]) -> tuple[int, int] | None:
    best = None
    for start in range(len(words) - len(partner) + 1):
        end = start + len(partner)
        if tuple(words[start:end]) == partner and (end <= first or start >= behind):
            distance = (start - behind, 0) if start >= behind else (first - end, 1)
            if distance[0] <= 50 and (best is None or distance < best[0]):
                best = (distance, (start, end))
    return best[1] if best else None


def matches(
    texts: Sequence[str], items: Sequence[EvalItem], ngram: int, ignored: frozenset[Gram] = frozenset()
) -> tuple[list[tuple[int, int, int, int]], list[tuple[int, int, int, int]]]:
    """(document, item, start, end) of each passage and (document, item, seen, total), items numbered if protected."""
    protected = [own for item in items if (own := set(grams_of(item, ngram)))]
    protected = [own - ignored for own in protected]
    passages, coverage = [], []
    for document, text in enumerate(texts):
        words = words_of(text)
        found = occurrences([word for word, _, _ in words], set().union(*protected))
        for number, own in enumerate(protected):
            mine = [occurrence for occurrence in found if occurrence[2] in own]
            merged: list[list[int]] = []
            for first, behind, _ in mine:
                if merged and first < merged[-1][1]:
                    merged[-1][1] = max(merged[-1][1], behind)
                else:
                    merged.append([first, behind])
            passages += [(document, number, words[first][1], words[behind - 1][2]) for first, behind in merged]
            if mine:
                coverage.append((document, number, len({gram for _, _, gram in mine}), len(own)))
    return passages, coverage
