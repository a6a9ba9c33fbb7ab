"""Quality recipes as data: which signals they need and which thresholds they set, in the order of testing.

A recipe's name carries a version. Changing a rule makes a new recipe, so that old results stay comparable.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.recipes.code import CODE_RECIPES
from pile_builder.recipes.rule import Edit, Recipe, Rule
from pile_builder.recipes.web import WEB_RECIPES

__all__ = ["RECIPES", "Edit", "Recipe", "Rule", "verdicts"]

RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for recipe in (*WEB_RECIPES, *CODE_RECIPES)}
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
