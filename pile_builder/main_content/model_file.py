"""The file of a trained model: a line of JSON, then the arrays of its trees."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pile_builder.errors import ManifestError
from pile_builder.main_content.trees import Trees

MAGIC = b"pile-blocks-1\n"
_ARRAYS = (("feature", "<u1"), ("threshold", "<f4"), ("left", "<i1"), ("right", "<i1"), ("leaf", "<f4"))


def model_bytes(header: Mapping[str, Any], stages: tuple[Trees, Trees]) -> bytes:
    """The bytes of a model's file. Equal models have equal bytes."""
    counts = [{"nodes": np.diff(trees.roots).tolist(), "leaves": np.diff(trees.leaves).tolist()} for trees in stages]
    head = json.dumps({**header, "stages": counts}, sort_keys=True, separators=(",", ":")).encode()
    arrays = [getattr(trees, name).astype(kind).tobytes() for trees in stages for name, kind in _ARRAYS]
    return MAGIC + head + b"\n" + b"".join(arrays)


def read_model(data: bytes, name: str) -> tuple[dict[str, Any], tuple[Trees, Trees]]:
    """The header and stages of a model's file.

    Raises:
        ManifestError: the bytes are no such model.
    """
    msg = f"{name}: expected a model written by `pile extractor train`, got something else"
    if not data.startswith(MAGIC):
        raise ManifestError(msg)
    head, _, rest = data[len(MAGIC) :].partition(b"\n")
    arrays = _Arrays(rest)
    try:
        header = json.loads(head)
        first, second = (_trees(counts, arrays) for counts in header["stages"])
    except (ValueError, KeyError, TypeError) as error:
        raise ManifestError(f"{msg} ({error})") from error
    return header, (first, second)


class _Arrays:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int, kind: str) -> NDArray[Any]:
        array = np.frombuffer(self._data, kind, count, self._at)
        self._at += array.nbytes
        return array


def _trees(counts: Mapping[str, Any], arrays: _Arrays) -> Trees:
    roots = np.concatenate([[0], np.cumsum(counts["nodes"])]).astype(np.int32)
    leaves = np.concatenate([[0], np.cumsum(counts["leaves"])]).astype(np.int32)
    parts = {name: arrays.take(int(leaves[-1] if name == "leaf" else roots[-1]), kind) for name, kind in _ARRAYS}
    node = np.arange(roots[-1]) - np.repeat(roots[:-1], counts["nodes"])
    nodes, of_tree = np.repeat(counts["nodes"], counts["nodes"]), np.repeat(counts["leaves"], counts["nodes"])
    for child in (parts["left"].astype(np.int64), parts["right"].astype(np.int64)):
        if not np.where(child >= 0, (node < child) & (child < nodes), -1 - child < of_tree).all():
            msg = "a node's branches must be later nodes or leaves of its tree"
            raise ValueError(msg)
    return Trees(roots, leaves, **parts)
