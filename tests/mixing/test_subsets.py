"""Sizes of subsets as manifests give them, and the arithmetic of copies."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.mixing.keyed import HashHistogram, bins_of, key, keyed_hash
from pile_builder.mixing.subsets import copied_bytes, nearest_cut, parse_subset


@pytest.mark.parametrize(
    ("given", "size", "name"),
    [
        ("1/2", Fraction(1, 2), "1-2"),
        (0.25, Fraction(1, 4), "1-4"),
        ("0.1", Fraction(1, 10), "1-10"),
        ("2/6", Fraction(1, 3), "1-3"),
        (5_000_000, Fraction(5_000_000), "5000000-bytes"),
        ("5 MB", Fraction(5_000_000), "5000000-bytes"),
        ("1.5GB", Fraction(1_500_000_000), "1500000000-bytes"),
        ("1e9", Fraction(10**9), "1000000000-bytes"),
        (2e6, Fraction(2_000_000), "2000000-bytes"),
    ],
)
def test_sizes_as_people_write_them(given: Any, size: Fraction, name: str):
    subset = parse_subset(given)
    assert (subset.size, subset.name) == (size, name)
    assert parse_subset(subset.label.removesuffix(" bytes")) == subset


@pytest.mark.parametrize("given", [0, 1, -0.5, "1/0", "half", "", "0.5 GB of text", "1.5", "0.5 B", float("nan")])
def test_what_is_no_size(given: Any):
    with pytest.raises(ValueError, match="expected a fraction such as 1/2"):
        parse_subset(given)


def test_bytes_are_a_fraction_of_what_there_is():
    assert parse_subset("1/2").fraction_of(10) == Fraction(1, 2)
    assert parse_subset("5 MB").fraction_of(20_000_000) == Fraction(1, 4)
    with pytest.raises(ValueError, match="less than the 4,000 bytes"):
        parse_subset("5 MB").fraction_of(4_000)


def test_copies_count():
    sizes, extra = np.array([10, 20, 30]), np.array([True, False, True])
    assert copied_bytes(sizes, extra, Fraction(5, 2)).tolist() == [30, 40, 90]
    assert copied_bytes(sizes, extra, Fraction(1, 2)).tolist() == [10, 0, 30]


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 1000), min_size=1, max_size=60), st.integers(0, 99), st.lists(st.floats(0, 1), min_size=2)
)
def test_cuts_come_nearest_and_rise_with_the_quota(sizes: list[int], seed: int, fractions: list[float]):
    weights = np.array(sizes, np.int64)
    hashes = keyed_hash(key(seed, "test"), np.arange(len(sizes), dtype=np.uint64))
    order = np.argsort(hashes)
    reached = np.concatenate([[0], np.cumsum(weights[order])])
    histogram = HashHistogram()
    histogram.add(hashes, weights)
    before = 0
    for fraction in sorted(fractions):
        quota = int(fraction * reached[-1])
        there = bins_of(hashes) == histogram.bin_of(quota)
        cut = nearest_cut(histogram, quota, hashes[there], weights[there])
        taken = int(weights[hashes < cut].sum())
        assert taken in reached
        assert abs(taken - quota) == min(abs(reached[1 if quota else 0 :] - quota))
        assert cut >= before
        before = cut
