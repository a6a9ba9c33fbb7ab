"""Subsets of a build: nested, mixed as the whole, resumed, verified; the corpus itself does not notice them."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
import yaml
import zstandard
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from typer.testing import CliRunner

from pile_builder.audit.exports import verify_any
from pile_builder.audit.status import build_status
from pile_builder.audit.subsets import verify_subsets
from pile_builder.audit.verify import verify_corpus
from pile_builder.audit.verify_tokens import verify_export
from pile_builder.cli import app
from pile_builder.commits import Commits
from pile_builder.errors import BuildError, ManifestError, PileError
from pile_builder.export.config import Export
from pile_builder.export.corpus import open_corpus, read_documents
from pile_builder.manifest import Manifest, check_manifest
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.pipelines.exports import export_tokens
from pile_builder.pipelines.takedown import propose, take_down
from pile_builder.storage import TEMPORARY, Store
from pile_builder.takedown.look_up import Wanted
from tests.test_build import run

Make = Callable[..., Manifest]
SUBSETS = ["1/8", 0.5, "1/4", 20_000]


def lines_of(folder: Path) -> Counter[str]:
    """Every line of the shards in a folder, with how often it is there."""
    found: Counter[str] = Counter()
    for path in sorted(folder.rglob("*.jsonl.zst")):
        with path.open("rb") as file:
            data = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()
        found.update(orjson.loads(line)["text"] for line in data.splitlines())
    return found


def ids_of(out: Path, name: str) -> Counter[tuple[str, int]]:
    """Id and copy of every line of a subset, by the indexes of its shards."""
    store, found = Store(str(out)), Counter[tuple[str, int]]()
    commits = Commits(store, "subsets")
    for record in map(commits.load, sorted(commits.done())):
        if record["name"].startswith(f"subsets/{name}/"):
            table = pq.read_table(store.path(record["index"]))
            found.update(zip(table["id"].to_pylist(), table["copy"].to_pylist(), strict=True))
    return found


def problems(out: Path) -> list[str]:
    store = Store(str(out))
    return [problem for check in verify_corpus(store) for problem in check.problems] + [
        problem for _, check in verify_subsets(store) for problem in check.problems
    ]


def test_subsets_are_nested_mixed_as_the_whole_and_change_nothing(toy_manifest: Make, tmp_path: Path):
    plain = run(toy_manifest(), tmp_path / "plain")
    out = tmp_path / "out"
    manifest = toy_manifest(subsets=SUBSETS)
    summary = run(manifest, out)
    assert summary["digest"] == plain["digest"]
    assert summary["written"] == plain["written"]
    assert not problems(out)
    whole = lines_of(out / "corpus" / "train")
    texts, counts = {}, {}
    for one in summary["subsets"]:
        folder = out / one["folder"]
        texts[one["subset"]] = lines_of(folder)
        counts[one["subset"]] = one
        assert sum(len(text.encode()) * times for text, times in texts[one["subset"]].items()) == one["bytes"]
        assert (folder / "README.md").exists()
    assert list(texts) == ["1/2", "1/4", "1/8", "20000 bytes"]
    assert texts["1/2"] <= whole
    assert texts["1/4"] <= texts["1/2"]
    assert texts["1/8"] <= texts["1/4"]
    # A document in a subset is there with all its copies.
    assert all(whole[text] == times for text, times in texts["1/2"].items())
    assert ids_of(out, "1-8") <= ids_of(out, "1-4") <= ids_of(out, "1-2")
    longest = max(len(text.encode()) for text in whole) * 2
    for label, share in (("1/2", 1 / 2), ("1/4", 1 / 4), ("1/8", 1 / 8)):
        for name, source in counts[label]["sources"].items():
            trained = summary["sources"][name]["written"]["train"]["bytes"]
            assert abs(source["bytes"] - share * trained) <= max(longest, 0.005 * trained)
            assert abs(source["bytes"] - source["planned_bytes"]) <= longest / 2
            assert source["share"] == pytest.approx(source["bytes"] / trained, abs=1e-6)
    assert abs(counts["20000 bytes"]["bytes"] - 20_000) <= 2 * longest
    assert len(list((out / "corpus" / "subsets" / "1-2" / "train").iterdir())) > 1
    held = lines_of(out / "corpus") - whole
    assert not set(texts["1/2"]) & {text for text in held if text not in whole}


def test_the_seed_decides_who_is_in(toy_manifest: Make, tmp_path: Path):
    first, again, other = (
        run(toy_manifest(subsets=["1/4"], seed=seed), tmp_path / name)["subsets"][0]
        for seed, name in ((1, "a"), (1, "b"), (2, "c"))
    )
    assert first["digest"] == again["digest"] != other["digest"]
    assert ids_of(tmp_path / "a", "1-4") != ids_of(tmp_path / "c", "1-4")


def test_another_subset_redoes_nothing_else_and_one_less_goes(toy_manifest: Make, tmp_path: Path):
    out = tmp_path / "out"
    first = run(toy_manifest(subsets=["1/2"]), out)
    shard = out / "corpus" / "subsets" / "1-2" / "train" / "00000.jsonl.zst"
    written = {path: path.stat().st_mtime_ns for path in (out / "corpus").rglob("*.jsonl.zst")}
    more = toy_manifest(subsets=["1/2", "1/4"])
    todo = {row.phase: row.next for row in build_status(more, Store(str(out)))}
    assert todo.pop("subsets") == "writes 1/4"
    assert set(todo.values()) == {"nothing to do"}
    second = run(more, out)
    assert second["subsets"][0] == first["subsets"][0]
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert {row.next for row in build_status(more, Store(str(out)))} == {"nothing to do"}
    before = shard.read_bytes()
    shard.unlink()
    assert "missing" in problems(out)
    assert {row.phase: row.next for row in build_status(more, Store(str(out)))}["subsets"] == "rewrites 1 shards"
    run(more, out)
    assert shard.read_bytes() == before
    run(toy_manifest(), out)
    assert not (out / "corpus" / "subsets" / "1-2").exists()
    assert not problems(out)
    # Another mixture takes the corpus away, and its subsets with it.
    run(toy_manifest(subsets=["1/2"], mix={"validation": 0.1}), out)
    assert not problems(out)


def test_verify_notices_a_foreign_document_and_a_flipped_bit(toy_manifest: Make, tmp_path: Path):
    out = tmp_path / "out"
    run(toy_manifest(subsets=["1/2", "1/4"]), out)
    lock = yaml.safe_load((out / "manifest.lock.yaml").read_text())
    half, quarter = lock["subsets"]
    quarter["cuts"]["left"], kept = half["cuts"]["left"], quarter["cuts"]["left"]
    half["cuts"]["left"] = kept
    (out / "manifest.lock.yaml").write_text(yaml.safe_dump(lock))
    found = problems(out)
    assert any("do not belong to the subset" in problem for problem in found)
    assert any("does not lie inside" in problem for problem in found)
    shard = next((out / "corpus" / "subsets" / "1-4").rglob("*.zst"))
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    assert any("sha256" in problem for problem in problems(out))


def test_subsets_are_read_for_tokens(toy_manifest: Make, tmp_path: Path):
    out = tmp_path / "out"
    summary = run(toy_manifest(subsets=["1/4"]), out)
    store = Store(str(out))
    corpus = open_corpus(str(out), subset="0.25")
    assert corpus.digest == summary["subsets"][0]["digest"]
    by_split: dict[str, list[str]] = {}
    for shard in corpus.shards:
        for documents in read_documents(store, shard):
            by_split.setdefault(shard.shard.split, []).extend(documents.texts)
    assert len(by_split["train"]) == summary["subsets"][0]["pieces"]
    assert len(by_split["validation"]) == summary["written"]["validation"]["pieces"]
    folder = open_corpus(f"{out}/corpus/subsets/1-4")
    assert {shard.shard.split for shard in folder.shards} == {"train"}
    whole = open_corpus(f"{out}/corpus")
    assert not any("subsets" in shard.name for shard in whole.shards)
    with pytest.raises(PileError, match="unknown subset '1/3'"):
        open_corpus(str(out), subset="1/3")
    with pytest.raises(PileError, match="expected a finished build"):
        open_corpus(f"{out}/corpus", subset="1/4")


def test_what_is_taken_down_leaves_the_subsets_that_held_it(toy_manifest: Make, tmp_path: Path):
    out, listed = tmp_path / "out", tmp_path / "list.txt"
    manifest = toy_manifest(subsets=["1/2", "1/4"])
    first = run(manifest, out)
    identity = next(identity for identity, _ in sorted(ids_of(out, "1-2") - ids_of(out, "1-4")))
    store = Store(str(out))
    (text,) = {
        text
        for shard in open_corpus(str(out), subset="1/2").shards
        for documents in read_documents(store, shard)
        for found, text in zip(documents.ids, documents.texts, strict=True)
        if found == identity
    }
    quarter = {path: path.stat().st_mtime_ns for path in (out / "corpus" / "subsets" / "1-4").rglob("*.zst")}
    listed.write_text(f"{identity}\n")
    proposal = propose(store, Wanted(ids=frozenset({identity})), only_listed=True)
    second = take_down(store, proposal, "somebody", "asked", RunOptions())
    assert not any(text in lines_of(folder) for folder in (out / "corpus", out / "corpus" / "subsets"))
    assert {path: path.stat().st_mtime_ns for path in quarter} == quarter
    assert not problems(out)
    half = [one["subsets"][0] for one in (first, second)]
    assert half[0]["documents"] - half[1]["documents"] in (1, 2)
    assert second["subsets"][1]["bytes"] == first["subsets"][1]["bytes"]
    anew = run(toy_manifest(subsets=["1/2", "1/4"], takedowns=[str(listed)]), tmp_path / "anew")
    assert anew["subsets"] == second["subsets"]
    assert {row.next for row in build_status(manifest, store)} == {"nothing to do"}
    (out / "takedown.jsonl").unlink()
    assert run(manifest, out)["subsets"] == first["subsets"]


def test_text_of_a_subset_as_parquet_follows_it(toy_manifest: Make, tmp_path: Path):
    out = tmp_path / "out"
    summary = run(toy_manifest(subsets=["1/2"]), out)
    done = CliRunner().invoke(app, ["parquet", str(out), "--subset", "0.5"])
    assert done.exit_code == 0, done.output
    folder, store = out / "tokens" / "text-1-2", Store(str(out))

    def written() -> Counter[str]:
        parts = [pq.read_table(path)["text"].to_pylist() for path in sorted((folder / "data").glob("train*.parquet"))]
        return Counter(text for part in parts for text in part)

    assert written() == lines_of(out / "corpus" / "subsets" / "1-2")
    assert written().total() == summary["subsets"][0]["pieces"]
    checks = verify_any(Store(str(folder)), store)
    assert not [problem for check in checks for problem in check.problems]
    identity = min(identity for identity, _ in ids_of(out, "1-2"))
    take_down(store, propose(store, Wanted(ids=frozenset({identity})), only_listed=True), "x", "y", RunOptions())
    assert written() == lines_of(out / "corpus" / "subsets" / "1-2")
    assert "unknown subset '1/3'" in str(CliRunner().invoke(app, ["parquet", str(out), "--subset", "1/3"]).exception)
    assert "--subset" in str(CliRunner().invoke(app, ["parquet", str(out), "--subset", "half"]).exception)


def test_token_shards_of_a_subset_follow_it(toy_manifest: Make, tmp_path: Path, spec: str):
    out = tmp_path / "out"
    run(toy_manifest(subsets=["1/2"], dedup=None), out)
    store = Store(str(out))
    given = [Export(format="nanogpt", tokenizer=spec), Export(format="nanogpt", tokenizer=spec, subset="0.5")]
    whole, half = (export for _, export in export_tokens(str(out), given, RunOptions()))
    assert half["corpus"]["subset"] == "1/2"
    assert half["splits"]["train"]["tokens"] < 0.7 * whole["splits"]["train"]["tokens"]
    assert half["splits"]["test"]["tokens"] == whole["splits"]["test"]["tokens"]
    folders = sorted(path.name for path in (out / "tokens").iterdir())
    assert folders[1] == f"{folders[0]}-1-2"
    assert not [problem for name in folders for problem in export_problems(store, name)]
    identity = min(identity for identity, _ in ids_of(out, "1-2"))
    take_down(store, propose(store, Wanted(ids=frozenset({identity})), only_listed=True), "x", "y", RunOptions())
    assert not [problem for name in folders for problem in export_problems(store, name)]
    run(toy_manifest(dedup=None), out)
    assert any("another corpus" in problem or "digest" in problem for problem in export_problems(store, folders[1]))


def export_problems(store: Store, name: str) -> list[str]:
    checks = verify_export(Store(store.path(f"tokens/{name}")), store)
    return [problem for check in checks for problem in check.problems]


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A byte-level tokenizer without merges."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=257, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(["a b"], trainer)
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.save(str(path))
    return str(path)


def test_a_subset_loads_by_its_card(toy_manifest: Make, tmp_path: Path):
    datasets = pytest.importorskip("datasets")
    out = tmp_path / "out"
    summary = run(toy_manifest(subsets=["1/2"]), out)
    loaded = datasets.load_dataset(f"{out}/corpus/subsets/1-2", cache_dir=str(tmp_path / "cache"))
    assert {split: rows.num_rows for split, rows in loaded.items()} == {"train": summary["subsets"][0]["pieces"]}
    whole = datasets.load_dataset(f"{out}/corpus", cache_dir=str(tmp_path / "cache"))
    assert whole["train"].num_rows == summary["written"]["train"]["pieces"]


def test_wrong_subsets_are_errors(toy_manifest: Make, tmp_path: Path):
    with pytest.raises(ManifestError, match=r"subsets: expected a fraction such as 1/2.* got '3/2'"):
        toy_manifest(subsets=["3/2"])
    with pytest.raises(ManifestError, match="each subset once"):
        toy_manifest(subsets=["1/2", 0.5])
    exports: list[Any] = [{"format": "megatron", "tokenizer": "x", "subset": "1/3"}]
    with pytest.raises(ManifestError, match=r"exports.0.subset: unknown subset '1/3'.* 1/2"):
        toy_manifest(subsets=["1/2"], exports=exports)
    with pytest.raises(BuildError, match=r"less than the .* bytes of training text, got 1000000000 bytes"):
        run(toy_manifest(subsets=["1 GB"]), tmp_path / "out")


KILLED = """
import sys
from tests.pipelines.test_write_subsets import kill_target
kill_target(sys.argv[1], sys.argv[2])
"""


def kill_target(root: str, out: str) -> None:
    """Builds the toy corpus with subsets in a process of its own, to be killed."""
    from tests.conftest import register_toy, toy_data

    register_toy()
    data = toy_data(root) | {"subsets": ["1/2", "1/4", "1/8"]}
    build(check_manifest(data, f"{root}/m.yaml", {}), out, RunOptions())


def test_killed_while_subsets_are_written_ends_in_the_same_digests(toy_manifest: Make, toy_files: Path, tmp_path: Path):
    manifest = toy_manifest(subsets=["1/2", "1/4", "1/8"])
    expected = run(manifest, tmp_path / "whole")["subsets"]
    out = tmp_path / "killed"
    run(toy_manifest(), out)
    randomness = random.Random(5)
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(toy_files), str(out)], start_new_session=True)
        deadline = time.monotonic() + 60
        while not (out / "corpus" / "subsets").exists() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        time.sleep(randomness.uniform(0.0, 0.3))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert run(manifest, out)["subsets"] == expected
    assert not list(out.rglob(f"{TEMPORARY}*"))
    assert not problems(out)
