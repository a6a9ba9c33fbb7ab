"""C4's line rules against plain Python: applying the spans must leave what the rules leave."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pile_builder.annotate.lines import LINE_SIGNALS, MIN_WORDS, c4_lines, cleaned_lines
from pile_builder.document import SPANS
from pile_builder.spans import apply_spans
from pile_builder.text.column import from_strings
from pile_builder.text.word_tables import load_word_tables
from pile_builder.text.words import find_words, sentences_of_words

Reading = Literal["fineweb", "tfds"]
READINGS: tuple[Reading, ...] = ("fineweb", "tfds")
CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
TABLES = load_word_tables()

PIECES = st.sampled_from(
    [
        *("\n", "\r\n", "\r", "\x0b", "\x85", "\u2028", "\n\n", "\n \n", " ", "\t", "\xa0", "\u3000"),
        *(".", '"', "...", "{", "[1]", "[]", "[edit]", "[citation needed]", "[Edit]", "[12", "[٣]", "]", "[ 1]"),
        *("[1][2] [3]", "One two three. ", "This line has six words now.\n", "Short one.\n", "a ", "é "),
        *("Is this a line? Yes!\n", "Enable JavaScript now please.\n", "java[1]script ", "Lorem Ipsum "),
        *("lorem[2] ipsum ", "We use cookies here.\n", "COO\u212aIE POLICY applies to you.\n", "uses cookies "),
        *("use of cookies ", "Read our Privacy Policy and ", "terms of use. "),
        *("x" * 1001, "é" * 600, "é" * 1001, "x" * 999, "x" * 1000 + " y"),
    ]
)  # fmt: skip
TEXTS = st.one_of(st.lists(PIECES, max_size=24).map("".join), st.text(max_size=60))


def sentences(text: str) -> int:
    column = from_strings([text])
    found: int = sentences_of_words(column.data, 0, 0, column.nbytes, TABLES, find_words(column).spans)
    return found


def expected(text: str, reading: Reading) -> tuple[str, dict[str, int]]:
    counts = dict.fromkeys((name.split(".")[1] for name in LINE_SIGNALS if name.startswith(f"c4_{reading}.")), 0)
    counts["characters"] = len(text)
    kept = []
    for raw in text.splitlines():
        counts["lines"] += 1
        line = raw.strip()
        words = line.split()
        if any(len(word) > 1000 for word in words):
            counts["too_long_word_lines"] += 1
            continue
        citations = len(CITATION.findall(line))
        line = CITATION.sub("", line)
        if reading == "tfds":
            if not line.endswith((".", "?", "!", '"')) or line.endswith("..."):
                counts["no_terminal_punctuation_lines"] += 1
                continue
            words = line.split()
        if len(words) < MIN_WORDS[reading]:
            counts["too_few_words_lines"] += 1
            continue
        lowered = line.lower()
        counts["lorem_ipsum"] += "lorem ipsum" in lowered
        if "javascript" in lowered:
            counts["javascript_lines"] += 1
            continue
        counts["curly_bracket"] += "{" in line
        if any(phrase in lowered for phrase in POLICY):
            counts["policy_lines"] += 1
            continue
        counts["kept_lines"] += 1
        counts["citations"] += citations
        counts["sentences"] += sentences(line)
        kept.append(line)
    return "\n".join(kept).strip(), counts


def apply(text: str, spans: list[dict[str, object]]) -> str:
    data = text.encode()
    out = []
    at = 0
    for span in spans:
        start, end = span["start"], span["end"]
        assert isinstance(start, int)
        assert isinstance(end, int)
        assert at <= start < end <= len(data)
        out += [data[at:start], str(span["replacement"]).encode()]
        at = end
    return b"".join([*out, data[at:]]).decode()


@settings(deadline=None, max_examples=200)
@given(st.lists(TEXTS, max_size=4))
@example(["", "\n", "  \r\n ", "\0", "no end", "[1] [2] [3]", "[1] [2] [3] [4]\nA line of words. [5]\n[1] [2] [3]\r\n"])
@example(
    ["  [1] First line of the text.  \r\nSecond line, also with words. [2] \n\n[3] [4] [5]  ", "[1] a b c [2]\r\x0b"]
)
def test_spans_leave_what_the_rules_leave(texts: list[str]) -> None:
    for reading in READINGS:
        spans, batch = c4_lines(from_strings(texts), reading)
        assert spans.type == SPANS
        for text, own, row in zip(texts, spans.to_pylist(), batch.to_pylist(), strict=True):
            left, counts = expected(text, reading)
            assert apply(text, own) == left
            assert row == {f"c4_{reading}.{name}": count for name, count in counts.items()}


@settings(deadline=None, max_examples=200)
@given(st.lists(TEXTS, max_size=4))
@example(["", "[1] [2] [3]", "One word[1]s and two. [2]\r\n[1] [2] [3]\nCan't stop :[1]) here.\x85 :) is a word"])
def test_words_of_what_is_left_need_no_second_reading(texts: list[str]) -> None:
    column = from_strings(texts)
    for reading in READINGS:
        cleaned = cleaned_lines(column, reading, find_words(column))
        left = find_words(apply_spans(column, cleaned.spans))
        assert cleaned.n_words.tolist() == np.diff(left.offsets).tolist()


def test_only_the_kelvin_sign_becomes_ascii_in_lower_case() -> None:
    folded = {chr(point) for point in range(0x80, 0x110000) if re.search("[a-z]", chr(point).lower())}
    assert folded == {"\u212a", "\u0130"}
    # Lower-cased, the dotted capital I is an i and a combining dot, which ends no phrase and stands in none.
    assert "i\u0307" not in "".join([*POLICY, "lorem ipsum", "javascript"])


def test_phrases_are_found_wherever_they_stand() -> None:
    lines = []
    for phrase in (*POLICY, "lorem ipsum", "javascript", "{"):
        for variant in (phrase, phrase.upper(), phrase.title(), phrase.replace("k", "\u212a"), phrase[1:], phrase[:-1]):
            lines += [f"{variant} and more words.", f"x{variant}x and more words.", f"More words and {variant}"]
    for reading in READINGS:
        spans, batch = c4_lines(from_strings(lines), reading)
        for text, own, row in zip(lines, spans.to_pylist(), batch.to_pylist(), strict=True):
            left, counts = expected(text, reading)
            assert apply(text, own) == left
            assert row == {f"c4_{reading}.{name}": count for name, count in counts.items()}


def test_rules_are_named_per_span() -> None:
    text = "  Keep this line, please. [1]\r\nno\nThis site uses cookies.\nAnd keep this one.\n"
    spans, batch = c4_lines(from_strings([text]), "fineweb")
    found = [(text[span["start"] : span["end"]], span["rule"], span["replacement"]) for span in spans.to_pylist()[0]]
    assert found == [
        ("  ", "c4.whitespace", ""),
        ("[1]", "c4.citation", ""),
        ("\r\nno", "c4.too_few_words", ""),
        ("\nThis site uses cookies.", "c4.policy", ""),
        ("\n", "c4.whitespace", ""),
    ]
    assert batch.to_pylist()[0]["c4_fineweb.kept_lines"] == 2


def test_many_lines_and_one_line_of_two_megabytes() -> None:
    texts = ["short\n" * 5000 + "A line that is long enough. [1]\r\n" * 3000, "word " * 400_000]
    for reading in READINGS:
        spans, batch = c4_lines(from_strings(texts), reading)
        for text, own, row in zip(texts, spans.to_pylist(), batch.to_pylist(), strict=True):
            left, counts = expected(text, reading)
            assert apply(text, own) == left
            assert row[f"c4_{reading}.lines"] == counts["lines"]


def test_unknown_reading() -> None:
    with pytest.raises(ValueError, match="unknown C4 reading 'mc4'"):
        c4_lines(from_strings(["text"]), "mc4")  # type: ignore[arg-type]
