"""From labels to a model's file and its card."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pile_builder.main_content.context import CONTEXT
from pile_builder.main_content.extractor import uncertainty
from pile_builder.main_content.features import FEATURES
from pile_builder.main_content.labels import read_labels
from pile_builder.main_content.layout import laid_out
from pile_builder.main_content.model_file import model_bytes
from pile_builder.main_content.page import read_page
from pile_builder.main_content.shingles import Agreement, agreement, page_counts
from pile_builder.main_content.train import Example, Trained, example, train_stages

SILVER_IMPORTANCE = 0.5
"""What a page with silver labels counts against one with true ones."""
UNCERTAIN = 0.05
"""The share of pages that are left to another extractor."""
BALANCED = 0.5
"""Least margin for `favor: balanced`: held-out news is found best at about 1, pages in several languages at about 0."""
FAVOR = 1.2
"""How far the thresholds of `precision` and `recall` lie from the balanced one."""


@dataclass(frozen=True)
class Built:
    """A model and what is known of it.

    Attributes:
        agreements: of held-out pages by source of labels, at the balanced threshold, no page left to another extractor.
        importance: for each stage the names of its columns with their share of the gain, the greatest first.
    """

    data: bytes
    header: dict[str, Any]
    agreements: dict[str, Agreement]
    pages: dict[str, int]
    importance: tuple[list[tuple[str, float]], ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the model, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


def build_model(gold: Sequence[str], silver: Sequence[str], watch: Callable[[str], Any] = lambda _: None) -> Built:
    """Train on labels (`read_labels` says in which formats), judge on hosts left out, find the limit of doubt."""
    examples: dict[str, list[Example]] = {}
    doubts: list[str] = []
    for sources, importance in ((gold, 1.0), (silver, SILVER_IMPORTANCE)):
        for source in sources:
            pages = list(read_labels(source))
            doubts += [page.html for page in pages if page.text is None]
            made = [example(page, importance) for page in pages if page.text is not None]
            examples[source] = [one for one in made if len(one.labels)]
            watch(f"{Path(source).name}: {len(examples[source]):,} pages")
    flat = [one for part in examples.values() for one in part]
    trained = train_stages(flat, watch)
    of_source = [source for source, part in examples.items() for _ in part]
    header: dict[str, Any] = {
        "features": list(FEATURES),
        "context": list(CONTEXT),
        "thresholds": {"precision": BALANCED + FAVOR, "balanced": BALANCED, "recall": BALANCED - FAVOR},
        "uncertain": _uncertain(trained, flat, doubts),
        "libraries": {name: version(name) for name in ("lightgbm", "selectolax", "trafilatura")},
    }
    agreements = {
        source: agreement(
            _counts(flat[k], trained.held_out[k], BALANCED) for k, own in enumerate(of_source) if own == source
        )
        for source in examples
    }
    ranked = tuple(_ranked(booster, [*FEATURES, *CONTEXT]) for booster in trained.boosters)
    data = model_bytes(header, trained.stages)
    return Built(data, header, agreements, {source: len(part) for source, part in examples.items()}, ranked)


def _ranked(booster: Any, names: Sequence[str]) -> list[tuple[str, float]]:
    gains = booster.feature_importance("gain")
    shares = (gains / max(gains.sum(), 1)).tolist()
    return sorted(zip(names, shares, strict=False), key=lambda pair: (-pair[1], pair[0]))


def _counts(one: Example, margins: NDArray[np.float32], threshold: float) -> tuple[float, float, float]:
    kept = np.flatnonzero(margins >= threshold).tolist()
    return page_counts(one.source.text or "", laid_out(one.page, kept))


def _uncertain(trained: Trained, examples: Sequence[Example], doubts: Sequence[str]) -> float:
    """The uncertainty that so many pages exceed as shall be left to another extractor."""
    found = [uncertainty(one.page, margins) for one, margins in zip(examples, trained.held_out, strict=True)]
    for markup in doubts:
        page = read_page(markup)
        if len(page.features):
            found.append(uncertainty(page, page.margins(trained.stages)))
    return round(float(np.sort(found)[min(int(len(found) * (1 - UNCERTAIN)), len(found) - 1)]), 4)
