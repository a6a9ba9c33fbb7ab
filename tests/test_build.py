"""Whole builds of a small corpus: the books balance, and the same corpus comes out every time."""

import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
import yaml
import zstandard

from pile_builder.annotate import sets
from pile_builder.audit.explain import explain_document
from pile_builder.audit.status import build_status
from pile_builder.audit.verify import verify_corpus
from pile_builder.errors import BuildError, PileError
from pile_builder.manifest import Manifest, load_manifest
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.pipelines.runners.direct import DirectRunner
from pile_builder.runners.profile import Direct
from pile_builder.storage import Store
from pile_builder.text.column import TextColumn

Make = Callable[..., Manifest]


def read_shards(out: Path) -> dict[str, list[dict[str, Any]]]:
    """Every line as lm_dataformat reads them, by split."""
    found: dict[str, list[dict[str, Any]]] = {"train": [], "validation": [], "test": []}
    for path in sorted((out / "corpus").rglob("*.jsonl.zst")):
        split = path.parent.name if path.parent.name in found else path.name.split(".")[0]
        with path.open("rb") as file:
            lines = io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True))
            found[split] += [orjson.loads(line) for line in lines]
    return found


def run(manifest: Manifest, out: Path, **options: Any) -> dict[str, Any]:
    return build(manifest, str(out), RunOptions(**options))


def to_do(manifest: Manifest, out: Path) -> dict[str, str]:
    return {row.phase: row.next for row in build_status(manifest, Store(str(out)))}


def test_books_balance_and_shards_hold_what_the_summary_says(toy_manifest: Make, tmp_path: Path):
    out = tmp_path / "out"
    summary = run(toy_manifest(), out)
    shards = read_shards(out)
    lines = [line for lines in shards.values() for line in lines]
    for name, source in summary["sources"].items():
        assert source["read"] == source["kept"] + sum(source["dropped"].values()), name
        assert source["read"] == 190
        assert source["skipped"] == {"blank": 4}
        assert source["dropped"]["ingest.unwanted"] == source["dropped"]["ingest.error"] == 2
    for split, written in summary["written"].items():
        assert written["pieces"] == written["documents"] == len(shards[split])
        assert written["bytes"] == sum(len(line["text"].encode()) for line in shards[split])
    assert len({line["text"] for line in lines}) == summary["documents"]["kept"]
    assert {line["meta"]["pile_set_name"] for line in lines} == {"Toy"}
    held = {line["text"] for split in ("validation", "test") for line in shards[split]}
    assert held
    assert not held & {line["text"] for line in shards["train"]}
    assert len(list((out / "corpus" / "train").iterdir())) > 2
    copies = Counter(line["text"] for line in shards["train"])
    assert set(copies.values()) == {1, 2}
    train = summary["sources"]["left"]["written"]["train"]["bytes"]
    held_bytes = sum(summary["sources"]["left"]["written"][split]["bytes"] for split in ("validation", "test"))
    assert abs(train - 1.5 * (summary["sources"]["left"]["kept_bytes"] - held_bytes)) < 2_000
    assert not [problem for check in verify_corpus(Store(str(out))) for problem in check.problems]
    lock = yaml.safe_load((out / "manifest.lock.yaml").read_text())
    assert lock["digest"] == summary["digest"]
    assert lock.pop("manifest") == toy_manifest().given
    assert str(tmp_path) not in str(lock)
    assert [one["name"] for one in lock["inputs"]] == ["0.txt", "1.txt", "2.txt", "3.txt"]


def test_same_digest_with_any_workers_and_mode(toy_manifest: Make, tmp_path: Path):
    digests = {
        run(
            toy_manifest(),
            tmp_path / str(workers) / mode,
            workers=workers,
            runner=DirectRunner(Direct(mode=mode), workers),
        )["digest"]
        for workers, mode in ((1, "in_memory"), (2, "in_memory"), (2, "multi_processing"))
    }
    assert len(digests) == 1


