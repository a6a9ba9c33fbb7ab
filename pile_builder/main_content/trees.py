"""Gradient-boosted trees: the model's file, and a compiled walk through it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from pile_builder.errors import ManifestError

MAGIC = b"pile-blocks-1\n"
_ARRAYS = (("feature", "<u1"), ("threshold", "<f4"), ("left", "<i1"), ("right", "<i1"), ("leaf", "<f4"))


@dataclass(frozen=True)
class Trees:
    """Trees whose leaves are summed. Inner nodes and leaves of all trees lie one after the other.

    Attributes:
        roots: int32[trees + 1], where each tree's inner nodes begin.
        leaves: int32[trees + 1], where each tree's leaves begin.
        feature: uint8[nodes], the column that a node looks at.
        threshold: float32[nodes]; at most so much goes left.
        left, right: int8[nodes], the next node of the tree, or -1 - a leaf of it.
        leaf: float32[leaves].
    """

    roots: NDArray[np.int32]
    leaves: NDArray[np.int32]
    feature: NDArray[np.uint8]
    threshold: NDArray[np.float32]
    left: NDArray[np.int8]
    right: NDArray[np.int8]
    leaf: NDArray[np.float32]

    def margins(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The sum of each row's leaves, float32[rows]: the logarithm of the odds. Summed in the order of the trees."""
        out = np.empty(len(rows), np.float32)
        _walk(rows, self.roots, self.leaves, self.feature, self.threshold, self.left, self.right, self.leaf, out)
        return out


@numba.njit(cache=True, nogil=True)
def _walk(rows, roots, leaves, feature, threshold, left, right, leaf, out):
    for i in range(len(rows)):
        row = rows[i]
        total = 0.0
        for tree in range(len(roots) - 1):
            root = roots[tree]
            node = 0 if roots[tree + 1] > root else -1
            while node >= 0:
                at = root + node
                node = np.int64(left[at]) if row[feature[at]] <= threshold[at] else np.int64(right[at])
            total += leaf[leaves[tree] - 1 - node]
        out[i] = total


def write_model(path: Path, header: dict[str, Any], stages: tuple[Trees, ...]) -> bytes:
    """Write a model: a line of JSON, then the arrays of its stages; returns the bytes."""
    counts = [{"nodes": np.diff(trees.roots).tolist(), "leaves": np.diff(trees.leaves).tolist()} for trees in stages]
    head = json.dumps(header | {"stages": counts}, sort_keys=True, separators=(",", ":")).encode()
    arrays = [getattr(trees, name).astype(kind).tobytes() for trees in stages for name, kind in _ARRAYS]
    data = MAGIC + head + b"\n" + b"".join(arrays)
    path.write_bytes(data)
    return data


def read_model(data: bytes, name: str) -> tuple[dict[str, Any], tuple[Trees, ...]]:
    """The header and stages of a model's file.

    Raises:
        ManifestError: the bytes are no such model.
    """
    msg = f"{name}: expected a model written by `pile extractor train`, got something else"
    if not data.startswith(MAGIC):
        raise ManifestError(msg)
    head, _, rest = data[len(MAGIC) :].partition(b"\n")
    try:
        header = json.loads(head)
        stages = []
        for counts in header["stages"]:
            roots = np.concatenate([[0], np.cumsum(counts["nodes"])]).astype(np.int32)
            leaves = np.concatenate([[0], np.cumsum(counts["leaves"])]).astype(np.int32)
            arrays = {}
            for field, kind in _ARRAYS:
                size = int(leaves[-1] if field == "leaf" else roots[-1])
                arrays[field] = np.frombuffer(rest, kind, size)
                rest = rest[arrays[field].nbytes :]
            stages.append(Trees(roots, leaves, **arrays))
    except (ValueError, KeyError, TypeError) as error:
        raise ManifestError(f"{msg} ({error})") from error
    return header, tuple(stages)
