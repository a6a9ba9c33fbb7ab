"""Tasks that fail: each leaves a record, the others are done, nothing starts on a part, and only they are run again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pile_builder.commits import Commits
from pile_builder.errors import BuildError, PileError
from pile_builder.manifest import Manifest
from pile_builder.pipelines import annotate, assemble, build, ingest, select, settle
from pile_builder.pipelines.engine import RunOptions
from pile_builder.storage import Store

Make = Callable[..., Manifest]
COMMAND = "pile build m.yaml --out out"
PHASES = [
    ("ingest", ingest.IngestSplit, "left/1.txt", "select"),
    ("annotate", annotate.AnnotateBlock, "left/1.txt", "select"),
    ("select", select.SelectBlock, "left/1.txt", "dedup"),
    ("settle", settle.SettleBlock, "left/1.txt", "mix"),
    ("assemble", assemble.WriteShard, "train/00001.jsonl.zst", "subsets"),
]


def run(manifest: Manifest, out: Path, **options: Any) -> dict[str, Any]:
    return build.build(manifest, str(out), RunOptions(command=COMMAND, **options))


def poison(monkeypatch: pytest.MonkeyPatch, function: type, name: str, error: type[Exception] = ValueError) -> None:
    whole = function.__call__

    def broken(self: Any, task: dict[str, Any]) -> Any:
        if task["name"] == name:
            raise error(f"poison in {name}")
        return whole(self, task)

    monkeypatch.setattr(function, "__call__", broken)


@pytest.fixture(scope="module")
def digest() -> dict[str, str]:
    """Of the undisturbed build, once it is known."""
    return {}


@pytest.mark.parametrize(("phase", "function", "name", "following"), PHASES, ids=[one[0] for one in PHASES])
def test_one_poisoned_task_stops_the_build_after_its_phase(
    toy_manifest: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    digest: dict[str, str],
    phase: str,
    function: type,
    name: str,
    following: str,
):
    manifest, out = toy_manifest(subsets=["1/2"]), tmp_path / "out"
    store = Store(str(out))
    commits = Commits(store, phase)
    if phase == "annotate":
        run(manifest, out)
        forget_annotations(store)
    with monkeypatch.context() as patch:
        poison(patch, function, name)
        with pytest.raises(BuildError) as failed:
            run(manifest, out)
    said = str(failed.value)
    # A block's sidecars are one task.
    assert f"phase {phase}: {2 if phase == 'annotate' else 1} of " in said
    assert f"ValueError: poison in {name}" in said
    assert said.endswith(f"{COMMAND} --task {phase}:{name}")
    assert len(commits.failures()) == 1
    before = {key: (out / commits.record_name(key)).stat().st_mtime_ns for key in commits.done()}
    assert before
    if phase != "annotate":
        assert not Commits(store, following).done()
    summary = run(manifest, out)
    assert digest.setdefault("digest", summary["digest"]) == summary["digest"]
    assert not commits.failures()
    after = {key: (out / commits.record_name(key)).stat().st_mtime_ns for key in commits.done()}
    assert {key: after[key] for key in before} == before
    assert len(after) > len(before)


def forget_annotations(store: Store) -> None:
    commits = Commits(store, "annotate")
    for key in commits.done():
        commits.forget(key)


def test_a_task_can_be_run_alone(toy_manifest: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        poison(patch, ingest.IngestSplit, "left/1.txt")
        with pytest.raises(ValueError, match="poison"):
            run(toy_manifest(), out, task="ingest:left/1.txt")
    with pytest.raises(PileError, match="without error; nothing was committed"):
        run(toy_manifest(), out, task="ingest:left/1.txt")
    with pytest.raises(PileError, match="no such task"):
        run(toy_manifest(), out, task="ingest:left/9.txt")
    assert not Commits(Store(str(out)), "ingest").done()


def test_what_the_machine_says_comes_without_a_traceback(
    toy_manifest: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    poison(monkeypatch, ingest.IngestSplit, "right/2.txt", OSError)
    with pytest.raises(BuildError, match=r"right/2\.txt: poison") as failed:
        run(toy_manifest(), tmp_path / "out")
    assert "Traceback" not in str(failed.value)


def test_a_split_that_hangs_and_one_that_crashes_cost_their_records(
    toy_manifest: Make, toy_files: Path, tmp_path: Path
):
    (toy_files / "0.txt").write_text("spin\nfine words here\n")
    (toy_files / "2.txt").write_text("exit\nother words here\n")
    summary = run(toy_manifest(limits={"record_seconds": 0.3}), tmp_path / "out")
    assert summary["sources"]["left"]["dropped"]["ingest.time_limit"] == 1
    assert summary["sources"]["right"]["dropped"]["ingest.crashed"] == 1
