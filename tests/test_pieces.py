"""Merged spans and the pieces that cuts leave, against surgery on bytes."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.document import SPANS
from pile_builder.pieces import cut_pieces, find_pieces, merge_spans, original_offsets
from pile_builder.text.column import from_strings

Span = tuple[int, int, str | None]
TEXT = st.text("abcdefghij", max_size=12)


@st.composite
def spans_of(draw: st.DrawFn, size: int) -> list[Span]:
    edges = sorted(draw(st.lists(st.integers(0, size), max_size=6)))
    return [
        (start, end, draw(st.one_of(st.none(), st.text("XYZ", max_size=3))))
        for start, end in zip(edges[::2], edges[1::2], strict=False)
    ]


@st.composite
def rows_with_layers(draw: st.DrawFn) -> list[tuple[str, list[list[Span]]]]:
    texts = draw(st.lists(TEXT, max_size=5))
    return [(text, [draw(spans_of(len(text))), draw(spans_of(len(text)))]) for text in texts]


def packed(rows: list[list[Span]]) -> pa.ListArray:
    return pa.array([[{"start": a, "end": b, "replacement": r, "rule": "x"} for a, b, r in row] for row in rows], SPANS)


def merged_plainly(layers: list[list[Span]]) -> list[Span]:
    """Grow clusters of overlapping spans one at a time."""
    out: list[list[Span]] = []
    for span in sorted((one for layer in layers for one in layer), key=lambda one: (one[0], -one[1])):
        reach = max((each[1] for each in out[-1]), default=-1) if out else -1
        if out and (span[0] < reach or span[:2] == out[-1][-1][:2]):
            out[-1].append(span)
        else:
            out.append([span])
    return [
        (
            group[0][0],
            max(each[1] for each in group),
            None if any(each[2] is None for each in group) else group[0][2],
        )
        for group in out
    ]


@settings(deadline=None)
@given(rows_with_layers())
def test_layers_merge_and_cut_like_lists(rows: list[tuple[str, list[list[Span]]]]):
    if not rows:
        return
    spans = merge_spans([packed([layers[i] for _, layers in rows]) for i in range(2)])
    plain = [merged_plainly(layers) for _, layers in rows]
    assert [[(s["start"], s["end"], s["replacement"]) for s in row] for row in spans.to_pylist()] == plain
    expected = []
    for i, ((text, _), row) in enumerate(zip(rows, plain, strict=True)):
        parts, at = [""], 0
        for start, end, replacement in row:
            parts[-1] += text[at:start] + (replacement or "")
            parts += [""] if replacement is None else []
            at = end
        parts[-1] += text[at:]
        expected += [(i, part) for part in parts if part]
    column, document = cut_pieces(from_strings([text for text, _ in rows]), spans)
    assert list(zip(document.tolist(), column.to_arrow().to_pylist(), strict=True)) == expected
    found = find_pieces(np.array([len(text) for text, _ in rows]), spans)
    assert found.document.tolist() == document.tolist()
    assert found.sizes.tolist() == [len(part) for _, part in expected]


def test_documents_without_spans_are_one_piece_each():
    pieces = find_pieces(np.array([3, 0, 2]), None)
    assert (pieces.document.tolist(), pieces.sizes.tolist()) == ([0, 2], [3, 2])


@settings(deadline=None)
@given(rows_with_layers())
def test_every_kept_character_is_found_again(rows: list[tuple[str, list[list[Span]]]]):
    """Characters of the edited text that stood in the original map to their own place, replacements to their span."""
    spans = packed([layers[0] for _, layers in rows])
    asked, expected = [], []
    for i, (text, layers) in enumerate(rows):
        origin: list[tuple[int, int]] = []
        at = 0
        for start, end, replacement in [*layers[0], (len(text), len(text), "")]:
            origin += [(place, place + 1) for place in range(at, start)] + [(start, end)] * len(replacement or "")
            at = end
        asked += [(i, place) for place in range(len(origin))]
        expected += origin
    document = np.array([i for i, _ in asked], np.int64)
    place = np.array([place for _, place in asked], np.int64)
    starts = original_offsets(spans, document, place, "start")
    ends = original_offsets(spans, document, place + 1, "end")
    assert list(zip(starts.tolist(), ends.tolist(), strict=True)) == expected
