"""`pile classifier train` from configuration to folder: same inputs, same model; caps, splits, refusals."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import yaml
import zstandard
from typer.testing import CliRunner

from pile_builder.annotate.quality import QualityModel, quality_batch
from pile_builder.classifier.config import Input, load_config
from pile_builder.classifier.documents import identity, texts
from pile_builder.classifier.examples import write_examples
from pile_builder.classifier.train import train_classifier
from pile_builder.cli import app
from pile_builder.errors import ManifestError, PileError
from pile_builder.manifest import Manifest
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.text.column import from_strings

GOOD = "harbour lantern tide letter winter orchard measure evidence theorem river chapter argument"
BAD = "click price cart login cookie subscribe offer share discount menu newsletter checkout"
BOTH = "the a of and to in is it for on with as"
SMALL = {"dim": 8, "bucket": 2000, "epoch": 10, "lr": 0.5}


def _texts(words: str, count: int, seed: int, length: int = 60) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choices(f"{words} {BOTH}".split(), k=length)) for _ in range(count)]


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    lines = [orjson.dumps({"text": text, "id": i}) + b"\n" for i, text in enumerate(_texts(GOOD, 120, 1))]
    (tmp_path / "good.jsonl.zst").write_bytes(zstandard.compress(b"".join(lines)))
    (tmp_path / "bad").mkdir()
    for i, text in enumerate(_texts(BAD, 100, 2)):
        (tmp_path / "bad" / f"{i:03d}.txt").write_text(text)
    return tmp_path


def _config(folder: Path, name: str = "config.yaml", **other: Any) -> Path:
    data = {
        "name": "test",
        "root": "${HERE}",
        "positives": {"inputs": [{"files": ["good.jsonl.zst"]}]},
        "negatives": {"inputs": [{"files": ["bad"]}]},
        "fasttext": SMALL,
        "holdout": 0.3,
    }
    path = folder / name
    path.write_text(yaml.safe_dump(data | other))
    return path


def _train(path: Path, out: Path) -> dict[str, Any]:
    config = load_config(path, {"HERE": str(path.parent)})
    return train_classifier(config, str(out), lambda what, count: None, lambda line: None)


def test_the_same_inputs_make_the_same_model_however_they_lie(inputs: Path) -> None:
    report = _train(_config(inputs), inputs / "one")
    assert report["heldout"]["auc"] > 0.99
    assert report["words"]["positive"][0][0] in GOOD.split()
    assert report["words"]["negative"][0][0] in BAD.split()
    again = _train(_config(inputs), inputs / "one")
    assert again == report
    (inputs / "moved").mkdir()
    lines = [orjson.dumps({"body": text}) + b"\n" for text in _texts(GOOD, 120, 1)[::-1]]
    for name, part in (("a.jsonl", lines[:50]), ("b.ndjson", lines[50:])):
        (inputs / "moved" / name).write_bytes(b"".join(part))
    positives = {"inputs": [{"files": ["moved/*"], "field": "body"}]}
    moved = _train(_config(inputs, "moved.yaml", positives=positives), inputs / "two")
    assert moved == report
    assert _train(_config(inputs, seed=2), inputs / "three")["model"]["sha256"] != report["model"]["sha256"]


def test_what_is_written(inputs: Path) -> None:
    report = _train(_config(inputs, lower=True, window="whole"), inputs / "out")
    out = inputs / "out"
    assert sorted(path.name for path in out.iterdir()) == ["config.lock.yaml", "curve.svg", "model.bin", "report.json"]
    assert orjson.loads((out / "report.json").read_bytes()) == report
    text = (out / "config.lock.yaml").read_text()
    assert str(inputs) not in text
    lock = yaml.safe_load(text)
    assert lock["config"]["root"] == "${HERE}"
    assert [one["file"] for one in lock["inputs"]["positive"]] == ["good.jsonl.zst"]
    assert len(lock["inputs"]["negative"]) == 100
    model = QualityModel.load(out)
    assert (model.window, model.lower) == ("whole", True)
    scores = quality_batch(from_strings([GOOD.upper(), BAD]), model)["quality.score"].to_pylist()
    assert scores[0] > 0.9 > 0.1 > scores[1]
    assert not [path for path in inputs.iterdir() if path.name.startswith(".writing-")]
    (out / "model.bin").write_bytes(b"other")
    with pytest.raises(ManifestError, match="train it again"):
        QualityModel.load(out)


def test_quantized(inputs: Path) -> None:
    config = _config(inputs, quantize=True, fasttext=SMALL | {"bucket": 1000, "dim": 16})
    report = _train(config, inputs / "out")
    assert report["model"]["file"] == "model.ftz"
    assert report["model"]["bytes"] < 1000 * 16 * 4
    assert report["heldout"]["auc"] > 0.99
    assert _train(config, inputs / "again")["model"] == report["model"]


def test_caps_are_nested_samples_and_copies_stay_on_one_side(inputs: Path) -> None:
    taken = []
    for i, cap in enumerate([{"max_documents": 20}, {"max_documents": 60}, {"max_bytes": 9000}, {}]):
        config = load_config(
            _config(inputs, positives={"inputs": [{"files": ["good.jsonl.zst"]}] * 2, **cap}), {"HERE": str(inputs)}
        )
        (inputs / f"work{i}").mkdir()
        made = write_examples(config, inputs / f"work{i}", lambda what, count: None)
        count = made.counts["positive"]
        training = [line for line in made.training.read_text().splitlines() if "positive" in line.split()[0]]
        heldout = made.heldout["positive"].read_text().splitlines()
        assert (len(training), len(heldout)) == (count.training_lines, count.heldout_lines)
        shown = [line.split(" ", 1)[1] for line in training]
        assert not set(shown) & set(heldout)
        taken.append(set(shown + heldout))
        if "max_documents" in cap:
            assert count.taken == cap["max_documents"]
        if "max_bytes" in cap:
            assert 9000 <= count.bytes < 10_000
    assert taken[0] < taken[1] < taken[3]
    assert taken[2] < taken[3]


def test_training_lines_are_mixed_and_long_documents_give_several(inputs: Path) -> None:
    (inputs / "long.txt").write_text(" ".join(_texts(GOOD, 40, 3, length=200)))
    positives = {"inputs": [{"files": ["good.jsonl.zst", "long.txt"]}], "windows": 5}
    config = load_config(_config(inputs, positives=positives, holdout=0.01), {"HERE": str(inputs)})
    (inputs / "work").mkdir()
    made = write_examples(config, inputs / "work", lambda what, count: None)
    lines = made.training.read_text().splitlines()
    assert made.counts["positive"].training_lines + made.counts["positive"].heldout_lines == 120 + 5
    is_positive = np.array(["positive" in line.split()[0] for line in lines])
    assert 0.3 < is_positive[:60].mean() < 0.8
    assert all(line.split()[0] in ("__label__positive", "__label__negative") for line in lines)


def test_blocks_of_a_build(toy_manifest: Callable[..., Manifest], tmp_path: Path) -> None:
    summary = build(toy_manifest(), str(tmp_path / "corpus"), RunOptions())
    given = {"build": "corpus", "sources": ["left"]}
    found = list(texts(Input.model_validate(given), str(tmp_path)))
    left = summary["sources"]["left"]
    assert len(found) == left["kept"]
    assert sum(len(text.encode()) for text in found) == left["kept_bytes"]
    every = list(texts(Input.model_validate(given | {"documents": "all"}), str(tmp_path)))
    ingested = left["read"] - sum(count for rule, count in left["dropped"].items() if rule.startswith("ingest."))
    assert len(every) == ingested > len(found)
    known = identity(Input.model_validate(given), str(tmp_path))
    assert known[0]["digest"] == summary["digest"]
    assert known[0]["sources"] == ["left"]
    with pytest.raises(PileError, match="unknown source 'lefft'; did you mean 'left'"):
        list(texts(Input.model_validate(given | {"sources": ["lefft"]}), str(tmp_path)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"positve": 1}, "did you mean 'positives'"),
        ({"fasttext": {"dimension": 3}}, "fasttext.dimension: unknown key 'dimension'; did you mean 'dim'"),
        ({"positives": {"inputs": [{"files": ["x"], "build": "y"}]}}, "expected either files or build"),
        ({"positives": {"inputs": [{"files": ["x"], "sources": ["y"]}]}}, "sources belongs to build"),
        ({"window": "page"}, "window: input should be 'pile' or 'whole'"),
        ({"window": "whole", "positives": {"inputs": [{"files": ["x"]}], "windows": 2}}, "windows: expected 1"),
        ({"root": "${NOWHERE}"}, "NOWHERE"),
    ],
)
def test_configurations_that_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ManifestError, match=r"config\.yaml") as refused:
        load_config(_config(tmp_path, **change), {"HERE": str(tmp_path)})
    assert message in str(refused.value)


def test_inputs_and_folders_that_are_refused(inputs: Path) -> None:
    (inputs / "mine").mkdir()
    (inputs / "mine" / "notes.txt").write_text("keep me")
    with pytest.raises(PileError, match="earlier classifier"):
        _train(_config(inputs), inputs / "mine")
    (inputs / "broken.jsonl").write_text('{"text": "a"}\n{"body": "b"}\n')
    with pytest.raises(PileError, match=r"broken\.jsonl, line 2: expected a JSON object with a field 'text'"):
        _train(_config(inputs, positives={"inputs": [{"files": ["broken.jsonl"]}]}), inputs / "out")
    (inputs / "blank.txt").write_text(" \n ")
    with pytest.raises(PileError, match="positives: expected text to train with"):
        _train(_config(inputs, positives={"inputs": [{"files": ["blank.txt"]}]}), inputs / "out")
    with pytest.raises(PileError, match="run `pile build` first"):
        _train(_config(inputs, positives={"inputs": [{"build": "mine"}]}), inputs / "out")
    assert not (inputs / "out").exists()


def test_the_command(inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", str(inputs))
    result = CliRunner().invoke(app, ["classifier", "train", str(_config(inputs)), "--out", str(inputs / "out")])
    assert result.exit_code == 0, result.output
    assert "AUC" in result.output
    assert "reading positives: 120 documents" in result.output
