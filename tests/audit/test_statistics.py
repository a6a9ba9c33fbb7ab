"""Histograms, content counts and samples of blocks: against plain Python, and as sums over any blocks."""

import json
import random
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pile_builder.annotate.sample import CHARACTERS, DOCUMENTS, Sampler, excerpts
from pile_builder.audit.content_statistics import (
    MERGED_NAMES,
    add_content,
    count_content,
    domain_of,
    empty_content,
    most_frequent,
    year_of,
)
from pile_builder.audit.rule_statistics import add_rule, count_rule
from pile_builder.audit.scales import SCALES, scale_of_signal
from pile_builder.document import document_id
from pile_builder.recipes import RECIPES
from pile_builder.text.column import from_strings
from pile_builder.verdicts import Test as RuleTest


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
@given(values=st.lists(st.floats(-10, 1e12), max_size=50))
def test_bins_are_as_the_edges_say(scale: Any, values: list[float]):
    edges = scale.edges.tolist()
    expected = Counter(str(sum(edge <= value for edge in edges)) for value in values)
    assert scale.count(np.array(values)) == expected
    assert edges == sorted(set(edges))


def test_share_thresholds_of_all_recipes_lie_on_edges():
    for recipe in RECIPES.values():
        for rule in recipe.rules:
            scale = scale_of_signal(rule.signal, rule.threshold)
            if scale.is_linear:
                assert rule.threshold in scale.edges.tolist(), rule


def rule_of(values: list[float], threshold: float) -> RuleTest:
    found = np.array(values)
    return RuleTest("short", threshold, found, found < threshold)


def test_a_rule_is_judged_on_what_reaches_it_and_blocks_add_up():
    randomness = random.Random(5)
    values = [randomness.random() for _ in range(400)]
    reached = np.array([randomness.random() < 0.7 for _ in values])
    sampled = np.array(randomness.sample(range(400), 60))
    whole = count_rule(rule_of(values, 0.3), reached, {}, sampled)
    dropped = [value for value, here in zip(values, reached, strict=True) if here and value < 0.3]
    assert whole["reached"] == reached.sum()
    assert whole["dropped"] == len(dropped)
    assert whole["fails"] == sum(value < 0.3 for value in values)
    assert whole["bins"]["dropped"] == SCALES["share"].count(np.array(dropped))
    near = sorted((abs(values[row] - 0.3), values[row], row) for row in sampled if reached[row] and values[row] >= 0.3)
    assert [tuple(one) for one in whole["near"]["kept"]] == near[:12]
    parts = [
        count_rule(rule_of(values[at : at + 100], 0.3), reached[at : at + 100], {}, np.zeros(0, int))
        for at in (0, 100, 200, 300)
    ]
    total = parts[0]
    for part in parts[1:]:
        add_rule(total, part)
    assert {name: total[name] for name in ("reached", "dropped", "fails", "bins")} == {
        name: whole[name] for name in ("reached", "dropped", "fails", "bins")
    }


def test_where_chance_decides_bins_are_of_the_chance():
    chances = np.array([0.1, 0.5, 0.9])
    test = RuleTest("quality", chances, np.array([0.2, 0.4, 0.95]), np.array([True, False, True]))
    found = count_rule(test, np.ones(3, bool), {}, np.arange(3))
    assert found["threshold"] is None
    assert found["bins"] == {"dropped": {"11": 1, "91": 1}, "kept": {"51": 1}}
    assert [one[1] for one in found["near"]["dropped"]] == [0.9, 0.1]


def content(
    sizes: list[int], metas: list[dict[str, Any]], labels: list[str], rules: list[str | None]
) -> dict[str, Any]:
    columns = {"language": pa.array(labels), "privacy.email": pa.array([1] * len(sizes), pa.int32())}
    written = np.array(sizes) - 1
    return count_content(np.array(sizes), written, np.array(rules, object), map(json.dumps, metas), columns)


