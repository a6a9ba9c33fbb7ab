"""The index as an artifact: what is in it, the same on disk, the same again."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pile_builder.decontamination import index as index_module
from pile_builder.decontamination.brute_force import grams_of
from pile_builder.decontamination.index import build_index, open_index, write_index
from pile_builder.decontamination.items import EvalItem
from pile_builder.decontamination.match import find_matches
from pile_builder.text.column import from_strings

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
ITEMS = [
    EvalItem("numbers", "a", LONG, "fifteen"),
    EvalItem("numbers", "b", "zero " + LONG),
    EvalItem("letters", "é/1", "alpha beta gamma delta epsilon"),
    EvalItem("letters", "2", "alpha beta gamma delta", "epsilon"),
    EvalItem("letters", "3", "alpha beta", "gamma delta"),
    EvalItem("letters", "4", "Alpha, beta.", "Gamma! Delta? Epsilon..."),
    EvalItem("letters", "5", "+", "ALPHA-BETA-GAMMA-DELTA-EPSILON"),
    EvalItem("tiny", "x", "", "yes"),
]


def test_what_is_indexed():
    index = build_index(ITEMS)
    assert index.evals == ("numbers", "letters", "tiny")
    assert index.unprotectable == (("letters", "3"), ("tiny", "x"))
    assert [index.name(i) for i in range(6)] == [(item.eval, item.id) for item in ITEMS if grams_of(item, 13)]
    protected = [item for item in ITEMS if grams_of(item, 13)]
    # The same words as question alone, or as question and answer: a whole and two pairs.
    assert index.size == len({gram for item in protected for gram in grams_of(item, 13)}) == 4 + 3
    postings = {}
    for number in range(index.size):
        held = slice(index.offsets[number], index.offsets[number + 1])
        for item, position in zip(index.items[held].tolist(), index.positions[held].tolist(), strict=True):
            grams = grams_of(protected[item], 13)
            postings.setdefault(number, set()).add(grams[position if len(grams) > 1 else 0])
            assert number in index.item_numbers[index.item_offsets[item] : index.item_offsets[item + 1]]
    assert all(len(grams) == 1 for grams in postings.values())
    assert len(index.items) == len(index.item_numbers) == sum(len(set(grams_of(item, 13))) for item in protected)
    assert index.left_out == 0


def test_positions_are_where_the_item_holds_it_first():
    index = build_index([EvalItem("e", "1", "la " * 20 + LONG), EvalItem("e", "2", "alpha beta", "one two three")])
    assert sorted(index.positions.tolist()) == sorted([0, *range(8, 22), 2])


def test_the_same_from_disk_and_byte_for_byte_again(tmp_path):
    index = build_index(iter(ITEMS))
    write_index(index, tmp_path / "a")
    write_index(build_index(ITEMS), tmp_path / "b")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    mapped = open_index(tmp_path / "a")
    assert (mapped.evals, mapped.unprotectable, mapped.size) == (index.evals, index.unprotectable, index.size)
    assert mapped.nbytes == index.nbytes > 0
    assert isinstance(mapped.table.hashes.base, np.memmap)
    column = from_strings([LONG + " fifteen", "Epsilon? alpha beta gamma delta epsilon"])
    assert find_matches(column, mapped).end.tolist() == find_matches(column, index).end.tolist() != []


def test_an_index_of_nothing_can_be_written(tmp_path):
    write_index(build_index([]), tmp_path / "empty")
    assert open_index(tmp_path / "empty").size == 0


def test_batches_of_items_join(monkeypatch):
    whole = build_index(ITEMS)
    monkeypatch.setattr(index_module, "BATCH_ITEMS", 2)
    parts = build_index(ITEMS)
    for name in ("items", "positions", "offsets", "item_numbers", "item_evals", "id_bytes"):
        assert getattr(parts, name).tolist() == getattr(whole, name).tolist()
    assert parts.table.hashes.tolist() == whole.table.hashes.tolist()


def test_postings_of_what_very_many_items_share(monkeypatch):
    monkeypatch.setattr(index_module, "ITEMS_PER_NGRAM", 3)
    items = [EvalItem(f"set {i % 2}", str(i), f"{LONG} {i}") for i in range(10)]
    index = build_index(items)
    # Two n-grams are shared by all; five items of either set share each, three are named.
    assert index.left_out == 2 * 2 * 2
    shared = [number for number in range(index.size) if index.offsets[number + 1] - index.offsets[number] > 1]
    assert [index.items[index.offsets[n] : index.offsets[n + 1]].tolist() for n in shared] == [[0, 2, 4, 1, 3, 5]] * 2
    found = find_matches(from_strings([LONG, f"{LONG} 9"]), index)
    assert sorted(set(found.item[found.document == 1].tolist())) == [0, 1, 2, 3, 4, 5, 9]
    last = np.flatnonzero((found.covered_document == 1) & (found.covered_item == 9))
    assert (found.seen[last].item(), found.total[last].item()) == (1, 1)


def test_what_cannot_be_indexed(tmp_path):
    with pytest.raises(ValueError, match="ids unique"):
        build_index([EvalItem("e", "1", LONG), EvalItem("e", "1", "other")])
    with pytest.raises(ValueError, match="at least 5 words"):
        build_index(ITEMS, ngram=4)
    write_index(build_index(ITEMS), tmp_path)
    header = json.loads((tmp_path / "index.json").read_text())
    (tmp_path / "index.json").write_text(json.dumps(header | {"version": 0}))
    with pytest.raises(ValueError, match="build it again"):
        open_index(tmp_path)
