"""Training: labelled pages to two stages of trees. The same labels give the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pile_builder.errors import ManifestError
from pile_builder.main_content.alignment import shares_in_truth
from pile_builder.main_content.labels import LabelledPage
from pile_builder.main_content.page import Page, read_page
from pile_builder.main_content.trees import Trees

FOLDS = 5
SETTINGS: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.08,
    "num_leaves": 16,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 255,
    "use_missing": False,
    "seed": 1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}
TREES = {"first": 160, "second": 64}
"""Trees of each stage. More of the second find nothing more on held-out hosts, fewer of the first lose some."""


@dataclass(frozen=True)
class Example:
    """A labelled page as training sees it.

    Attributes:
        labels: bool[blocks], whether a block is content.
        weights: float64[blocks], how much it counts.
    """

    source: LabelledPage
    page: Page
    labels: NDArray[np.bool_]
    weights: NDArray[np.float64]


def example(labelled: LabelledPage, importance: float = 1.0) -> Example:
    """Derive block labels from a page's true text. A page counts by itself, its blocks by the root of their length."""
    page = read_page(labelled.html)
    shares = shares_in_truth(page, labelled.text or "")
    roots = np.sqrt(page.weights.astype(np.float64) + 10)
    total = roots.sum()
    weights = importance * 100 * roots / total if total else roots
    return Example(labelled, page, shares >= 0.5, weights)


def fold_of(host: str) -> int:
    """The fold that holds all pages of a host."""
    return int.from_bytes(hashlib.blake2b(host.encode(), digest_size=4).digest(), "little") % FOLDS


def fit(rows: NDArray[np.float32], labels: NDArray[np.bool_], weights: NDArray[np.float64], trees: int) -> Any:
    """A LightGBM booster of one stage.

    Raises:
        ManifestError: LightGBM is not installed.
    """
    try:
        import lightgbm
    except ImportError as error:
        msg = "training needs a package that is not installed; run: pip install 'pile-builder[train]'"
        raise ManifestError(msg) from error
    data = lightgbm.Dataset(rows, labels.astype(np.float64), weight=weights, free_raw_data=False)
    return lightgbm.train(SETTINGS, data, trees)


def trees_of(booster: Any) -> Trees:
    """A booster's trees in the arrays that the kernel walks."""
    roots, leaves = [0], [0]
    feature: list[int] = []
    threshold: list[float] = []
    left: list[int] = []
    right: list[int] = []
    leaf: list[float] = []
    for tree in booster.dump_model()["tree_info"]:
        nodes: list[dict[str, Any]] = []
        ends: list[float] = []
        _number(tree["tree_structure"], nodes, ends)
        for node in nodes:
            feature.append(node["split_feature"])
            threshold.append(_float32_below(node["threshold"]))
            left.append(node["left"])
            right.append(node["right"])
        leaf += ends
        roots.append(len(feature))
        leaves.append(len(leaf))
    return Trees(
        np.array(roots, np.int32),
        np.array(leaves, np.int32),
        np.array(feature, np.uint8),
        np.array(threshold, np.float32),
        np.array(left, np.int8),
        np.array(right, np.int8),
        np.array(leaf, np.float32),
    )


def _number(structure: dict[str, Any], nodes: list[dict[str, Any]], ends: list[float]) -> int:
    """Number a tree's nodes and leaves from its root on; the number of this one, -1 - number for a leaf."""
    if "leaf_value" in structure and "split_feature" not in structure:
        ends.append(structure["leaf_value"])
        return -len(ends)
    node = {"split_feature": structure["split_feature"], "threshold": structure["threshold"]}
    number = len(nodes)
    nodes.append(node)
    node["left"] = _number(structure["left_child"], nodes, ends)
    node["right"] = _number(structure["right_child"], nodes, ends)
    return number


def _float32_below(value: float) -> float:
    """The greatest float32 that is not above: a float32 compares with it as with the value itself."""
    near = np.float32(value)
    return float(near if float(near) <= value else np.nextafter(near, np.float32(-np.inf)))


@dataclass(frozen=True)
class Trained:
    """Both stages, the boosters that they come from, and what models say of hosts that they did not see.

    Attributes:
        held_out: for each example the margins by stages trained on other folds, float32[blocks].
    """

    stages: tuple[Trees, Trees]
    boosters: tuple[Any, Any]
    held_out: list[NDArray[np.float32]]


def train_stages(examples: Sequence[Example], watch: Callable[[str], Any] = lambda _: None) -> Trained:
    """Train on pages of at least two folds.

    The second stage learns from what first stages think of hosts that they have not seen, as it will on new pages.

    Raises:
        ManifestError: all hosts are in one fold.
    """
    folds = np.array([fold_of(one.source.host) for one in examples])
    used = sorted(set(folds.tolist()))
    if len(used) < 2:
        msg = f"labels: expected pages of many hosts to train on, got {len(examples)} pages that are not enough"
        raise ManifestError(msg)
    labels = np.concatenate([one.labels for one in examples])
    weights = np.concatenate([one.weights for one in examples])
    of_block = np.repeat(folds, [len(one.labels) for one in examples])

    def stage(columns: Sequence[NDArray[np.float32]], what: str) -> tuple[Any, list[NDArray[np.float32]]]:
        """A booster of all rows, and for each page the margins of one that did not see its fold."""
        stacked = np.vstack(columns)
        margins: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(examples)
        for fold in used:
            seen = of_block != fold
            trees = trees_of(fit(stacked[seen], labels[seen], weights[seen], TREES[what]))
            watch(f"{what} stage, without fold {fold + 1} of {FOLDS}")
            for k in np.flatnonzero(folds == fold).tolist():
                margins[k] = trees.margins(columns[k])
        booster = fit(stacked, labels, weights, TREES[what])
        watch(f"{what} stage")
        return booster, margins

    first, margins = stage([one.page.features for one in examples], "first")
    contexts = [one.page.context(margin) for one, margin in zip(examples, margins, strict=True)]
    second, held_out = stage(contexts, "second")
    return Trained((trees_of(first), trees_of(second)), (first, second), held_out)
