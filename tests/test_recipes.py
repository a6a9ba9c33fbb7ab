"""Recipes: their rules name signals that exist, and the first rule that fails is the reason."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pile_builder.annotate.edits import EDIT_SIGNALS, edit_texts
from pile_builder.annotate.signals import SIGNALS, signals
from pile_builder.recipes import RECIPES, Recipe, verdicts
from pile_builder.recipes.code import CODE_RECIPES
from pile_builder.text.column import from_strings

PROSE = (
    "The river rose slowly that spring, and with it rose the worries of the people who lived along the banks. "
    "Nobody could say when the water would stop. Some families packed their books and carried them upstairs. "
    "Others waited, as their parents had done, for the rain to move on to the hills. By the end of April the "
    "mill stood alone in a brown lake, but its walls held.\n"
    "In May the fields began to dry. A few weeks later one could walk to the bridge again, and children found "
    "small fish in the puddles that the flood had left behind."
)


VECTORS = Path(__file__).parent / "vectors"


def reason(recipe: Recipe, text: str, thresholds: dict[str, float] | None = None) -> str:
    column = from_strings([text])
    batch = edit_texts(column, [recipe.edit]).signals[0] if recipe.edit else signals(column, recipe.groups)
    index = int(verdicts(recipe, batch, thresholds)[0])
    return recipe.rules[index].name if index >= 0 else "kept"


def test_recipes_are_consistent() -> None:
    for name, recipe in RECIPES.items():
        assert recipe.name == name
        assert len({rule.name for rule in recipe.rules}) == len(recipe.rules)
        for rule in recipe.rules:
            known = EDIT_SIGNALS if recipe.edit else SIGNALS
            assert rule.signal in known
            assert rule.signal.split(".")[0] in (recipe.edit, *recipe.groups)
            assert rule.source


@pytest.mark.parametrize("name", RECIPES)
def test_prose_is_kept(name: str) -> None:
    text = PROSE.replace(". ", ".\n") + "\n" if RECIPES[name] in CODE_RECIPES else PROSE
    assert reason(RECIPES[name], text) == "kept"


@pytest.mark.parametrize("name", RECIPES)
def test_vectors(name: str) -> None:
    """Every rule has texts just inside and just outside of its threshold."""
    rows = [json.loads(line) for line in (VECTORS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    wrong = [
        (row["why"], row["rule"], got)
        for row in rows
        if (got := reason(RECIPES[name], row["text"], row.get("thresholds"))) != (row["rule"] or "kept")
    ]
    assert not wrong
    for rule in RECIPES[name].rules:
        assert any(row["rule"] == rule.name for row in rows), f"no text outside of {rule.name}"
        assert any(row["rule"] is None and row["why"].startswith(f"{rule.name}:") for row in rows), rule.name


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("gopher_quality_v1", "", "min_words"),
        ("gopher_quality_v1", "The and of. " * 10, "min_words"),
        ("gopher_quality_v1", "it is so " * 30, "min_mean_word_length"),
        ("gopher_quality_v1", "internationalisation " * 60, "max_mean_word_length"),
        ("gopher_quality_v1", PROSE.replace(" t", " #t").replace(" a", " #a"), "max_hash_ratio"),
        ("gopher_quality_v1", PROSE.replace(",", " ...").replace(" the ", " … "), "max_ellipsis_ratio"),
        ("gopher_quality_v1", "- " + PROSE.replace(". ", "\n- ").replace("\nIn", "\n- In"), "max_bullet_lines"),
        ("gopher_quality_v1", PROSE.replace(". ", " ...\n"), "max_ellipsis_lines"),
        ("gopher_quality_v1", PROSE + " 1234567" * 100, "min_alphabetic_words"),
        ("gopher_quality_v1", "every single word differs somehow " * 12, "min_stop_words"),
        ("gopher_repetition_v1", "", "empty"),
        ("gopher_repetition_v1", "one\n\ntwo\n\none\n\ntwo", "max_dup_paragraphs"),
        ("gopher_repetition_v1", f"{PROSE}\n\na\n\nb\n\n{PROSE}", "max_dup_paragraph_chars"),
        ("gopher_repetition_v1", "one\ntwo\none\ntwo", "max_dup_lines"),
        ("gopher_repetition_v1", "by and by " * 40, "max_top_2_gram_chars"),
        ("c4_fineweb_v1", "Three words here.\n" * 4, "min_sentences"),
        ("c4_fineweb_v1", PROSE + "\nif (x) { return; }\nlorem", "curly_bracket"),
        ("c4_tfds_v1", PROSE + "\nLorem ipsum dolor sit amet. Yes.", "lorem_ipsum"),
        ("c4_tfds_v1", "Just some words without any end\n" * 5, "min_sentences"),
        ("fineweb_v1", " \n\t", "empty"),
        ("fineweb_v1", "no end of line here that anyone could call terminal", "min_punctuated_lines"),
        ("fineweb_v1", "Short.\nLines.\nOnly.", "max_short_lines"),
        ("fineweb_v1", f"{PROSE}\n{PROSE}", "max_dup_line_chars"),
        ("code_v1", "x = 1\n" + "y" * 1001, "max_line_length"),
        ("code_v1", "a = 0\n" + ("b" * 250 + "\n") * 3, "max_mean_line_length"),
        ("code_v1", "+-*/=\n" * 9, "min_alphanumeric"),
        ("code_v1", "123456789\n" * 9, "max_digits"),
        ("code_v1", "a = 1; b = 2; c = 3", "max_chars_per_newline"),
    ],
)
def test_the_first_failing_rule_is_the_reason(name: str, text: str, wanted: str) -> None:
    assert reason(RECIPES[name], text) == wanted


def test_equal_to_the_threshold_is_kept_and_thresholds_can_be_set() -> None:
    recipe = RECIPES["c4_fineweb_v1"]
    assert reason(recipe, "Three words here.\n" * 5) == "kept"
    assert reason(recipe, "Three words here.\n" * 5, {"min_sentences": 6}) == "min_sentences"
    assert reason(recipe, "Has a { in it.\n" * 5, {"curly_bracket": np.inf}) == "kept"


def test_errors_name_rule_and_signal() -> None:
    recipe = RECIPES["fineweb_v1"]
    with pytest.raises(ValueError, match="has no rule 'max_lines'"):
        verdicts(recipe, {}, {"max_lines": 1})
    with pytest.raises(ValueError, match=r"needs the signal fineweb\.lines"):
        verdicts(recipe, {"fineweb.short_lines": np.zeros(1)})


def test_conditions_read_as_sentences() -> None:
    rules = RECIPES["gopher_quality_v1"].rules
    assert rules[0].condition == "gopher_quality.words < 50"
    assert rules[3].condition == "gopher_quality.mean_word_length > 10"
