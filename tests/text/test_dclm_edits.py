"""DCLM's removal of URLs and its line modifiers against plain Python: spans must leave what the rules leave."""

from __future__ import annotations

import re
from importlib import resources

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pile_builder.annotate.dclm_edits import DCLM_EDIT_SIGNALS, dclm_lines, dclm_urls
from pile_builder.document import SPANS
from pile_builder.spans import apply_spans
from pile_builder.text.column import from_strings
from pile_builder.text.dclm_lines import DCLM_LINE_RULES
from pile_builder.text.word_tables import ALPHA, NUMERIC, code_point_bits, load_word_tables

TABLES = load_word_tables()
TOP_LEVELS = [
    line
    for line in resources.files("pile_builder.text.tables").joinpath("top_levels_v1.txt").read_text("utf-8").split("\n")
    if line and not line.startswith("#")
]
LONGEST_FIRST = "|".join(sorted(TOP_LEVELS, key=len, reverse=True))
URL = re.compile(
    r"\s{0,10}(?:(?:https?|ftp)://)?[-a-zA-Z0-9@:%._+~#=]{1,256}\."
    rf"(?:{LONGEST_FIRST})\b[-a-zA-Z0-9()@:%_+.~#?&/=]*"
)
ADDRESS = re.compile(
    r"\s{0,10}\b(?:(?:https?|ftp)://)?(?:[0-2]?[0-9]{1,2}\.){3}[0-2]?[0-9]{1,2}[-a-zA-Z0-9()@:%_+.~#?&/=]*"
)
COUNTED = "likes|shares|comments|retweets|reposts|quotes|bookmarks|upvotes|downvotes|downloads|views|followers"
COUNTER = re.compile(rf"\W*\d[,.\d]*[kmb]?\s+(?:{COUNTED})\W*")
PHRASES = {
    "items_in_cart": re.compile(r"\s?items in cart", re.IGNORECASE),
    "read_more": re.compile(r"\s?Read more...$", re.IGNORECASE),
    "sign_in": re.compile(r"^Sign-in\s?", re.IGNORECASE),
}


def without_urls(text: str) -> tuple[str, dict[str, int]]:
    text, urls = URL.subn("", text)
    text, addresses = ADDRESS.subn("", text)
    left = re.sub("\n{3,}", "\n\n", text)
    counts = {"urls": urls, "addresses": addresses, "newlines": len(text) - len(left), "characters_left": len(left)}
    return left, counts


def words(text: str) -> int:
    return sum(bool(code_point_bits(TABLES, ord(word[0])) & (ALPHA | NUMERIC)) for word in text.split())


def is_dropped(rule: str, line: str) -> bool:
    if rule == "uppercase":
        return sum(map(str.isupper, line)) / len(line) > 0.5
    if rule == "digits":
        return sum(map(str.isdigit, line)) / len(line) > 0.999999
    if rule == "counter":
        return COUNTER.fullmatch(line.lower()) is not None
    return len(line.split()) < 2


def without_lines(text: str) -> tuple[str, dict[str, float]]:
    before = words(text)
    counts: dict[str, float] = {"lines": text.count("\n") + 1, "words": before}
    for rule in DCLM_LINE_RULES[:-1]:
        kept, touched = [], 0
        for line in text.split("\n"):
            if line and rule not in PHRASES and is_dropped(rule, line):
                touched += 1
                continue
            left = PHRASES[rule].sub("", line) if rule in PHRASES and len(line.split()) <= 10 else line
            touched += left != line
            if left == line or left.strip():
                kept.append(left)
        text = "\n".join(kept).strip()
        counts[f"{rule}_lines"] = touched
    counts["removed_words"] = (before - words(text)) / before if before else 0.0
    return text, counts


def check(texts: list[str], name: str) -> None:
    edit, oracle = {"dclm_urls": (dclm_urls, without_urls), "dclm_lines": (dclm_lines, without_lines)}[name]
    column = from_strings(texts)
    spans, batch = edit(column)
    assert spans.type == SPANS
    assert batch.schema.names == [signal for signal in DCLM_EDIT_SIGNALS if signal.startswith(f"{name}.")]
    for text, left, row in zip(
        texts, apply_spans(column, spans).to_arrow().to_pylist(), batch.to_pylist(), strict=True
    ):
        wanted, counts = oracle(text)
        assert left == wanted
        assert row == {f"{name}.{count}": value for count, value in counts.items()}


