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
from pile_builder.text.normalise import MIX_1, MIX_2, hash_words, word_spans

COMMON_DOCUMENTS = 10
"""N-grams found in more documents of the corpus are ignored (Brown et al. 2020, GPT-3, appendix C: n-grams that match
more than 10 training documents; NeMo Curator's `max_matches`)."""

MATCHES_AT_ONCE = 1 << 20
"""Matches (n-grams found, times the items of each) that are looked at together, unless one passage has more."""


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


def count_hits(column: TextColumn, index: Index) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """In how many documents of the batch each n-gram occurs, to be summed over the corpus.

    Returns:
        Numbers of n-grams and pairs that occur, ascending, int64[k]; how many documents hold each, int64[k], a number
        being common when the sum exceeds `COMMON_DOCUMENTS`; and the documents that hold any, ascending, int64[m].
    """
    hits = scan(hash_words(column), index.table)
    size = max(index.size, 1)
    numbers, counts = np.unique(np.unique(hits.document * size + hits.number) % size, return_counts=True)
    return numbers, counts, np.unique(hits.document)


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
    document, item, first, behind, number = _passages(hits, index)
    starts, ends = _byte_ranges(column, words.offsets, document, first, behind)
    covered_document, covered_item, seen = _coverage(hits, index)
    total = _totals(index, common, covered_item)
    return Matches(document, item, starts, ends, number, covered_document, covered_item, seen, total)


def _passages(hits: Hits, index: Index) -> NDArray[np.int64]:
    """Document, item, first word, word behind and first number of each passage: int64[5, k]."""
    rows = np.stack([hits.document, hits.number, hits.first, hits.behind])
    # N-grams of the same items (a prompt that they share) become one range before they become one for every item.
    sets = _item_sets(index, hits.number)
    order = np.lexsort((hits.first, sets, hits.document))
    rows = _united(rows[:, order], run_starts(hits.document[order], sets[order]))
    rows = rows[:, np.argsort(rows[2], kind="stable")]
    # No passage reaches over words that nothing matches.
    is_apart = run_starts(rows[0])
    is_apart[1:] |= rows[2, 1:] >= np.maximum.accumulate(rows[3])[:-1]
    found = [np.empty((5, 0), np.int64)]
    for lot in _lots(index, rows[1], is_apart):
        of_row, items = _expand(index, rows[1, lot])
        expanded = np.concatenate([rows[:, lot][:, of_row], items[np.newaxis]])
        expanded = expanded[:, np.lexsort((expanded[2], items, expanded[0]))]
        found.append(_united(expanded, run_starts(expanded[0], expanded[4]))[[0, 4, 2, 3, 1]])
    passages = np.concatenate(found, axis=1)
    return passages[:, np.lexsort((passages[2], passages[1], passages[0]))]


def _item_sets(index: Index, numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """For every number a hash of its set of items: equal for equal sets."""
    distinct, of_distinct = np.unique(numbers, return_inverse=True)
    of_row, items = _expand(index, distinct)
    mixed = (items + 1).astype(np.uint64) * MIX_1
    mixed = (mixed ^ (mixed >> np.uint64(32))) * MIX_2
    sums = np.zeros(len(distinct), np.uint64)
    np.add.at(sums, of_row, mixed ^ (mixed >> np.uint64(29)))
    return sums[of_distinct]


def _coverage(hits: Hits, index: Index) -> NDArray[np.int64]:
    """Document, item and number of distinct n-grams of each item found in a document: int64[3, k]."""
    size = max(index.size, 1)
    documents, numbers = np.divmod(np.unique(hits.document * size + hits.number), size)
    found = [np.empty((3, 0), np.int64)]
    for lot in _lots(index, numbers, run_starts(documents)):
        of_row, items = _expand(index, numbers[lot])
        # An item has one posting for each of its n-grams, so that postings are distinct.
        keys, counts = np.unique(documents[lot][of_row] * index.item_count + items, return_counts=True)
        found.append(np.stack([keys // index.item_count, keys % index.item_count, counts]))
    return np.concatenate(found, axis=1)


def _united(rows: NDArray[np.int64], is_group: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Unite the ranges [row 2, row 3) of a group that overlap; columns are sorted by group, then by row 2.

    The other rows are those of the first of the united.
    """
    first, behind = rows[2], rows[3]
    # Groups are kept apart by more than there are words, so that one maximum runs through all of them.
    apart = np.cumsum(is_group) * (int(behind.max(initial=0)) + 1)
    furthest = np.maximum.accumulate(behind + apart) - apart
    begins = is_group.copy()
    begins[1:] |= first[1:] >= furthest[:-1]
    at = np.flatnonzero(begins)
    united = rows[:, at]
    united[3] = furthest[np.append(at, len(first))[1:] - 1]
    return united


def _lots(index: Index, numbers: NDArray[np.int64], is_start: NDArray[np.bool_]) -> Iterator[slice]:
    """Cut numbers, at starts only, into slices with about `MATCHES_AT_ONCE` postings."""
    bounds = np.append(np.flatnonzero(is_start), len(numbers))
    postings = np.append(0, np.cumsum(index.offsets[numbers + 1] - index.offsets[numbers]))[bounds]
    at = 0
    while at + 1 < len(bounds):
        reached = int(np.searchsorted(postings, postings[at] + MATCHES_AT_ONCE, side="right")) - 1
        end = max(at + 1, reached)
        yield slice(int(bounds[at]), int(bounds[end]))
        at = end


def _expand(index: Index, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For every posting of every number: where the number stands, and the item."""
    counts = index.offsets[numbers + 1] - index.offsets[numbers]
    of_row = np.repeat(np.arange(len(numbers)), counts)
    within = np.arange(len(of_row)) - np.repeat(np.cumsum(counts) - counts, counts)
    return of_row, index.items[index.offsets[numbers][of_row] + within].astype(np.int64)


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
