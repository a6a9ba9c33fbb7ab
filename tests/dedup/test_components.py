"""Components against scipy's, and their independence of batches and order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pile_builder.dedup.components import UnionFind, components, union_find_bytes

ROWS_PER_SPLIT = np.array([7, 0, 20, 3])
ALL_HANDLES = [rank << 32 | row for rank, count in enumerate(ROWS_PER_SPLIT.tolist()) for row in range(count)]

links = st.lists(st.tuples(st.sampled_from(ALL_HANDLES), st.sampled_from(ALL_HANDLES)), max_size=40)


def as_arrays(pairs) -> tuple[np.ndarray, np.ndarray]:
    ends = np.array(pairs, np.uint64).reshape(-1, 2)
    return ends[:, 0].copy(), ends[:, 1].copy()


def by_scipy(pairs) -> dict[int, int]:
    handles = sorted({handle for pair in pairs for handle in pair})
    number = {handle: index for index, handle in enumerate(handles)}
    ends = [[number[handle] for handle in pair] for pair in pairs]
    a, b = np.array(ends, np.int64).reshape(-1, 2).T
    _, labels = connected_components(coo_array((np.ones(len(a)), (a, b)), shape=(len(handles),) * 2), directed=False)
    smallest = {label: min(h for h in handles if labels[number[h]] == label) for label in labels.tolist()}
    return {handle: smallest[labels[number[handle]]] for handle in handles}


def streamed(pairs, batch: int) -> dict[int, int]:
    union_find = UnionFind(ROWS_PER_SPLIT)
    for start in range(0, len(pairs), batch):
        union_find.add(*as_arrays(pairs[start : start + batch]))
    found = list(union_find.components())
    assert len(found) == len(ROWS_PER_SPLIT)
    return {
        handle: label
        for handles, labels in found
        for handle, label in zip(handles.tolist(), labels.tolist(), strict=True)
    }


@settings(deadline=None)
@given(links, st.integers(1, 40), st.randoms(use_true_random=False))
def test_components_are_those_of_scipy_in_any_order_and_batches(pairs, batch, random):
    pairs = [pair for pair in pairs if pair[0] != pair[1]]
    expected = by_scipy(pairs) if pairs else {}
    random.shuffle(pairs)
    handles, labels = components(*as_arrays(pairs))
    assert dict(zip(handles.tolist(), labels.tolist(), strict=True)) == expected
    assert handles.tolist() == sorted(expected)
    assert streamed(pairs, batch) == expected
    assert streamed([pair[::-1] for pair in pairs], batch) == expected


def test_a_long_chain_is_one_component_whichever_way_it_runs():
    count = 300_000
    numbers = np.arange(count, dtype=np.uint64)
    for order in (slice(None), slice(None, None, -1)):
        union_find = UnionFind(np.array([count]))
        union_find.add(numbers[1:][order].copy(), numbers[:-1][order].copy())
        [(handles, labels)] = union_find.components()
        assert len(handles) == count
        assert not labels.any()


def test_handles_of_another_build_are_refused():
    union_find = UnionFind(ROWS_PER_SPLIT)
    with pytest.raises(ValueError, match="expected rows below 7 in split 0, got 7"):
        union_find.add(*as_arrays([(0, 7)]))
    with pytest.raises(ValueError, match="handles of 4 splits, got split rank 4"):
        union_find.add(*as_arrays([(0, 4 << 32)]))


def test_memory_is_known_before():
    assert union_find_bytes(10**9) == 5 * 10**9
    assert union_find_bytes(2**32) == 9 * 2**32