URL_PIECES = st.sampled_from(
    [
        *(
            "http://",
            "https://",
            "ftp://",
            "xhttp://",
            "://",
            "www.",
            ".com",
            ".co.uk",
            ".de",
            ".comx",
            ".COM",
            ".москва",
        ),
        *(
            ".भारत",
            ".vermögensberater",
            ".中国",
            "a",
            "é",
            "_",
            "-",
            "@",
            "(",
            ")",
            "/path?q=1",
            "#x",
            ":80",
            ",",
            "..",
        ),
        *("a" * 255, "b" * 256, "c" * 257, "1", "23", "299", "300", "1234", ".", "1.2.3.4", "10.0.0.", "٣.2.3.4", "…"),
        *(" ", "\n", "\n\n", "\t", "\u3000", " " * 9, "\n" * 4, "See ", "the end. Then ", "\u200e", "\u094d"),
    ]
)
LINE_PIECES = st.sampled_from(
    [
        *("\n", "\n", "\n", "\n\n", "\r\n", " ", "  ", "\t", "\u3000", "\x85", "\u2028", "word ", "two words ", "é"),
        *("Å", "ABC", "LOUD NOISE", "a B", "123", "4", "٣", "²", "½", "1,234.5", "3 likes", "12K views", "İ", "ı"),
        *(
            "7\u212a \t shares",
            "5 bookmar\u212as",
            "9 followers!",
            "* 3 comments *",
            "3 liked",
            "_3 likes",
            "2mb views",
        ),
        *(
            "3k. views",
            "items in cart",
            "Items In Cart",
            "\u0130tem\u017f \u0131n cart",
            "Read more...",
            "read MORE abc",
        ),
        *(
            "read more",
            "Read more…",
            "Sign-in",
            "SIGN-IN ",
            "\u017fign-\u0131n",
            "x",
            "one two three four five six seven ",
        ),
    ]
)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.one_of(st.lists(URL_PIECES, max_size=14).map("".join), st.text(max_size=30)), max_size=4))
@example(
    ["", " " * 12 + "a.com" + " " * 4 + "1.2.3.4 and", "\n\n a.com\n\n\nb", "a.com b.de c.org", "x (see http://a.com)."]
)
@example(
    ["a" * 300 + ".com", "a." * 200 + "com", "b" * 257 + ".com.de", "http://" + "c" * 257 + ".com", ".com", "1.2.3.4.5"]
)
def test_what_is_left_without_urls(texts: list[str]) -> None:
    check(texts, "dclm_urls")


@settings(deadline=None, max_examples=400)
@given(st.lists(st.one_of(st.lists(LINE_PIECES, max_size=14).map("".join), st.text(max_size=30)), max_size=4))
@example(
    [
        "",
        "\n",
        " \n ",
        "  42\nab cd",
        "A\n  42\nab cd\n42  ",
        "one items in cart\n3 items in cart",
        "Read items in cart more...",
    ]
)
@example(
    [
        "Sign-in items in cart now",
        "items in cart Sign-in to read",
        "Read more items in cart...",
        "read moreread more...x y",
    ]
)
def test_what_is_left_without_lines(texts: list[str]) -> None:
    check(texts, "dclm_lines")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("This page https://www.example.com/search?q=a is gone.", "This page is gone."),
        ("Before\nwww.example.org\nafter", "Before\nafter"),
        ("Mail jane@example.com or go to 10.0.0.1:8080.", "Mail or go to"),
        ("In the U.S.A., e.g. at 3.14 or 999.999.999.999", "In the U.S.A., e.g. at 3.14 or 999.999.999.999"),
        ("See Example.COM and v3.12.7.4", "See Example.COM and v3.12.7.4"),
    ],
)
def test_urls_go_with_the_space_before_them(text: str, left: str) -> None:
    column = from_strings([text])
    assert apply_spans(column, dclm_urls(column)[0]).to_arrow().to_pylist() == [left]
    assert without_urls(text)[0] == left


def test_every_rule_of_a_line_has_its_spans() -> None:
    lines = ["", "Some prose of a page.", "LOUD", "12", "3 likes", "word", "two items in cart", "Read more..."]
    lines.append("Sign-in to see ")
    spans, batch = dclm_lines(from_strings(["\n".join(lines)]))
    rules = [span["rule"] for span in spans.to_pylist()[0]]
    assert rules == [f"dclm.{rule}" for rule in ("whitespace", *DCLM_LINE_RULES)]
    assert [batch.column(f"dclm_lines.{rule}_lines")[0].as_py() for rule in DCLM_LINE_RULES[:-1]] == [1] * 7


def test_long_texts() -> None:
    check(["A line of words.\nMORE\n" * 20_000, "word " * 100_000, "9" * 1_000_002 + "a"], "dclm_lines")
    check(["a b.com/x\n\n\n" * 5_000, "x" * 100_000 + ".com"], "dclm_urls")
