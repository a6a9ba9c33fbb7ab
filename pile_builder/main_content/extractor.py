"""From a page to its main content: blocks above a threshold, laid out; pages that leave doubt go to trafilatura."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pile_builder.main_content.block_text import ELEMENT
from pile_builder.main_content.context import probabilities
from pile_builder.main_content.head import Head
from pile_builder.main_content.layout import laid_out, whole_tables, with_headings
from pile_builder.main_content.model import BlockModel
from pile_builder.main_content.page import Page, read_page
from pile_builder.main_content.scan import PARENT, TAG
from pile_builder.main_content.tags import NAMES

Favor = Literal["balanced", "precision", "recall"]


@dataclass(frozen=True)
class Extracted:
    """A page's main content.

    Attributes:
        text: empty where nothing was found.
        head: title, date, language and address as the page declares them.
        by: `blocks`, or `fallback` where the other extractor's text was taken.
    """

    text: str
    head: Head
    by: str = "blocks"


@dataclass(frozen=True)
class Block:
    """A block as the classifier judges it.

    Attributes:
        text: with white space collapsed.
        path: its tags from the root down, as `html > body > div > p`.
        probability: that it is content, in (0, 1).
        kept: whether its probability reaches the threshold, or that of most of its table does, or it is the heading of
            a kept one.
    """

    text: str
    path: str
    probability: float
    kept: bool


def extract(
    markup: str,
    *,
    favor: Favor = "balanced",
    fallback: Callable[[str, str], str] | None = None,
    model: BlockModel | None = None,
) -> Extracted:
    """The main content of a page.

    Args:
        markup: of the page.
        favor: moves the threshold.
        fallback: called with page and text where the classifier is least certain; what it finds, if anything, is taken.
        model: None for the shipped one.
    """
    model = model or BlockModel.load()
    page = read_page(markup)
    margins = page.margins(model.stages)
    text = laid_out(page, _kept(page, margins, model.thresholds[favor]))
    if fallback is not None and uncertainty(page, margins) > model.uncertain and (other := fallback(markup, text)):
        return Extracted(other, page.head, "fallback")
    return Extracted(text, page.head)


def explain(markup: str, *, favor: Favor = "balanced", model: BlockModel | None = None) -> list[Block]:
    """All blocks of a page in its order, with what the classifier makes of them."""
    model = model or BlockModel.load()
    page = read_page(markup)
    margins = page.margins(model.stages)
    kept = set(_kept(page, margins, model.thresholds[favor]))
    return [
        Block(page.text(block), _path(page, block), 1 / (1 + exp(-margin)), block in kept)
        for block, margin in enumerate(margins.tolist())
    ]


def uncertainty(page: Page, margins: NDArray[np.float32]) -> float:
    """How much of what may be content may as well be none, in [0, 1]; 1 where nothing may be content."""
    likely = probabilities(margins)
    weights = page.weights.astype(np.float64)
    whole = float((weights * likely).sum())
    return float((weights * np.minimum(likely, 1 - likely)).sum()) / whole if whole else 1.0


def _kept(page: Page, margins: NDArray[np.float32], threshold: float) -> list[int]:
    return with_headings(page, whole_tables(page, np.flatnonzero(margins >= threshold).tolist()), margins)


def _path(page: Page, block: int) -> str:
    names: list[str] = []
    element = int(page.scan.blocks[block, ELEMENT])
    while element > 0:
        names.append(NAMES[page.scan.elements[element, TAG]].rstrip("-"))
        element = int(page.scan.elements[element, PARENT])
    return " > ".join(reversed(names))
