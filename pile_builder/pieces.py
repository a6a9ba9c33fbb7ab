"""Spans of several makers merged into one list per document, and the pieces that cuts leave of a document.

A span whose replacement is null is a cut: the text before it and the text after it become documents' pieces, each a
line of its own in the shards. Where no maker cuts, a document is one piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.document import SPAN
from pile_builder.spans import apply_spans
from pile_builder.text.column import TextColumn


def merge_spans(layers: Sequence[pa.ListArray]) -> pa.ListArray:
    """Join layers of spans on the same n texts.

    Spans that overlap become one from the first start to the last end. It is a cut if one of them is; otherwise the one
    that starts first, the longest of those, of equal ones that of the first layer, says what replaces it. Spans that
    only touch stay apart.

    Args:
        layers: lists of type `SPANS`, n of each, sorted and not overlapping within a layer.
    """
    if len(layers) == 1:
        return layers[0]
    count = len(layers[0])
    flat = pa.concat_arrays([layer.flatten() for layer in layers])
    document = np.concatenate([_documents(layer) for layer in layers])
    start, end = flat.field("start").to_numpy(), flat.field("end").to_numpy()
    order = np.lexsort((-end, start, document))
    document, start, end = document[order], start[order], end[order]
    # One axis for all documents: a span of a later document starts after everything before it.
    width = int(end.max(initial=0)) + 1
    reach = np.maximum.accumulate(document * width + end)
    opens = np.ones(len(order), np.bool_)
    opens[1:] = (document[1:] * width + start[1:] >= reach[:-1]) & ~_same_place(document, start, end)
    first = np.flatnonzero(opens)
    if not len(first):
        return layers[0]
    group = np.cumsum(opens) - 1
    is_cut = flat.field("replacement").is_null().to_numpy(zero_copy_only=False)[order]
    speaker = first.copy()
    cuts = np.flatnonzero(is_cut)[::-1]
    speaker[group[cuts]] = cuts
    said = flat.take(pa.array(order[speaker]))
    last = np.append(first[1:], len(order)) - 1
    merged = pa.StructArray.from_arrays(
        [
            pa.array(start[first]),
            pa.array(reach[last] - document[last] * width),
            said.field("replacement"),
            said.field("rule"),
        ],
        fields=list(SPAN),
    )
    offsets = np.searchsorted(document[first], np.arange(count + 1)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), merged)


def spans_in_sequence(first: pa.ListArray, second: pa.ListArray) -> pa.ListArray:
    """One layer of spans for two: `second` are spans on the texts that `first` leaves.

    Args:
        first: spans of n documents whose replacements have at most one byte.
        second: spans of the same documents with `first` applied.
    """
    flat = second.flatten()
    if not len(flat):
        return first
    document = _documents(second)
    moved = pa.StructArray.from_arrays(
        [
            pa.array(original_offsets(first, document, flat.field("start").to_numpy(), "start")),
            pa.array(original_offsets(first, document, flat.field("end").to_numpy(), "end")),
            flat.field("replacement"),
            flat.field("rule"),
        ],
        fields=list(SPAN),
    )
    offsets = second.offsets.to_numpy() - second.offsets[0].as_py()
    return merge_spans([pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), moved), first])


class Pieces(NamedTuple):
    """Where the pieces of n documents lie in the text with spans applied.

    `offsets`, int64 of length pieces + 1, are byte offsets into the edited column; `document`, int64 of length pieces,
    says whose each is. A document of which nothing is left has none.
    """

    offsets: NDArray[np.int64]
    document: NDArray[np.int64]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Bytes of each piece."""
        return np.diff(self.offsets)


def find_pieces(sizes: NDArray[np.int64], spans: pa.ListArray | None) -> Pieces:
    """The pieces of documents of `sizes` bytes once `spans` are applied; needs no text."""
    count = len(sizes)
    flat = spans.flatten() if spans is not None else pa.nulls(0)
    if spans is None or not len(flat):
        whole = np.flatnonzero(sizes)
        return Pieces(np.concatenate([[0], np.cumsum(sizes[whole])]).astype(np.int64), whole)
    document = _documents(spans)
    lists = spans.offsets.to_numpy() - spans.offsets[0].as_py()
    start, end, replacement = flat.field("start").to_numpy(), flat.field("end").to_numpy(), flat.field("replacement")
    grows = pa.compute.binary_length(replacement.fill_null("")).to_numpy().astype(np.int64) - (end - start)
    before = np.concatenate([[0], np.cumsum(grows)])
    bounds = np.concatenate([[0], np.cumsum(sizes)]) + before[lists]
    cuts = replacement.is_null().to_numpy(zero_copy_only=False)
    cut_at = (bounds[document] + start + before[:-1] - before[lists[document]])[cuts]
    edges = np.concatenate([bounds[:-1], cut_at])
    owner = np.concatenate([np.arange(count), document[cuts]])
    order = np.lexsort((edges, owner))
    edges, owner = edges[order], owner[order]
    filled = np.diff(edges, append=bounds[-1]) > 0
    return Pieces(np.append(edges[filled], bounds[-1]).astype(np.int64), owner[filled])


def cut_pieces(column: TextColumn, spans: pa.ListArray) -> tuple[TextColumn, NDArray[np.int64]]:
    """Texts of the pieces of n documents, and whose each is, int64 of length pieces.

    Raises:
        ValueError: a span lies outside its document or overlaps the one before.
    """
    pieces = find_pieces(np.diff(column.offsets), spans)
    edited = apply_spans(column, spans)
    return TextColumn(edited.data, pieces.offsets + edited.offsets[0]), pieces.document


def original_offsets(
    spans: pa.ListArray, document: NDArray[np.int64], edited: NDArray[np.int64], side: Literal["start", "end"]
) -> NDArray[np.int64]:
    """Byte offsets in the original texts of offsets in the texts with spans applied.

    What spans took away at an offset stays outside of the range that it starts or ends; an offset inside a replacement
    becomes the start or the end of what was replaced.

    Args:
        spans: of n documents.
        document: which document each offset belongs to, int64[k].
        edited: offsets relative to the document's edited text, int64[k].
        side: whether the offsets start or end ranges.
    """
    flat = spans.flatten()
    if not len(flat):
        return edited
    owner = _documents(spans)
    lists = spans.offsets.to_numpy() - spans.offsets[0].as_py()
    start, end = flat.field("start").to_numpy(), flat.field("end").to_numpy()
    length = pa.compute.binary_length(flat.field("replacement").fill_null("")).to_numpy().astype(np.int64)
    before = np.concatenate([[0], np.cumsum(length - (end - start))])
    begins = start + before[:-1] - before[lists[owner]]
    width = max(int(begins.max()), int(edited.max(initial=0))) + 1
    places = document * width + edited
    last = np.searchsorted(owner * width + begins, places, "right" if side == "start" else "left") - 1
    has = (last >= 0) & (owner[last] == document)
    beyond = edited - (begins + length)[last]
    inside = start[last] if side == "start" else end[last]
    return np.where(has, np.where(beyond >= 0, end[last] + beyond, inside), edited)


def _documents(spans: pa.ListArray) -> NDArray[np.int64]:
    """Which document each span of the flattened lists belongs to."""
    return np.repeat(np.arange(len(spans)), np.diff(spans.offsets.to_numpy()))


def _same_place(document: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which spans repeat the place of the one before, which matters for empty ones: they do not overlap themselves."""
    same: NDArray[np.bool_] = (document[1:] == document[:-1]) & (start[1:] == start[:-1]) & (end[1:] == end[:-1])
    return same