def test_many_workers_are_processes_where_there_are_tasks_for_them():
    few, many = DirectRunner(Direct(), 6), DirectRunner(Direct(), 7)
    assert few.for_tasks(1_000).in_process
    assert many.for_tasks(13).in_process
    assert not many.for_tasks(14).in_process
    assert many.for_tasks(14).pool_processes == 1
    assert many.for_tasks(13).pool_processes == 7
    # What goes through no list of tasks, and what was asked for.
    assert many.in_process
    for mode in ("in_memory", "multi_processing"):
        asked = DirectRunner(Direct(mode=mode), 7)
        assert asked.for_tasks(1) is asked.for_tasks(1_000) is asked


def test_only_what_changed_is_redone(toy_manifest: Make, tmp_path: Path):
    out = tmp_path / "out"
    first = run(toy_manifest(), out)
    assert set(to_do(toy_manifest(), out).values()) == {"nothing to do"}
    weights = toy_manifest(mix={"validation": 0.1})
    assert {phase for phase, what in to_do(weights, out).items() if what != "nothing to do"} == {"mix", "assemble"}
    assert "validation: 0.05 -> 0.1" in to_do(weights, out)["mix"]
    threshold = toy_manifest(select={"recipes": ["gopher_quality_v1"]})
    run(threshold, out)
    threshold = toy_manifest(
        select={"recipes": ["gopher_quality_v1"], "thresholds": {"gopher_quality_v1.min_words": 30}}
    )
    redone = {phase for phase, what in to_do(threshold, out).items() if what != "nothing to do"}
    assert redone == {"select", "dedup", "settle", "locate", "mix", "assemble"}
    assert run(toy_manifest(), out)["digest"] == first["digest"]
    assert not [problem for check in verify_corpus(Store(str(out))) for problem in check.problems]


def test_a_missing_shard_is_written_again(toy_manifest: Make, tmp_path: Path):
    out = tmp_path / "out"
    first = run(toy_manifest(), out)
    shard = out / "corpus" / "train" / "00001.jsonl.zst"
    before = shard.read_bytes()
    shard.unlink()
    problems = [problem for check in verify_corpus(Store(str(out))) for problem in check.problems]
    assert "missing" in problems
    assert run(toy_manifest(), out)["digest"] == first["digest"]
    assert shard.read_bytes() == before


def test_what_a_stop_after_a_commit_left_goes(toy_manifest: Make, tmp_path: Path):
    out = tmp_path / "out"
    digest = run(toy_manifest(), out)["digest"]
    # All that run as pipelines; mix is made by the driver.
    phases = [folder for folder in (out / "work").iterdir() if list(folder.glob("*.json")) and folder.name != "mix"]
    assert len(phases) > 6
    for phase in phases:
        (phase / "todo-0.jsonl").write_text("{}\n")
    assert run(toy_manifest(), out)["digest"] == digest
    assert [phase.name for phase in phases if (phase / "todo-0.jsonl").exists()] == []


def test_a_shard_that_was_cut_is_written_again(toy_manifest: Make, tmp_path: Path):
    out = tmp_path / "out"
    digest = run(toy_manifest(), out)["digest"]
    shard = out / "corpus" / "train" / "00001.jsonl.zst"
    before = shard.read_bytes()
    shard.write_bytes(before[:-1])
    assert run(toy_manifest(), out)["digest"] == digest
    assert shard.read_bytes() == before


def test_verify_notices_one_flipped_bit(toy_manifest: Make, tmp_path: Path):
    out = tmp_path / "out"
    run(toy_manifest(), out)
    shard = out / "corpus" / "train" / "00000.jsonl.zst"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    assert any("sha256" in problem for check in verify_corpus(Store(str(out))) for problem in check.problems)


