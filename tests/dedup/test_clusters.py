"""Winners chosen block by block against winners chosen among all, and the counts of clusters."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.dedup.clusters import (
    ClusterCounts,
    Members,
    best_of_block,
    count_clusters,
    losers_of_block,
    winner_of_each,
)
from pile_builder.dedup.winners import PREFERENCES

SOURCES = ["left", "right"]
PRIORITY = np.array([1, 0])

# Component, block, quality, length, id; blocks 0 and 1 are of the first source.
documents = st.lists(
    st.tuples(
        st.integers(0, 5), st.integers(0, 3), st.sampled_from([0.0, 0.5, -np.inf]), st.integers(1, 3), st.integers(0, 9)
    ),
    max_size=40,
    # An id is unique in its source.
    unique_by=lambda row: (row[1] // 2, row[4]),
)


def members(rows: list[tuple[int, int, float, int, int]], block: int) -> Members:
    own = [(number, row) for number, row in enumerate(rows) if row[1] == block]
    columns = list(zip(*(row for _, row in own), strict=True)) if own else [()] * 5
    component, _, quality, length, identity = columns
    ids = np.array(identity, np.uint64)
    signature = np.array([identity], np.uint8).T * np.ones(20, np.uint8)
    return Members(
        component=np.array(component, np.uint64),
        handle=np.uint64(block << 32) | np.array([number for number, _ in own], np.uint64),
        id=ids,
        order=ids ^ np.uint64(1 << 40 + block // 2),
        priority=np.full(len(own), PRIORITY[block // 2]),
        quality=np.array(quality, np.float64),
        length=np.array(length, np.int64),
        content=np.array([length, length], np.uint64).T,
        signature=signature.astype(np.uint8),
    )


@settings(deadline=None)
@given(documents)
def test_blocks_agree_on_the_best_of_all(rows):
    blocks = [members(rows, block) for block in range(4)]
    best = np.concatenate([best_of_block(block, PREFERENCES) for block in blocks])
    source = (best["handle"] >> np.uint64(33)).astype(np.int64)
    winner = winner_of_each(best, PRIORITY[source], PREFERENCES)
    counts = count_clusters(best, winner, source, SOURCES)

    def merit(number):
        _, block, quality, length, identity = rows[number]
        return PRIORITY[block // 2], -quality, -length, identity

    clusters = [
        [number for number, row in enumerate(rows) if row[0] == component] for component in {row[0] for row in rows}
    ]
    expected = {number: min(cluster, key=merit) for cluster in clusters for number in cluster}
    lost = [
        losers_of_block(block, best[winner][best["handle"] >> np.uint64(32) == number])
        for number, block in enumerate(blocks)
    ]
    found = {
        int(loser) & 0xFFFFFFFF: int(to) & 0xFFFFFFFF
        for one in lost
        for loser, to in zip(one.handle, one.winner, strict=True)
    }
    assert found == {number: best_one for number, best_one in expected.items() if number != best_one}
    for one in lost:
        for loser, to, is_exact, similarity, identity in zip(
            one.handle, one.winner, one.is_exact, one.jaccard, one.winner_id, strict=True
        ):
            loser_row, winner_row = rows[int(loser) & 0xFFFFFFFF], rows[int(to) & 0xFFFFFFFF]
            assert identity == winner_row[4]
            assert is_exact == (loser_row[3] == winner_row[3])
            assert similarity == 1 or (not is_exact and similarity < 0.1)

    def name(number):
        return f"{SOURCES[rows[number][1] // 2]}:{rows[number][4]:016x}"

    assert counts.sizes == Counter(len(cluster) for cluster in clusters)
    assert [size for size, *_ in counts.largest] == sorted((len(cluster) for cluster in clusters), reverse=True)
    of_winner = {name(expected[cluster[0]]): cluster for cluster in clusters}
    for _, top, named, _ in counts.largest:
        by_id = sorted(of_winner[top], key=lambda number: (rows[number][4], rows[number][1] // 2))
        assert named == [name(number) for number in by_id[:5]]


def test_counts_add_up_and_travel_as_json():
    some = ClusterCounts(Counter({2: 3}), [(2, "b", ["b"], 0), (2, "c", ["c"], 1)])
    more = ClusterCounts(Counter({2: 1, 9: 1}), [(9, "a", ["a"], 2), (2, "a", ["a"], 3)])
    both = ClusterCounts.from_json((some + more).to_json())
    assert both.sizes == {2: 4, 9: 1}
    assert [(size, winner) for size, winner, *_ in both.largest] == [(9, "a"), (2, "a"), (2, "b"), (2, "c")]
