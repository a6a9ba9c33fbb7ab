"""Quality recipes as data: which signals they need and which thresholds they set, in the order of testing.

A recipe's name carries a version. Changing a rule makes a new recipe, so that old results stay comparable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_GOPHER = "Gopher, arXiv 2112.11446, section A1.1"
_TABLE_A1 = "Gopher, arXiv 2112.11446, table A1"
_C4 = "C4, arXiv 1910.10683, section 2.2; datatrove 0.10.1 c4_filters.py"
_TFDS = "tensorflow-datasets text/c4_utils.py"
_FINEWEB = "FineWeb, arXiv 2406.17557, section 3.6"
_BIGCODE = "BigCode, arXiv 2301.03988 and The Stack's line filters"
_PILE_GITHUB = "The Pile's GitHub component (EleutherAI github-downloader)"


@dataclass(frozen=True)
class Rule:
    """Drop a document whose signal is on the wrong side of a threshold; equal to it is kept.

    Attributes:
        name: unique in its recipe, what a ledger says.
        signal: column of the signal batch.
        drop: the side that drops.
        threshold: in the unit of the signal.
        source: paper and section, or program, that sets it.
    """

    name: str
    signal: str
    drop: Literal["below", "above"]
    threshold: float
    source: str

    @property
    def condition(self) -> str:
        """When the rule drops a document, as a reader would write it."""
        return f"{self.signal} {'<' if self.drop == 'below' else '>'} {self.threshold:g}"

    def fails(self, values: NDArray[Any], threshold: float) -> NDArray[np.bool_]:
        """Which of the values, shape (n,), are on the wrong side of `threshold`."""
        found: NDArray[np.bool_] = values < threshold if self.drop == "below" else values > threshold
        return found


@dataclass(frozen=True)
class Recipe:
    """A quality filter.

    Attributes:
        name: with its version.
        source: where the recipe comes from.
        rules: in the order of testing; the first that fails is the reason.
        groups: signal groups that the rules need.
        lines: C4 reading whose line signals the rules need, and whose spans rewrite the text, or None.
    """

    name: str
    source: str
    rules: tuple[Rule, ...]
    groups: tuple[str, ...] = ()
    lines: Literal["fineweb", "tfds"] | None = None


def _rules(group: str, source: str, *rows: tuple[str, str, Literal["below", "above"], float]) -> tuple[Rule, ...]:
    return tuple(Rule(name, f"{group}.{signal}", drop, threshold, source) for name, signal, drop, threshold in rows)


_ALL = (
    Recipe(
        "gopher_quality_v1",
        "datatrove 0.10.1 GopherQualityFilter, defaults",
        _rules(
            "gopher_quality",
            _GOPHER,
            ("min_words", "words", "below", 50),
            ("max_words", "words", "above", 100_000),
            ("min_mean_word_length", "mean_word_length", "below", 3),
            ("max_mean_word_length", "mean_word_length", "above", 10),
            ("max_hash_ratio", "hash_ratio", "above", 0.1),
            ("max_ellipsis_ratio", "ellipsis_ratio", "above", 0.1),
            ("max_bullet_lines", "bullet_lines", "above", 0.9),
            ("max_ellipsis_lines", "ellipsis_lines", "above", 0.3),
            ("min_alphabetic_words", "alphabetic_words", "below", 0.8),
            ("min_stop_words", "stop_words", "below", 2),
        ),
        groups=("gopher_quality",),
    ),
    Recipe(
        "gopher_repetition_v1",
        "datatrove 0.10.1 GopherRepetitionFilter, defaults",
        _rules(
            "gopher_repetition",
            _TABLE_A1,
            ("empty", "characters", "below", 1),
            ("max_dup_paragraphs", "dup_paragraphs", "above", 0.3),
            ("max_dup_paragraph_chars", "dup_paragraph_chars", "above", 0.2),
            ("max_dup_lines", "dup_lines", "above", 0.3),
            ("max_dup_line_chars", "dup_line_chars", "above", 0.2),
            ("max_top_2_gram_chars", "top_2_gram_chars", "above", 0.2),
            ("max_top_3_gram_chars", "top_3_gram_chars", "above", 0.18),
            ("max_top_4_gram_chars", "top_4_gram_chars", "above", 0.16),
            ("max_dup_5_gram_chars", "dup_5_gram_chars", "above", 0.15),
            ("max_dup_6_gram_chars", "dup_6_gram_chars", "above", 0.14),
            ("max_dup_7_gram_chars", "dup_7_gram_chars", "above", 0.13),
            ("max_dup_8_gram_chars", "dup_8_gram_chars", "above", 0.12),
            ("max_dup_9_gram_chars", "dup_9_gram_chars", "above", 0.11),
            ("max_dup_10_gram_chars", "dup_10_gram_chars", "above", 0.1),
        ),
        groups=("gopher_repetition",),
    ),
    Recipe(
        "c4_fineweb_v1",
        "datatrove 0.10.1 C4QualityFilter as FineWeb sets it (filter_no_terminal_punct=False)",
        _rules(
            "c4_fineweb",
            _C4,
            ("lorem_ipsum", "lorem_ipsum", "above", 0),
            ("curly_bracket", "curly_bracket", "above", 0),
            ("min_sentences", "sentences", "below", 5),
        ),
        lines="fineweb",
    ),
    Recipe(
        "c4_tfds_v1",
        "tensorflow-datasets C4 (is_valid_length, clean_page without the list of bad words)",
        _rules(
            "c4_tfds",
            _TFDS,
            ("max_characters", "characters", "above", 190_000),
            ("lorem_ipsum", "lorem_ipsum", "above", 0),
            ("curly_bracket", "curly_bracket", "above", 0),
            ("min_sentences", "sentences", "below", 3),
        ),
        lines="tfds",
    ),
    Recipe(
        "fineweb_v1",
        "datatrove 0.10.1 FineWebQualityFilter, defaults",
        _rules(
            "fineweb",
            _FINEWEB,
            ("empty", "lines", "below", 1),
            ("min_punctuated_lines", "punctuated_lines", "below", 0.12),
            ("max_short_lines", "short_lines", "above", 0.67),
            ("max_dup_line_chars", "dup_line_chars", "above", 0.01),
            ("max_newline_ratio", "newline_ratio", "above", 0.3),
        ),
        groups=("fineweb",),
    ),
    Recipe(
        "code_v1",
        "BigCode's line filters and the Pile's GitHub filters",
        (
            *_rules(
                "code",
                _BIGCODE,
                ("max_line_length", "longest_line", "above", 1000),
                ("max_mean_line_length", "mean_line_length", "above", 100),
                ("min_alphanumeric", "alphanumeric", "below", 0.25),
            ),
            *_rules(
                "code",
                _PILE_GITHUB,
                ("max_digits", "digits", "above", 0.8),
                ("max_chars_per_newline", "chars_per_newline", "above", 200),
            ),
        ),
        groups=("code",),
    ),
)

RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for recipe in _ALL}
"""Every recipe by its name."""


def verdicts(
    recipe: Recipe,
    columns: pa.RecordBatch | Mapping[str, NDArray[Any]],
    thresholds: Mapping[str, float] | None = None,
) -> NDArray[np.int16]:
    """Test each document of a batch.

    Args:
        recipe: whose rules to test.
        columns: the signals of the recipe, by name, each of shape (n,).
        thresholds: in place of the recipe's own, by rule name.

    Returns:
        int16 of shape (n,): index into `recipe.rules` of the first rule that drops the document, -1 if none does.

    Raises:
        ValueError: a threshold names no rule of the recipe, or a signal is missing.
    """
    own = thresholds or {}
    unknown = sorted(set(own) - {rule.name for rule in recipe.rules})
    if unknown:
        known = ", ".join(rule.name for rule in recipe.rules)
        msg = f"recipe {recipe.name} has no rule {unknown[0]!r} to set a threshold for; its rules are {known}"
        raise ValueError(msg)
    reason: NDArray[np.int16] | None = None
    for index, rule in enumerate(recipe.rules):
        values = _column(columns, rule.signal, recipe.name)
        fails = rule.fails(values, own.get(rule.name, rule.threshold))
        if reason is None:
            reason = np.full(len(values), -1, np.int16)
        reason[fails & (reason < 0)] = index
    return reason if reason is not None else np.empty(0, np.int16)


def _column(columns: pa.RecordBatch | Mapping[str, NDArray[Any]], name: str, recipe: str) -> NDArray[Any]:
    names = columns.schema.names if isinstance(columns, pa.RecordBatch) else list(columns)
    if name not in names:
        msg = f"recipe {recipe} needs the signal {name}, which is not among {', '.join(names)}; compute its group first"
        raise ValueError(msg)
    if isinstance(columns, pa.RecordBatch):
        values: NDArray[Any] = columns.column(name).to_numpy(zero_copy_only=False)
        return values
    return columns[name]
