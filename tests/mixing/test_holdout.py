"""Validation and test: by weight, by cluster, once, and sensible for corpora of a few documents."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.mixing.holdout import (
    HOLDOUT_PURPOSE,
    TEST,
    TRAIN,
    VALIDATION,
    HoldoutSpec,
    candidate_bin,
    draw_holdout,
    holdout_quotas,
    split_of,
)
from pile_builder.mixing.keyed import HashHistogram, bins_of, key, keyed_hash
from pile_builder.mixing.weights import MixtureSpec, plan_mixture

PERCENT = HoldoutSpec(Fraction(1, 100), Fraction(1, 100))


def corpus(counts, seed=0, mean=1000):
    """Source name -> (keyed hashes of the clusters, sizes), a document per cluster."""
    pools = {}
    for number, (name, count) in enumerate(sorted(counts.items())):
        rng = np.random.default_rng([seed, number])
        ids = rng.integers(0, 2**63, count).astype(np.uint64)
        pools[name] = keyed_hash(key(seed, HOLDOUT_PURPOSE), ids), rng.integers(1, 2 * mean, count)
    return pools


def draw(pools, spec=PERCENT, mixture_spec=None, only_near=True):
    """The cuts and the mixture they follow from, by way of histograms as a large corpus would."""
    mixture = plan_mixture(
        {name: int(sizes.sum()) for name, (_, sizes) in pools.items()}, mixture_spec or MixtureSpec()
    )
    quotas = holdout_quotas(mixture, spec)
    histograms = {name: HashHistogram() for name in pools}
    near = dict(pools)
    for name, (hashes, sizes) in pools.items():
        histograms[name].add(hashes, sizes)
        if only_near:
            inside = bins_of(hashes) <= candidate_bin(histograms[name], quotas[name])
            near[name] = hashes[inside], sizes[inside]
    return draw_holdout(quotas, histograms, near), mixture


def held(pools, cuts, split):
    return {name: int(sizes[split_of(hashes, cuts[name]) == split].sum()) for name, (hashes, sizes) in pools.items()}


def test_splits_follow_the_training_weights():
    pools = corpus({"a": 20_000, "b": 10_000, "c": 5_000})
    cuts, mixture = draw(pools, mixture_spec=MixtureSpec(epochs={"b": 4, "c": 0.5}))
    for split in (VALIDATION, TEST):
        for name, size in held(pools, cuts, split).items():
            quota = float(mixture.share(name).weight) * mixture.total / 100
            assert quota - 1 <= size < quota + 2000
    assert not any(cut.limited or cut.forced for cut in cuts.values())


def test_what_is_recorded_is_what_is_held():
    pools = corpus({"a": 300, "b": 40, "c": 3})
    cuts, _ = draw(pools)
    for split, field in ((VALIDATION, "validation_bytes"), (TEST, "test_bytes")):
        assert held(pools, cuts, split) == {name: getattr(cut, field) for name, cut in cuts.items()}


def test_a_source_gives_a_tenth_at_most():
    pools = corpus({"large": 5_000, "small": 300})
    cuts, mixture = draw(pools, mixture_spec=MixtureSpec(epochs={"small": 50}))
    available = mixture.share("small").available
    assert cuts["small"].limited == ("validation", "test")
    for size in (cuts["small"].validation_bytes, cuts["small"].test_bytes):
        assert available / 20 - 2000 < size <= available / 20


@pytest.mark.parametrize("counts", [{"a": 3}, {"a": 1, "b": 3}, {"a": 60, "b": 25, "c": 15}, {"a": 1, "b": 1, "c": 98}])
def test_tiny_corpora_have_all_three_splits(counts):
    for seed in range(20):
        pools = corpus(counts, seed)
        cuts, _ = draw(pools, HoldoutSpec())
        for split in (VALIDATION, TEST):
            assert sum(held(pools, cuts, split).values())
        assert all(held(pools, cuts, TRAIN).values())


def test_a_source_is_never_emptied():
    pools = corpus({"a": 1, "b": 1})
    cuts, _ = draw(pools)
    assert held(pools, cuts, TRAIN) == {name: int(sizes.sum()) for name, (_, sizes) in pools.items()}
    pools = corpus({"a": 2})
    cuts, _ = draw(pools)
    assert [len(cuts["a"].forced), cuts["a"].test_bytes] == [1, 0]


def test_no_share_no_split_and_no_training_no_holdout():
    pools = corpus({"a": 500, "b": 500})
    cuts, _ = draw(pools, HoldoutSpec(Fraction(0), Fraction(1, 100)), MixtureSpec(epochs={"b": 0}))
    assert not sum(held(pools, cuts, VALIDATION).values())
    assert held(pools, cuts, TEST)["a"]
    assert not held(pools, cuts, TEST)["b"]


@settings(deadline=None, max_examples=40)
@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(1, 60), min_size=1),
    st.integers(0, 1000),
    st.sampled_from([1, 10, 50, 200]),
    st.integers(0, 200),
    st.integers(0, 200),
)
def test_two_passes_suffice_and_limits_hold(counts, seed, mean, validation, test):
    pools = corpus(counts, seed, mean)
    spec = HoldoutSpec(Fraction(validation, 1000), Fraction(test, 1000))
    cuts, _ = draw(pools, spec)
    backwards = {name: (hashes[::-1], sizes[::-1]) for name, (hashes, sizes) in pools.items()}
    assert draw(backwards, spec, only_near=False)[0] == cuts
    for name, (_, sizes) in pools.items():
        cut = cuts[name]
        if not cut.forced:
            assert (cut.validation_bytes + cut.test_bytes) * 10 <= sizes.sum()
        assert cut.validation_bytes + cut.test_bytes < sizes.sum()


def test_a_cluster_stays_whole_across_sources():
    rng = np.random.default_rng(5)
    clusters = rng.integers(0, 2**63, 2_000).astype(np.uint64)
    owner = rng.integers(0, 2, 2_000)
    document_cluster = rng.integers(0, 2_000, 10_000)
    hashes = keyed_hash(key(5, HOLDOUT_PURPOSE), clusters)[document_cluster]
    sizes = rng.integers(1, 100, 10_000)
    pools = {
        name: (hashes[owner[document_cluster] == number], sizes[owner[document_cluster] == number])
        for number, name in enumerate("ab")
    }
    cuts, _ = draw(pools, mixture_spec=MixtureSpec(epochs={"b": 3}))
    split = np.where(owner[document_cluster] == 0, split_of(hashes, cuts["a"]), split_of(hashes, cuts["b"]))
    assert {VALIDATION, TEST, TRAIN} == set(split.tolist())
    for cluster in range(2_000):
        assert len(set(split[document_cluster == cluster].tolist())) <= 1


def test_another_source_changes_what_its_definition_says():
    pools = corpus({"a": 4_000, "b": 2_000})
    more = pools | {"c": corpus({"c": 6_000}, seed=9)["c"]}
    before, _ = draw(pools, mixture_spec=MixtureSpec(epochs={"a": 2}))
    after, _ = draw(more, mixture_spec=MixtureSpec(epochs={"a": 2}))
    assert {name: after[name] for name in pools} == before

    by_weight = MixtureSpec(weights={"a": 2, "b": 1}, total=4_000_000)
    less = MixtureSpec(weights={"a": 2, "b": 1, "c": 2}, total=4_000_000)
    before, after = draw(pools, mixture_spec=by_weight)[0], draw(more, mixture_spec=less)[0]
    for name in pools:
        assert after[name].validation_cut < before[name].validation_cut
        assert after[name].test_cut < before[name].test_cut


def test_candidates_of_another_key_are_an_error():
    pools = corpus({"a": 100})
    mixture = plan_mixture({"a": int(pools["a"][1].sum())}, MixtureSpec())
    histogram = HashHistogram()
    histogram.add(*pools["a"])
    with pytest.raises(ValueError, match=r"holdout of a: .* with the same key"):
        draw_holdout(holdout_quotas(mixture, PERCENT), {"a": histogram}, {})
    with pytest.raises(ValueError, match="add up to less than 1"):
        HoldoutSpec(validation=Fraction(1))
