"""The scan against brute force over word numbers: every n-gram, every pair, no other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.text import ngram_table
from pile_builder.text.ngram_scan import WINDOW, scan
from pile_builder.text.ngram_table import PREFIX, Pairs, build_table, hash_ngrams
from pile_builder.text.normalise import Words


def words_of(documents):
    """Documents of small numbers as hashed words; 0 is the word whose hash is 0."""
    offsets = np.cumsum([0, *(len(document) for document in documents)])
    numbers = np.array([number for document in documents for number in document], np.uint64)
    return Words(numbers * np.uint64(0xBF58476D1CE4E5B9), offsets, np.zeros((len(documents), 2), np.uint64))


def key(run):
    return hash_ngrams(words_of([run]).hashes, np.zeros(1, np.int64), np.array([len(run)]))[0]


def table_of(ngram, runs, pairs=()):
    """A table, and what its numbers stand for."""
    runs = sorted(set(runs), key=key)
    pairs = sorted(set(pairs), key=lambda pair: (key(pair[0]), len(pair[1]), key(pair[1])))
    short = [run for run in [*runs, *(anchor for anchor, _ in pairs)] if len(run) < ngram]
    table = build_table(
        ngram,
        np.array([key(run) for run in runs], np.uint64),
        Pairs(
            np.array([key(anchor) for anchor, _ in pairs], np.uint64),
            np.array([len(partner) for _, partner in pairs], np.int64),
            np.array([key(partner) for _, partner in pairs], np.uint64),
        ),
        np.array(sorted({len(run) for run in short}), np.int64),
        np.array([key(part) for run in short for part in (run[:PREFIX], run)], np.uint64),
    )
    return table, [*runs, *pairs]


def brute_force(documents, ngram, meanings):
    found = []
    base = 0
    for row, document in enumerate(documents):
        for number, meaning in enumerate(meanings):
            anchor, partner = meaning if isinstance(meaning[0], tuple) else (meaning, None)
            for first in places(document, anchor):
                behind = first + len(anchor)
                if partner is None:
                    found.append((row, number, base + first, base + behind))
                    continue
                near = [(start - behind, 0, start) for start in places(document, partner) if start >= behind]
                before = [start for start in places(document, partner) if start + len(partner) <= first]
                near += [(first - start - len(partner), 1, start) for start in before]
                if near and min(near)[0] <= WINDOW:
                    start = min(near)[2]
                    found.append((row, number, base + min(first, start), base + max(behind, start + len(partner))))
        base += len(document)
    return sorted(found, key=lambda hit: (hit[0], hit[2], hit[1], hit[3]))


def places(document, run):
    return [i for i in range(len(document) - len(run) + 1) if tuple(document[i : i + len(run)]) == run]


def rows(hits):
    return list(zip(*(x.tolist() for x in (hits.document, hits.number, hits.first, hits.behind)), strict=True))


numbers = st.integers(0, 2)


def runs_of(least, most):
    return st.lists(numbers, min_size=least, max_size=most).map(tuple)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.lists(numbers, max_size=80), max_size=4),
    st.lists(st.one_of(runs_of(9, 9), runs_of(5, 8)), max_size=8),
    st.lists(st.tuples(runs_of(3, 8), runs_of(1, 4)), max_size=8),
)
def test_every_ngram_and_pair(documents, runs, pairs):
    table, meanings = table_of(9, runs, pairs)
    assert table.size == len(meanings)
    assert rows(scan(words_of(documents), table)) == brute_force(documents, 9, meanings)


def test_every_one_of_many_is_found(monkeypatch):
    # So many for so small a filter that most of what is looked up is not there.
    monkeypatch.setattr(ngram_table, "MAX_FILTER_BYTES", 1 << 12)
    randomness = np.random.default_rng(1)
    known = randomness.integers(0, 1 << 62, (4000, 13))
    table, meanings = table_of(13, map(tuple, known.tolist()))
    number = {meaning: i for i, meaning in enumerate(meanings)}
    documents = randomness.integers(0, 1 << 62, (4000, 40))
    documents[::2, 7:20] = known[::2]
    documents[1::4, 27:] = known[1::4]
    expected = [(i, number[tuple(known[i].tolist())], i * 40 + 7, i * 40 + 20) for i in range(0, 4000, 2)]
    expected += [(i, number[tuple(known[i].tolist())], i * 40 + 27, i * 40 + 40) for i in range(1, 4000, 4)]
    assert rows(scan(words_of(documents.tolist()), table)) == sorted(expected)


def test_more_hits_than_there_is_room_for_at_first():
    table, meanings = table_of(13, [(1,) * 13, (1,) * 5], [((1,) * 3, (2,))])
    documents = [[1] * 1100, [1, 1, 1, *[1] * 60, 2]]
    assert rows(scan(words_of(documents), table)) == brute_force(documents, 13, meanings)


def test_pairs_are_found_anew_in_each_document():
    table, meanings = table_of(13, [], [((1, 2, 3), (4,))])
    documents = [[1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3], [4], [4, 1, 2, 3]]
    assert rows(scan(words_of(documents), table)) == brute_force(documents, 13, meanings)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 100])
def test_directories_lead_to_every_hash(count):
    runs = [(i, 1, 2, 3, 4, 5, 6) for i in range(count)]
    table, meanings = table_of(7, runs)
    assert [hit[1] for hit in rows(scan(words_of(runs), table))] == [meanings.index(run) for run in runs]


def test_lengths_do_not_mix():
    # A word whose hash is 0 in front changes no polynomial.
    assert len({int(key((0,) * n + (1, 2))) for n in range(10)}) == 10
