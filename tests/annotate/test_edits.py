"""Edits in order: the spans of all lead to the text that the last one left."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pile_builder.annotate.edits import edit_texts
from pile_builder.annotate.lines import c4_lines
from pile_builder.recipes import Edit
from pile_builder.spans import apply_spans
from pile_builder.text.column import TextColumn, from_strings

PIECES = st.sampled_from(
    [
        *("\n", "\r\n", "\x85", "\n\n\n", " ", "  ", " www.example.com/a", "\nexample.org", " 10.0.0.1 ", "[1]"),
        *("A line of six words here.\n", "Five words are a line.\r\n", "SHORT\n", "ALL OF IT IN CAPITALS.\n"),
        *("3 likes\n", "12", "items in cart", "Read more...\n", "Sign-in ", "é", "word", "We use cookies here.\n"),
    ]
)
TEXTS = st.lists(st.lists(PIECES, max_size=16).map("".join), max_size=4)
ORDERS: tuple[tuple[Edit, ...], ...] = (
    (),
    ("dclm_urls", "dclm_lines"),
    ("dclm_lines", "dclm_urls"),
    ("c4_tfds", "dclm_lines"),
    ("dclm_urls", "c4_fineweb", "dclm_lines"),
)


def strings(column: TextColumn) -> list[str]:
    texts: list[str] = column.to_arrow().to_pylist()
    return texts


@settings(deadline=None, max_examples=200)
@given(TEXTS)
@example(["One line of five words.\r\n 7\r\nAnother line of five words.\x85\n", "a.com\n\n\n\nSHORT\n", ""])
def test_all_spans_together_leave_what_one_after_the_other_does(texts: list[str]) -> None:
    column = from_strings(texts)
    for order in ORDERS:
        edited = edit_texts(column, order)
        assert len(edited.texts) == len(edited.n_words) == len(order) + 1
        left = apply_spans(column, edited.spans) if edited.spans is not None else column
        assert strings(left) == strings(edited.texts[-1])


def test_each_edit_sees_what_the_one_before_left() -> None:
    column = from_strings(["See www.example.com\nand more of it, with words."])
    edited = edit_texts(column, ("dclm_urls", "c4_fineweb"))
    assert strings(edited.texts[1]) == ["See\nand more of it, with words."]
    assert strings(edited.texts[2]) == ["and more of it, with words."]
    assert edited.spans is not None
    assert [span["rule"] for span in edited.spans.to_pylist()[0]] == ["c4.too_few_words", "dclm.url", "c4.whitespace"]
    assert edited.signals[1] == c4_lines(edited.texts[1], "fineweb")[1]
