"""What an export is, in manifests and commands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pydantic import Field, ValidationError

from pile_builder.checked_yaml import Model, explain, unknown_word
from pile_builder.errors import ManifestError
from pile_builder.export.format import load_format
from pile_builder.mixing.subsets import Subset, parse_subset


class Export(Model):
    """One export of the corpus as token shards."""

    format: str = Field(description="a format, see `pile formats`")
    tokenizer: str = Field(
        description="tokenizer.json, a folder with one or with vocab.json and merges.txt, a hub name, or tiktoken:NAME"
    )
    end_token: str = Field("", description="end-of-document token; the tokenizer's own if empty")
    out: str = Field("", description="folder below the build; tokens/TOKENIZER-FORMAT if empty")
    subset: str = Field("", description="one of the manifest's subsets in place of the training corpus, such as 1/2")
    splits: tuple[Literal["train", "validation", "test"], ...] = ("train", "validation", "test")
    options: dict[str, Any] = Field(default_factory=dict, description="the format's own options")


def export_problems(where: str, export: Export) -> Iterator[str]:
    """What is wrong with an export, as far as can be told without its tokenizer."""
    try:
        options = load_format(export.format).Options
        options.model_validate(export.options)
    except ManifestError as error:
        yield f"{where}.format: {error}"
    except ValidationError as error:
        yield from explain(f"{where}.options", options, error)


def subset_problems(where: str, asked: str, subsets: Sequence[Subset]) -> Iterator[str]:
    """What is wrong with the subset that an export asks for."""
    try:
        name = parse_subset(asked).name if asked else ""
    except ValueError as error:
        yield f"{where}: {error}"
        return
    if name and name not in {one.name for one in subsets}:
        yield f"{where}: {unknown_word('subset', asked, [one.label for one in subsets])}"
