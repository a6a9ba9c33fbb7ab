"""Keyed hashes against plain integers, cuts against sorting, histograms against cuts."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.mixing.keyed import (
    LARGEST_HASH,
    HashHistogram,
    bins_of,
    cut_for_quota,
    key,
    keyed_hash,
)

MASK = (1 << 64) - 1
documents = st.lists(
    st.tuples(st.integers(0, LARGEST_HASH) | st.sampled_from([0, 5, 1 << 63, LARGEST_HASH]), st.integers(1, 50)),
    min_size=1,
    max_size=40,
)


def plain_hash(number: int) -> int:
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & MASK
    return min(number ^ (number >> 31), LARGEST_HASH)


def columns(pairs):
    return np.array([h for h, _ in pairs], np.uint64), np.array([s for _, s in pairs], np.int64)


@settings(deadline=None)
@given(st.lists(st.integers(0, MASK), max_size=20), st.integers(0, MASK))
def test_hash_is_splitmix(ids, one_key):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hashed = keyed_hash(np.uint64(one_key), np.array(ids, np.uint64))
    assert hashed.tolist() == [plain_hash(i ^ one_key) for i in ids]


def test_hash_leaves_its_input_alone_and_the_key_is_pinned():
    ids = np.arange(3, dtype=np.uint64)
    keyed_hash(np.uint64(1), ids)
    assert ids.tolist() == [0, 1, 2]
    assert int(key(1, "segment")) == 1726742010637153667
    assert len({int(key(seed, purpose)) for seed in range(20) for purpose in ("a", "b", "1:a")}) == 60


def undo_shift(number: int, shift: int) -> int:
    before = number
    for _ in range(64 // shift):
        before = number ^ (before >> shift)
    return before


def test_largest_hash_is_folded():
    number = undo_shift(MASK, 31) * pow(0x94D049BB133111EB, -1, 1 << 64) & MASK
    number = undo_shift(undo_shift(number, 27) * pow(0xBF58476D1CE4E5B9, -1, 1 << 64) & MASK, 30)
    assert keyed_hash(np.uint64(0), np.array([number], np.uint64)).tolist() == [LARGEST_HASH]
    sizes = np.array([1], np.int64)
    assert cut_for_quota(np.array([LARGEST_HASH], np.uint64), sizes, 1) > LARGEST_HASH


def test_purposes_order_the_same_ids_independently():
    ids = np.arange(20_000, dtype=np.uint64)
    ranks = [np.argsort(np.argsort(keyed_hash(key(7, purpose), ids))) for purpose in ("epochs:a", "epochs:b")]
    assert abs(np.corrcoef(ranks[0], ranks[1])[0, 1]) < 0.03
    assert abs(np.corrcoef(ranks[0], ids.astype(np.int64))[0, 1]) < 0.03


@settings(deadline=None)
@given(documents, st.data())
def test_cut_takes_the_first_to_reach_the_quota(pairs, data):
    hashes, sizes = columns(pairs)
    quota = data.draw(st.integers(0, int(sizes.sum())))
    cut = cut_for_quota(hashes, sizes, quota)
    taken = sorted(h for h, _ in pairs if h < cut)
    held = sum(s for h, s in pairs if h < cut)
    last = sum(s for h, s in pairs if taken and h == taken[-1])
    assert quota <= held < quota + last or held == quota == 0
    shuffled = data.draw(st.permutations(pairs))
    assert cut_for_quota(*columns(shuffled), quota) == cut


@settings(deadline=None, max_examples=50)
@given(documents, documents, st.data())
def test_histogram_finds_the_same_cut_in_two_passes(left, right, data):
    histogram, other = HashHistogram(), HashHistogram()
    histogram.add(*columns(left))
    other.add(*columns(right))
    histogram.merge(other)
    hashes, sizes = columns(left + right)
    quota = data.draw(st.integers(0, int(sizes.sum())))
    inside = bins_of(hashes) == histogram.bin_of(quota)
    assert histogram.cut_in_bin(quota, hashes[inside], sizes[inside]) == cut_for_quota(hashes, sizes, quota)
    assert (histogram.total, histogram.documents) == (sizes.sum(), len(sizes))


def test_impossible_quotas_and_wrong_passes_are_errors():
    hashes, sizes = columns([(10, 3), (20, 4)])
    with pytest.raises(ValueError, match="at most the 7 bytes"):
        cut_for_quota(hashes, sizes, 8)
    with pytest.raises(ValueError, match="0 bytes or more"):
        cut_for_quota(hashes, sizes, -1)
    histogram = HashHistogram()
    histogram.add(hashes, sizes)
    with pytest.raises(ValueError, match="from 0 to the 7 bytes"):
        histogram.bin_of(8)
    with pytest.raises(ValueError, match="both passes over the same documents"):
        histogram.cut_in_bin(5, hashes[:1], sizes[:1])
