"""Ids and spans."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.document import SPANS, document_id, id64
from pile_builder.spans import apply_spans
from pile_builder.text.column import from_strings

Span = tuple[int, int, str]


@st.composite
def texts_with_spans(draw: st.DrawFn) -> list[tuple[str, list[Span]]]:
    rows = []
    for text in draw(st.lists(st.text(max_size=30), max_size=5)):
        size = len(text.encode())
        cuts = sorted(draw(st.lists(st.integers(0, size), max_size=6)))
        spans = [(start, end, draw(st.text(max_size=4))) for start, end in zip(cuts[::2], cuts[1::2], strict=False)]
        rows.append((text, spans))
    return rows


def spans_array(rows: list[list[Span]]) -> pa.Array:
    packed = [[{"start": a, "end": b, "replacement": r, "rule": "x"} for a, b, r in spans] for spans in rows]
    return pa.array(packed, SPANS)


@settings(deadline=None)
@given(texts_with_spans())
def test_apply_spans_is_string_surgery(rows: list[tuple[str, list[Span]]]):
    edited = apply_spans(from_strings([text for text, _ in rows]), spans_array([spans for _, spans in rows]))
    for i, (text, spans) in enumerate(rows):
        data = text.encode()
        for start, end, replacement in reversed(spans):
            data = data[:start] + replacement.encode() + data[end:]
        assert edited.data[edited.offsets[i] : edited.offsets[i + 1]].tobytes() == data


def test_spans_of_a_slice_belong_to_the_slice():
    spans = spans_array([[(0, 1, "")], [(1, 2, "!")], []])
    assert apply_spans(from_strings(["bcd", "ef"]), spans.slice(1)).to_arrow().to_pylist() == ["b!d", "ef"]


@pytest.mark.parametrize("spans", [[(0, 5, "")], [(2, 1, "")], [(0, 2, ""), (1, 3, "")]])
def test_impossible_spans_are_errors(spans: list[Span]):
    with pytest.raises(ValueError, match="document 0"):
        apply_spans(from_strings(["abc"]), spans_array([spans]))


def test_ids_are_stable_and_their_numbers_follow():
    ids = [document_id("web", key) for key in ("http://a", "http://b")]
    assert ids[0] == "web:" + ids[0][-20:]
    assert id64(pa.array(ids)).tolist() == [int(one[-20:-4], 16) for one in ids]
    assert id64(pa.array(ids).slice(1)).tolist() == [int(ids[1][-20:-4], 16)]
    assert id64(pa.array([], pa.string())).dtype == np.uint64
