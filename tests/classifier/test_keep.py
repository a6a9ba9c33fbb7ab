"""The Pareto rule: its chances, its draws, and that nothing but seed, purpose and id decides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.annotate.keep import PRESETS, chances, draws, keep, pareto_keep

IDS = np.arange(200_000, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)


@pytest.mark.parametrize("alpha", [3, 9])
@pytest.mark.parametrize("score", [0.0, 0.25, 0.5, 0.75, 0.9, 1.0])
def test_the_share_kept_is_the_formula(alpha: int, score: float) -> None:
    expected = (2 - score) ** -alpha
    kept = pareto_keep(np.full(len(IDS), score), IDS, 1, alpha).mean()
    # Five standard deviations of a binomial share.
    assert abs(kept - expected) <= 5 * (expected * (1 - expected) / len(IDS)) ** 0.5


def test_it_keeps_what_the_original_rule_keeps() -> None:
    """`numpy.random.pareto(alpha) > 1 - score`, the Pile's own line, on drawn scores: equal shares."""
    rng = np.random.default_rng(1)
    scores = rng.random(len(IDS))
    original = (rng.pareto(3, len(IDS)) > 1 - scores).mean()
    assert abs(pareto_keep(scores, IDS, 1, 3).mean() - original) < 0.01


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.floats(0, 1)), min_size=1, max_size=40), st.integers(0, 9))
def test_a_document_is_kept_whatever_its_batch(rows: list[tuple[int, float]], seed: int) -> None:
    ids = np.array([one for one, _ in rows], np.uint64)
    scores = np.array([score for _, score in rows])
    together = pareto_keep(scores, ids, seed, 3)
    alone = [bool(pareto_keep(scores[i : i + 1], ids[i : i + 1], seed, 3)[0]) for i in range(len(rows))]
    assert together.tolist() == alone
    assert pareto_keep(scores[::-1], ids[::-1], seed, 3).tolist() == alone[::-1]
    # A better score never loses a document, and the best is always kept.
    assert (pareto_keep(np.minimum(scores + 0.1, 1), ids, seed, 3) >= together).all()
    assert pareto_keep(np.ones(len(ids)), ids, seed, 9).all()


def test_seed_and_purpose_draw_anew() -> None:
    one = draws(IDS, 1)
    assert 0 <= one.min() < one.max() < 1
    for other in (draws(IDS, 2), draws(IDS, 1, "quality:books")):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.01


def test_presets() -> None:
    scores = np.array([0.0, 0.018112, 0.0182, 1.0])
    assert keep(PRESETS["dclm"], scores, IDS[:4], 1).tolist() == [False, False, True, True]
    for name, alpha in (("pile", 3), ("gpt3", 9)):
        assert (keep(PRESETS[name], scores, IDS[:4], 1) == pareto_keep(scores, IDS[:4], 1, alpha)).all()
    with pytest.raises(ValueError, match="whole number"):
        chances(scores, 0)
