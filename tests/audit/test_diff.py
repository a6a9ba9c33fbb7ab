"""What moved between two builds, against sets of ids and the manifests themselves."""

from collections.abc import Callable
from pathlib import Path

import orjson
from typer.testing import CliRunner

from pile_builder.audit.diff import compare_builds
from pile_builder.audit.documents import compare_documents
from pile_builder.cli import app
from pile_builder.differences import differences
from pile_builder.manifest import Manifest
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.storage import Store
from tests.audit.recount import kept_ids

Make = Callable[..., Manifest]


def test_two_builds_and_what_moved(toy_manifest: Make, tmp_path: Path):
    a, b = tmp_path / "a", tmp_path / "b"
    build(toy_manifest(), str(a), RunOptions())
    build(toy_manifest(select={"recipes": ["gopher_quality_v1"]}, mix={"test": 0.1}), str(b), RunOptions())
    found = compare_builds(Store(str(a)), Store(str(b)))
    assert not found["same"]
    assert {one["field"] for one in found["manifest"]} == {"select.recipes", "mix.test"}
    assert found["versions"] == []
    assert found["phases"] == ["annotate", "select", "dedup", "settle", "locate", "mix", "assemble"]
    before, now = kept_ids(a), kept_ids(b)
    for name in ("left", "right"):
        assert found["documents"][name] == {
            "only_first": len(before[name] - now[name]),
            "only_second": len(now[name] - before[name]),
            "both": len(before[name] & now[name]),
        }
        assert found["sources"][name]["kept"] == [len(before[name]), len(now[name])]
        assert found["sources"][name]["dropped"]["select.gopher_quality_v1.min_words"][0] == 0
    assert found["documents"]["left"]["only_first"] > 0
    same = compare_builds(Store(str(a)), Store(str(a)))
    assert same["same"]
    assert not same["manifest"] + same["phases"]
    runner = CliRunner()
    printed = runner.invoke(app, ["audit", "diff", str(a), str(b)]).output
    assert "select.recipes" in printed
    assert "gopher_quality_v1.min_words" in printed
    assert orjson.loads(runner.invoke(app, ["audit", "diff", str(a), str(b), "--json"]).output) == found


def test_passes_change_nothing(toy_manifest: Make, tmp_path: Path):
    stores, keys = [], []
    for name, options in (("a", {}), ("b", {"seed": 4, "select": {"recipes": ["gopher_quality_v1"]}})):
        build(toy_manifest(**options), str(tmp_path / name), RunOptions())
        stores.append(Store(str(tmp_path / name)))
        keys.append([one["key"] for one in orjson.loads((tmp_path / name / "work/story.json").read_bytes())["shards"]])
    assert compare_documents(stores, keys) == compare_documents(stores, keys, held=40)


def test_differences_of_nested_fields():
    before = {"a": {"b": [1], "c": None}, "d": 1}
    assert list(differences(before, {"a": {"b": [2], "c": None}, "e": 0})) == [
        ("a.b", [1], [2]),
        ("d", 1, None),
        ("e", None, 0),
    ]
    assert list(differences(before, before)) == []