def test_content_adds_up_over_blocks():
    randomness = random.Random(3)
    rows = [
        (
            randomness.randrange(2, 5_000),
            {
                "date": f"{randomness.randrange(1990, 2024)}-01-01",
                "url": f"https://a{randomness.randrange(9)}.example/x",
            },
            randomness.choice(["en", "de"]),
            randomness.choice([None, None, "dedup.near"]),
        )
        for _ in range(300)
    ]
    whole = content(*map(list, zip(*rows, strict=True)))
    total = empty_content()
    for at in range(0, 300, 60):
        add_content(total, content(*map(list, zip(*rows[at : at + 60], strict=True))))
    assert total == whole
    kept = [row for row in rows if row[3] is None]
    assert whole["bytes"]["kept"] == sum(row[0] - 1 for row in kept)
    assert whole["bytes"]["edited"] == len(kept)
    every = {"documents": len(kept), "matches": len(kept)}
    assert whole["private"] == {"email": every, "any": every}
    assert whole["bad_words"] == {}
    assert whole["languages"]["kept"] == dict(Counter(row[2] for row in kept))
    assert whole["domains"]["counts"] == dict(Counter(row[1]["url"].split("/")[2] for row in kept))


def test_names_are_bounded_and_say_how_exact_they_are():
    names = Counter({f"n{number:06}": 1 + number % 7 for number in range(1_000)})
    block = most_frequent(names)
    assert len(block["counts"]) == 256
    assert block["below"] == max(held for name, held in names.items() if name not in block["counts"])
    total = empty_content()
    for start in range(0, 2 * MERGED_NAMES, 256):
        one = empty_content()
        one["domains"] = {"counts": {f"d{start + i}": 1 for i in range(256)} | {"always.example": 5}, "below": 2}
        add_content(total, one)
    assert len(total["domains"]["counts"]) <= MERGED_NAMES
    assert total["domains"]["counts"]["always.example"] == 5 * 2 * MERGED_NAMES // 256
    assert total["domains"]["below"] > 2 * 2 * MERGED_NAMES // 256


@pytest.mark.parametrize(
    ("date", "year"),
    [("2021-03-04T05:00:00Z", "2021"), ("3 May 1996", "1996"), ("18430101", "1843"), ("123456", ""), ("", ""), (7, "")],
)
def test_years(date: Any, year: str):
    assert year_of(date) == year


@given(st.text(max_size=80) | st.none() | st.integers())
def test_no_url_breaks_a_domain(url: Any):
    assert len(domain_of(url)) <= 200
    assert domain_of("https://www.Example.org:80/a") == "example.org"


def documents(count: int, start: int = 0) -> pa.RecordBatch:
    rows = range(start, start + count)
    return pa.record_batch(
        {
            "id": [document_id("toy", str(row)) for row in rows],
            "key": [str(row) for row in rows],
            "bytes": pa.array(list(rows), pa.int64()),
        }
    )


def sample(sizes: list[int]) -> pa.Table:
    sampler, at = Sampler(), 0
    for size in sizes:
        batch = documents(size, at)
        rows = sampler.candidates(batch.column("id"))
        sampler.add(batch, rows, excerpts(from_strings([f"text {at + row}" for row in range(size)]), rows))
        at += size
    return sampler.table()


def test_a_sample_depends_on_ids_and_not_on_batches():
    whole = sample([2_000])
    assert whole.num_rows == DOCUMENTS
    assert sample([1, 700, 9, 1_290]).equals(whole)
    hashes = whole["hash"].to_pylist()
    assert hashes == sorted(hashes)
    assert all(
        text == f"text {row}" for text, row in zip(whole["excerpt"].to_pylist(), whole["row"].to_pylist(), strict=True)
    )
    assert sample([10]).num_rows == 10


@given(st.lists(st.text(max_size=20) | st.just("é" * 2_000), min_size=1, max_size=4))
def test_excerpts_are_beginnings(texts: list[str]):
    texts = [text.encode(errors="ignore").decode() for text in texts]
    found = excerpts(from_strings(texts), np.arange(len(texts))).column("excerpt").to_pylist()
    assert found == [text[:CHARACTERS] for text in texts]
