"""A page read once: lexbor's tree, its blocks, and what its head says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from selectolax.lexbor import LexborHTMLParser

from pile_builder.main_content.context import context_features
from pile_builder.main_content.features import features
from pile_builder.main_content.head import Head, read_head
from pile_builder.main_content.measures import WEIGHT, Measures, measure
from pile_builder.main_content.scan import Scan, scan
from pile_builder.main_content.trees import Trees

CODE_TAGS = ("script", "style")
"""Two fifths of the bytes of a page: gone before they are serialised and walked."""


@dataclass(frozen=True)
class Page:
    """A page's blocks with what the classifier sees of them.

    Attributes:
        head: title, date, language and address.
        scan: blocks and elements.
        measures: counts and words of the blocks.
        features: float32[blocks, FEATURES].
    """

    head: Head
    scan: Scan
    measures: Measures
    features: NDArray[np.float32]

    @property
    def weights(self) -> NDArray[np.int64]:
        """The length of each block, int64[blocks]."""
        return np.asarray(self.measures.counts[:, WEIGHT])

    def text(self, block: int) -> str:
        """The text of a block."""
        start, end = self.scan.blocks[block, :2]
        return self.scan.text[start:end].tobytes().decode("utf-8", "replace")

    def context(self, margins: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the second stage looks at, float32[blocks, FEATURES + CONTEXT], after the first stage's margins."""
        return np.hstack([self.features, context_features(self.scan, self.measures.counts, margins)])

    def margins(self, stages: tuple[Trees, Trees]) -> NDArray[np.float32]:
        """The logarithm of the odds of being content by the second stage, float32[blocks]."""
        first, second = stages
        return second.margins(self.context(first.margins(self.features)))


def read_page(markup: str) -> Page:
    """Parse a page and look at its blocks."""
    head, scanned = _head_and_scan(markup)
    measures = measure(scanned.text, scanned.blocks, head.title)
    return Page(head, scanned, measures, features(scanned, measures.counts, measures.title_words))


def head_of(markup: str) -> Head:
    """What a page says of itself, without a look at its blocks."""
    return read_head(_serialised(markup), markup)


def _head_and_scan(markup: str) -> tuple[Head, Scan]:
    serialised = _serialised(markup)
    return read_head(serialised, markup), scan(serialised)


def _serialised(markup: str) -> str:
    """The page as lexbor serialises it, without scripts and styles."""
    tree = LexborHTMLParser(markup)
    tree.strip_tags(list(CODE_TAGS))
    return tree.html or ""
