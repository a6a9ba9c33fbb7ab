"""Thresholds tried on a finished build: the counts are those of a real rebuild with the changed manifest."""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from pile_builder.annotate import sets
from pile_builder.cli import app
from pile_builder.commits import Commits
from pile_builder.errors import PileError
from pile_builder.manifest import Manifest, check_manifest
from pile_builder.planning.trial_thresholds import parse_trials
from pile_builder.planning.what_if import EXAMPLES, KEPT, what_if
from pile_builder.storage import Store
from pile_builder.work import plan_work
from tests.test_build import letters, run
from tests.test_select_options import toy_model

Make = Callable[..., Manifest]
SELECT = {
    "language": {"keep": ["en"], "min_score": 0.2, "gate_score": 0.1},
    "recipes": ["gopher_quality_v1", "gopher_repetition_v1"],
    "thresholds": {"gopher_repetition_v1.max_top_2_gram_chars": 0.9},
}


def dropped_and_bytes(manifest: Manifest, out: Path) -> dict[str, dict[str, tuple[int, int]]]:
    """Documents and bytes that select dropped by source and rule, from the ledgers."""
    store = Store(str(out))
    documents: dict[str, Counter[str]] = {}
    sizes: dict[str, Counter[str]] = {}
    for block in plan_work(manifest, store).blocks:
        ingested = Commits(store, "ingest").load(block.ingest)
        length = pq.read_table(store.path(ingested["block"]), columns=["bytes"])["bytes"].to_pylist()
        ledger = Commits(store, "select").load(block.select)["ledger"]
        rows = pq.read_table(store.path(ledger)).to_pylist() if ledger else []
        rules = {row["row"]: row["rule"] for row in rows}
        for row, size in enumerate(length):
            documents.setdefault(block.source, Counter())[rules.get(row, KEPT)] += 1
            sizes.setdefault(block.source, Counter())[rules.get(row, KEPT)] += size
    return {
        name: {rule: (count, sizes[name][rule]) for rule, count in counts.items()} for name, counts in documents.items()
    }


