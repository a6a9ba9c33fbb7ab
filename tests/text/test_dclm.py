"""DCLM's signals: the kernel counts what plain Python counts."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.text.column import from_strings
from pile_builder.text.dclm import DCLM_COUNTS, measure_dclm
from pile_builder.text.word_tables import ALPHA, NUMERIC, code_point_bits, load_word_tables
from pile_builder.text.words import find_words

TABLES = load_word_tables()
STOP_WORDS = {"the", "be", "to", "of", "and", "that", "have", "with"}


def has(character: str, bits: int) -> bool:
    return bool(code_point_bits(TABLES, ord(character)) & bits)


def segments(text: str, separator: str) -> dict[str, int]:
    found = [piece.strip() for piece in re.split(separator, text) if piece.strip()]
    copies = Counter(found)
    name = "line" if separator == "\n" else "paragraph"
    return {
        f"{name}s": len(found),
        f"{name}_characters": sum(map(len, found)),
        f"repeated_{name}s": sum(count for count in copies.values() if count > 1),
        f"repeated_{name}_characters": sum(len(one) * count for one, count in copies.items() if count > 1),
    }


def expected(text: str, tokens: list[str]) -> dict[str, int]:
    words = text.split()
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    counts = {
        "words": len(words),
        "word_characters": sum(map(len, words)),
        "alphanumeric_words": sum(has(word[0], ALPHA | NUMERIC) for word in words),
        "non_alphabetic_words": sum(not any(has(c, ALPHA) for c in word) for word in words),
        "stop_words": sum(word.lower() in STOP_WORDS for word in words),
        "symbols": sum(text.count(symbol) for symbol in ("#", "...", ". . .", "…")),
        "bullet_lines": sum(line.startswith(("●", "•", "*", "-")) for line in lines),
        "ellipsis_lines": sum(line.endswith(("...", ". . .", "…")) for line in lines),
        **segments(text, "\n"),
        **segments(text, "\n\n"),
    }
    tokens = [token for token in tokens if has(token[0], ALPHA | NUMERIC)]
    counts["ngram_characters"] = sum(map(len, tokens))
    for n in range(2, 11):
        grams = [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
        copies = Counter(grams)
        most = max(copies.values(), default=0)
        if n <= 4:
            longest = max((len("".join(gram)) for gram, count in copies.items() if count == most), default=0)
            counts[f"top_{n}_gram_characters"] = most * longest if most > 1 else 0
        else:
            inside = {i + k for i, gram in enumerate(grams) if copies[gram] > 1 for k in range(n)}
            counts[f"repeated_{n}_gram_characters"] = sum(len(tokens[i]) for i in inside)
    return counts


def measured(texts: list[str]) -> list[tuple[dict[str, int], list[str]]]:
    column = from_strings(texts)
    words = find_words(column)
    matrix = measure_dclm(column.data, column.offsets, TABLES, words.spans, words.offsets)
    rows = []
    for i, text in enumerate(texts):
        data = text.encode()
        spans = words.spans[words.offsets[i] : words.offsets[i + 1]]
        rows.append((dict(zip(DCLM_COUNTS, matrix[i].tolist(), strict=True)), [data[a:b].decode() for a, b in spans]))
    return rows


WORDS = st.sampled_from(["the", "The", "of", "a", "b", "cd", "12", "–", "#", "...", ". . .", "…", "• x", "été", "(q)"])
TEXTS = st.lists(
    st.one_of(WORDS, st.sampled_from(["\n", "\n\n", "\n \n", "\u00a0", "a b cd a b cd\n"]), st.text(max_size=4)),
    max_size=80,
).map(" ".join)


@settings(deadline=None, max_examples=150)
@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_counts_are_those_of_plain_python(texts: list[str]) -> None:
    for text, (counts, tokens) in zip(texts, measured(texts), strict=True):
        assert counts == expected(text, tokens)


def test_every_copy_counts_and_ngrams_cover_words_once() -> None:
    passage = "one two three four five six seven eight nine ten eleven twelve"
    (counts, _), (empty, _) = measured([f"{passage}\nsomething else\n{passage}", ""])
    assert counts["repeated_lines"] == 2
    assert counts["repeated_10_gram_characters"] == 2 * len(passage.replace(" ", ""))
    assert not np.any(list(empty.values()))
