"""The trained model: two stages of trees, thresholds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from pile_builder.errors import ManifestError
from pile_builder.main_content.context import CONTEXT
from pile_builder.main_content.features import FEATURES
from pile_builder.main_content.model_file import read_model
from pile_builder.main_content.trees import Trees

NAME = "blocks.trees"
"""The model that comes with the package, in pile_builder/models."""


@dataclass(frozen=True)
class BlockModel:
    """A model as `pile extractor train` writes it.

    Attributes:
        stages: the trees of the first and the second stage.
        thresholds: least margin (logarithm of the odds) of a kept block by `favor`.
        uncertain: pages above this uncertainty go to another extractor.
        digest: SHA-256 of its file, in hexadecimal.
    """

    stages: tuple[Trees, Trees]
    thresholds: dict[str, float]
    uncertain: float
    digest: str

    @classmethod
    def load(cls, path: Path | None = None) -> BlockModel:
        """The model at `path`, or the one that comes with the package.

        Raises:
            ManifestError: the file is no model, or one for other features than this version of the package has.
        """
        return _shipped() if path is None else _parse(path.read_bytes(), str(path))


@cache
def _shipped() -> BlockModel:
    return _parse((files("pile_builder.models") / NAME).read_bytes(), NAME)


def _parse(data: bytes, name: str) -> BlockModel:
    header, stages = read_model(data, name)
    known = {"features": list(FEATURES), "context": list(CONTEXT)}
    if any(header.get(what) != names for what, names in known.items()) or len(stages) != 2:
        msg = f"{name}: expected a model for the features of this version; train it again with `pile extractor train`"
        raise ManifestError(msg)
    return BlockModel(stages, header["thresholds"], header["uncertain"], hashlib.sha256(data).hexdigest())
