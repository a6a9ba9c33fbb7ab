"""Trees: the kernel against a plain walk and against LightGBM, the file against what was written."""

from dataclasses import replace

import numpy as np
import pytest

from pile_builder.errors import ManifestError
from pile_builder.main_content.context import CONTEXT, probabilities
from pile_builder.main_content.features import FEATURES
from pile_builder.main_content.model import BlockModel
from pile_builder.main_content.model_file import model_bytes, read_model
from pile_builder.main_content.page import read_page
from pile_builder.main_content.trees import ROWS, Trees


def plain_margin(trees, row):
    total = 0.0
    for tree in range(len(trees.roots) - 1):
        node = 0 if trees.roots[tree + 1] > trees.roots[tree] else -1
        while node >= 0:
            at = trees.roots[tree] + node
            node = int(trees.left[at] if row[trees.feature[at]] <= trees.threshold[at] else trees.right[at])
        total += float(trees.leaf[trees.leaves[tree] - 1 - node])
    return np.float32(total)


def random_rows(count, columns):
    generator = np.random.default_rng(3)
    scale = generator.choice([0.01, 1, 100], columns)
    return (generator.normal(size=(count, columns)) * scale).astype(np.float32)


def test_kernel_does_as_the_plain_walk():
    model = BlockModel.load()
    for trees, columns in zip(model.stages, (FEATURES, FEATURES + CONTEXT), strict=True):
        rows = random_rows(2 * ROWS + 9, len(columns))
        assert trees.margins(rows).tolist() == [plain_margin(trees, row) for row in rows]


def test_kernel_does_as_lightgbm():
    lightgbm = pytest.importorskip("lightgbm")
    from pile_builder.main_content.train import trees_of

    rows = random_rows(3_000, 12)
    labels = (rows[:, 0] * rows[:, 3] + rows[:, 5] > 0).astype(float)
    settings = {"objective": "binary", "num_leaves": 31, "num_threads": 1, "verbosity": -1, "use_missing": False}
    booster = lightgbm.train(settings, lightgbm.Dataset(rows, labels), 40)
    trees = trees_of(booster)
    # Rows on the thresholds themselves too.
    on_threshold = np.tile(rows[:1], (len(trees.threshold), 1))
    on_threshold[np.arange(len(on_threshold)), trees.feature] = trees.threshold
    for some in (rows, on_threshold):
        expected = booster.predict(some.astype(np.float64), raw_score=True)
        assert np.abs(trees.margins(some) - expected).max() < 1e-5


def test_tree_of_one_leaf_adds_it():
    bounds = np.array([0, 0, 1], np.int32), np.array([0, 1, 3], np.int32)
    node = np.array([1], np.uint8), np.array([2], np.float32), np.array([-1], np.int8), np.array([-2], np.int8)
    trees = Trees(*bounds, *node, np.array([8, 1, 4], np.float32))
    assert trees.margins(np.array([[0, 2], [0, 3]], np.float32)).tolist() == [9, 12]
    assert trees.margins(np.empty((0, 2), np.float32)).tolist() == []


def test_probabilities_rise_with_the_margin():
    found = probabilities(np.array([-50, -1, 0, 1, 50], np.float32))
    assert found[2] == 0.5
    assert (np.diff(found) > 0).all()


def test_names_of_columns_are_their_number():
    page = read_page("<title>T</title><h1>T</h1><p>text</p>")
    assert page.features.shape == (2, len(FEATURES))
    assert page.context(np.zeros(2, np.float32)).shape == (2, len(FEATURES + CONTEXT))
    assert len(set(FEATURES + CONTEXT)) == len(FEATURES + CONTEXT) < 256
    # The last column has the last name.
    assert page.features[:, FEATURES.index("page_weight")].tolist() == [5, 5]
    assert FEATURES[-1] == "page_cjk_share"


def test_file_of_a_model_is_read_as_written(tmp_path):
    model = BlockModel.load()
    header = {"thresholds": model.thresholds, "uncertain": model.uncertain}
    data = model_bytes(header, model.stages)
    found, stages = read_model(data, "x")
    assert found["thresholds"] == model.thresholds
    assert model_bytes(header, stages) == data
    with pytest.raises(ManifestError, match="expected a model written by"):
        read_model(data[:-1], "x")
    endless = replace(stages[0], left=np.zeros_like(stages[0].left))
    with pytest.raises(ManifestError, match="branches must be later nodes or leaves"):
        read_model(model_bytes(header, (endless, stages[1])), "x")
    path = tmp_path / "other.trees"
    path.write_bytes(data)
    with pytest.raises(ManifestError, match=r"other\.trees: expected a model for the features of this version"):
        BlockModel.load(path)
