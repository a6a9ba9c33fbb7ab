"""Trying a recipe on a few documents before a build is made of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson

from pile_builder.annotate.edits import edit_texts
from pile_builder.annotate.sets import beside
from pile_builder.annotate.signals import signals
from pile_builder.checked_yaml import unknown_word
from pile_builder.errors import PileError
from pile_builder.input_files import InputFile
from pile_builder.recipes import RECIPES
from pile_builder.streams import open_text_bytes
from pile_builder.text.column import from_strings


@dataclass(frozen=True)
class Trial:
    """What a recipe says of one document: the first rule that drops it with value and threshold, or nothing."""

    name: str
    rule: str = ""
    value: float | None = None
    threshold: float | None = None


def try_recipe(name: str, files: Sequence[Path]) -> Iterator[Trial]:
    """Apply a recipe to each document of the files.

    Raises:
        PileError: there is no such recipe, or a file cannot be read as text or as jsonl with a text field.
    """
    if name not in RECIPES:
        raise PileError(unknown_word("recipe", name, RECIPES))
    recipe = RECIPES[name]
    for path in files:
        for label, text in _documents(path):
            edited = edit_texts(from_strings([text]), (recipe.edit,) if recipe.edit else ())
            measured = [signals(edited.texts[-1], recipe.groups)] if recipe.groups else []
            columns = beside([*edited.signals, *measured])
            failed = Trial(label)
            for rule in recipe.rules:
                values = columns.column(rule.signal).to_numpy(zero_copy_only=False).astype(np.float64)
                if rule.fails(values, rule.threshold)[0]:
                    failed = Trial(label, f"{name}.{rule.name}", float(values[0]), rule.threshold)
                    break
            yield failed


def _documents(path: Path) -> Iterator[tuple[str, str]]:
    if not path.is_file():
        msg = f"{path}: no such file"
        raise PileError(msg)
    with open_text_bytes(InputFile(path.name, str(path), path.stat().st_size)) as stream:
        if ".jsonl" not in path.suffixes and ".json" not in path.suffixes:
            yield path.name, stream.read().decode(errors="replace")
            return
        for number, line in enumerate(stream):
            try:
                text = orjson.loads(line)["text"]
            except (orjson.JSONDecodeError, KeyError, TypeError) as error:
                msg = f"{path}, line {number + 1}: expected a JSON object with a text field: {error!r}"
                raise PileError(msg) from error
            yield f"{path.name}:{number + 1}", str(text)
