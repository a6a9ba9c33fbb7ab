"""Figures of a report against their definitions in plain Python."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.classifier.curve import curve_svg
from pile_builder.classifier.evaluate import evaluate

SCORES = st.lists(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 0.95, 1.0]) | st.floats(0, 1), min_size=1, max_size=30)


@settings(deadline=None, max_examples=100)
@given(SCORES, SCORES)
def test_against_definitions(positive: list[float], negative: list[float]) -> None:
    told = evaluate(np.array(positive), np.array(negative))
    wins = sum((p > n) + (p == n) / 2 for p in positive for n in negative)
    assert abs(told["auc"] - wins / len(positive) / len(negative)) < 1e-6
    precision = 0.0
    for threshold in sorted(set(positive)):
        true = sum(p >= threshold for p in positive)
        precision += positive.count(threshold) * true / (true + sum(n >= threshold for n in negative))
    assert abs(told["average_precision"] - precision / len(positive)) < 1e-6
    for row in told["confusion"]:
        assert row["true_positive"] == sum(p >= row["threshold"] for p in positive)
        assert row["true_negative"] == sum(n < row["threshold"] for n in negative)
        assert row["true_positive"] + row["false_negative"] == len(positive)
    assert sum(told["histogram"]["negative"]) == len(negative)
    assert told["curve"][-1]["true_positive_rate"] == told["curve"][-1]["false_positive_rate"] == 1
    shuffled = evaluate(np.array(positive[::-1]), np.array(sorted(negative)))
    assert shuffled == told


def test_a_curve_is_drawn_with_axes_even_of_nothing() -> None:
    examples = {name: {"heldout_lines": 2} for name in ("positive", "negative")}
    for scores in (np.array([0.2, 0.9]), np.zeros(0)):
        report = {"name": "a<b", "heldout": evaluate(scores, np.array([0.1, 0.3])), "examples": examples}
        drawn = "".join(ElementTree.fromstring(curve_svg(report)).itertext())
        assert "a<b" in drawn
        assert "share of the class" in drawn
        assert ("recall" in drawn) == bool(len(scores))
