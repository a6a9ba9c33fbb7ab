"""Intervals hold what they should as often as they should, over populations that are known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pile_builder.planning.estimates import NOTHING, Estimate, Population, Unit, add, from_json


def population(randomness: np.random.Generator, count: int, mean: int, rate: float) -> list[NDArray[np.float64]]:
    """Units of records with two columns: whether it survives, and bytes if it does; survival differs by unit."""
    units = []
    for _ in range(count):
        records = int(randomness.integers(mean // 2, mean * 2)) if mean > 1 else 1
        own = np.clip(rate + randomness.normal(0, 0.1), 0.02, 0.98) if mean > 1 else rate
        survives = randomness.random(records) < own
        units.append(np.stack([survives, survives * np.exp(randomness.normal(7, 0.8, records))], axis=1))
    return units


def drawn(
    randomness: np.random.Generator, units: list[NDArray[np.float64]], count: int, each: int, share: float = 1.0
) -> Population:
    """`count` units, of each up to `each` records of its first `share`."""
    chosen = []
    for number in randomness.permutation(len(units))[:count]:
        unit = units[number]
        size = 1000 * len(unit)
        read = max(int(len(unit) * share), 1)
        rows = randomness.permutation(read)[:each]
        chosen.append(Unit(size, 1000 * read, read, unit[:read][rows]))
    return Population(len(units), 1000 * sum(len(unit) for unit in units), tuple(chosen))


@pytest.mark.parametrize(
    ("count", "mean", "rate", "units", "each", "share"),
    [
        (2, 100, 0.8, 2, 20, 1.0),
        (8, 300, 0.3, 8, 25, 1.0),
        (60, 300, 0.3, 8, 25, 1.0),
        (60, 300, 0.97, 8, 25, 0.2),
        (400, 1, 0.7, 100, 1, 1.0),
        (39, 1, 0.97, 20, 1, 1.0),
    ],
)
def test_ninety_percent_of_intervals_hold_the_truth(
    count: int, mean: int, rate: float, units: int, each: int, share: float
):
    randomness = np.random.default_rng(count + mean)
    hits = {"records": 0, "survivors": 0, "bytes": 0}
    tries = 300
    for _ in range(tries):
        everything = population(randomness, count, mean, rate)
        sample = drawn(randomness, everything, units, each, share)
        truth = np.concatenate(everything)
        for name, estimate, actual in (
            ("records", sample.records(), len(truth)),
            ("survivors", sample.part(0), truth[:, 0].sum()),
            ("bytes", sample.total(1), truth[:, 1].sum()),
        ):
            assert estimate.low <= estimate.value <= estimate.high
            hits[name] += estimate.low - 1e-6 <= actual <= estimate.high + 1e-6
    for name, hit in hits.items():
        assert hit / tries >= 0.85, (name, hits)


def test_intervals_shrink_with_the_sample_and_vanish_when_all_is_read():
    randomness = np.random.default_rng(1)
    everything = population(randomness, 40, 50, 0.5)
    widths = []
    for units in (5, 10, 20):
        spans = []
        for _ in range(50):
            estimate = drawn(randomness, everything, units, 20).part(0)
            spans.append(estimate.high - estimate.low)
        widths.append(np.median(spans))
    assert widths[0] > widths[1] > widths[2]
    whole = drawn(randomness, everything, 40, 10_000)
    truth = np.concatenate(everything)
    assert whole.records() == Estimate.exactly(len(truth))
    assert whole.part(0) == Estimate.exactly(truth[:, 0].sum())
    assert whole.total(1).value == pytest.approx(truth[:, 1].sum())


def test_samples_without_variation_still_have_intervals():
    ones = tuple(Unit(1000, 1000, 1, np.array([[1.0, 5.0]])) for _ in range(10))
    some = Population(100, 100_000, ones)
    assert some.part(0).low < some.part(0).value <= some.part(0).high
    assert some.records().low < 100 < some.records().high
    none = Population(100, 100_000, tuple(Unit(1000, 1000, 1, np.zeros((1, 2))) for _ in range(10)))
    assert none.part(0).value == 0
    assert none.part(0).high > 5
    assert Population(0, 0, ()).part(0) == NOTHING
    beginning = Population(1, 10_000, (Unit(10_000, 1000, 50, np.ones((20, 2))),))
    assert beginning.records().value == pytest.approx(500)
    assert beginning.records().low < 450
    assert beginning.part(0).low < 500


def test_arithmetic_of_estimates():
    a, b = Estimate(10, 8, 12), Estimate(2, 1.5, 3)
    product = a.times(b)
    assert product.value == 20
    assert product.low < 20 * 0.75
    assert product.high > 20 * 1.5
    tripled = a.times(Estimate.exactly(3))
    assert (tripled.low, tripled.value, tripled.high) == (pytest.approx(24), 30, pytest.approx(36))
    assert a.times(NOTHING) == NOTHING
    assert add([a, a]) == Estimate(20, pytest.approx(20 - 8**0.5), pytest.approx(20 + 8**0.5))
    assert from_json(a.as_json()) == a
