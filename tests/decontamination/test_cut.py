"""Cuts against the rule in plain Python over characters."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.decontamination.cut import Verdict, cut_spans
from pile_builder.decontamination.index import build_index
from pile_builder.decontamination.items import EvalItem
from pile_builder.decontamination.match import Matches, find_matches
from pile_builder.document import SPANS
from pile_builder.spans import apply_spans
from pile_builder.text.column import from_strings

ITEM = "the keeper rowed out to the wreck at dawn with nine men and a lantern"
TAGGED, DROPPED = ITEM[::-1], f"{ITEM} {ITEM}"
ACTIONS = {"cutting": "cut", "tagging": "tag", "d": "drop"}


@pytest.fixture(scope="module")
def index():
    items = {"cutting": ITEM, "tagging": TAGGED, "d": DROPPED}
    return build_index([EvalItem(name, "1", text) for name, text in items.items()])


def as_matches(passages):
    """Matches of (document, item, start, end) with nothing else in them."""
    table = np.array(sorted(passages), np.int64).reshape(-1, 4)
    nothing = np.zeros(0, np.int64)
    return Matches(*np.ascontiguousarray(table.T), np.zeros(len(table), np.int64), nothing, nothing, nothing, nothing)


def plain_cut(text, passages):
    """The pieces of a text that stay: passages are in characters."""
    gone = [False] * len(text)
    for start, end in passages:
        for i in range(max(0, start - 200), min(len(text), end + 200)):
            gone[i] = True
    pieces, piece = [], ""
    for character, is_gone in zip(text + "x", [*gone, True], strict=True):
        if is_gone:
            pieces.append(piece)
            piece = ""
        else:
            piece += character
    return [piece for piece in pieces if len(piece) >= 200]


characters = st.sampled_from(["a", " ", "é", "日", "😀"])
long_texts = st.lists(st.tuples(characters, st.integers(1, 300)), max_size=30).map(
    lambda runs: "".join(character * count for character, count in runs)
)
places_and_sizes = st.lists(st.tuples(st.floats(0, 0.99), st.integers(1, 400)), max_size=8)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(long_texts, places_and_sizes), max_size=3))
def test_cuts_follow_the_rule_and_leave_valid_text(index, documents):
    texts, passages, expected = [], [], []
    for row, (text, places) in enumerate(documents):
        ranges = [(int(at * len(text)), min(len(text), int(at * len(text)) + size)) for at, size in places if text]
        passages += [(row, 0, len(text[:start].encode()), len(text[:end].encode())) for start, end in ranges]
        texts.append(text)
        expected.append(plain_cut(text, ranges) if ranges else None)
    column = from_strings(texts)
    cuts = cut_spans(column, as_matches(passages), index, ACTIONS)
    assert cuts.spans.type == SPANS
    left = apply_spans(column, cuts.spans).to_arrow().to_pylist()
    for row, pieces in enumerate(expected):
        if pieces is None:
            verdict = Verdict.CLEAN
        elif len(pieces) > 10:
            verdict = Verdict.IN_PIECES
        else:
            verdict = Verdict.CUT if pieces else Verdict.CONSUMED
        assert cuts.verdict[row] == verdict
        assert cuts.pieces[row] == (1 if pieces is None else len(pieces))
        spans = cuts.spans[row].as_py()
        assert left[row] == ("".join(pieces) if verdict == Verdict.CUT else texts[row])
        assert bool(spans) == (verdict == Verdict.CUT)
        assert all(span["replacement"] is None and span["rule"] == "decontamination" for span in spans)


@pytest.mark.parametrize(("gaps", "verdict"), [(10, Verdict.CUT), (11, Verdict.IN_PIECES)])
def test_ten_pieces_are_not_too_many(index, gaps, verdict):
    text = (("x" * 200) + ("y" * 200 + "z" + "y" * 200)) * gaps
    places = [(0, 0, i, i + 1) for i, character in enumerate(text) if character == "z"]
    cuts = cut_spans(from_strings([text]), as_matches(places), index, ACTIONS)
    assert (cuts.verdict.tolist(), cuts.pieces.tolist()) == ([verdict], [gaps])


def test_a_piece_of_199_characters_goes_with_the_cut(index):
    for size, kept in ((199, 0), (200, 200)):
        text = "é" * 500 + "z" + "y" * (400 + size) + "z" + "é" * 500
        places = [(0, 0, len(text[:i].encode()), len(text[:i].encode()) + 1) for i in (500, 901 + size)]
        cuts = cut_spans(from_strings([text]), as_matches(places), index, ACTIONS)
        assert cuts.pieces.tolist() == [3 if kept else 2]
        left = apply_spans(from_strings([text]), cuts.spans).to_arrow().to_pylist()
        assert left == ["é" * 300 + "y" * kept + "é" * 300]


def test_drop_wins_over_cut_and_cut_over_tag(index):
    around = "word " * 200
    texts = [around, f"{around}{ITEM} {around}", f"{around}{TAGGED} {around}"]
    texts += [texts[2] + texts[1], f"{texts[1]} {DROPPED} {texts[2]}", ITEM]
    column = from_strings(texts)
    cuts = cut_spans(column, find_matches(column, index), index, ACTIONS)
    names = [Verdict(verdict).name for verdict in cuts.verdict]
    assert names == ["CLEAN", "DROPPED", "TAGGED", "DROPPED", "DROPPED", "DROPPED"]
    cuts = cut_spans(column, find_matches(column, index), index, ACTIONS | {"d": "tag"})
    names = [Verdict(verdict).name for verdict in cuts.verdict]
    assert names == ["CLEAN", "CUT", "TAGGED", "CUT", "CUT", "CONSUMED"]
    left = apply_spans(column, cuts.spans).to_arrow().to_pylist()
    assert left[1] == around[:-200] + around[199:]
    # What only tags stays where something else is cut.
    assert TAGGED in left[3]
    assert cuts.spans.flatten().field("replacement").null_count == len(cuts.spans.flatten())


def test_every_set_needs_an_action(index):
    column = from_strings([""])
    with pytest.raises(ValueError, match="'tagging': expected an action of tag, cut, drop, got None"):
        cut_spans(column, as_matches([]), index, {"cutting": "cut"})
    empty = cut_spans(from_strings([]), as_matches([]), index, ACTIONS)
    assert empty.spans == pa.array([], SPANS)