def test_explain_tells_the_whole_story(toy_manifest: Make, tmp_path: Path):
    out = tmp_path / "out"
    summary = run(toy_manifest(select={"recipes": ["gopher_quality_v1"]}), out)
    rejected = [row for row in range(95) if _story(out, f"0.txt#{row}").get("dropped") == "ingest.error"]
    assert len(rejected) == 1
    stories = [_story(out, f"{number}.txt#{row}") for number in range(4) for row in range(0, 90, 5)]
    kept = [story for story in stories if story.get("verdict") == "kept"]
    lost = [story for story in stories if story.get("verdict", "").startswith("dedup.")]
    assert kept[0]["written"][0]["shard"].endswith(".jsonl.zst")
    assert {rule["rule"] for rule in kept[0]["rules"]} >= {"gopher_quality_v1.min_words"}
    assert lost[0]["cluster"]["lost_to"].split(":")[0] in summary["sources"]
    by_id = explain_document(Store(str(out)), kept[0]["id"])
    assert by_id == [kept[0]]


def _story(out: Path, key: str) -> dict[str, Any]:
    try:
        (story,) = explain_document(Store(str(out)), key)
    except PileError:
        return {}
    return story


def test_a_split_full_of_damage_stops_the_build_with_examples(toy_manifest: Make, toy_files: Path, tmp_path: Path):
    (toy_files / "0.txt").write_text("raise\n" * 120 + "fine\n" * 20)
    with pytest.raises(BuildError, match=r"120 of 140 records of 0\.txt are damaged.*max_reject_rate(.|\n)*KeyError"):
        run(toy_manifest(), tmp_path / "out")
    (toy_files / "0.txt").write_text("fine words\n" * 20)
    run(toy_manifest(), tmp_path / "out")


def test_a_lock_builds_the_same_corpus_again(toy_manifest: Make, toy_files: Path, tmp_path: Path):
    (toy_files / "1.txt").write_text((toy_files / "1.txt").read_text() + "spin\n")
    first = run(toy_manifest(limits={"record_seconds": 0.3}), tmp_path / "first")
    assert first["sources"]["left"]["dropped"]["ingest.time_limit"] == 1
    lock = tmp_path / "first" / "manifest.lock.yaml"
    again = load_manifest(lock, {}, base=toy_files)
    assert len(again.limits.time_limited) == 1
    assert run(again, tmp_path / "second")["digest"] == first["digest"]


def test_weights_a_total_and_a_cap(toy_manifest: Make, tmp_path: Path):
    sources = {
        "left": {"plugin": "toy", "inputs": ["0.txt", "1.txt"], "weight": 3},
        "right": {"plugin": "toy", "inputs": ["2.txt", "3.txt"], "weight": 1, "max_epochs": 0.25},
    }
    summary = run(toy_manifest(sources=sources, mix={"total": 200_000, "validation": 0, "test": 0}), tmp_path / "out")
    left, right = summary["sources"]["left"], summary["sources"]["right"]
    assert right["epochs"] == "1/4"
    assert right["dropped"]["mix.epochs"] > 10
    assert abs(summary["written"]["train"]["bytes"] - 200_000) < 3_000
    assert left["written"]["train"]["bytes"] > 160_000
    assert not [problem for check in verify_corpus(Store(str(tmp_path / "out"))) for problem in check.problems]


def test_a_rule_of_ones_own(toy_manifest: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Point:
        name, value = "letters", "tests.test_build:letters"

        def load(self) -> Any:
            return letters

    monkeypatch.setattr(sets, "entry_points", lambda group: [Point()] if group == sets.ENTRY_POINT_GROUP else [])
    sets._point.cache_clear()
    rules = [{"name": "short", "signal": "letters.count", "drop": "below", "threshold": 400}]
    summary = run(toy_manifest(select={"rules": rules}), tmp_path / "out")
    assert summary["sources"]["left"]["dropped"]["select.short"] == 10
    assert min(len(line["text"]) for line in read_shards(tmp_path / "out")["train"]) >= 400
    sets._point.cache_clear()


def letters(column: TextColumn) -> pa.RecordBatch:
    """A signal function as a user would write it."""
    return pa.record_batch({"count": column.offsets[1:] - column.offsets[:-1]})
