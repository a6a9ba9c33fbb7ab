"""Words v1: kernel, plain twin and spaCy agree; the tables are what their sources say."""

from __future__ import annotations

import functools
import json
import os
import sys
import unicodedata
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_words import sentence_count, words_of

from pile_builder.text import word_tables as wt
from pile_builder.text.column import from_strings
from pile_builder.text.words import sentences_of_words, tokenize

# Pieces that the rules speak of: glued together in any order they reach every branch.
PIECES = (
    *(
        "a",
        "b",
        "I",
        "US",
        "C",
        "word",
        "Words",
        "he",
        "can't",
        "don’t",
        "im",
        "d",
        "s",
        "'s",
        "’S",
        "Mr",
        "e.g",
        "10",
        "5",
    ),
    *(
        "km",
        "m/s",
        "km²",
        "%",
        "$",
        "US$",
        "€",
        "K",
        "°",
        "F",
        "https://",
        "www",
        "com",
        "-",
        "--",
        "—",
        "——",
        "–",
        "~",
    ),
    *(".", "..", "...", "…", "……", ",", ":", ";", "!", "?", "(", ")", "[", "]", "{", "}", "<", ">", "_", "#", "*", "&"),
    *(
        "'",
        '"',
        "`",
        "“",
        "”",
        "‘",
        "’",
        "«",
        "+",
        "=",
        "/",
        "\\",
        "|",
        "^",
        "@",
        "☺",
        "🙂",
        "é",
        "Ä",
        "ü",
        "ß",
        "я",
        "Я",
    ),
    *(
        "字",
        "。",
        "！",
        "א",
        "٣",
        "²",
        "\u0301",
        "ﬁ",
        "ツ",
        "o",
        "O",
        "0",
        "3",
        "x",
        "D",
        "8",
        "192",
        "168",
        "22",
        "172",
    ),
    *(" ", " ", " ", "  ", "\n", "\n\n", " \n", "\t", "\r\n", "\u00a0", "\u2003", "\u200b", "\x1c", "\x85", "\x00"),
)
EXAMPLES = (
    "",
    " ",
    "\n",
    "One. Two! Three?\n",
    "He said: “It's 5km.” (I don't know, e.g. U.S. prices in US$5.)",
    "see http://a.example.com/x?y=z, user@example.org or 8.8.8.8:8080/p but 10.0.0.1-a and 192.168.0.1-b",
    "end:) ):) :( ) '' ''s (ಠ_ಠ) °c. °C. 5°F. well-known a--b 1--2 x,y 1,000 a.B",
    "hed. Im. a , b , c. ) : ) : ) -_-",
    "a" * 64 + ".com-a " + "a" * 65 + ".com-a",
)


@functools.cache
def spacy_pipeline():
    spacy = pytest.importorskip("spacy")
    if spacy.__version__ != versions()["spacy"]:
        pytest.skip(f"tables are of spaCy {versions()['spacy']}, installed is {spacy.__version__}")
    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    pipeline.max_length = 1 << 30
    return pipeline


def versions():
    return json.loads(resources.files("pile_builder.text.tables").joinpath("words_v1.json").read_text())


def spacy_words(text):
    document = spacy_pipeline()(text)
    return [token.text for token in document if token.text.strip()], max(1, len(list(document.sents)))


def kernel_words(text):
    column, tables = from_strings([text]), wt.load_word_tables()
    words = np.zeros((column.nbytes, 2), np.int32)
    count = tokenize(column.data, 0, column.nbytes, tables, words)
    encoded = text.encode()
    found = [encoded[start:end].decode() for start, end in words[:count]]
    return found, sentences_of_words(column.data, 0, 0, column.nbytes, tables, words[:count])


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_agree_with_spacy(text):
    assert kernel_words(text) == (words_of(text), sentence_count(text)) == spacy_words(text)


@given(st.lists(st.sampled_from(PIECES), max_size=24).map("".join))
@settings(deadline=None, max_examples=200)
def test_any_pieces_agree_with_spacy(text):
    assert kernel_words(text) == (words_of(text), sentence_count(text)) == spacy_words(text)


