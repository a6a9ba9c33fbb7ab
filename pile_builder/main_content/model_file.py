"""The file of a trained model: a line of JSON, then the arrays of its lexicon and of its trees."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pile_builder.errors import ManifestError
from pile_builder.main_content.evidence import Lexicon
from pile_builder.main_content.hashes import Table, table_of
from pile_builder.main_content.trees import Trees

MAGIC = b"pile-blocks-1\n"
_ARRAYS = (("feature", "<u1"), ("threshold", "<f4"), ("left", "<i1"), ("right", "<i1"), ("leaf", "<f4"))


def model_bytes(header: Mapping[str, Any], lexicon: Lexicon, stages: tuple[Trees, Trees]) -> bytes:
    """The bytes of a model's file. Equal models have equal bytes."""
    words = [_packed(table) for table in lexicon]
    counts = {
        "lexicon": [len(keys) for keys, _ in words],
        "stages": [
            {"nodes": np.diff(trees.roots).tolist(), "leaves": np.diff(trees.leaves).tolist()} for trees in stages
        ],
    }
    head = json.dumps({**header, **counts}, sort_keys=True, separators=(",", ":")).encode()
    arrays = [array.tobytes() for pair in words for array in pair]
    arrays += [getattr(trees, name).astype(kind).tobytes() for trees in stages for name, kind in _ARRAYS]
    return MAGIC + head + b"\n" + b"".join(arrays)


def read_model(data: bytes, name: str) -> tuple[dict[str, Any], Lexicon, tuple[Trees, Trees]]:
    """The header, lexicon and stages of a model's file.

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
        tables = []
        for count in header["lexicon"]:
            keys = arrays.take(count, "<u4")
            tables.append(table_of(zip(keys.tolist(), arrays.take(count, "<i1").tolist(), strict=True)))
        first, second = (_trees(counts, arrays) for counts in header["stages"])
        return header, Lexicon(*tables), (first, second)
    except (ValueError, KeyError, TypeError) as error:
        raise ManifestError(f"{msg} ({error})") from error


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
    return Trees(roots, leaves, **parts)


def _packed(table: Table) -> tuple[NDArray[np.uint32], NDArray[np.int8]]:
    """A table's hashes in rising order, and their values."""
    used = table.keys != 0
    order = np.argsort(table.keys[used])
    return table.keys[used][order].astype("<u4"), table.values[used][order].astype("<i1")
