"""Privacy stand-ins and the quality classifier as parts of a build."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import yaml

from pile_builder.audit.explain import explain_document
from pile_builder.classifier.config import load_config
from pile_builder.classifier.train import train_classifier
from pile_builder.commits import Commits
from pile_builder.document import id64
from pile_builder.manifest import Manifest
from pile_builder.mixing.keyed import key, keyed_hash
from pile_builder.spans import apply_spans
from pile_builder.storage import Store
from pile_builder.text.column import from_strings
from pile_builder.work import plan_work
from tests.conftest import sentence
from tests.test_build import read_shards, run

Make = Callable[..., Manifest]


def test_addresses_are_replaced_where_they_stand(toy_files: Path, toy_manifest: Make, tmp_path: Path):
    filler = random.Random(11)
    before, after = sentence(filler, 40), sentence(filler, 40)
    with (toy_files / "0.txt").open("a") as file:
        file.write(f"{before} write to jane.roe@harbour-mail.net or ask 52.84.17.201 now {after}\n")
    select = {"language": None, "privacy": ["email", "ip"]}
    out = tmp_path / "out"
    run(toy_manifest(select=select), out)
    texts = {line["text"] for split in read_shards(out).values() for line in split}
    (masked,) = (text for text in texts if text.startswith(before))
    assert "harbour-mail" not in masked
    assert "52.84.17.201" not in masked
    assert "@example." in masked
    assert masked.endswith(f" now {after}")
    record = next(
        number for number, line in enumerate((toy_files / "0.txt").read_text().splitlines()) if "52.84" in line
    )
    (story,) = explain_document(Store(str(out)), f"0.txt#{record}")
    assert [span["rule"] for span in story["spans"]] == ["privacy.email", "privacy.ip"]
    assert (story["annotations"]["privacy.email"], story["annotations"]["privacy.ip"]) == (1, 1)
    report = orjson.loads((out / "report" / "privacy.json").read_bytes())["sources"]["left"]
    assert report["replaced"] == {"email": 1, "ip": 1}
    assert [sample["match"] for sample in report["samples"]] == ["j" + "*" * 23 + "t", "5" + "*" * 10 + "1"]


def test_privacy_and_line_rules_share_a_text(toy_manifest: Make, toy_files: Path, tmp_path: Path):
    """What settle merged is what both makers' spans leave, document by document."""
    filler = random.Random(12)
    lines = [
        f"{sentence(filler, 9)} a.b@mail-{i}.org {sentence(filler, 9)}.\\ncookie policy x@y-{i}.org" for i in range(20)
    ]
    (toy_files / "3.txt").write_text("\n".join(lines) + "\n")
    select = {"language": None, "recipes": ["c4_fineweb_v1"], "privacy": ["email"]}
    manifest = toy_manifest(select={**select, "thresholds": {"c4_fineweb_v1.min_sentences": 0}}, dedup=None)
    out = tmp_path / "out"
    run(manifest, out)
    store = Store(str(out))
    block = next(each for each in plan_work(manifest, store).blocks if each.name == "right/3.txt")
    settled = Commits(store, "settle").load(block.settle)
    texts = pq.read_table(store.path(Commits(store, "ingest").load(block.ingest)["block"]))["text"].to_pylist()
    spans = pq.read_table(store.path(settled["spans"]))["spans"].combine_chunks()
    edited = apply_spans(from_strings(texts), spans).to_arrow().to_pylist()
    assert len(edited) == len(lines)
    for text in edited:
        assert "@mail-" not in text
        assert "@example." in text
        assert "cookie" not in text
        assert "\n" not in text


def toy_model(toy_files: Path, folder: Path) -> str:
    """A quality model that knows `lantern` from `signal`; adds the files it is trained on to the toy files."""
    filler = random.Random(13)
    for name, word in (("good", "lantern"), ("bad", "signal")):
        rows = [{"text": f"{sentence(filler, 10)} {word} {word} {word}", "id": i} for i in range(60)]
        (toy_files / f"{name}.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    config = {
        "name": "toy",
        "root": str(toy_files),
        "positives": {"inputs": [{"files": ["good.jsonl"]}]},
        "negatives": {"inputs": [{"files": ["bad.jsonl"]}]},
        "window": "whole",
        "fasttext": {"dim": 8, "bucket": 2000, "epoch": 10, "lr": 0.5},
        "holdout": 0.3,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    model = str(folder / "model")
    train_classifier(load_config(folder / "config.yaml", {}), model, lambda *_: None, lambda *_: None)
    return model


def test_quality_keeps_by_the_pareto_rule(toy_files: Path, toy_manifest: Make, tmp_path: Path):
    model = toy_model(toy_files, tmp_path)
    manifest = toy_manifest(select={"language": None, "quality": {"model": model}}, dedup=None)
    out = tmp_path / "out"
    summary = run(manifest, out)
    store = Store(str(out))
    for block in plan_work(manifest, store).blocks:
        ids = pq.read_table(store.path(Commits(store, "ingest").load(block.ingest)["block"]))["id"].combine_chunks()
        sidecar = Commits(store, "annotate").load(block.sets["quality"])["object"]
        scores = pq.read_table(store.path(sidecar))["quality.score"].to_numpy()
        ledger: Any = Commits(store, "select").load(block.select)["ledger"]
        dropped = set(pq.read_table(store.path(ledger))["row"].to_pylist()) if ledger else set()
        draws = keyed_hash(key(manifest.seed, f"quality:{block.source}"), id64(ids)) / 2.0**64
        chance = (2 - scores) ** -3.0
        assert dropped == {row for row in range(len(ids)) if draws[row] >= chance[row]}
    assert sum(source["dropped"]["select.quality"] for source in summary["sources"].values()) > 10
