"""Which blocks of a page are in its true text: shares of words in shingles that both have."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pile_builder.main_content.page import Page
from pile_builder.main_content.shingles import SHINGLE, words_of


def shares_in_truth(page: Page, true: str) -> NDArray[np.float64]:
    """For each block the share of its words that stand in a run of four words of the true text, float64[blocks].

    Runs go over the borders of blocks: a short heading is found by the words around it, and a menu's word that the
    article also has is not.
    """
    blocks = [_folded(page.text(block)) for block in range(len(page.scan.blocks))]
    words = [word for block in blocks for word in block]
    truth = _folded(true)
    known = {tuple(truth[i : i + SHINGLE]) for i in range(max(len(truth) - SHINGLE + 1, 1))}
    covered = np.zeros(len(words), bool)
    for i in range(len(words) - SHINGLE + 1):
        if tuple(words[i : i + SHINGLE]) in known:
            covered[i : i + SHINGLE] = True
    ends = np.cumsum([len(block) for block in blocks])
    totals = np.concatenate([[0], np.cumsum(covered)])
    starts = np.concatenate([[0], ends[:-1]]).astype(np.int64) if len(ends) else ends
    sizes = np.maximum(ends - starts, 1)
    return (totals[ends] - totals[starts]) / sizes


def _folded(text: str) -> list[str]:
    return words_of(text.lower())
