"""Which occurrence of a repeated paragraph stays: the first in an order that is made of sources, ids and places alone.

Where paragraphs are removed, all occurrences of one but its first go, in the same document and in others. That is what
CCNet does to lines (Wenzek et al. 2020, arXiv 1911.00359) and Dolma to what lies between line feeds (its
Bloom filter deduper); C4 does it to spans of three sentences (Raffel et al. 2020, section 2.2). What differs here:

- exact: 128 bits of hash over the corpus, where CCNet has 64 over a few shards at a time, and Dolma a filter that takes
  one new paragraph in 10^6 for a known one (configuration of version 1.5);
- deterministic: the first place is that in the preferred source, then in the document with the smallest order key, then
  in the document itself. With Dolma and CCNet it is the first that a run met;
- a paragraph is a line, as theirs; or, if the manifest says so, what lies between blank lines;
- normal form is lower case and single spaces (`text.paragraphs`). CCNet also drops punctuation and equates digits,
  which makes one of most rows of a table; Dolma compares bytes;
- shorter paragraphs than `min_characters` stay. Neither of the two sets a limit, so that both remove what recurs by
  chance, such as headings and lines of dialogue, from all documents but one. Lines of wrapped text and rows of tables
  have fewer than 100 characters in normal form as a rule, paragraphs of prose have more.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

PLACE = np.dtype([("high", "<u8"), ("low", "<u8"), ("order", "<u8"), ("place", "<u8")])
"""The first place of a paragraph in a block: its hash, the order key of its document, and block rank << 32 | position
among the block's paragraphs."""
BEATEN = np.dtype([("place", "<u8"), ("order", "<u8"), ("rank", "<u8")])
"""A place that lost, and order key and block rank of the document in which the paragraph stays."""


def firsts_of_sorted(high: NDArray[np.uint64], low: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which of n sorted hashes, uint64[n] each half, are the first of their kind, bool[n]."""
    is_first = np.ones(len(high), np.bool_)
    is_first[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    return is_first


def beaten_places(places: NDArray[Any], priority: NDArray[np.int64]) -> NDArray[Any]:
    """Let the places of each paragraph compete; returns those that lost, BEATEN[m].

    Args:
        places: PLACE[n], in any order, of each block one per paragraph.
        priority: int64[n], of each place's source, 0 preferred to 1.
    """
    ranked = np.lexsort((places["place"], places["order"], priority, places["low"], places["high"]))
    places = places[ranked]
    is_first = firsts_of_sorted(places["high"], places["low"])
    winner = places[is_first][np.cumsum(is_first) - 1]
    rows = np.empty(int((~is_first).sum()), BEATEN)
    rows["place"], rows["order"] = places["place"][~is_first], winner["order"][~is_first]
    rows["rank"] = winner["place"][~is_first] >> np.uint64(32)
    return rows
