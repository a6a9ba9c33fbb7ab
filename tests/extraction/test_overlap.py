"""Overlap of texts by shingles: what is held, moved, cut, in any script; alignment of lines."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.extraction.overlap import agreement, aligned, text_of

MENU = "Home\nShop\nContact us"
STORY = (
    "The keeper counted the waves until noon.\nThen the harbour fell dry, as it does in a bad year, and nobody sailed."
)
lines = st.lists(st.text("ab cd\u4e2d\u6587", min_size=0, max_size=20), max_size=8).map("\n".join)


def test_a_text_holds_its_own_words_wherever_they_stand():
    page = text_of(f"{MENU}\n{STORY}")
    kept = text_of(" ".join(reversed(STORY.split("\n"))))
    assert [sum(kept.held(words)) / len(words) for words in page.words] == [0, 0, 0, 1, 1]
    assert kept.count_in(page) == kept.word_count


def test_a_word_of_a_menu_is_not_held_by_a_sentence_with_that_word():
    page = text_of("Harbour\nBooks")
    kept = text_of(f"{STORY}\n- Books")
    assert [kept.held(words) for words in page.words] == [[False], [True]]


def test_words_in_another_order_are_not_held():
    assert not any(text_of("waves the counted noon keeper until the").held(text_of(STORY).words[0]))


def test_scripts_without_spaces_count_by_character():
    page = text_of("海上的风很大。\nหมู่บ้าน")
    assert page.word_count == 6 + 8
    assert text_of("他说海上的风很大").held(page.words[0]) == [True] * 6


@settings(max_examples=60, deadline=None)
@given(lines, lines)
def test_agreement_is_symmetric_and_whole_with_itself(one: str, other: str):
    first, second = text_of(one), text_of(other)
    assert agreement(first, second) == agreement(second, first)
    assert agreement(first, first) == 1
    assert 0 <= agreement(first, second) <= 1


@settings(max_examples=60, deadline=None)
@given(lines, lines)
def test_every_line_is_in_the_alignment_once_and_in_order(one: str, other: str):
    first, second = text_of(one), text_of(other)
    pairs = aligned(first, second)
    assert [a for a, _ in pairs if a is not None] == list(range(len(first.lines)))
    assert [b for _, b in pairs if b is not None] == list(range(len(second.lines)))


def test_similar_lines_stand_in_one_row():
    left = text_of("Heading\n- first point of all\nsecond point")
    right = text_of("• first point of all\nan advertisement\nsecond point, and more")
    assert aligned(left, right) == [(0, None), (1, 0), (None, 1), (2, 2)]