def tallied(tallies: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    return {rule: (tally.documents, tally.bytes) for rule, tally in tallies.items() if tally.documents}


@pytest.mark.parametrize(
    "trials",
    [
        ["gopher_quality_v1.min_words=90"],
        ["language.min_score=0.55", "gopher_repetition_v1.max_top_2_gram_chars=0.06"],
        ["gopher_quality_v1.min_words=150", "gopher_quality_v1.max_words=300", "select.language=0.05"],
    ],
)
def test_the_counts_are_those_of_a_rebuild(toy_manifest: Make, tmp_path: Path, trials: list[str]):
    out = tmp_path / "out"
    before = toy_manifest(select=SELECT)
    run(before, out)
    result = what_if(Store(str(out)), parse_trials(trials))
    now = dropped_and_bytes(before, out)
    select = before.given["select"] | result.changes["select"]
    changed = check_manifest({**before.given, "select": select}, "m.yaml", {})
    run(changed, out)
    then = dropped_and_bytes(changed, out)
    assert now != then
    for name, effect in result.effects.items():
        assert tallied(effect.now) == now[name]
        assert tallied(effect.then) == then[name]
        difference = effect.comes_in.documents - effect.goes_out.documents
        assert difference == then[name][KEPT][0] - now[name][KEPT][0]
        assert len(effect.entering) == min(effect.comes_in.documents, EXAMPLES)
        assert len(effect.leaving) == min(effect.goes_out.documents, EXAMPLES)
        assert effect.gone_anyway.documents <= effect.goes_out.documents


def test_a_rule_of_ones_own_is_tried_too(toy_manifest: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Point:
        name, value = "letters", "tests.test_build:letters"

        def load(self) -> Any:
            return letters

    monkeypatch.setattr(sets, "entry_points", lambda group: [Point()] if group == sets.ENTRY_POINT_GROUP else [])
    sets._point.cache_clear()
    rules = [{"name": "short", "signal": "letters.count", "drop": "below", "threshold": 400}]
    out = tmp_path / "out"
    run(toy_manifest(select={"rules": rules}), out)
    result = what_if(Store(str(out)), {"short": 700.0})
    changed = toy_manifest(select=result.changes["select"])
    assert changed.select.rules[0].threshold == 700
    run(changed, out)
    then = dropped_and_bytes(changed, out)
    assert {name: tallied(effect.then) for name, effect in result.effects.items()} == then
    sets._point.cache_clear()


def test_a_threshold_on_quality_takes_the_place_of_chance(toy_manifest: Make, toy_files: Path, tmp_path: Path):
    model = toy_model(toy_files, tmp_path)
    out = tmp_path / "out"
    run(toy_manifest(select={"language": None, "quality": {"model": model}}, dedup=None), out)
    result = what_if(Store(str(out)), parse_trials(["quality=0.5"]))
    assert result.effects["left"].trials[0].now is None
    assert result.changes["select"]["quality"] == {"model": model, "threshold": 0.5}
    changed = toy_manifest(select={"language": None, **result.changes["select"]}, dedup=None)
    run(changed, out)
    then = dropped_and_bytes(changed, out)
    assert {name: tallied(effect.then) for name, effect in result.effects.items()} == then
    assert all(effect.comes_in.documents for effect in result.effects.values())


def test_one_source_gets_a_select_of_its_own(toy_manifest: Make, tmp_path: Path):
    out = tmp_path / "out"
    manifest = toy_manifest(select=SELECT)
    run(manifest, out)
    result = what_if(Store(str(out)), {"gopher_quality_v1.min_words": 90.0}, source="right", workers=1)
    assert list(result.effects) == ["right"]
    select = yaml.safe_load(result.manifest_lines)["sources"]["right"]["select"]
    assert select["thresholds"] == {**SELECT["thresholds"], "gopher_quality_v1.min_words": 90.0}
    assert select["recipes"] == SELECT["recipes"]
    assert select["language"] == SELECT["language"]


def test_nothing_changes_where_nothing_is_changed(toy_manifest: Make, tmp_path: Path):
    out = tmp_path / "out"
    run(toy_manifest(select=SELECT), out)
    result = what_if(Store(str(out)), {"gopher_repetition_v1.max_top_2_gram_chars": 0.9})
    assert not result.changes
    assert all(effect.now == effect.then for effect in result.effects.values())


def test_the_command_shows_lines_examples_and_json(toy_manifest: Make, tmp_path: Path):
    out, report = tmp_path / "out", tmp_path / "report.json"
    run(toy_manifest(select=SELECT), out)
    arguments = ["select", str(out), "--try", "gopher_quality_v1.min_words=90", "--json", str(report)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "gopher_quality_v1.min_words: 90" in done.output
    assert "are not recomputed" in done.output
    data = orjson.loads(report.read_bytes())
    example = data["sources"]["left"]["goes_out"]["examples"][0]
    assert example["id"].startswith("left:")
    assert example["value"] < example["threshold"] == 90


@pytest.mark.parametrize(
    ("trials", "message"),
    [
        (["min_words"], "expected RULE=NUMBER"),
        (["a=nan"], "expected RULE=NUMBER"),
        (["language=2"], "a score from 0 to 1"),
        (["a=1", "select.a=2"], "one value for a rule"),
        ([], "at least once"),
    ],
)
def test_words_that_are_no_trials(trials: list[str], message: str):
    with pytest.raises(PileError, match=message):
        parse_trials(trials)


def test_unknown_rules_and_sources_name_the_nearest(toy_manifest: Make, tmp_path: Path):
    out = tmp_path / "out"
    with pytest.raises(PileError, match="no build here"):
        what_if(Store(str(out)), {"a": 1.0})
    run(toy_manifest(select=SELECT), out)
    with pytest.raises(PileError, match=r"did you mean 'gopher_quality_v1.min_words'"):
        what_if(Store(str(out)), {"gopher_quality_v1.min_word": 1.0})
    with pytest.raises(PileError, match="did you mean 'right'"):
        what_if(Store(str(out)), {"gopher_quality_v1.min_words": 1.0}, source="rigth")
