"""Deduplication of a whole corpus against brute force in plain Python."""

import re
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from pile_builder import source
from pile_builder.dedup.config import Dedup
from pile_builder.document import document_id
from pile_builder.errors import BuildError
from pile_builder.manifest import Manifest
from pile_builder.pipelines import dedup_links, packing
from pile_builder.pipelines.build import build
from pile_builder.pipelines.dedup_check import check_sample, rate_sample
from pile_builder.pipelines.engine import RunOptions
from pile_builder.recipes import RECIPES
from pile_builder.storage import Store
from pile_builder.work import plan_work
from tests.test_build import read_shards


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    words = text.split()
    return frozenset(tuple(words[i : i + 5]) for i in range(len(words) - 4))


def brute_force(files: Path, order: list[str]) -> set[str]:
    """Texts that survive: one of each component of pairs with true Jaccard >= 0.7, by source, length, id."""
    documents = []
    for side, names in (("left", ("0.txt", "1.txt")), ("right", ("2.txt", "3.txt"))):
        for name in names:
            for number, line in enumerate((files / name).read_text().splitlines()):
                if line and line not in ("reject", "raise"):
                    rank = (order.index(side), -len(line), document_id(side, f"{name}#{number}")[-20:])
                    documents.append((rank, line))
    root = list(range(len(documents)))

    def find(i: int) -> int:
        while root[i] != i:
            i = root[i]
        return i

    sets = [shingles(text) for _, text in documents]
    for i, j in combinations(range(len(documents)), 2):
        both = len(sets[i] & sets[j])
        if documents[i][1] == documents[j][1] or both >= 0.7 * (len(sets[i]) + len(sets[j]) - both) > 0:
            root[find(i)] = find(j)
    best: dict[int, tuple[tuple[int, int, str], str]] = {}
    for i, document in enumerate(documents):
        best[find(i)] = min(best.get(find(i), document), document)
    return {text for _, text in best.values()}


@pytest.mark.parametrize("order", [["left", "right"], ["right", "left"]])
def test_survivors_are_those_of_brute_force(
    toy_manifest: Callable[..., Manifest], toy_files: Path, tmp_path: Path, order: list[str]
):
    out = tmp_path / "out"
    summary = build(toy_manifest(dedup={"source_priority": order}), str(out), RunOptions())
    written = {line["text"] for lines in read_shards(out).values() for line in lines}
    assert written == brute_force(toy_files, order)
    dropped = [source["dropped"] for source in summary["sources"].values()]
    assert sum(one.get("dedup.exact", 0) for one in dropped) > 30
    assert sum(one.get("dedup.near", 0) for one in dropped) > 10


