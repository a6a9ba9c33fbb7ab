"""Runs of text and depth of tags, compiled, against regular expressions over the same pages."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.sources.common_crawl.html import FLAT
from pile_builder.sources.common_crawl.markup_kernels import RUN_BYTES, tag_depth, text_runs

HIDDEN = re.compile(r"(script|style|noscript|template|svg|textarea|select|title)\b", re.IGNORECASE | re.ASCII)
LEAST, ENOUGH, MOST_SHORT = 10, 60, 3


def plain_runs(page):
    longs, shorts = [], []
    closing = ""
    for piece in page.split("<")[1:]:
        if closing:
            if piece[: len(closing)].lower() != closing:
                continue
            closing = ""
        elif hidden := HIDDEN.match(piece):
            closing = "/" + hidden[1].lower()
            continue
        text = piece[piece.find(">") + 1 :].strip()
        if text and len(text) < LEAST:
            shorts.append(text)
        elif text and "{" not in text and not piece.startswith("!--"):
            longs.append(text)
            if sum(map(len, longs)) >= ENOUGH:
                break
    return longs, shorts[:MOST_SHORT], sum(map(len, longs))


def plain_depth(page):
    opened = []
    deepest = 0
    for tag in re.findall("<(/?[a-zA-Z]+)", page):
        name = tag.lower().lstrip("/")
        if name not in FLAT:
            if tag[0] != "/":
                opened.append(name)
            elif name in opened:
                opened.remove(name)
            deepest = max(deepest, len(opened))
    return deepest


SPACES = "".join(filter(str.isspace, map(chr, range(0x3001))))
NAMES = st.sampled_from(["div", "DIV", "b", "p", "Script", "script", "scripts", "style", "svg", "title", "x9", "\xe9"])
TEXT = st.text(st.sampled_from("aé漢🙂.{>&-!/" + SPACES), max_size=40)
PAGES = st.lists(
    st.one_of(
        st.builds("<{}>{}".format, NAMES, TEXT),
        st.builds("</{}>{}".format, NAMES, TEXT),
        st.builds("<!--{}-->{}".format, TEXT, TEXT),
        st.builds("<{}".format, TEXT),
        TEXT,
    ),
    max_size=20,
).map("".join)


@given(PAGES)
@settings(max_examples=300, deadline=None)
def test_kernels_see_what_regular_expressions_see(page):
    assert text_runs(page, LEAST, ENOUGH, MOST_SHORT) == plain_runs(page)
    assert tag_depth(page, 1_000) == plain_depth(page)


def test_long_runs_are_cut_between_characters():
    for shift in range(4):
        longs, _, chars = text_runs(f"<p>{'a' * shift}{'漢' * RUN_BYTES}<p>", LEAST, ENOUGH, MOST_SHORT)
        assert len(longs[0]) == chars
        assert RUN_BYTES - 3 < len(longs[0].encode()) <= RUN_BYTES


def test_depth_beyond_the_limit_ends_the_count():
    assert tag_depth("<div>" * 9, 3) == 4
    assert tag_depth("<", 3) == tag_depth("", 3) == 0
    # More names than a table has places at first sight.
    names = "".join(f"<{a}{b}>" for a in "abcdefghij" for b in "abcdefghijklmn")
    assert tag_depth(names, 1_000) == plain_depth(names)
