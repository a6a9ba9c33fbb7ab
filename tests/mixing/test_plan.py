"""Plans: every document k or k + 1 times, even windows, copies far apart, neighbours from everywhere."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.mixing.keyed import cut_for_quota, key, keyed_hash
from pile_builder.mixing.plan import Layout, RowGroups, part_of, plan_holdout, plan_training, segment_order

MIB = 1 << 20


def row_groups(weights, epochs, n, seed=0, groups_per_block=32):
    """About n row groups of about 4 MiB, `weights` before epochs, fractional copies as documents would give them."""
    rng = np.random.default_rng(seed)
    counts = [max(1, round(n * weight / sum(weights))) for weight in weights]
    source = np.repeat(np.arange(len(counts)), counts)
    within = np.concatenate([np.arange(count) for count in counts])
    block = source * 1_000_000 + within // groups_per_block
    names, inverse = np.unique(block, return_inverse=True)
    whole = rng.integers(int(3.2 * MIB), int(4.4 * MIB), len(source))
    fraction = np.array([float(e % 1) for e in epochs])[source]
    extra = (whole * np.clip(rng.normal(fraction, 0.05), 0, 1)).astype(np.int64) * (fraction > 0)
    block_hash = keyed_hash(key(seed, "names"), names.astype(np.uint64))[inverse]
    return RowGroups(source, block, within % groups_per_block, block_hash, whole, extra)


def permuted(groups, order):
    return RowGroups(**{name: column[order] for name, column in vars(groups).items()})


def by_segment(plan, n_sources):
    filled = np.zeros((n_sources, plan.segments), np.int64)
    np.add.at(
        filled, (plan.table["source"].to_numpy(), plan.table["segment"].to_numpy()), plan.table["bytes"].to_numpy()
    )
    return filled


WEIGHTS = [30.0, 20.0, 18.0, 12.0, 9.0, 4.0, 3.0, 2.0, 1.2, 0.5, 0.3]
EPOCHS = [Fraction(e) for e in ("1", "2", "3/2", "1", "2", "5/2", "1", "3", "1/2", "2", "11/10")]
NAMES = [f"source-{number}" for number in range(len(WEIGHTS))]


@pytest.fixture(scope="module")
def large():
    groups = row_groups(WEIGHTS, EPOCHS, 12_000)
    return groups, plan_training(groups, NAMES, EPOCHS, 1, Layout())


def test_every_window_of_1_gib_has_the_mixture(large):
    _, plan = large
    filled = by_segment(plan, len(NAMES))
    reached = np.cumsum(np.pad(filled, ((0, 0), (1, 0))), axis=1)
    windows = reached[:, 16:] - reached[:, :-16]
    share = windows / windows.sum(0)
    planned = filled.sum(1) / filled.sum()
    assert np.abs(share / planned[:, None] - 1).max() < 0.1
    assert np.abs(filled.sum(0) / (64 * MIB) - 1).max() < 0.4


def test_copies_are_far_apart(large):
    _, plan = large
    table = plan.table
    place = {}
    for row in zip(
        *(table[name].to_pylist() for name in ("source", "block", "row_group", "part", "segment")), strict=True
    ):
        place.setdefault(row[:4], []).append(row[4])
    for (source, *_), segments in place.items():
        nearest = min(np.diff(sorted(segments)), default=plan.segments)
        assert nearest >= 0.9 * plan.segments / ceil(EPOCHS[source])
        if EPOCHS[source].denominator == 1:
            assert nearest >= plan.segments / int(EPOCHS[source]) - 1


def test_neighbours_come_from_one_block_hardly_more_often_than_by_chance(large):
    _, plan = large
    rng = np.random.default_rng(1)
    same = pairs = 0
    block, segment = plan.table["block"].to_numpy(), plan.table["segment"].to_numpy()
    documents = np.maximum(1, plan.table["bytes"].to_numpy() // (64 << 10))
    for number in range(0, plan.segments, 8):
        inside = segment == number
        lines = np.repeat(block[inside], documents[inside])
        order = segment_order(
            rng.integers(0, 2**63, len(lines)).astype(np.uint64), np.zeros(len(lines), np.uint8), key(1, "segment")
        )
        same += int((lines[order][1:] == lines[order][:-1]).sum())
        pairs += len(lines) - 1
    share = np.bincount(np.unique(block, return_inverse=True)[1], documents) / documents.sum()
    by_chance = float((share**2).sum())
    assert same / pairs < by_chance + 2 / 64


def test_layouts(large):
    groups, plan = large
    filled = by_segment(plan, len(NAMES)).sum(0)
    sizes = np.add.reduceat(filled, plan.shards[:-1])
    assert plan.shards[0] == 0
    assert plan.shards[-1] == plan.segments
    assert sizes.max() <= 2 << 30
    assert sizes.min() > 1.7 * (1 << 30)
    thirty = plan_training(groups, NAMES, EPOCHS, 1, Layout(shards=30))
    assert len(thirty.shards) == 31
    assert thirty.table == plan.table
    few = permuted(groups, np.flatnonzero(groups.row_group == 0)[:3])
    small = plan_training(few, NAMES, EPOCHS, 1, Layout(shards=5))
    assert (small.segments, small.shards.tolist()) == (5, [0, 1, 2, 3, 4, 5])
    assert set(small.table["segment"].to_pylist()) == set(range(5))


def test_adding_a_source_leaves_the_others_in_their_places(large):
    groups, _ = large
    before = plan_training(permuted(groups, np.flatnonzero(groups.source < 3)), NAMES[:3], EPOCHS[:3], 1, Layout())
    after = plan_training(permuted(groups, np.flatnonzero(groups.source < 4)), NAMES[:4], EPOCHS[:4], 1, Layout())

    def place(plan):
        columns = (plan.table[name].to_pylist() for name in ("source", "block", "row_group", "copy", "part", "parts"))
        places = plan.table["segment"].to_numpy() / plan.segments
        return {tuple(row): at for *row, at in zip(*columns, places, strict=True) if row[0] < 3}

    old, new = place(before), place(after)
    assert old.keys() == new.keys()
    assert max(abs(old[item] - new[item]) for item in old) < 3 / before.segments


def documents_of(counts, epochs, seed):
    """A corpus with its holdout and cuts: columns over documents, and the bytes per row group of each selection."""
    rng = np.random.default_rng(seed)
    source = np.repeat(np.arange(len(counts)), counts)
    n = len(source)
    ids = rng.permutation(4 * n)[:n].astype(np.uint64)
    sizes = rng.integers(1, 3_000, n)
    group = np.concatenate([np.sort(rng.integers(0, max(1, count // 10), count)) for count in counts])
    held = rng.random(n) < 0.2
    extra = np.zeros(n, np.bool_)
    for number, e in enumerate(epochs):
        mine = (source == number) & ~held
        hashes = keyed_hash(key(seed, f"epochs:{number}"), ids)
        quota = floor(e % 1 * int(sizes[mine].sum()))
        extra |= mine & (hashes < cut_for_quota(hashes[mine], sizes[mine], quota))
    keys, of = np.unique(np.stack([source, group]), axis=1, return_inverse=True)

    def groups(whole, fraction):
        sums = [np.zeros(keys.shape[1], np.int64) for _ in range(2)]
        for total, chosen in zip(sums, (whole, fraction), strict=True):
            np.add.at(total, of[chosen], sizes[chosen])
        block_hash = keyed_hash(key(seed, "block"), (keys[0] * 1000 + keys[1] // 4).astype(np.uint64))
        return RowGroups(keys[0], keys[0] * 1000 + keys[1] // 4, keys[1] % 4, block_hash, *sums)

    return sizes, held, extra, of, keys, groups


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(1, 80), st.fractions(0, 4, max_denominator=8)), min_size=1, max_size=4),
    st.integers(0, 1000),
    st.sampled_from([500, 5_000, 100_000, 10**9]),
    st.sampled_from([700, 10**9]),
    st.none() | st.integers(1, 7),
)
def test_every_document_is_planned_as_often_as_its_epochs_say(sources, seed, segment_bytes, part_bytes, shards):
    counts, epochs = [count for count, _ in sources], [e for _, e in sources]
    names = [str(number) for number in range(len(sources))]
    sizes, held, extra, of, keys, groups_of = documents_of(counts, epochs, seed)
    layout = Layout(segment_bytes, part_bytes, 3 * segment_bytes, shards)
    training = groups_of(~held, extra)
    plan = plan_training(training, names, epochs, seed, layout)
    holdout = plan_holdout(groups_of(held, np.zeros_like(held)), names, "validation", seed, layout)

    chosen = {"train": ~held, "extra": extra, "validation": held}
    seen: Counter[tuple[int, int]] = Counter()
    total = 0
    for row in plan.table.to_pylist() + holdout.table.to_pylist():
        at = np.flatnonzero(
            of == np.flatnonzero((training.block == row["block"]) & (training.row_group == row["row_group"]))
        )
        split = held if row["selection"] == "validation" else ~held
        part = part_of(np.where(split[at], sizes[at], 0), row["parts"])
        taken = at[chosen[row["selection"]][at] & (part == row["part"])]
        seen.update((int(document), row["copy"]) for document in taken)
        total += int(sizes[taken].sum())
    planned = dict.fromkeys(range(len(sizes)), 0)
    for document, _ in seen:
        planned[document] += 1
    assert set(seen.values()) <= {1}
    for document, times in planned.items():
        e = epochs[keys[0][of[document]]]
        assert times == (1 if held[document] else floor(e) + bool(extra[document]))
    assert total == sum(map(sum, (plan.table["bytes"].to_pylist(), holdout.table["bytes"].to_pylist())))
    assert np.all(np.diff(plan.shards) >= 0)
    assert plan.shards[-1] == plan.segments

    order = np.random.default_rng(seed).permutation(len(training.source))
    assert plan_training(permuted(training, order), names, epochs, seed, layout).table == plan.table
    turned = RowGroups(**(vars(training) | {"source": len(names) - 1 - training.source}))
    again = plan_training(turned, names[::-1], epochs[::-1], seed, layout)
    assert again.table.drop_columns("source") == plan.table.drop_columns("source")


@settings(deadline=None)
@given(st.lists(st.integers(0, 100), max_size=30), st.integers(1, 20))
def test_parts_are_runs_with_even_bytes(sizes, parts):
    part = part_of(np.array(sizes, np.int64), parts)
    assert np.all(np.diff(part) >= 0)
    assert np.all((part >= 0) & (part < parts))
    for number in range(parts):
        inside = [size for size, its in zip(sizes, part, strict=True) if its == number]
        assert abs(sum(inside) - sum(sizes) / parts) <= max(sizes, default=0)


def test_segment_order_does_not_depend_on_the_order_given():
    rng = np.random.default_rng(0)
    ids = np.repeat(rng.integers(0, 2**63, 500).astype(np.uint64), 2)
    copies = np.tile(np.array([0, 1], np.uint8), 500)
    order = segment_order(ids, copies, key(3, "segment"))
    shuffled = rng.permutation(1000)
    again = shuffled[segment_order(ids[shuffled], copies[shuffled], key(3, "segment"))]
    assert np.array_equal(order, again)
    assert np.mean(np.abs(np.diff(order)) == 1) < 0.01
    pieces = segment_order(np.zeros(4, np.uint64), np.zeros(4, np.uint8), key(3, "segment"))
    assert pieces.tolist() == [0, 1, 2, 3]


def test_nothing_to_deal_is_an_empty_plan():
    groups = row_groups([1.0], [Fraction(0)], 3)
    plan = plan_training(groups, ["a"], [Fraction(0)], 1, Layout())
    assert (plan.segments, plan.shards.tolist(), plan.table.num_rows) == (0, [0], 0)


def test_wrong_input_is_an_error():
    groups = row_groups([1.0], [Fraction(1)], 3)
    one = [Fraction(1)]
    with pytest.raises(ValueError, match="row group 0 of block 0 twice"):
        plan_training(permuted(groups, np.array([0, 1, 0])), ["a"], one, 1, Layout())
    with pytest.raises(ValueError, match="sources from 0 to -1"):
        plan_training(groups, [], [], 1, Layout())
    with pytest.raises(ValueError, match="distinct source names"):
        plan_training(groups, ["a", "a"], one * 2, 1, Layout())
    with pytest.raises(ValueError, match="epochs from 0 to 256"):
        plan_training(groups, ["a"], [Fraction(300)], 1, Layout())
    with pytest.raises(ValueError, match="split validation or test"):
        plan_holdout(groups, ["a"], "train", 1, Layout())
    with pytest.raises(ValueError, match="columns of one length"):
        RowGroups(*[np.zeros(count, np.int64) for count in (1, 1, 1, 2, 1, 1)])
    with pytest.raises(ValueError, match="0 <= extra_bytes <= whole_bytes"):
        RowGroups(*[np.full(1, value) for value in (0, 0, 0, 0, 1, 2)])
    with pytest.raises(ValueError, match="sizes and a number of shards above 0"):
        Layout(shards=0)
