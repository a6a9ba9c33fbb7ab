"""Links against brute force over all pairs, and what must hold whatever the order of rows."""

from __future__ import annotations

import os
import time
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.dedup.components import components
from pile_builder.dedup.links import bucket_links, copies, estimate_jaccard, estimate_of_pairs, near_links
from pile_builder.text.column import from_strings
from pile_builder.text.minhash import NO_BAND, Sketches, sketch

rows = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), max_size=40)


def rows_of(sketches: Sketches, which) -> Sketches:
    return Sketches(sketches.content[which], sketches.bands[which], sketches.signature[which], sketches.words[which])


def orders_of(handles) -> np.ndarray:
    """An order of documents that differs from the order of their handles."""
    return np.asarray(handles, np.uint64) * np.uint64(0x9E3779B97F4A7C15)


def verified(a: Sketches, b: Sketches, threshold: float) -> np.ndarray:
    same = (a.content == b.content).all(axis=1)
    return same | (estimate_jaccard(a.signature, b.signature) >= threshold)


def as_pairs(a, b) -> list[tuple[int, int]]:
    return list(zip(a.tolist(), b.tolist(), strict=True))


@settings(deadline=None)
@given(rows, st.randoms(use_true_random=False))
def test_bucket_links_are_stars_round_the_smallest(members, random):
    expected = set()
    for bucket in {bucket for bucket, _ in members}:
        handles = {handle for own, handle in members if own == bucket}
        smallest = min(handles, key=lambda handle: int(orders_of([handle])[0]))
        expected |= {(smallest, handle) for handle in handles if handle != smallest}
    for _ in range(2):
        hashes = np.array([bucket for bucket, _ in members], np.uint64)
        handles = np.array([handle for _, handle in members], np.uint64)
        assert as_pairs(*bucket_links(hashes, orders_of(handles), handles)) == sorted(expected)
        random.shuffle(members)


def test_equal_order_keys_fall_back_on_the_handle():
    handles = np.array([9, 4, 6], np.uint64)
    pairs = bucket_links(np.zeros(3, np.uint64), np.zeros(3, np.uint64), handles)
    assert as_pairs(*pairs) == [(4, 6), (4, 9)]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 3)), max_size=30))
def test_copies_name_the_smallest_with_equal_content(documents):
    content = np.array([(one, other) for one, other, _ in documents], np.uint64).reshape(-1, 2)
    orders = np.array([order for *_, order in documents], np.uint64)
    handles = np.arange(len(documents), dtype=np.uint64)[::-1]
    expected = [
        min((order, -row, row) for row, (*other, order) in enumerate(documents) if other == own)[2]
        for *own, _ in documents
    ]
    assert copies(content, orders, handles).tolist() == expected


def test_a_bucket_of_200_000_copies_is_linear():
    count = 200_000
    one = sketch(from_strings(["the same seven words again and again"]))
    many = rows_of(one, np.zeros(count, np.int64))
    handles = np.arange(count, dtype=np.uint64)
    near_links(one, 0.7)
    started = time.process_time()
    _, large = near_links(many, 0.7)
    small, _ = bucket_links(np.ones(count, np.uint64), orders_of(handles), handles)
    assert time.process_time() - started < 3
    assert len(large) == len(small) == count - 1


def family(generator: np.random.Generator, changes: int) -> list[str]:
    """Four texts of 400 words that differ from a fifth in a number of places; below five they are clearly alike."""
    words = [f"w{word}" for word in generator.integers(0, 3000, 400)]
    texts = []
    for _ in range(4):
        copy = list(words)
        for place in generator.integers(0, 400, changes):
            copy[place] = f"x{generator.integers(0, 3000)}"
        texts.append(" ".join(copy))
    return texts


def sample_texts() -> list[str]:
    generator = np.random.default_rng(3)
    texts = [text for _ in range(6) for changes in (0, 1, 2, 4, 40, 100) for text in family(generator, changes)]
    return [*texts, "too short", "Too short!", "", "other short"]


