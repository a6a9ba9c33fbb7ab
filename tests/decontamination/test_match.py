"""Matches against brute force, offsets against the original text, and what cutting leaves."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.decontamination import brute_force, match
from pile_builder.decontamination.index import build_index
from pile_builder.decontamination.items import EvalItem
from pile_builder.decontamination.match import count_hits, find_matches
from pile_builder.text.column import TextColumn, from_strings

QUESTION = (
    "A ferry leaves the north pier at seven and carries forty crates of lemons to the island; how many crates are left"
)
ANSWER = "when half of them are unloaded at the second stop?"
FILLER = "Nothing in this sentence belongs to any question."


def found(texts, items, ngram=13, common=None):
    index = build_index(items, ngram)
    result = find_matches(from_strings(texts), index, common)
    passages = zip(result.document, result.item, result.start, result.end, strict=True)
    coverage = zip(result.covered_document, result.covered_item, result.seen, result.total, strict=True)
    return [tuple(map(int, row)) for row in passages], [tuple(map(int, row)) for row in coverage]


def assert_as_brute_force(texts, items, ngram=13):
    assert found(texts, items, ngram) == brute_force.matches(texts, items, ngram)


few_words = st.sampled_from(["a", "A", "b", "É", "é", "ー", "日", "x\u00ady", "XY", "Ⅷ"])
separators = st.sampled_from([" ", " ", "\n", " - ", ", ", "\u3000", "\u200b", '"\r\n\t'])
pieces = st.lists(st.tuples(few_words, separators), min_size=1, max_size=9).map(
    lambda words: "".join(word + separator for word, separator in words)
)


@settings(deadline=None, max_examples=150)
@given(st.lists(pieces, min_size=2, max_size=5), st.data())
def test_every_match_and_no_other(pieces, data):
    some = st.lists(st.sampled_from(pieces), min_size=1, max_size=3).map("".join)
    parts = data.draw(st.lists(st.tuples(some, st.one_of(st.just(""), some)), min_size=1, max_size=6))
    items = [EvalItem(f"set {i % 2}", str(i), question, answer) for i, (question, answer) in enumerate(parts)]
    texts = data.draw(st.lists(st.lists(st.sampled_from([*pieces, "so ", "b "]), max_size=9).map("".join), max_size=3))
    assert_as_brute_force(texts, items, data.draw(st.sampled_from([6, 8, 13])))


@pytest.mark.parametrize(
    "text",
    [
        QUESTION,
        QUESTION.upper(),
        QUESTION.replace(" ", "\n> "),
        QUESTION.replace(";", " --").replace(" ", "  "),
        "".join(f"«{word}», " for word in QUESTION.split()),
        QUESTION.replace("ferry", "fer\u00adry"),
    ],
    ids=["verbatim", "re-cased", "re-wrapped", "re-punctuated", "each word quoted", "hyphenated"],
)
@pytest.mark.parametrize(("before", "after"), [("", ""), (FILLER, FILLER), ("日本語、é — ", "\n☃")])
def test_disguises_and_exact_offsets(text, before, after):
    whole = f"{before} {text} {after}"
    item = EvalItem("ferry", "1", QUESTION)
    (passages, coverage) = found([FILLER, whole], [item])
    ((document, number, start, end),) = passages
    piece = whole.encode()[start:end].decode()
    assert (document, number) == (1, 0)
    assert [word for word, _, _ in brute_force.words_of(piece)] == [
        word for word, _, _ in brute_force.words_of(QUESTION)
    ]
    assert piece[0].lower() == "a"
    assert piece[-1].lower() == "t"
    total = len(QUESTION.split()) - 12
    assert coverage == [(1, 0, total, total)]


def test_unicode_case_and_width():
    item = EvalItem("wide", "1", "ΟΔΟΣ Ａlpha ДЖАЗ Ⅷ ÎLE ﬁve Ǆ İstanbul straße one two three four")
    texts = [
        "οδος ａlpha джаз ⅷ île ﬁve ǆ istanbul straße one two three four",
        "οδος alpha джаз ⅷ île ﬁve ǆ istanbul straße one two three four",
    ]
    assert found(texts, [item])[0] == [(0, 0, 0, len(texts[0].encode()))]
    japanese = EvalItem("wide", "2", "これは十三文字以上の質問です")
    text = "前置き。これは\n十三文字、以上の「質問」です。"
    ((_, _, start, end),) = found([text], [japanese])[0]
    assert text.encode()[start:end].decode() == "これは\n十三文字、以上の「質問」です"


def test_a_part_of_an_item_and_both_ends_of_a_document():
    words = (QUESTION + " " + ANSWER).split()
    item = EvalItem("ferry", "1", QUESTION, ANSWER)
    at_start, at_end = " ".join(words[:13]), " ".join(words[-13:])
    texts = [f"{at_start} {FILLER}", f"{FILLER} {at_end}", f"{FILLER} {' '.join(words[3:15])} {FILLER}"]
    assert_as_brute_force(texts, [item])
    passages, coverage = found(texts, [item])
    assert [row[0] for row in passages] == [0, 1]
    assert [row[2] for row in coverage] == [1, 1]
    assert passages[0][2] == 0


def test_question_and_answer_of_a_long_item_are_one_text():
    item = EvalItem("ferry", "1", " ".join(QUESTION.split()[:8]), " ".join(QUESTION.split()[8:15]))
    assert len(found([" ".join(QUESTION.split()[:15])], [item])[0]) == 1


@pytest.mark.parametrize("between", ["", " Answer: ", " so" * 50, " so" * 51])
@pytest.mark.parametrize("sizes", [(12, 12), (12, 1), (6, 8), (13, 12)])
def test_a_word_between_question_and_answer_does_not_hide_an_item(sizes, between):
    """Neither part has 13 words, so that every 13-gram reaches from the one into the other."""
    question, answer = (
        " ".join(part.split()[:size]) for part, size in zip((QUESTION, QUESTION[::-1]), sizes, strict=True)
    )
    item = EvalItem("ferry", "1", question, answer)
    texts = [f"{FILLER} {question}?{between} {answer} {FILLER}", question, f"{answer}{between} {question}"]
    assert_as_brute_force(texts, [item])
    documents = {row[0] for row in found(texts, [item])[0]}
    assert (0 in documents) == (between.count("so") <= 50 or sizes[0] == 13)
    assert (1 in documents) == (sizes[0] == 13)


def test_items_that_repeat_themselves_and_items_that_share():
    chorus = "row row row your boat gently down the stream merrily merrily life is but a dream"
    items = [
        EvalItem("songs", "twice", f"{chorus} {chorus}"),
        EvalItem("songs", "once", chorus),
        EvalItem("other songs", "once", f"now sing {chorus}"),
        EvalItem("other songs", "one word", "la " * 40),
    ]
    texts = [f"{chorus}. {chorus}. {chorus}", f"{chorus} and {chorus}", "la " * 30, f"Now sing: {chorus}"]
    assert_as_brute_force(texts, items)
    assert found(texts, items)[1][0] == (0, 0, 16, 16)
    assert (2, 3, 1, 1) in found(texts, items)[1]


def test_a_prompt_that_items_share_over_and_over():
    items = [EvalItem(f"set {i % 2}", str(i), f"{QUESTION} {ANSWER} {'so ' * (i % 3)}{i}") for i in range(9)]
    items.append(EvalItem("set 2", "prompt", QUESTION))
    texts = [f"{QUESTION} {ANSWER} 3. " * 5, f"{QUESTION} {ANSWER} so 4 {FILLER} {QUESTION}", "so " * 30]
    assert_as_brute_force(texts, items)


@pytest.mark.parametrize("distance", [0, 1, 49, 50, 51])
@pytest.mark.parametrize("order", ["question first", "answer first"])
@pytest.mark.parametrize(
    ("question", "answer"),
    [("Who wrote the tide tables of Port Amble?", "Edda"), ("Who kept it?", "Edda Brine of Port")],
)
def test_short_items_need_the_answer_within_fifty_words(distance, order, question, answer):
    parts = [question, "so " * distance, answer]
    passage = " ".join(parts if order == "question first" else parts[::-1])
    items = [EvalItem("short", "1", question, answer)]
    texts = [f"{FILLER} {passage} {FILLER}", question, answer]
    assert_as_brute_force(texts, items)
    assert len(found(texts, items)[0]) == (distance <= 50)


def test_an_answer_inside_the_question_is_not_an_answer_beside_it():
    items = [EvalItem("short", "1", "Is the kettle red or blue?", "Red")]
    assert_as_brute_force(["Is the kettle red or blue?", "Is the kettle red or blue? Red."], items)


def test_many_short_items_around_one_question():
    items = [
        EvalItem("short", str(i), "Which of these is a bird?", f"bird{i % 50} {'x' * (i // 50)}") for i in range(200)
    ]
    random.seed(3)
    text = " ".join(random.choice([f"bird{i % 60} x", "which of these is a bird", "so"]) for i in range(80))
    assert_as_brute_force([text, FILLER, text[:200]], items)


def test_short_items_without_an_answer_are_matched_whole():
    items = [EvalItem("short", str(n), " ".join(QUESTION.split()[:n])) for n in range(3, 13)]
    items += [EvalItem("answers", "1", "", "Seven sleepy herons stood still")]
    texts = [f"{FILLER} {QUESTION}", " ".join(QUESTION.split()[:7]), "seven sleepy herons stood still."]
    assert_as_brute_force(texts, items)
    assert len(found(texts, items)[0]) == 8 + 3 + 1


def test_common_ngrams_are_counted_and_ignored():
    boilerplate = "answer the following question with one letter and say nothing else about it thank you"
    items = [EvalItem("quiz", str(i), f"{boilerplate} {QUESTION} number {i}") for i in range(3)]
    items.append(EvalItem("quiz", "short", "How many crates are left?", "Twenty"))
    index = build_index(items)
    texts = [f"{boilerplate} {i}. {boilerplate}" for i in range(12)] + [QUESTION, "How many crates are left? Twenty."]
    counts = np.zeros(index.size, np.int64)
    for batch in (texts[:5], texts[5:]):
        numbers, documents, _ = count_hits(from_strings(batch), index)
        counts[numbers] += documents
    expected: Counter = Counter()
    for text in texts:
        words = [word for word, _, _ in brute_force.words_of(text)]
        sought = brute_force.by_anchor(gram for item in items for gram in brute_force.grams_of(item))
        expected.update({gram for _, _, gram in brute_force.occurrences(words, sought)})
    by_number = []
    for number in range(index.size):
        posting = index.offsets[number]
        grams = brute_force.grams_of(items[index.items[posting]], 13)
        by_number.append(grams[index.positions[posting] if len(grams) > 1 else 0])
    assert counts.tolist() == [expected[gram] for gram in by_number]

    common = counts > match.COMMON_DOCUMENTS
    assert common.sum() == 3
    ignored = frozenset(gram for gram, is_common in zip(by_number, common, strict=True) if is_common)
    assert found(texts, items, common=common) == brute_force.matches(texts, items, 13, ignored)
    assert {row[0] for row in found(texts, items, common=common)[0]} == {12, 13}
    with pytest.raises(ValueError, match="one entry of `common`"):
        find_matches(from_strings(texts), index, common[1:])


def test_the_same_in_slices_and_in_small_lots(monkeypatch):
    items = [EvalItem("ferry", str(i), QUESTION) for i in range(5)]
    texts = [FILLER, QUESTION, f"{QUESTION} {FILLER} {QUESTION}", "", QUESTION.upper()]
    index = build_index(items)
    column = from_strings(texts)
    whole = find_matches(column, index)
    monkeypatch.setattr(match, "MATCHES_AT_ONCE", 1)
    for field in ("document", "item", "start", "end", "number", "covered_document", "covered_item", "seen", "total"):
        assert getattr(find_matches(column, index), field).tolist() == getattr(whole, field).tolist()
    middle = find_matches(TextColumn(column.data, column.offsets[2:4]), index)
    assert middle.start.tolist() == whole.start[whole.document == 2].tolist()


def test_nothing_to_find_or_to_search():
    assert found([], [EvalItem("e", "1", QUESTION)]) == ([], [])
    assert found(["", FILLER], []) == ([], [])
    assert found(["", "+++"], [EvalItem("e", "1", "too few words")]) == ([], [])


@pytest.mark.skipif("PILE_DATA" not in os.environ, reason="PILE_DATA is not set")
def test_real_items_planted_in_real_books():
    data = Path(os.environ["PILE_DATA"])
    randomness = random.Random(5)
    sets = {"gsm8k": ("context", "answer"), "jeopardy_small": ("context", "continuation"), "piqa": ("query", "gold")}
    items = []
    for name, (question, answer) in sets.items():
        lines = (data / "evals" / "llm-foundry" / f"{name}.jsonl").read_text().splitlines()[:60]
        records = [json.loads(line) for line in lines]
        items += [EvalItem(name, str(i), str(one[question]), str(one[answer])) for i, one in enumerate(records)]
    protected = [item for item in items if brute_force.grams_of(item, 13)]
    texts = []
    for path in sorted((data / "books" / "gutenberg").glob("*.txt"))[:4]:
        words = path.read_bytes().decode("utf-8", "replace")[:100_000].split(" ")
        for item in randomness.sample(protected, 10):
            plant = f"{item.question} {item.answer}"
            plant = randomness.choice([plant, plant.upper(), plant.replace(" ", "\n"), plant.replace(" ", "--")])
            words.insert(randomness.randrange(len(words)), plant)
        texts.append(" ".join(words))
    assert_as_brute_force(texts, items)
    assert len(found(texts, items)[0]) >= 40
