"""Every signal against plain Python written from its definition, over the words that the tokeniser finds."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pile_builder.annotate.signals import GROUPS, SIGNALS, signals
from pile_builder.text.column import TextColumn, from_strings
from pile_builder.text.repetition import _TERMINAL_PUNCTUATION
from pile_builder.text.word_tables import ALPHA, NUMERIC, PUNCTUATION, code_point_bits, load_word_tables
from pile_builder.text.words import find_words, tokenize

TABLES = load_word_tables()
TERMINAL = {chr(point) for low, high in _TERMINAL_PUNCTUATION for point in range(low, high + 1)}

PIECES = st.sampled_from(
    [
        *"ab1#.-•…?!\"'{[]( \t\n\r\0\x0b\x0c\x1c\x1f\x85\xa0\u2028\u3000éß中ﬀ\u0301١²\U0001f600\U00011944",
        *("the ", "be ", "to ", "of ", "and ", "that ", "have ", "with ", "The ", "wordy ", "don't ", "1 2 12 "),
        *("...", "....", "\r\n", "\n\n", "\n \n", "\n- ", "。", "again and again ", "a line of thirty characters xx\n"),
    ]
)
TEXTS = st.one_of(st.lists(PIECES, max_size=60).map("".join), st.text(max_size=80))


def words_of(text: str) -> list[str]:
    data = from_strings([text]).data
    size = len(text.encode())
    found = np.empty((size + 1, 2), np.int32)
    count = tokenize(data, 0, size, TABLES, found)
    return [bytes(data[low:high]).decode() for low, high in found[:count]]


def has(character: str, bit: int) -> bool:
    return bool(code_point_bits(TABLES, ord(character)) & bit)


def ratio(count: float, per: float) -> float:
    return count / per if per else 0.0


def duplicates(elements: list[str]) -> tuple[int, int]:
    seen: set[str] = set()
    number = characters = 0
    for element in elements:
        if element in seen:
            number += 1
            characters += len(element)
        seen.add(element)
    return number, characters


def top_ngram(words: list[str], n: int) -> int:
    counts = Counter(" ".join(words[i : i + n]) for i in range(len(words) - n + 1))
    return max((count * len(gram) for gram, count in counts.most_common(1)), default=0)


def duplicate_ngrams(words: list[str], n: int) -> int:
    seen: set[str] = set()
    characters = i = 0
    while i + n <= len(words):
        gram = "".join(words[i : i + n])
        if gram in seen:
            characters += len(gram)
            i += n
        else:
            seen.add(gram)
            i += 1
    return characters


def expected(text: str) -> dict[str, float]:
    words = words_of(text)
    spoken = [word for word in words if not all(has(character, PUNCTUATION) for character in word)]
    split = text.splitlines()
    paragraphs = re.split("\n{2,}", text.strip())
    pieces = re.split("\n+", text) if text else []
    lines = [line for line in text.split("\n") if line.strip()]
    duplicate_paragraphs, duplicate_paragraph_characters = duplicates(paragraphs)
    duplicate_pieces, duplicate_piece_characters = duplicates(pieces)
    bullets = [line.lstrip().startswith(("•", "-")) for line in split]
    trailing = [line.rstrip().endswith(("...", "…")) for line in split]
    return {
        "gopher_quality.words": len(spoken),
        "gopher_quality.mean_word_length": ratio(sum(map(len, spoken)), len(spoken)),
        "gopher_quality.hash_ratio": ratio(text.count("#"), len(words)),
        "gopher_quality.ellipsis_ratio": ratio(text.count("...") + text.count("…"), len(words)),
        "gopher_quality.bullet_lines": ratio(sum(bullets), len(split)),
        "gopher_quality.ellipsis_lines": ratio(sum(trailing), len(split)),
        "gopher_quality.alphabetic_words": ratio(
            sum(any(has(character, ALPHA) for character in word) for word in words), len(words)
        ),
        "gopher_quality.stop_words": len({"the", "be", "to", "of", "and", "that", "have", "with"} & set(words)),
        "gopher_repetition.characters": len(text),
        "gopher_repetition.dup_paragraphs": ratio(duplicate_paragraphs, len(paragraphs)),
        "gopher_repetition.dup_paragraph_chars": ratio(duplicate_paragraph_characters, len(text)),
        "gopher_repetition.dup_lines": ratio(duplicate_pieces, len(pieces)),
        "gopher_repetition.dup_line_chars": ratio(duplicate_piece_characters, len(text)),
        **{f"gopher_repetition.top_{n}_gram_chars": ratio(top_ngram(words, n), len(text)) for n in (2, 3, 4)},
        **{f"gopher_repetition.dup_{n}_gram_chars": ratio(duplicate_ngrams(words, n), len(text)) for n in range(5, 11)},
        "fineweb.lines": len(lines),
        "fineweb.punctuated_lines": ratio(sum(line[-1] in TERMINAL for line in lines), len(lines)),
        "fineweb.short_lines": ratio(sum(len(line) <= 30 for line in lines), len(lines)),
        "fineweb.dup_line_chars": ratio(duplicates(lines)[1], len(text.replace("\n", ""))),
        "fineweb.newline_ratio": ratio(text.count("\n"), len(words)),
        "redpajama_code.mean_line_length": ratio(len(text), len(split)),
        "redpajama_code.alphabetic_per_token": ratio(sum(has(character, ALPHA) for character in text), len(words)),
        "code.longest_line": max(map(len, split), default=0),
        "code.mean_line_length": ratio(sum(map(len, split)), len(split)),
        "code.alphanumeric": ratio(sum(has(character, ALPHA | NUMERIC) for character in text), len(text)),
        "code.digits": ratio(sum(character in "0123456789" for character in text), len(text)),
        "code.chars_per_newline": len(text) / (text.count("\n") + 0.001),
    }


def measured(texts: list[str]) -> list[dict[str, float]]:
    groups = [group for group in GROUPS if group != "dclm"]  # which has a test of its own
    rows: list[dict[str, float]] = signals(from_strings(texts), groups).to_pylist()
    return rows


@settings(deadline=None, max_examples=150)
@given(st.lists(TEXTS, max_size=4))
@example(["", "\n", "\n\n\n", "\0", " \xa0\u2028", "a\u0301" * 40])
@example(["x" * 3000 + " the", "\n".join(["the same line here"] * 9), "1 23 4 5 6 7 12 3 4 5 6 7"])
@example(["the\0 be\0\0 to of\0\0\0\0\0\0\0 " + "with" + "\0" * 255, "a a\0 a a\0 a"])
@example(["ab c d e f g h " * 20, "a bc d e f g h " * 3 + "ab c d e f g h i j k l m n o"])
def test_signals_are_what_their_definitions_say(texts: list[str]) -> None:
    assert measured(texts) == [expected(text) for text in texts]


def test_joined_ngrams_need_not_be_cut_into_equal_words() -> None:
    text = "1 23 4 5 6 and then 12 3 4 5 6 or what"
    assert duplicate_ngrams(words_of(text), 5) > 0
    assert measured([text]) == [expected(text)]


def test_a_long_text_of_few_words() -> None:
    generator = np.random.default_rng(7)
    vocabulary = ["tree", "river", "a", "of", "mountainside", "1", "22", "été", ".", "the"]
    text = " ".join(generator.choice(vocabulary, 6000)) + "\n" + " ".join(generator.choice(vocabulary[:4], 3000))
    assert measured([text]) == [expected(text)]


def test_a_line_of_two_megabytes() -> None:
    text = "word " * 400_000
    (row,) = measured([text])
    assert row["code.longest_line"] == 2_000_000
    assert row["gopher_quality.words"] == 400_000
    assert row["gopher_repetition.top_2_gram_chars"] == 9 * 399_999 / 2_000_000
    assert row["gopher_repetition.dup_10_gram_chars"] == pytest.approx(0.8, abs=1e-4)


def test_documents_do_not_see_their_neighbours() -> None:
    texts = ["One line.\r", "\nAnother line…", "the ", "the the", "a\n", "\n"]
    together = measured(texts)
    assert together == [row for text in texts for row in measured([text])]


def test_words_may_be_handed_in() -> None:
    column = from_strings(["1 " * 9000 + "\n", "", "A second text. Of two lines.\nThis is the other.", "1 " * 20_000])
    words = find_words(column)
    assert np.diff(words.offsets).tolist() == [9000, 0, 13, 20_000]
    assert [bytes(column.data[18_001:][low:high]) for low, high in words.spans[9000:9003]] == [b"A", b"second", b"text"]
    assert signals(column, GROUPS, words).equals(signals(column, GROUPS))
    counted = signals(column, ["fineweb", "code"], n_words=np.diff(words.offsets))
    assert counted.equals(signals(column, ["fineweb", "code"]))
    # Groups that look at the words themselves find them.
    assert signals(column, GROUPS, n_words=np.diff(words.offsets)).equals(signals(column, GROUPS))


def test_long_repeated_passages_and_long_words() -> None:
    generator = np.random.default_rng(3)
    vocabulary = ["a", "b", "ab", "x" * 9, "x" * 17, "é" * 12, "to", "of", "mountain", "12", "3"]
    for size in (12, 40, 90):
        passage = " ".join(generator.choice(vocabulary, size))
        other = " ".join(generator.choice(vocabulary, size))
        text = "\n".join([passage, other, passage + " " + other[:100], "and " + passage, passage.replace("ab", "a b")])
        assert measured([text]) == [expected(text)]


def test_groups_give_their_own_columns_in_order() -> None:
    column = from_strings(["Some text.", ""])
    for group in GROUPS:
        batch = signals(column, [group])
        assert batch.schema.names == [name for name in SIGNALS if name.startswith(f"{group}.")]
        assert batch.num_rows == 2
    assert signals(column, GROUPS).schema.names == list(SIGNALS)
    assert signals(from_strings([]), GROUPS).num_rows == 0
    with pytest.raises(ValueError, match="unknown signal group 'gopher'"):
        signals(column, ["gopher"])


def test_columns_may_start_anywhere_and_be_writable() -> None:
    whole = from_strings(["first", "Second text. The end.", "third"])
    part = TextColumn(whole.data.copy(), whole.offsets[1:].copy())
    assert signals(part, GROUPS).to_pylist() == signals(whole, GROUPS).slice(1).to_pylist()
    assert signals(part, GROUPS).schema.field("gopher_quality.words").type == pa.int64()
