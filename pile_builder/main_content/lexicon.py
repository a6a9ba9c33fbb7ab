"""Learning which words speak for or against content, from labelled pages of many hosts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pile_builder.main_content.evidence import UNIT, Lexicon, lexicon_of
from pile_builder.main_content.page import Page

MIN_HOSTS = 4
"""Hosts that a word must occur on."""
PRIOR = 2.0
"""Made-up hosts on which a word says nothing, so that few hosts say little."""
MIN_EVIDENCE = 8
MOST_WORDS = 3_000
"""Words of text, and words of classes, that are kept: those that say most."""


class HostCounts:
    """How often, on each host, words were in blocks that are content and in others."""

    def __init__(self) -> None:
        self._words: list[NDArray[np.uint64]] = []
        self._hosts: list[NDArray[np.int64]] = []
        self._labels: list[NDArray[np.float64]] = []
        self._summed: tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.float64]] | None = None

    def add(self, words: NDArray[np.uint64], host: int, labels: NDArray[np.bool_]) -> None:
        """Count occurrences of words (short hashes, uint64[n]) and whether their blocks are content, bool[n]."""
        self._words.append(words)
        self._hosts.append(np.full(len(words), host, np.int64))
        self._labels.append(labels.astype(np.float64))

    def evidence(self, hosts: NDArray[np.bool_]) -> dict[int, int]:
        """Evidence of the words of some hosts, bool[hosts], by short hash. Each host counts by its share of content."""
        words, of_host, shares = self._by_host()
        taken = hosts[of_host]
        words, shares = words[taken], shares[taken]
        base = float(shares.mean()) if len(shares) else 0.5
        known, numbers, occurrences = np.unique(words, return_inverse=True, return_counts=True)
        content = np.bincount(numbers, shares, len(known))
        odds = (content + PRIOR * base) / (occurrences - content + PRIOR * (1 - base))
        values = np.rint(UNIT * np.log(odds * (1 - base) / base)).astype(np.int64) if len(known) else occurrences
        values = np.clip(values, -100, 100)
        rank = np.where((occurrences >= MIN_HOSTS) & (np.abs(values) >= MIN_EVIDENCE), np.abs(values) * occurrences, 0)
        best = np.lexsort((known, -rank))[:MOST_WORDS]
        return {int(known[k]): int(values[k]) for k in best if rank[k] > 0}

    def _by_host(self) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.float64]]:
        if self._summed is None:
            words, hosts = np.concatenate(self._words), np.concatenate(self._hosts)
            order = np.lexsort((hosts, words))
            words, hosts, labels = words[order], hosts[order], np.concatenate(self._labels)[order]
            begins = np.flatnonzero(np.concatenate([[True], (words[1:] != words[:-1]) | (hosts[1:] != hosts[:-1])]))
            sizes = np.diff(np.concatenate([begins, [len(words)]]))
            self._summed = words[begins], hosts[begins], np.add.reduceat(labels, begins) / sizes
        return self._summed


class Vocabulary:
    """Counts of all labelled pages, from which lexicons are made that leave some hosts out."""

    def __init__(self, pages: Sequence[Page], labels: Sequence[NDArray[np.bool_]], hosts: Sequence[int]) -> None:
        self._text, self._classes = HostCounts(), HostCounts()
        for page, content, host in zip(pages, labels, hosts, strict=True):
            sizes = np.diff(page.measures.starts)
            self._text.add(page.measures.words >> np.uint64(32), host, np.repeat(content, sizes))
            words, blocks = words_above(page)
            self._classes.add(words, host, content[blocks])

    def lexicon(self, hosts: NDArray[np.bool_]) -> Lexicon:
        """The evidence of words on some hosts, bool[hosts]."""
        return lexicon_of(self._text.evidence(hosts), self._classes.evidence(hosts))


def words_above(page: Page) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The class words of each block's ancestors as short hashes, each word once a block, and the number of its block."""
    elements = page.scan.elements
    short = (page.scan.words >> np.uint64(32)).tolist()
    above: list[frozenset[int]] = [frozenset()]
    for parent, begin, end in elements[1:, [0, 7, 8]].tolist():
        above.append(above[parent] | frozenset(short[begin:end]) if end > begin else above[parent])
    words: list[int] = []
    blocks: list[int] = []
    for block, element in enumerate(page.scan.blocks[:, 2].tolist()):
        words += sorted(above[element])
        blocks += [block] * len(above[element])
    return np.array(words, np.uint64), np.array(blocks, np.int64)
