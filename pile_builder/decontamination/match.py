"""Match documents against the index: passages in the original text, and how much of an item a document holds.

The offsets are those of words in the text as it is, found word by word, so that any run of white space, punctuation or
dropped character between two words counts for what it is. (The Pile's script added up the lengths of words, which moved
every cut to the left by the separators before it, and never looked at the last n-gram of a document.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pile_builder.decontamination.index import Index, run_starts
from pile_builder.text.column import TextColumn
from pile_builder.text.ngram_scan import Hits, scan
from pile_builder.text.normalise import hash_words, word_spans

COMMON_DOCUMENTS = 10
"""N-grams found in more documents of the corpus are ignored (Brown et al. 2020, GPT-3, appendix C: n-grams that match
more than 10 training documents; NeMo Curator's `max_matches`)."""

MATCHES_AT_ONCE = 1 << 20
"""Hits times items that are looked at together, unless one document has more."""


@dataclass(frozen=True, slots=True)
class Matches:
    """What a batch holds of an index's items: passages, and the coverage of each item in each document.

    Passages are sorted by document, item and place, int64[k]: `document` is the row in the batch, `item` the item's
    number, [`start`, `end`) are bytes of the document's original text, from the first character of the first word to
    the last character of the last; `number` is that of the n-gram or pair with which the passage begins. Matches of an
    item that share a word are one passage.

    Coverage is sorted by (`covered_document`, `covered_item`), int64[m], with one row for each item that has a passage
    in the document: `seen` counts the item's distinct n-grams in the document, `total` all that the item has. Ignored
    n-grams are in neither, nor are those beyond the index's limit of items per n-gram. A short item has one.
    """

    document: NDArray[np.int64]
    item: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    number: NDArray[np.int64]
    covered_document: NDArray[np.int64]
    covered_item: NDArray[np.int64]
    seen: NDArray[np.int64]
    total: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.document)


def count_hits(column: TextColumn, index: Index) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """In how many documents of the batch each n-gram occurs, to be summed over the corpus.

    Returns:
        Numbers of n-grams and pairs that occur, ascending, int64[k], and their documents, int64[k]. A number is common
        when the sum exceeds `COMMON_DOCUMENTS`.
    """
    hits = scan(hash_words(column), index.table)
    size = max(index.size, 1)
    numbers, counts = np.unique(np.unique(hits.document * size + hits.number) % size, return_counts=True)
    return numbers, counts


def find_matches(column: TextColumn, index: Index, common: NDArray[np.bool_] | None = None) -> Matches:
    """Find every match of every item in every document of a batch.

    Args:
        column: n documents.
        index: what is protected.
        common: bool[index.size], the n-grams to ignore, see `COMMON_DOCUMENTS`; None ignores none.

    Raises:
        ValueError: `common` has another length.
    """
    if common is not None and len(common) != index.size:
        msg = f"expected one entry of `common` for each of the index's {index.size} n-grams, got {len(common)}"
        raise ValueError(msg)
    words = hash_words(column)
    hits = scan(words, index.table)
    if common is not None:
        kept = ~common[hits.number]
        hits = Hits(hits.document[kept], hits.number[kept], hits.first[kept], hits.behind[kept])
    passages, coverage = [np.empty((0, 5), np.int64)], [np.empty((0, 3), np.int64)]
    for lot in _lots(hits, index):
        some, covered = _merge(lot, index)
        passages.append(some)
        coverage.append(covered)
    document, item, first, behind, number = np.concatenate(passages).T.copy()
    covered_document, covered_item, seen = np.concatenate(coverage).T.copy()
    starts, ends = _byte_ranges(column, words.offsets, document, first, behind)
    total = _totals(index, common, covered_item)
    return Matches(document, item, starts, ends, number, covered_document, covered_item, seen, total)


def _lots(hits: Hits, index: Index) -> Iterator[Hits]:
    """The hits, whole documents at a time, so many that they have few postings."""
    postings = np.append(0, np.cumsum(index.offsets[hits.number + 1] - index.offsets[hits.number]))
    bounds = np.append(np.unique(hits.document, return_index=True)[1], len(hits))
    begin = 0
    for i in range(1, len(bounds)):
        if i + 1 == len(bounds) or postings[bounds[i + 1]] - postings[begin] > MATCHES_AT_ONCE:
            lot = slice(begin, bounds[i])
            yield Hits(hits.document[lot], hits.number[lot], hits.first[lot], hits.behind[lot])
            begin = bounds[i]


def _merge(hits: Hits, index: Index) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Passages as (document, item, first word, word behind, number), and (document, item, distinct numbers)."""
    counts = index.offsets[hits.number + 1] - index.offsets[hits.number]
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    item = index.items[np.repeat(index.offsets[hits.number], counts) + within].astype(np.int64)
    document, number, first, behind = (
        np.repeat(each, counts) for each in (hits.document, hits.number, hits.first, hits.behind)
    )
    order = np.lexsort((first, item, document))
    document, item, number, first, behind = (each[order] for each in (document, item, number, first, behind))
    begins_group = run_starts(document, item)
    group = np.cumsum(begins_group) - 1
    # The furthest word so far of each group: groups are kept apart by more than there are words.
    apart = group * (int(behind.max(initial=0)) + 1)
    furthest = np.maximum.accumulate(behind + apart) - apart
    begins = begins_group.copy()
    begins[1:] |= first[1:] >= furthest[:-1]
    ends = np.append(np.flatnonzero(begins)[1:], len(begins)) - 1
    passages = np.stack([document[begins], item[begins], first[begins], furthest[ends], number[begins]], axis=1)

    by_number = np.lexsort((number, group))
    distinct = run_starts(group[by_number], number[by_number])
    seen = np.bincount(group[by_number][distinct], minlength=int(begins_group.sum()))
    return passages, np.stack([document[begins_group], item[begins_group], seen], axis=1)


def _byte_ranges(
    column: TextColumn,
    offsets: NDArray[np.int64],
    document: NDArray[np.int64],
    first: NDArray[np.int64],
    behind: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bytes of each passage, relative to its document; only documents with passages are looked at."""
    starts, ends = np.empty(len(document), np.int64), np.empty(len(document), np.int64)
    rows, begins = np.unique(document, return_index=True)
    for row, begin, end in zip(rows.tolist(), begins, np.append(begins, len(document))[1:], strict=True):
        word_starts, word_ends = word_spans(TextColumn(column.data, column.offsets[row : row + 2]))
        starts[begin:end] = word_starts[first[begin:end] - offsets[row]] - column.offsets[row]
        ends[begin:end] = word_ends[behind[begin:end] - 1 - offsets[row]] - column.offsets[row]
    return starts, ends


def _totals(index: Index, common: NDArray[np.bool_] | None, items: NDArray[np.int64]) -> NDArray[np.int64]:
    begins, ends = index.item_offsets[items], index.item_offsets[items + 1]
    totals = ends - begins
    if common is not None:
        ignored = [int(common[index.item_numbers[begin:end]].sum()) for begin, end in zip(begins, ends, strict=True)]
        totals = totals - np.array(ignored, np.int64)
    return totals
