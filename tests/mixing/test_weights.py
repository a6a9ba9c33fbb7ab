"""Mixtures: worked examples, the Pile's own table, and what holds for every one."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.mixing.weights import MixtureSpec, exact_number, plan_mixture

# Gao et al. 2020, table 1: raw GiB, epochs, weight in percent.
PILE = {
    "Pile-CC": ("227.12", 1, 18.11),
    "PubMed Central": ("90.27", 2, 14.40),
    "Books3": ("100.96", 1.5, 12.07),
    "OpenWebText2": ("62.77", 2, 10.01),
    "ArXiv": ("56.21", 2, 8.96),
    "Github": ("95.16", 1, 7.59),
    "FreeLaw": ("51.15", 1.5, 6.12),
    "Stack Exchange": ("32.20", 2, 5.13),
    "USPTO Backgrounds": ("22.90", 2, 3.65),
    "PubMed Abstracts": ("19.26", 2, 3.07),
    "Gutenberg (PG-19)": ("10.88", 2.5, 2.17),
    "OpenSubtitles": ("12.98", 1.5, 1.55),
    "Wikipedia (en)": ("6.38", 3, 1.53),
    "DM Mathematics": ("7.75", 2, 1.24),
    "Ubuntu IRC": ("5.52", 2, 0.88),
    "BookCorpus2": ("6.30", 1.5, 0.75),
    "EuroParl": ("4.59", 2, 0.73),
    "HackerNews": ("3.90", 2, 0.62),
    "YoutubeSubtitles": ("3.73", 2, 0.60),
    "PhilPapers": ("2.38", 2, 0.38),
    "NIH ExPorter": ("1.89", 2, 0.30),
    "Enron Emails": ("0.88", 2, 0.14),
}


def targets(mixture):
    return {source.name: source.target for source in mixture.sources}


def test_the_piles_epochs_give_the_piles_weights():
    available = {name: int(Fraction(gib) * 2**30) for name, (gib, _, _) in PILE.items()}
    mixture = plan_mixture(available, MixtureSpec(epochs={name: epochs for name, (_, epochs, _) in PILE.items()}))
    for name, (_, _, percent) in PILE.items():
        assert abs(float(mixture.share(name).weight) * 100 - percent) < 0.011
    assert sum(source.weight for source in mixture.sources) == 1
    assert round(mixture.total / 2**30, 1) == 1254.2


def test_fractional_epochs_split_into_copies_and_a_quota():
    mixture = plan_mixture({"a": 101, "b": 10, "c": 9}, MixtureSpec(epochs={"a": 2.5, "c": 0.1}))
    a, b, c = mixture.sources
    assert (a.epochs, a.whole_copies, a.copies, a.target, a.extra_quota) == (Fraction(5, 2), 2, 3, 252, 50)
    assert (b.epochs, b.whole_copies, b.copies, b.extra_quota) == (1, 1, 1, 0)
    assert (c.epochs, c.whole_copies, c.copies, c.target, c.extra_quota) == (Fraction(1, 10), 0, 1, 0, 0)
    assert mixture.total == 262


def test_a_cap_spreads_what_it_cuts_by_weight():
    available = {"a": 100, "b": 1000, "c": 1000}
    spec = MixtureSpec(weights={"a": 5, "b": 3, "c": 2}, total=1000, max_epochs=1)
    mixture = plan_mixture(available, spec)
    assert targets(mixture) == {"a": 100, "b": 540, "c": 360}
    assert [source.capped for source in mixture.sources] == [True, False, False]
    assert mixture.shortfall == 0


def test_a_cap_reached_by_what_another_cuts():
    available = {"a": 100, "b": 500, "c": 1000}
    spec = MixtureSpec(
        weights={"a": 5, "b": 3, "c": 2}, total=1000, max_epochs=4, max_epochs_by_source={"a": 1, "b": 1}
    )
    assert targets(plan_mixture(available, spec)) == {"a": 100, "b": 500, "c": 400}


def test_the_total_shrinks_if_every_source_is_capped():
    mixture = plan_mixture({"a": 10, "b": 20}, MixtureSpec(weights={"a": 1, "b": 1}, total=100, max_epochs=2))
    assert (mixture.total, mixture.shortfall) == (60, 40)
    assert [source.epochs for source in mixture.sources] == [2, 2]


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text("abcdef", min_size=1, max_size=3),
        st.tuples(st.integers(1, 10**12), st.integers(1, 1000), st.none() | st.integers(1, 40)),
        min_size=1,
        max_size=8,
    ),
    st.integers(1, 10**13),
    st.randoms(use_true_random=False),
)
def test_capped_mixtures(sources, total, random):
    available = {name: size for name, (size, _, _) in sources.items()}
    total = min(total, 200 * min(available.values()))
    spec = MixtureSpec(
        weights={name: weight for name, (_, weight, _) in sources.items()},
        total=total,
        max_epochs_by_source={name: Fraction(cap, 7) for name, (_, _, cap) in sources.items() if cap},
    )
    mixture = plan_mixture(available, spec)
    exact = {source.name: source.epochs * source.available for source in mixture.sources}
    room = sum(Fraction(cap, 7) * size for size, _, cap in sources.values() if cap)
    everyone_capped = all(cap for _, _, cap in sources.values())
    assert sum(exact.values()) == (min(total, room) if everyone_capped else total)
    ratios = {exact[source.name] / spec.weights[source.name] for source in mixture.sources if not source.capped}
    assert len(ratios) <= 1
    for source in mixture.sources:
        cap = sources[source.name][2]
        assert cap is None or source.epochs <= Fraction(cap, 7)
        if source.capped:
            assert source.epochs == Fraction(cap, 7)
            assert all(exact[source.name] / spec.weights[source.name] <= ratio for ratio in ratios)
    names = list(available)
    random.shuffle(names)
    assert plan_mixture({name: available[name] for name in names}, spec) == mixture


def test_numbers_are_read_as_they_print():
    assert exact_number(0.1, "x") == exact_number("0.1", "x") == exact_number("1/10", "x") == Fraction(1, 10)


@pytest.mark.parametrize(
    ("available", "spec", "message"),
    [
        ({"a": 1}, MixtureSpec(epochs={"a": -1}), "epochs of a: expected a number of 0 or more"),
        ({"a": 1}, MixtureSpec(epochs={"a": float("nan")}), "epochs of a: expected a number such as"),
        ({"a": 1}, MixtureSpec(epochs={"a": "many"}), "got 'many'"),
        ({"a": 1}, MixtureSpec(epochs={"a": 300}), "more than 256 times"),
        ({"a": 1}, MixtureSpec(epochs={"a": 3}, max_epochs=2), "3 is above its max_epochs of 2"),
        ({"a": 1}, MixtureSpec(epochs={"a": 1}, weights={"a": 1}, total=1), "either epochs or weights"),
        ({"a": 1}, MixtureSpec(weights={"a": 1}), "give the total in bytes"),
        ({"a": 1}, MixtureSpec(total=5), "needs a weight per source"),
        ({"a": 1}, MixtureSpec(weights={"a": 1}, total=0), "a total above 0"),
        ({"a": 1}, MixtureSpec(weights={"a": 0}, total=5), "weight above 0 for one source"),
        (
            {"a": 1, "b": 0},
            MixtureSpec(weights={"a": 1, "b": 1}, total=5),
            "weight of b: 1, but the source has no bytes",
        ),
        ({"a": 1, "b": 1}, MixtureSpec(weights={"a": 1}, total=5), "none for b; weight 0 leaves one out"),
        ({"wikipedia": 1}, MixtureSpec(epochs={"wikpedia": 2}), "did you mean 'wikipedia'?"),
        ({"a": -1}, MixtureSpec(), "available bytes of a"),
        ({"a": 5}, MixtureSpec(epochs={"a": 0}), "nothing to train on"),
    ],
)
def test_errors_say_what_to_do(available, spec, message):
    with pytest.raises(ValueError) as raised:
        plan_mixture(available, spec)
    assert message in str(raised.value)
