"""Matching by brute force in plain Python: what `find_matches` has to agree with, word for word.

Nothing is hashed and no kernel is called; tests, the benchmark and the recall probe compare with it.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from pile_builder.decontamination.index import ITEMS_PER_NGRAM, LEAST_WORDS, NGRAM
from pile_builder.decontamination.items import EvalItem
from pile_builder.text.ngram_scan import WINDOW
from pile_builder.text.normalise import BLOCK, DROPPED, SEPARATOR, SINGLE, WORD, load_table

Word = tuple[str, int, int]
"""A word v2 with its first byte and the byte behind it."""
Gram = tuple[tuple[str, ...], ...]
"""An n-gram as (words,), a pair as (anchor, partner)."""
Occurrence = tuple[int, int, Gram]
"""First word, word behind, and what stands there."""
Row = tuple[int, int, int, int]


def words_of(text: str) -> list[Word]:
    """The words v2 of a text."""
    words: list[Word] = []
    state, at = SEPARATOR, 0
    for character in text:
        kind, lower = _classify(ord(character))
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


def grams_of(item: EvalItem, ngram: int = NGRAM) -> list[Gram]:
    """What an item is matched by: n-grams in the order of its words, then the pair."""
    question, answer = (tuple(word for word, _, _ in words_of(text)) for text in (item.question, item.answer))
    words = question + answer
    if len(words) < LEAST_WORDS:
        return []
    grams: list[Gram] = [(words[i : i + ngram],) for i in range(len(words) - ngram + 1)]
    if question and answer and max(len(question), len(answer)) < ngram:
        grams.append((question, answer) if len(question) >= len(answer) else (answer, question))
    return grams or [(words,)]


def by_anchor(grams: Iterable[Gram]) -> dict[tuple[str, ...], list[Gram]]:
    """N-grams and pairs by the words that are sought first."""
    found = defaultdict(list)
    for gram in dict.fromkeys(grams):
        found[gram[0]].append(gram)
    return dict(found)


def occurrences(words: Sequence[str], sought: Mapping[tuple[str, ...], Sequence[Gram]]) -> list[Occurrence]:
    """Every place of every n-gram, and every anchor with its nearest partner; `sought` comes from `by_anchor`."""
    found: list[Occurrence] = []
    for length in sorted({len(anchor) for anchor in sought}):
        for first in range(len(words) - length + 1):
            for gram in sought.get(tuple(words[first : first + length]), ()):
                if len(gram) == 1:
                    found.append((first, first + length, gram))
                elif near := _nearest(words, first, first + length, gram[1]):
                    found.append((min(first, near[0]), max(first + length, near[1]), gram))
    return sorted(found)


def matches(
    texts: Sequence[str], items: Sequence[EvalItem], ngram: int = NGRAM, ignored: frozenset[Gram] = frozenset()
) -> tuple[list[Row], list[Row]]:
    """What `find_matches` finds in the texts with an index of the items.

    Returns:
        (document, item, start, end) of each passage and (document, item, seen, total) of each item with a passage in a
        document; items are numbered without those that cannot be protected. N-grams that are `ignored` count nowhere.
    """
    holders, totals = _holders(items, ngram, ignored)
    sought = by_anchor(holders)
    passages: list[Row] = []
    coverage: list[Row] = []
    for document, text in enumerate(texts):
        words = words_of(text)
        of_item = defaultdict(list)
        for occurrence in occurrences([word for word, _, _ in words], sought):
            for number in holders[occurrence[2]]:
                of_item[number].append(occurrence)
        for number, mine in sorted(of_item.items()):
            united: list[list[int]] = []
            for first, behind, _ in mine:
                if united and first < united[-1][1]:
                    united[-1][1] = max(united[-1][1], behind)
                else:
                    united.append([first, behind])
            passages += [(document, number, words[first][1], words[behind - 1][2]) for first, behind in united]
            coverage.append((document, number, len({gram for _, _, gram in mine}), totals[number]))
    return passages, coverage


def _holders(
    items: Sequence[EvalItem], ngram: int, ignored: frozenset[Gram]
) -> tuple[dict[Gram, list[int]], list[int]]:
    """The items that each n-gram and pair names, and how many of these name each item."""
    holders: dict[Gram, list[int]] = defaultdict(list)
    in_set: dict[tuple[Gram, str], int] = defaultdict(int)
    totals: list[int] = []
    for item in items:
        grams = set(grams_of(item, ngram))
        if not grams:
            continue
        totals.append(0)
        for gram in grams - ignored:
            in_set[gram, item.eval] += 1
            if in_set[gram, item.eval] <= ITEMS_PER_NGRAM:
                holders[gram].append(len(totals) - 1)
                totals[-1] += 1
    return dict(holders), totals


def _nearest(words: Sequence[str], first: int, behind: int, partner: tuple[str, ...]) -> tuple[int, int] | None:
    best = None
    reach = WINDOW + len(partner)
    for start in range(max(0, first - reach), min(behind + WINDOW, len(words) - len(partner)) + 1):
        end = start + len(partner)
        if tuple(words[start:end]) == partner and (end <= first or start >= behind):
            distance = (start - behind, 0) if start >= behind else (first - end, 1)
            if best is None or distance < best[0]:
                best = (distance, (start, end))
    return best[1] if best else None


@functools.cache
def _classify(point: int) -> tuple[int, int]:
    """A code point's class and its lower case, from the table of words v2."""
    index, entries = load_table()
    entry = int(entries[int(index[point // BLOCK]) * BLOCK + point % BLOCK])
    return entry & 7, point + (entry >> 3)
