"""Paragraphs against their twin in plain Python, and what their removal leaves, for all text."""

from itertools import chain, pairwise

import numpy as np
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pile_builder.document import SPANS
from pile_builder.pieces import merge_spans
from pile_builder.pipelines.survivors import FoundSpans, Survivors
from pile_builder.spans import apply_spans
from pile_builder.text.column import TextColumn, from_strings
from pile_builder.text.paragraphs import Paragraphs, find_paragraphs, hash_paragraphs, removals
from tests.text.plain_paragraphs import lower, normal, spans, without

PIECES = ["a", "B", "É", "é", "İ", "Σ", "ς", "ẞ", "x y", "1.", ",", " ", "  ", "\t", "\r", "\u2028", "\xa0", "\u3000"]
texts = st.lists(
    st.sampled_from([*PIECES, "\n", "\n\n", "\n \n", "𝔸", "Of MORE @Z[ than ONE `z{ word", "aB\x1fcD eF\x7f  gH"])
)
texts = texts.map("".join) | st.text()
masks = st.integers(0, 2**64 - 1)


def mask_of(bits: int, count: int) -> list[bool]:
    return [bool(bits >> i % 64 & 1) for i in range(count)]


def strings(column: TextColumn) -> list[str]:
    return [text.as_py() for text in column.to_arrow()]


def removal_spans(column: TextColumn, found: Paragraphs, lost: list[bool]) -> pa.ListArray:
    mask = np.array(lost, np.bool_)
    starts, ends = removals(column, found, mask)
    offsets = np.concatenate([[0], np.cumsum(mask)])[found.offsets]
    lists = [
        [{"start": start, "end": end, "replacement": "", "rule": "r"} for start, end in zip(starts, ends, strict=True)][
            low:high
        ]
        for low, high in pairwise(offsets)
    ]
    return pa.array(lists, SPANS)


@settings(deadline=None)
@given(st.lists(texts, min_size=1), st.booleans())
def test_places_and_hashes_are_those_of_plain_python(given_texts: list[str], lines: bool):
    column = from_strings(given_texts)
    found = find_paragraphs(column, lines=lines)
    hashes, characters = hash_paragraphs(column, found.starts, found.ends)
    expected = [text[start:end] for text in given_texts for start, end in spans(text, lines=lines)]
    places = zip(found.starts.tolist(), found.ends.tolist(), strict=True)
    assert [column.data[start:end].tobytes().decode() for start, end in places] == expected
    assert np.diff(found.offsets).tolist() == [len(spans(text, lines=lines)) for text in given_texts]
    forms = [normal(text) for text in expected]
    assert characters.tolist() == [len(form) for form in forms]
    pairs = list(zip(forms, map(tuple, hashes.tolist()), strict=True))
    assert len(set(forms)) == len(set(pairs)) == len({pair for _, pair in pairs})


def test_lower_case_is_pythons_but_for_two_characters():
    assert [chr(i) for i in range(0x1C80) if lower(chr(i)) != chr(i).lower()] == ["İ", "ς"]


@settings(deadline=None)
@given(st.lists(st.tuples(texts, masks), min_size=1), st.booleans())
@example([("a\n\nb\n\nc\n", 0b010)], False)
def test_what_removal_leaves(given_texts: list[tuple[str, int]], lines: bool):
    column = from_strings([text for text, _ in given_texts])
    found = find_paragraphs(column, lines=lines)
    lost = [mask_of(bits, len(spans(text, lines=lines))) for text, bits in given_texts]
    left = apply_spans(column, removal_spans(column, found, list(chain(*lost))))
    assert strings(left) == [
        without(text, gone, lines=lines) for (text, _), gone in zip(given_texts, lost, strict=True)
    ]


def test_no_double_separators_and_no_lost_ones():
    text = "first\n\nsecond\n\n\nthird\n  fourth\n\nfifth\n"
    assert without(text, [False, True, False, False], lines=False) == "first\n\n\nthird\n  fourth\n\nfifth\n"
    assert without(text, [True, False, False, True], lines=False) == "second\n\n\nthird\n  fourth\n"
    assert without(text, [False, False, True, True, False], lines=True) == "first\n\nsecond\n\n\nfifth\n"
    assert without(text, [True] * 4, lines=False) == ""


@st.composite
def edited_texts(draw: st.DrawFn) -> tuple[str, list[dict[str, object]]]:
    """A text and spans on it, as other makers would have made them."""
    text = draw(texts)
    ends = [len(text[:i].encode()) for i in range(len(text) + 1)]
    places = sorted(draw(st.lists(st.sampled_from(ends), max_size=8, unique=True)))
    pairs = zip(places[::2], places[1::2], strict=False)
    said = st.sampled_from(["", "", "\n", "mail@example"])
    return text, [{"start": a, "end": b, "replacement": draw(said), "rule": "other"} for a, b in pairs]


@settings(deadline=None)
@given(st.lists(edited_texts(), min_size=1), masks, st.booleans())
def test_spans_of_other_makers_and_removals_make_one_text(
    given_texts: list[tuple[str, list[dict[str, object]]]], bits: int, lines: bool
):
    column = from_strings([text for text, _ in given_texts])
    layer = pa.array([each for _, each in given_texts], SPANS)
    edited = apply_spans(column, layer)
    found = find_paragraphs(edited, lines=lines)
    lost = mask_of(bits, len(found.starts))
    gathered = FoundSpans(len(given_texts))
    rows = np.arange(len(given_texts))
    own = removal_spans(edited, found, lost)
    flat = gathered.add(Survivors(rows, [""] * len(rows), layer, edited), own)
    mapped = pa.ListArray.from_arrays(own.offsets, flat)
    assert strings(apply_spans(column, merge_spans([mapped, layer]))) == strings(apply_spans(edited, own))
