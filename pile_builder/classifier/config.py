"""What a classifier is trained on and how: frozen models behind the YAML of `pile classifier train`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from pile_builder.annotate.keep import Window
from pile_builder.checked_yaml import Model, absolute, expand, explain, read_yaml
from pile_builder.errors import ManifestError


class Input(Model):
    """Where texts come from: files, or the blocks of a finished build."""

    files: tuple[str, ...] = Field(
        (), description="files, globs, directories or fsspec URLs: jsonl[.gz|.zst], or any other as one text a file"
    )
    field: str = Field("text", description="of a jsonl file: the field that holds the text")
    build: str = Field("", description="folder of a finished build")
    sources: tuple[str, ...] = Field((), description="sources of that build; all of them if empty")
    documents: Literal["kept", "all"] = Field(
        "kept", description="of a build: what it kept, or every document of its blocks; as ingested in both cases"
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Input:
        if bool(self.files) == bool(self.build):
            msg = "expected either files or build"
            raise ValueError(msg)
        other = {"sources", "documents"} if self.files else {"field"}
        if misplaced := sorted(other & self.model_fields_set):
            msg = f"{misplaced[0]} belongs to {'build' if self.files else 'files'}, and this input has the other"
            raise ValueError(msg)
        return self


class Examples(Model):
    """One class."""

    inputs: tuple[Input, ...] = Field(min_length=1)
    max_documents: int | None = Field(None, gt=0, description="take so many, chosen by keyed hash")
    max_bytes: int | None = Field(None, gt=0, description="take documents until they hold so many bytes, likewise")
    windows: int = Field(
        1, ge=1, description="pieces of a document that are shown: the Pile's window, and more behind it if it is long"
    )

    @model_validator(mode="after")
    def _one_cap(self) -> Examples:
        if self.max_documents and self.max_bytes:
            msg = "expected at most one of max_documents and max_bytes"
            raise ValueError(msg)
        return self


class FastText(Model):
    """fastText's own parameters; defaults are fastText's with the Pile's and DCLM's bigrams, but for `bucket`."""

    dim: int = Field(100, ge=1, le=1000, description="length of vectors")
    word_ngrams: int = Field(2, ge=1, le=5, description="longest n-gram of words")
    epoch: int = Field(5, ge=1, le=1000)
    lr: float = Field(0.1, gt=0, le=10, description="learning rate")
    min_count: int = Field(1, ge=1, description="words seen less often are left out")
    bucket: int = Field(
        200_000,
        ge=1,
        le=100_000_000,
        description="slots of the n-grams' hash table, of 4 x dim bytes each (fastText's 2,000,000 make 800 MB)",
    )


class ClassifierConfig(Model):
    """A whole classifier."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", description="lower-case name of the classifier")
    description: str = ""
    seed: int = Field(1, ge=0, lt=1 << 31, description="key of every choice, and fastText's seed")
    root: str = Field("", description="what relative inputs are relative to; this file's folder if empty")
    positives: Examples = Field(description="what good text looks like")
    negatives: Examples = Field(description="what is to be judged, unjudged: raw web")
    window: Window = Field("pile", description="what the model sees: code points 2,500 to 4,000 (the Pile), or all")
    lower: bool = Field(default=False, description="whether A to Z become lower case")
    holdout: float = Field(0.1, gt=0, lt=1, description="share of documents that judge the model and never train it")
    fasttext: FastText = FastText()
    quantize: bool = Field(
        default=False, description="write model.ftz instead of model.bin: a fifth of the size, several times the time"
    )
    _given: dict[str, Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _windows_of_windows(self) -> ClassifierConfig:
        if self.window == "whole" and (self.positives.windows > 1 or self.negatives.windows > 1):
            msg = "windows: expected 1 where window is whole"
            raise ValueError(msg)
        return self

    @property
    def given(self) -> dict[str, Any]:
        """The configuration as it was written, before variables and the root were resolved."""
        return self._given

    @property
    def classes(self) -> dict[str, Examples]:
        """Both classes, by the words that stand for them in reports."""
        return {"positive": self.positives, "negative": self.negatives}


def load_config(path: str | Path, environment: Mapping[str, str] | None = None) -> ClassifierConfig:
    """Read and check the configuration of a classifier.

    Args:
        path: a YAML file.
        environment: what `${VAR}` and `${VAR:-default}` expand from; the process environment by default.

    Raises:
        ManifestError: with file, field, what was expected, what came, and the nearest valid word.
    """
    path = Path(path)
    data = read_yaml(path, ClassifierConfig)
    expanded = expand(data, str(path), "", os.environ if environment is None else environment)
    expanded["root"] = absolute(expanded.get("root"), path.parent)
    try:
        config = ClassifierConfig.model_validate(expanded)
    except ValidationError as error:
        raise ManifestError("\n".join(explain(str(path), ClassifierConfig, error))) from error
    config._given = dict(data)
    return config