def all_pairs(sketches: Sketches) -> set[tuple[int, int]]:
    """Verified pairs of rows that share a bucket, by comparing all with all."""
    pairs = np.array(list(combinations(range(len(sketches)), 2)))
    first, second = rows_of(sketches, pairs[:, 0]), rows_of(sketches, pairs[:, 1])
    is_candidate = ((first.bands == second.bands) & (first.bands != NO_BAND)).any(axis=1)
    is_candidate |= (first.content == second.content).all(axis=1)
    return set(as_pairs(*pairs[is_candidate & verified(first, second, 0.7)].T))


def test_near_links_find_what_all_pairs_find():
    sketches = sketch(from_strings(sample_texts()))
    found = as_pairs(*near_links(sketches, 0.7))
    assert len(set(found)) == len(found)
    alike = all_pairs(sketches)
    assert len(alike) > 100
    assert {(min(pair), max(pair)) for pair in found} <= alike
    assert groups(set(found)) == groups(alike)


def scattered_links(
    sketches: Sketches, splits: int, ranks: list[int], orders: np.ndarray | None = None
) -> set[tuple[int, int]]:
    """Links between rows as the phase finds them, with row i in split i modulo `splits`, numbered by `ranks`."""
    numbers = np.arange(len(sketches))
    rank = np.array(ranks)[numbers % splits].astype(np.uint64)
    handles = rank << np.uint64(32) | (numbers // splits).astype(np.uint64)
    # The order key belongs to the document, so it is the same in however many splits the documents lie.
    orders = orders_of(numbers) if orders is None else orders
    row_of = {int(handle): row for row, handle in enumerate(handles)}
    found = set()
    travelling = []
    for split in range(splits):
        own = numbers[numbers % splits == split]
        original = own[copies(sketches.content[own], orders[own], handles[own])]
        found |= {(int(one), int(other)) for one, other in zip(original, own, strict=True) if one != other}
        for row in own[original == own].tolist():
            for bucket in {int(sketches.content[row, 0]), *sketches.bands[row].tolist()} - {int(NO_BAND)}:
                travelling.append((bucket, int(orders[row]), int(handles[row])))
    a, b = bucket_links(*(np.array(column, np.uint64) for column in zip(*travelling, strict=True)))
    a_rows, b_rows = (np.array([row_of[handle] for handle in ends.tolist()]) for ends in (a, b))
    holds = verified(rows_of(sketches, a_rows), rows_of(sketches, b_rows), 0.7)
    return found | set(as_pairs(a_rows[holds], b_rows[holds]))


def near_the_threshold() -> Sketches:
    """Sketches of which a bucket's smallest refuses some that match each other, copies among them."""
    generator = np.random.default_rng(8)
    signature = np.repeat(generator.integers(0, 256, (12, 112)).astype(np.uint8), 12, axis=0)
    changed = generator.random(signature.shape) < 0.16
    signature = np.where(changed, generator.integers(0, 256, signature.shape), signature).astype(np.uint8)
    count = len(signature)
    bands = generator.integers(1, 2**63, (count, 14), np.uint64)
    bands[:, :3] = (np.arange(count) // 12 + 1)[:, None] * np.array([1, 1000, 1000000])
    content = generator.integers(0, 2**63, (count, 2), np.uint64)
    twins = np.arange(0, count, 5)
    for column in (signature, bands, content):
        column[twins[1:] - 1] = column[twins[1:]]
    return Sketches(content, bands, signature, np.full(count, 400))


MAKERS = [lambda: sketch(from_strings(sample_texts())), near_the_threshold]


@pytest.mark.parametrize("make", MAKERS)
def test_near_links_are_those_of_the_phase_with_content_for_an_order(make):
    sketches = make()
    assert set(as_pairs(*near_links(sketches, 0.7))) == scattered_links(sketches, 1, [0], sketches.content[:, 0])


@pytest.mark.parametrize("make", MAKERS)
def test_clusters_do_not_depend_on_splits_and_their_ranks(make):
    sketches = make()
    expected = groups(scattered_links(sketches, 1, [0]))
    assert len(expected) > 10
    for splits, ranks in ((2, [0, 1]), (2, [1, 0]), (5, [3, 1, 4, 0, 2]), (48, list(range(47, -1, -1)))):
        assert groups(scattered_links(sketches, splits, ranks)) == expected


def groups(links: set[tuple[int, int]]) -> list[list[int]]:
    ends = np.array(sorted(links), np.uint64)
    members, labels = components(ends[:, 0], ends[:, 1])
    return sorted(members[labels == label].tolist() for label in np.unique(labels))


def test_extreme_thresholds():
    sketches = sketch(from_strings(sample_texts()))
    distinct = len(np.unique(sketches.content, axis=0))
    small, large = near_links(sketches, 2.0)
    assert len(large) == len(sketches) - distinct == 19
    assert (sketches.content[small] == sketches.content[large]).all()
    every_bucket = set(as_pairs(small, large))
    handles = np.arange(len(sketches), dtype=np.uint64)
    for band in sketches.bands.T:
        members = band != NO_BAND
        every_bucket |= set(as_pairs(*bucket_links(band[members], orders_of(handles)[members], handles[members])))
    assert groups(set(as_pairs(*near_links(sketches, 0.0)))) == groups(every_bucket)


def test_documents_without_bands_are_linked_to_their_copies_only():
    sketches = sketch(from_strings(["too short", "other short", "Too short!", "", "too short it"]))
    assert (sketches.bands == NO_BAND).all()
    assert as_pairs(*near_links(sketches, 0.0)) == [(0, 2)]
    no_bands = Sketches(sketches.content, sketches.bands[:, :0], sketches.signature[:, :0], sketches.words)
    assert as_pairs(*near_links(no_bands, 0.7)) == [(0, 2)]


@pytest.mark.parametrize("make", MAKERS)
def test_clusters_do_not_depend_on_the_order_of_rows(make):
    sketches = make()
    expected = groups(set(as_pairs(*near_links(sketches, 0.7))))
    generator = np.random.default_rng(2)
    for _ in range(20):
        shuffled = generator.permutation(len(sketches))
        small, large = near_links(rows_of(sketches, shuffled), 0.7)
        assert groups(set(as_pairs(shuffled[small], shuffled[large]))) == expected


def test_nothing_links_to_nothing():
    empty = sketch(from_strings([]))
    nothing = np.zeros(0, np.uint64)
    assert as_pairs(*near_links(empty, 0.7)) == []
    assert as_pairs(*bucket_links(nothing, nothing, nothing)) == []


def test_estimate_counts_equal_bytes_and_corrects_for_chance():
    generator = np.random.default_rng(1)
    a = generator.integers(0, 256, (1000, 112)).astype(np.uint8)
    b = np.where(generator.random((1000, 112)) < 0.6, a, generator.integers(0, 256, (1000, 112))).astype(np.uint8)
    assert estimate_jaccard(a, b) == pytest.approx(((a == b).mean(axis=1) - 1 / 256) / (255 / 256))
    assert estimate_jaccard(a, b).mean() == pytest.approx(0.6, abs=0.005)
    first, second = generator.integers(0, 1000, (2, 50))
    assert (estimate_of_pairs(a, first, second) == estimate_jaccard(a[first], a[second])).all()
    with pytest.raises(ValueError, match="one shape"):
        estimate_jaccard(a, b[:5])


@pytest.mark.skipif("PILE_DATA" not in os.environ, reason="needs the planted-news set below PILE_DATA")
@pytest.mark.parametrize("size", [100, 1000, 2500])
def test_planted_copies_are_found_and_nothing_else(size):
    folder = Path(os.environ["PILE_DATA"]) / "neardup" / "planted-news"
    lines = (folder / f"articles_{size}.train").read_text().splitlines()
    names, texts = zip(*(line.split(" ", 1) for line in lines), strict=True)
    truth = {frozenset(line.split()) for line in (folder / f"articles_{size}.truth").read_text().splitlines()}
    links = near_links(sketch(from_strings(texts)), 0.7)
    assert {frozenset((names[a], names[b])) for a, b in as_pairs(*links)} == truth