def test_nothing_large_is_shuffled(
    toy_manifest: Callable[..., Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    sizes: list[int] = []

    def watched(key: int, rows: np.ndarray) -> Iterator[packing.Packed]:
        for element in pack(key, rows):
            sizes.append(len(element[1]))
            yield element

    pack = packing.pack
    monkeypatch.setattr(packing, "PACKED_BYTES", 1024)
    monkeypatch.setattr(packing, "pack", watched)
    build(toy_manifest(), str(tmp_path / "out"), RunOptions())
    assert len(sizes) > 20
    assert max(sizes) <= 1024


def outcome(out: Path, manifest: Manifest, workers: int = 2) -> tuple[str, dict[str, Any]]:
    """The corpus's digest and the phase's record."""
    digest = build(manifest, str(out), RunOptions(workers=workers))["digest"]
    records = [orjson.loads(path.read_bytes()) for path in (out / "work" / "dedup").glob("*.json")]
    (record,) = (one for one in records if "summary" in one)
    return digest, record


def clusters(record: dict[str, Any]) -> dict[str, Any]:
    """What the summary says about clusters, but not how pairs were found."""
    return {name: value for name, value in record["summary"].items() if name != "pairs"}


def test_workers_passes_and_the_order_of_inputs_change_nothing(
    toy_manifest: Callable[..., Manifest], toy_files: Path, tmp_path: Path
):
    given = {"dedup": {"source_priority": ["right", "left"]}, "mix": {"validation": 0.0, "test": 0.0}}
    digest, record = outcome(tmp_path / "first", toy_manifest(**given))
    assert record["summary"]["near"] > 10
    for workers in (1, 4):
        assert outcome(tmp_path / str(workers), toy_manifest(**given), workers) == (digest, record)
    passes = toy_manifest(**given | {"dedup": given["dedup"] | {"passes": 3}})
    other_digest, other = outcome(tmp_path / "passes", passes)
    assert (other_digest, clusters(other)) == (digest, clusters(record))
    sources = toy_manifest().model_dump()["sources"]
    turned = {name: sources[name] | {"inputs": sources[name]["inputs"][::-1]} for name in reversed(sources)}
    assert outcome(tmp_path / "turned", toy_manifest(**given | {"sources": turned})) == (digest, record)


def test_splits_change_nothing(toy_manifest: Callable[..., Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    given = {"mix": {"validation": 0.0, "test": 0.0}}
    _, record = outcome(tmp_path / "apart", toy_manifest(**given))
    monkeypatch.setattr(source.pack, "__defaults__", (1 << 30,))
    _, together = outcome(tmp_path / "together", toy_manifest(**given))
    assert len(together["ledgers"]) < len(record["ledgers"])
    assert clusters(together) == clusters(record)


def test_the_summary_counts_what_brute_force_counts(
    toy_manifest: Callable[..., Manifest], toy_files: Path, tmp_path: Path
):
    expected = {"left": [0.0, 0.01], "right": [0.1, 0.9]}
    given = {"source_priority": ["left", "right"], "expected": expected}
    _, record = outcome(tmp_path / "out", toy_manifest(dedup=given))
    summary = record["summary"]
    survivors = brute_force(toy_files, ["left", "right"])
    assert sum(summary["documents"].values()) - sum(summary["lost"].values()) == len(survivors)
    assert sum(int(size) * number for size, number in summary["sizes"].items()) - summary["clusters"] == sum(
        summary["lost"].values()
    )
    assert summary["exact"] + summary["near"] == sum(summary["lost"].values())
    matrix = summary["matrix"]
    assert sum(cell["documents"] for row in matrix.values() for cell in row.values()) == sum(summary["lost"].values())
    assert "right" not in matrix["left"]
    assert matrix["right"]["left"]["bytes"] > 1_000
    largest = summary["largest"]
    assert [one["size"] for one in largest] == sorted((one["size"] for one in largest), reverse=True)
    assert largest[0]["winner"] in largest[0]["members"]
    assert largest[0]["winner"].startswith("left:")
    assert len(summary["alarms"]) == 1
    assert re.fullmatch(
        r"left lost \d+ of \d+ documents to duplicates, [\d.]+%; expected 0.00% to 1.00%", summary["alarms"][0]
    )
    pairs = summary["pairs"]
    assert pairs["candidates"] == pairs["verified"] + pairs["rejected"]


def test_inside_sources_only(toy_manifest: Callable[..., Manifest], toy_files: Path, tmp_path: Path):
    _, record = outcome(tmp_path / "out", toy_manifest(dedup={"scope": "source", "action": "tag"}))
    assert record["action"] == "tag"
    assert {loser: set(row) for loser, row in record["summary"]["matrix"].items()} == {
        "left": {"left"},
        "right": {"right"},
    }


def test_tagged_losers_are_reported_and_stay(toy_manifest: Callable[..., Manifest], tmp_path: Path):
    dropped = build(toy_manifest(), str(tmp_path / "drop"), RunOptions())
    expected = {"left": [0.0, 0.01]}
    tagged = build(toy_manifest(dedup={"action": "tag", "expected": expected}), str(tmp_path / "tag"), RunOptions())
    report = orjson.loads((tmp_path / "tag" / "report" / "dedup.json").read_bytes())
    lost = sum(
        count for source in dropped["sources"].values() for rule, count in source["dropped"].items() if "dedup" in rule
    )
    assert sum(report["lost"].values()) == lost > 0
    assert tagged["documents"]["kept"] == dropped["documents"]["kept"] + lost
    assert [alarm for alarm in tagged["alarms"] if alarm.startswith("left lost ")]
    assert report["largest"][0]["excerpt"]


def test_exact_verification_reads_the_candidates(
    toy_manifest: Callable[..., Manifest], toy_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "out"
    monkeypatch.setattr(dedup_links, "PACKED_BYTES", 512)
    given = {"verify": "exact", "source_priority": ["left", "right"]}
    _, record = outcome(out, toy_manifest(dedup=given))
    written = {line["text"] for lines in read_shards(out).values() for line in lines}
    assert written == brute_force(toy_files, ["left", "right"])
    assert record["summary"]["near"] > 10


def test_quality_is_a_signal_column(toy_manifest: Callable[..., Manifest], tmp_path: Path):
    select = {"recipes": ["gopher_quality_v1"]}
    signal = RECIPES["gopher_quality_v1"].rules[0].signal
    _, record = outcome(tmp_path / "there", toy_manifest(select=select, dedup={"quality": signal}))
    assert record["summary"]["near"] > 10
    with pytest.raises(BuildError, match=rf"expected a signal column of source left, got 'absent'(.|\n)*{signal}"):
        outcome(tmp_path / "absent", toy_manifest(select=select, dedup={"quality": "absent"}))


def test_a_sample_of_candidates_is_compared_by_text(toy_manifest: Callable[..., Manifest], tmp_path: Path):
    out, manifest = tmp_path / "out", toy_manifest()
    outcome(out, manifest)
    store = Store(str(out))
    assert manifest.dedup
    rated = check_sample(store, plan_work(manifest, store), manifest.dedup)
    assert rated["candidates"] > 20
    assert rated["precision"] == 1.0
    assert rated["recall"]["0.8"] > 0.9
    assert abs(rated["mean_error"]) < 0.03


def test_rates_follow_their_definition():
    true = np.array([0.9, 0.9, 0.8, 0.7, 0.6, 0.5])
    estimate = np.array([0.95, 0.6, 0.75, 0.72, 0.7, 0.4])
    rated = rate_sample(true, estimate, Dedup(bands=1, rows=1))
    assert rated["links"] == 4
    assert rated["precision"] == 0.75
    # One row in one band: a pair of similarity s is a candidate with probability s.
    assert rated["recall"]["0.9"] == pytest.approx(1 / (2 / 0.9), abs=1e-4)
    assert rated["recall"]["0.8"] == pytest.approx(2 / (2 / 0.9 + 1 / 0.8), abs=1e-4)
    assert rate_sample(true[:0], estimate[:0], Dedup())["recall"] == {"0.7": None, "0.8": None, "0.9": None}
