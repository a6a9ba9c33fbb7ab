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
from pile_builder.dedup.links import bucket_links, copies, estimate_jaccard, split_links
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


def test_a_bucket_of_200_000_copies_is_linear():
    count = 200_000
    one = sketch(from_strings(["the same seven words again and again"]))
    copies = rows_of(one, np.zeros(count, np.int64))
    handles = np.arange(count, dtype=np.uint64)
    split_links(one, orders_of([0]), np.zeros(1, np.uint64), 0.7)
    started = time.process_time()
    links = split_links(copies, orders_of(handles), handles, 0.7)
    small, _ = bucket_links(np.ones(count, np.uint64), orders_of(handles), handles)
    assert time.process_time() - started < 3
    assert len(links.handles) == len(small) == count - 1
    assert len(links.bucket_hashes) == 15


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


def test_links_of_one_split_find_what_all_pairs_find():
    sketches = sketch(from_strings(sample_texts()))
    handles = np.arange(len(sketches), dtype=np.uint64)
    links = split_links(sketches, orders_of(handles), handles, 0.7)
    found = {(min(pair), max(pair)) for pair in as_pairs(links.small_handles, links.handles)}
    alike = all_pairs(sketches)
    assert len(alike) > 100
    assert found <= alike
    assert groups(found) == groups(alike)


def scattered_links(sketches: Sketches, splits: int, ranks: list[int]) -> set[tuple[int, int]]:
    """Links between rows as the phase finds them, with row i in split i modulo `splits`, numbered by `ranks`."""
    numbers = np.arange(len(sketches))
    rank = np.array(ranks)[numbers % splits].astype(np.uint64)
    handles = rank << np.uint64(32) | (numbers // splits).astype(np.uint64)
    # The order key belongs to the document, so it is the same in however many splits the documents lie.
    orders = orders_of(numbers)
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


@pytest.mark.parametrize("make", [lambda: sketch(from_strings(sample_texts())), near_the_threshold])
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


def test_what_travels_is_one_row_per_bucket_and_every_refused_member():
    sketches = sketch(from_strings(sample_texts()))
    handles = np.arange(len(sketches), dtype=np.uint64)
    strict = split_links(sketches, orders_of(handles), handles, 0.0)
    assert len(np.unique(strict.bucket_hashes)) == len(strict.bucket_hashes)
    assert NO_BAND not in strict.bucket_hashes
    lenient = split_links(sketches, orders_of(handles), handles, 2.0)
    distinct = len(np.unique(sketches.content, axis=0))
    has_bands = np.unique(sketches.content[sketches.words >= 5], axis=0)
    assert len(lenient.bucket_hashes) == distinct + 14 * len(has_bands)
    assert len(lenient.handles) == len(sketches) - distinct


@settings(deadline=None)
@given(st.permutations(range(30)))
def test_links_of_a_split_do_not_depend_on_the_order_of_its_rows(permutation):
    sketches = sketch(from_strings(sample_texts()[:30]))
    handles = np.arange(30, dtype=np.uint64)
    expected = split_links(sketches, orders_of(handles), handles, 0.7)
    shuffled = np.array(permutation)
    found = split_links(rows_of(sketches, shuffled), orders_of(handles)[shuffled], handles[shuffled], 0.7)
    assert as_pairs(found.small_handles, found.handles) == as_pairs(expected.small_handles, expected.handles)

    def travelling(links):
        return sorted(zip(links.bucket_hashes.tolist(), links.bucket_handles.tolist(), strict=True))

    assert travelling(found) == travelling(expected)


def test_nothing_links_to_nothing():
    empty = sketch(from_strings([]))
    nothing = np.zeros(0, np.uint64)
    links = split_links(empty, nothing, nothing, 0.7)
    assert len(links.handles) == len(links.bucket_hashes) == 0
    assert as_pairs(*bucket_links(nothing, nothing, nothing)) == []


def test_estimate_counts_equal_bytes_and_corrects_for_chance():
    generator = np.random.default_rng(1)
    a = generator.integers(0, 256, (1000, 112)).astype(np.uint8)
    b = np.where(generator.random((1000, 112)) < 0.6, a, generator.integers(0, 256, (1000, 112))).astype(np.uint8)
    assert estimate_jaccard(a, b) == pytest.approx(((a == b).mean(axis=1) - 1 / 256) / (255 / 256))
    assert estimate_jaccard(a, b).mean() == pytest.approx(0.6, abs=0.005)
    with pytest.raises(ValueError, match="one shape"):
        estimate_jaccard(a, b[:5])


@pytest.mark.skipif("PILE_DATA" not in os.environ, reason="needs the planted-news set below PILE_DATA")
@pytest.mark.parametrize("size", [100, 1000, 2500])
def test_planted_copies_are_found_and_nothing_else(size):
    folder = Path(os.environ["PILE_DATA"]) / "neardup" / "planted-news"
    lines = (folder / f"articles_{size}.train").read_text().splitlines()
    names, texts = zip(*(line.split(" ", 1) for line in lines), strict=True)
    truth = {frozenset(line.split()) for line in (folder / f"articles_{size}.truth").read_text().splitlines()}
    handles = np.arange(len(texts), dtype=np.uint64)
    links = split_links(sketch(from_strings(texts)), orders_of(handles), handles, 0.7)
    assert {frozenset((names[a], names[b])) for a, b in as_pairs(links.small_handles, links.handles)} == truth
