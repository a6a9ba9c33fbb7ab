"""What a match does to its document: tag it, cut the passage out, or drop it.

The rule of cutting is GPT-3's (Brown et al. 2020, appendix C): with each passage goes a window of 200 characters on
either side, the text splits there, pieces under 200 characters are discarded, and a document in more than 10 pieces is
dropped. Characters are code points. Pieces are counted after short ones have become part of the cuts around them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import get_args

import numba
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.decontamination.evals import Action
from pile_builder.decontamination.index import Index
from pile_builder.decontamination.match import Matches
from pile_builder.document import SPAN, SPANS
from pile_builder.text.column import TextColumn

RULE = "decontamination"
WINDOW = 200
"""Characters removed on either side of a match (GPT-3, appendix C)."""
LEAST_PIECE = 200
"""Characters that a piece must have to stay (GPT-3, appendix C)."""
MOST_PIECES = 10
"""A document that cuts split into more pieces is dropped (GPT-3, appendix C)."""

WIDEST = 4
"""Bytes of the longest character."""


class Verdict(IntEnum):
    """What happens to a document; from `DROPPED` on it is left out."""

    CLEAN = 0
    TAGGED = 1
    """Has matches, of sets that only tag."""
    CUT = 2
    DROPPED = 3
    """Has a match of a set that drops."""
    IN_PIECES = 4
    """Cuts would leave more than `MOST_PIECES`."""
    CONSUMED = 5
    """Cuts would leave nothing."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """What matches do to the n documents of a batch.

    `spans` is an array of type `SPANS`, the cuts of the documents whose verdict is `CUT` and an empty list for all
    others; `verdict` is uint8[n], a `Verdict` each; `pieces` is int64[n], the pieces that cutting leaves or would leave
    (1 for a document without cuts, also when it is dropped for another set's match).
    """

    spans: pa.ListArray
    verdict: NDArray[np.uint8]
    pieces: NDArray[np.int64]


def cut_spans(column: TextColumn, matches: Matches, index: Index, actions: Mapping[str, Action]) -> Cuts:
    """Apply each eval set's action to the documents in which its items were found.

    In a document, drop wins over cut and cut over tag; passages of sets that only tag are not cut.

    Args:
        column: the documents in which the matches were found.
        matches: the passages; what the caller wants ignored (by coverage, for example) is left out of them.
        index: as `find_matches` had it.
        actions: the action for every eval set of the index.

    Raises:
        ValueError: an eval set has no action, or an action is none of tag, cut and drop.
    """
    known = get_args(Action)
    for name in index.evals:
        if actions.get(name) not in known:
            msg = f"eval set {name!r}: expected an action of {', '.join(known)}, got {actions.get(name)!r}"
            raise ValueError(msg)
    ranks = np.array([known.index(actions[name]) + Verdict.TAGGED for name in index.evals], np.uint8)
    rank = ranks[index.item_evals[matches.item]]
    verdict = np.zeros(len(column), np.uint8)
    np.maximum.at(verdict, matches.document, rank)
    pieces = np.ones(len(column), np.int64)

    chosen = np.flatnonzero((rank == Verdict.CUT) & (verdict[matches.document] == Verdict.CUT))
    chosen = chosen[np.lexsort((matches.start[chosen], matches.document[chosen]))]
    passages = np.stack([matches.start[chosen], matches.end[chosen]], axis=1)
    bounds = np.searchsorted(matches.document[chosen], np.arange(len(column) + 1))
    cuts = np.empty_like(passages)
    counts = np.zeros(len(column), np.int64)
    _cut(column.data, column.offsets, passages, bounds, cuts, counts, pieces)
    verdict[pieces == 0] = Verdict.CONSUMED
    verdict[pieces > MOST_PIECES] = Verdict.IN_PIECES
    return Cuts(_to_spans(cuts, bounds[:-1], np.where(verdict == Verdict.CUT, counts, 0)), verdict, pieces)


def _to_spans(cuts: NDArray[np.int64], begins: NDArray[np.int64], counts: NDArray[np.int64]) -> pa.ListArray:
    offsets = np.append(0, np.cumsum(counts))
    rows = np.repeat(begins - offsets[:-1], counts) + np.arange(offsets[-1])
    size = len(rows)
    flat = pa.StructArray.from_arrays(
        [
            pa.array(cuts[rows, 0]),
            pa.array(cuts[rows, 1]),
            pa.nulls(size, pa.string()),
            pa.repeat(RULE, size),
        ],
        fields=list(SPAN),
    )
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat, type=SPANS)


@numba.njit(cache=True, nogil=True)
def _is_inside(byte: np.uint8) -> bool:
    """Whether a byte continues a character."""
    return bool((byte & 0xC0) == 0x80)


@numba.njit(cache=True, nogil=True)
def _back(data: NDArray[np.uint8], at: int, begin: int) -> int:
    """The byte `WINDOW` characters before `at`, or `begin`."""
    for _ in range(WINDOW):
        if at == begin:
            break
        at -= 1
        while _is_inside(data[at]):
            at -= 1
    return at


@numba.njit(cache=True, nogil=True)
def _forward(data: NDArray[np.uint8], at: int, end: int) -> int:
    """The byte `WINDOW` characters behind `at`, or `end`."""
    for _ in range(WINDOW):
        if at == end:
            break
        at += 1
        while at < end and _is_inside(data[at]):
            at += 1
    return at


@numba.njit(cache=True, nogil=True)
def _is_short(data: NDArray[np.uint8], begin: int, end: int) -> bool:
    """Whether fewer than `LEAST_PIECE` characters lie in [begin, end)."""
    if end - begin >= WIDEST * LEAST_PIECE:
        return False
    characters = 0
    for at in range(begin, end):
        characters += not _is_inside(data[at])
    return characters < LEAST_PIECE


@numba.njit(cache=True, nogil=True)
def _cut(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    passages: NDArray[np.int64],
    bounds: NDArray[np.int64],
    cuts: NDArray[np.int64],
    counts: NDArray[np.int64],
    pieces: NDArray[np.int64],
) -> None:
    """Write the cuts of document i to `cuts[bounds[i]:]`, their number and the number of pieces that they leave.

    `passages` are bytes relative to the document, sorted by start; documents without any are left as they are.
    """
    for document in range(len(offsets) - 1):
        if bounds[document] == bounds[document + 1]:
            continue
        base, end = offsets[document], offsets[document + 1]
        at = bounds[document]
        begun, done = base, base
        left = 0
        for passage in range(bounds[document], bounds[document + 1]):
            start = _back(data, base + passages[passage, 0], base)
            if not _is_short(data, done, start):
                if done > base:
                    cuts[at, 0], cuts[at, 1] = begun - base, done - base
                    at += 1
                begun = start
                left += 1
            done = max(done, _forward(data, base + passages[passage, 1], end))
        if _is_short(data, done, end):
            done = end
        else:
            left += 1
        cuts[at, 0], cuts[at, 1] = begun - base, done - base
        counts[document] = at + 1 - bounds[document]
        pieces[document] = left
