"""Winners against a plain comparison of all members."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.dedup.winners import PREFERENCES, Linked, winners

documents = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 2),
        st.sampled_from([0.0, 0.25, 0.5, -1.0]),
        st.integers(0, 3),
        st.sampled_from([0, 5, 2**63, 2**64 - 1]),
    ),
    max_size=25,
)
preferences = st.permutations(["source", "quality", "length"]).flatmap(
    lambda items: st.integers(0, 3).map(lambda count: (*items[:count], "id"))
)


def linked(rows, handles) -> Linked:
    component, source, quality, length, order = zip(*rows, strict=True) if rows else ([], [], [], [], [])
    return Linked(
        np.array(handles, np.uint64),
        np.array(component, np.uint64),
        np.array(source, np.int64),
        np.array(quality, np.float64),
        np.array(length, np.int64),
        np.array(order, np.uint64),
    )


@settings(deadline=None)
@given(documents, preferences, st.randoms(use_true_random=False))
def test_winner_is_the_best_of_its_component_in_any_order(rows, preference, random):
    handles = list(range(len(rows)))

    def merit(number):
        _, source, quality, length, order = rows[number]
        keys = {"source": source, "quality": -quality, "length": -length, "id": order}
        return [*(keys[name] for name in preference), handles[number]]

    expected = [min((m for m in handles if rows[m][0] == rows[n][0]), key=merit) for n in handles]
    for _ in range(2):
        shuffled = list(handles)
        random.shuffle(shuffled)
        found = winners(linked([rows[number] for number in shuffled], shuffled), preference)
        assert [shuffled[row] for row in found] == [expected[number] for number in shuffled]


@pytest.mark.parametrize("preference", [(), ("source",), ("id", "length"), ("length", "length", "id"), ("size", "id")])
def test_an_order_that_decides_nothing_is_refused(preference):
    with pytest.raises(ValueError, match="ends with 'id'"):
        winners(linked([], []), preference)


def test_a_missing_quality_is_refused_unless_nobody_asks_for_it():
    rows = linked([(0, 0, float("nan"), 1, 1), (0, 0, 1.0, 1, 2)], [0, 1])
    with pytest.raises(ValueError, match="1 NaN of 2"):
        winners(rows, PREFERENCES)
    assert winners(rows, ("length", "id")).tolist() == [0, 0]
