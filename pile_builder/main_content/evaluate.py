"""How well extractors find the true text of labelled pages, and how fast."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml.etree import LxmlError

from pile_builder.errors import ManifestError
from pile_builder.main_content.labels import LabelledPage
from pile_builder.main_content.model import BlockModel
from pile_builder.main_content.shingles import Agreement, agreement, page_counts

EXTRACTORS = (
    *("blocks", "blocks-alone", "blocks-precision", "blocks-recall"),
    *("trafilatura", "trafilatura-fast", "trafilatura-precision", "trafilatura-recall", "resiliparse"),
)
"""`blocks-alone` leaves no page to trafilatura."""


@dataclass(frozen=True)
class Evaluated:
    """An extractor's agreement with the labels, and its CPU seconds for all pages."""

    extractor: str
    agreement: Agreement
    seconds: float

    @property
    def pages_per_second(self) -> float:
        """Pages of the labels in a second on one core."""
        return self.agreement.pages / self.seconds if self.seconds else 0.0


def extractor_of(name: str, model: Path | None = None) -> Callable[[str], str]:
    """The extractor of a name of `EXTRACTORS`; `model` is for those of blocks.

    Raises:
        ManifestError: there is none of that name.
    """
    from pile_builder.main_content.extractor import extract
    from pile_builder.sources.common_crawl.html import main_content, second_opinion

    if name not in EXTRACTORS:
        msg = f"extractor {name!r}: expected one of {', '.join(EXTRACTORS)}"
        raise ManifestError(msg)
    base, _, mode = name.partition("-")
    favor: Any = mode if mode in ("precision", "recall") else "balanced"
    if base != "blocks":
        return main_content(base, favor, fast=mode == "fast")  # type: ignore[arg-type]
    loaded = BlockModel.load(model)
    fallback = second_opinion(favor, fast=False) if mode != "alone" else None
    return lambda page: extract(page, favor=favor, fallback=fallback, model=loaded).text


def evaluate(pages: Sequence[LabelledPage], name: str, model: Path | None = None) -> Evaluated:
    """Extract the labelled pages, each once; a page on which the extractor fails counts as one without text."""
    run = extractor_of(name, model)
    run(pages[0].html if pages else "")
    counts = []
    seconds = 0.0
    for page in pages:
        if page.text is None:
            continue
        began = time.process_time()
        try:
            found = run(page.html)
        except (LxmlError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
            found = ""
        seconds += time.process_time() - began
        counts.append(page_counts(page.text, found))
    return Evaluated(name, agreement(counts), seconds)
