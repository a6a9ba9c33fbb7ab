"""The block pass: what becomes of markup, and that nothing stops it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.main_content.layout import laid_out, with_headings
from pile_builder.main_content.measures import COPIES, COPY, MEASURES, TITLE_WORDS, WEIGHT
from pile_builder.main_content.page import read_page
from pile_builder.main_content.scan import BLOCK_FIELDS, KINDS, scan
from pile_builder.main_content.tags import LANDMARKS, NAMES


def texts(markup):
    page = read_page(markup)
    return [page.text(block) for block in range(len(page.scan.blocks))]


@pytest.mark.parametrize(
    ("markup", "blocks"),
    [
        ("<p>one<p>two", ["one", "two"]),
        ("<div>a <b>bold</b> and <a href=x>linked</a> word</div>", ["a bold and linked word"]),
        ("<p><a>one</a><a>two</a><b>thr</b><b>ee</b>", ["one twothree"]),
        ("<div>loose <p>inner</p> tail</div>", ["loose", "inner", "tail"]),
        ("<p>a<br>b<br><br>c<br/> <br/>d", ["a\nb", "c", "d"]),
        ("<p>1 &lt; 2 &amp;&amp; 3 &gt; 2&nbsp;&copy;&#x41;", ["1 < 2 && 3 > 2 ©A"]),
        ("<p>co\u00adop\u200berate\ufeff", ["cooperate"]),
        ("<p>x<script>var a = '<p>no</p>';</script>y<style>p{}</style>", ["xy"]),
        ("<p>x<!-- <p>no</p> --> y", ["x y"]),
        ("<pre>\n\n  if x:\n\ty\n\n  z\n</pre>", ["  if x:\n\ty\n\n  z"]),
        ("<p>x<select><option>no</select><textarea>no</textarea>y<svg><text>no</text></svg> z", ["xy z"]),
        ("<div>x<noscript><p>no</p></noscript></div>", ["x"]),
        ("<my-card>in</my-card>out", ["in", "out"]),
        ("<table><tr><td>a<td>b<tr><td>c</table>", ["a", "b", "c"]),
        ("<h2>Head<a class=headerlink href=#h>¶</a></h2>", ["Head"]),
        ("<title>never</title><p>text", ["text"]),
        ("", []),
    ],
)
def test_text_of_blocks(markup, blocks):
    assert texts(markup) == blocks


def test_what_is_noted_of_a_block():
    page = read_page("<nav><p class=x>ab <a href=x>cd</a> <a href=y>ef</a> <b>gh</b><img><br>i</nav>")
    (block,) = page.scan.blocks
    noted = dict(zip(BLOCK_FIELDS, block.tolist(), strict=True))
    assert (noted["link_bytes"], noted["strong_bytes"], noted["links"], noted["breaks"], noted["images"]) == (
        4,
        2,
        2,
        1,
        1,
    )
    element = page.scan.elements[noted["element"]]
    assert NAMES[element[1]] == "p"
    assert page.scan.distances[noted["element"], LANDMARKS.index("nav")] == 1
    assert page.scan.distances[noted["element"], LANDMARKS.index("article")] == 255
    assert page.scan.distances.shape[1] == KINDS


def test_roles_and_hidden_elements_are_landmarks():
    page = read_page("<div role=navigation><p>a</div><div style='x:y; display: none'><p>b</div><div hidden><p>c</div>")
    nav, hidden = LANDMARKS.index("nav"), LANDMARKS.index("hidden")
    seen = page.scan.distances[page.scan.blocks[:, 2]][:, [nav, hidden]].tolist()
    assert seen == [[1, 255], [255, 1], [255, 1]]


def test_measures_count_words_of_the_title_and_repeated_text():
    page = read_page("<title>Ночной рейс 中文</title><p>ночной поезд<p>中文 рейс<p>ночной поезд")
    counts = page.measures.counts
    assert page.measures.title_words == 4
    assert counts[:, TITLE_WORDS].tolist() == [1, 3, 1]
    assert counts[:, COPIES].tolist() == [2, 1, 2]
    assert counts[:, COPY].tolist() == [0, 0, 1]
    assert counts[:, WEIGHT].tolist() == [12, 11, 12]
    assert counts.shape[1] == len(MEASURES)


def test_layout_of_lists_tables_and_code():
    page = read_page(
        "<ul><li>a<ul><li>b<br>c</ul><li>d</ul><ol><li><p>e<p>f</ol>"
        "<table><tr><th>g<th>h<tr><td>i<td>j</table><pre>k\n  l</pre>"
        f"<table><tr><td><p>m<p>n<td>{'o' * 400}</table>"
    )
    assert laid_out(page, range(len(page.scan.blocks))) == (
        f"- a\n  - b\n    c\n- d\n1. e\n   f\n\ng | h\ni | j\n\nk\n  l\n\nm\n\nn\n\n{'o' * 400}"
    )


def test_headings_of_kept_blocks_stay():
    page = read_page("<h1>a</h1><p>b<h2>c</h2><p>d<h2>e</h2><h3>f</h3><p>g<h4>h</h4>")
    unlikely, likely = np.full(8, -2, np.float32), np.full(8, 0, np.float32)
    # Kept: b, d, g. Of the headings c stands between two of them, f before one, e and h before none.
    assert with_headings(page, [1, 3, 6], unlikely) == [1, 2, 3, 6]
    assert with_headings(page, [1, 3, 6], likely) == [1, 2, 3, 5, 6]
    assert with_headings(page, [], likely) == []
    assert with_headings(read_page(""), [], likely[:0]) == []


def test_head_is_read_from_the_same_pass():
    head = read_page(
        "<html lang=de-AT><title>A &amp; B</title><link rel=canonical href='https://a.example/x?y=1&amp;z'>"
        "<meta property='article:published_time' content='2020-02-03T04:05:06+01:00'><p>x"
    ).head
    assert (head.title, head.language) == ("A & B", "de-AT")
    assert (head.date, head.url) == ("2020-02-03T04:05:06+01:00", "https://a.example/x?y=1&z")
    ld = read_page(
        '<script type="application/ld+json">{"datePublished": "2021-05-06"}</script><time datetime=2019-01-01>'
    )
    assert ld.head.date == "2021-05-06"
    assert read_page("<link rel=canonical href='javascript:x'><meta name=date content='soon'>").head == type(head)()


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=400),
    st.lists(st.sampled_from(["<p>", "</p>", "<pre ", 'class="a', "<!--", "<a>", "&amp", "</"])),
)
def test_any_text_is_survived(data, tags):
    page = data + "".join(tags) + data[::-1]
    found = scan(page)
    starts, ends = found.blocks[:, 0], found.blocks[:, 1]
    assert (starts < ends).all()
    assert (ends[:-1] <= starts[1:]).all()
    assert len(found.text) <= len(page.encode())
    assert (found.elements[1:, 0] < range(1, len(found.elements))).all()