@given(st.text(max_size=200))
@settings(deadline=None)
def test_any_text_agrees_with_the_twin_and_its_words_are_in_order(text):
    words, sentences = kernel_words(text)
    assert (words, sentences) == (words_of(text), sentence_count(text))
    assert "".join(words) == "".join(text.split())


def test_every_special_case_and_unit_agrees_with_spacy():
    specials = [text for text in spacy_pipeline().tokenizer.rules if not text.isspace()]
    texts = [
        *(
            "\n".join(f"{before}{text}{after}" for text in specials)
            for before, after in (("", ""), ("(", ")."), ("x", ","))
        ),
        "\n".join(
            f"5{unit} x{unit} 5{unit}. 5x{unit}"
            for unit in (*PIECES, "kmh", "MB", "тбكم", "C$", "мбар")
            if unit.strip()
        ),
    ]
    for text in texts:
        assert kernel_words(text) == spacy_words(text)


def test_a_document_inside_a_column_sees_no_neighbours():
    texts = ["don", "'t stop. 5", "km", "Mr", ". x"]
    column, tables, words = from_strings(texts), wt.load_word_tables(), np.zeros((20, 2), np.int32)
    for k, text in enumerate(texts):
        start, end = int(column.offsets[k]), int(column.offsets[k + 1])
        count = tokenize(column.data, start, end, tables, words)
        assert [text[a:b] for a, b in words[:count]] == words_of(text)


@given(st.lists(st.sampled_from(PIECES), max_size=24).map("".join), st.integers(0, 40))
@settings(deadline=None)
def test_too_few_rows_give_minus_one_and_nothing_is_written_past_them(text, rows):
    column, tables, expected = from_strings([text]), wt.load_word_tables(), words_of(text)
    words = np.full((rows + 1, 2), -7, np.int32)
    count = tokenize(column.data, 0, column.nbytes, tables, words[:rows])
    assert (words[rows] == -7).all()
    assert count == len(expected) or (count == -1 and rows < column.nbytes)
    assert count == -1 or rows >= count


def test_character_classes_are_pythons():
    tables = wt.load_word_tables()
    if unicodedata.unidata_version != versions()["unicode"]:
        pytest.skip("this Python has other Unicode tables")
    expected = {
        wt.SPACE: str.isspace,
        wt.ALPHA: str.isalpha,
        wt.DIGIT: str.isdigit,
        wt.NUMERIC: str.isnumeric,
        wt.UPPER: str.isupper,
        wt.LOWER: str.islower,
    }
    for code_point in (*range(0x3100), *range(0xD7A0, 0x11000, 7), *range(0x1D400, 0x1F000, 11), 0x10FFFF):
        found = wt.code_point_bits(tables, code_point)
        for bit, predicate in expected.items():
            assert bool(found & bit) == predicate(chr(code_point)), hex(code_point)
        assert bool(found & wt.LINE_BREAK) == (chr(code_point).splitlines() == [""])
    assert wt.code_point_bits(tables, 0x110000) == 0


@given(st.text(min_size=1))
def test_decode_gives_code_points(text):
    data = from_strings([text]).data
    i = 0
    for character in text:
        code_point, length = wt.decode(data, i)
        assert (code_point, length) == (ord(character), len(character.encode()))
        i += length


def test_tables_are_what_the_generator_makes(monkeypatch):
    spacy_pipeline()
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "tools")
    generator = pytest.importorskip("make_word_tables")
    if generator.versions() != versions():
        pytest.skip("the tables were made with other versions")
    for made, shipped in zip(generator.build_tables(), wt.load_word_tables(), strict=True):
        np.testing.assert_array_equal(made, shipped)


@pytest.mark.skipif("PILE_DATA" not in os.environ, reason="needs real texts: set PILE_DATA")
def test_real_texts_agree_with_spacy():
    root = Path(os.environ["PILE_DATA"])
    texts = [case["articleBody"] for case in json.loads((root / "web-gold/ground-truth.json").read_text()).values()][
        :60
    ]
    texts += [path.read_text() for path in sorted((root / "web-gold-multilingual/reference").iterdir())[::8]]
    texts += [Path(json.__file__).read_text(), Path(sys.modules["functools"].__file__).read_text()]
    for text in texts:
        assert kernel_words(text) == spacy_words(text)
