"""Exports: the files hold the token stream that `tokenizers` gives, whatever happens on the way."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import zstandard
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from pile_builder.audit.verify_tokens import verify_export
from pile_builder.commits import Commits
from pile_builder.errors import BuildError, ManifestError, PileError
from pile_builder.export import exported
from pile_builder.export.config import Export
from pile_builder.export.exported import export_shards, load_export
from pile_builder.export.megatron import Megatron
from pile_builder.pipelines import tokenize
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.pipelines.tokenize import tokenize_corpus
from pile_builder.storage import Store

END = "<|endoftext|>"
WORDS = ["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "", "stay\n\n\tas", "they", "are", "\n"]


def texts_of(shard: int) -> list[str]:
    """Documents of odd sizes, an empty one and one with the end token written out among them."""
    documents = [" ".join(WORDS[(i * 7 + shard + j) % len(WORDS)] for j in range(i % 40)) for i in range(60)]
    return [*documents, "", f"a{END}b", "ünï 東京 🙂", "x" * 500]


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A byte-level BPE of 400 ids."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=[END], initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts_of(0), trainer)
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.save(str(path))
    return str(path)


def write_shard(folder: Path, name: str, texts: list[str]) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"text": text, "meta": {"pile_set_name": f"S{i % 2}"}}) + "\n" for i, text in enumerate(texts)]
    path.write_bytes(zstandard.compress("".join(lines).encode()))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    for shard in range(3):
        write_shard(folder, f"train/{shard:05}.jsonl.zst", texts_of(shard))
    write_shard(folder, "validation.jsonl.zst", texts_of(9)[:20])
    return folder


def expected(spec: str, texts: list[str]) -> list[list[int]]:
    """Ids of each document with the end token, by `tokenizers` alone."""
    tokenizer = Tokenizer.from_file(spec)
    tokenizer.encode_special_tokens = True
    end = tokenizer.token_to_id(END)
    return [[*tokenizer.encode(text, add_special_tokens=False).ids, end] for text in texts]


def run(corpus: Path, out: Path, spec: str, form: str = "megatron", workers: int = 2, **options: Any) -> dict[str, Any]:
    export = Export(format=form, tokenizer=spec, out=str(out), options=options)
    return tokenize_corpus(str(corpus), [export], RunOptions(workers=workers))[0][1]


def contents(out: Path) -> dict[str, str]:
    """sha256 of every file that an export is made of."""
    files = [path for path in sorted(out.rglob("*")) if path.is_file() and "work" not in path.parts]
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def problems(out: Path) -> list[str]:
    return [problem for check in verify_export(Store(str(out))) for problem in check.problems]


def documents_in(out: Path) -> dict[str, list[list[int]]]:
    """What the files of each split hold, by the format's own reader."""
    export, form = load_export(Store(str(out)))
    found: dict[str, list[list[int]]] = {}
    for shard in export_shards(export):
        if shard.split not in found or not isinstance(form, Megatron):
            for file in shard.files:
                for batch in form.read(Store(str(out)), file):
                    pieces = np.split(batch.tokens, batch.ends[:-1])
                    found.setdefault(shard.split, []).extend(piece.tolist() for piece in pieces)
    return found


def test_files_hold_the_reference_ids_of_every_document_in_order(corpus: Path, tmp_path: Path, spec: str):
    export = run(corpus, tmp_path / "out", spec)
    train = [ids for shard in range(3) for ids in expected(spec, texts_of(shard))]
    validation = expected(spec, texts_of(9)[:20])
    assert documents_in(tmp_path / "out") == {"train": train, "validation": validation}
    assert export["splits"]["train"]["tokens"] == sum(map(len, train))
    for shard in range(3):
        stream = np.array([one for ids in expected(spec, texts_of(shard)) for one in ids], "<u4")
        assert export["shards"][shard]["digest"] == hashlib.sha256(stream.tobytes()).hexdigest()
    by_source = {source: sum(copies.values()) for source, copies in export["splits"]["train"]["sources"].items()}
    odd = sum(len(ids) for shard in range(3) for ids in expected(spec, texts_of(shard))[1::2])
    assert by_source == {"S0": sum(map(len, train)) - odd, "S1": odd}
    assert problems(tmp_path / "out") == []


def test_workers_and_a_second_run_change_nothing(corpus: Path, tmp_path: Path, spec: str):
    run(corpus, tmp_path / "one", spec, workers=1)
    run(corpus, tmp_path / "four", spec, workers=4)
    assert contents(tmp_path / "one") == contents(tmp_path / "four")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "one").glob("*.bin")}
    run(corpus, tmp_path / "one", spec)
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_a_changed_shard_is_encoded_alone_and_the_rest_comes_from_the_merged_file(
    corpus: Path, tmp_path: Path, spec: str, monkeypatch: pytest.MonkeyPatch
):
    run(corpus, tmp_path / "out", spec)
    write_shard(corpus, "train/00001.jsonl.zst", texts_of(5)[3:])
    read: list[str] = []
    reader = tokenize.read_documents
    monkeypatch.setattr(
        tokenize, "read_documents", lambda store, shard: read.append(shard.name) or reader(store, shard)
    )
    run(corpus, tmp_path / "out", spec)
    assert read == ["train/00001.jsonl.zst"]
    run(corpus, tmp_path / "fresh", spec)
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")
    assert problems(tmp_path / "out") == []


@pytest.mark.parametrize("place", ["shard", "merge before its record", "merge after its record", "at the end"])
def test_killed_and_run_again_ends_in_the_same_bytes(
    corpus: Path, tmp_path: Path, spec: str, monkeypatch: pytest.MonkeyPatch, place: str
):
    run(corpus, tmp_path / "fresh", spec)
    run(corpus, tmp_path / "out", spec)
    write_shard(corpus, "train/00001.jsonl.zst", texts_of(5)[3:])
    run(corpus, tmp_path / "fresh", spec)
    with monkeypatch.context() as patch:
        if place == "at the end":
            patch.setattr(tokenize, "remove_strangers", fail)
        elif place == "merge after its record":
            patch.setattr(tokenize, "export_json", fail)
        else:
            phase = exported.SHARDS if place == "shard" else exported.MERGES
            putting = tokenize._put_in_place

            def put(commits: Any, *arguments: Any) -> None:
                putting(commits, *arguments)
                if commits.phase == phase:
                    fail()

            patch.setattr(tokenize, "_put_in_place", put)
        with pytest.raises((BuildError, OSError)):
            run(corpus, tmp_path / "out", spec)
    run(corpus, tmp_path / "out", spec)
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")
    assert problems(tmp_path / "out") == []


def fail(*_: Any) -> None:
    raise OSError("pulled the plug")


def test_other_options_leave_nothing_of_the_old_export(corpus: Path, tmp_path: Path, spec: str):
    run(corpus, tmp_path / "out", spec, key="content")
    run(corpus, tmp_path / "out", spec)
    run(corpus, tmp_path / "fresh", spec)
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


def test_a_merge_reads_no_record_that_another_split_may_take_away(
    corpus: Path, tmp_path: Path, spec: str, monkeypatch: pytest.MonkeyPatch
):
    run(corpus, tmp_path / "out", spec, key="content")
    merging, listed = tokenize.MergeSplit.__call__, Commits.done

    def merge(self: tokenize.MergeSplit, task: dict[str, Any]) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(Commits, "done", lambda commits: listed(commits) | {"listed and removed since"})
            return merging(self, task)

    monkeypatch.setattr(tokenize.MergeSplit, "__call__", merge)
    run(corpus, tmp_path / "out", spec, workers=1)
    monkeypatch.undo()
    run(corpus, tmp_path / "fresh", spec)
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


@pytest.mark.parametrize("phase", [exported.SHARDS, exported.MERGES])
def test_a_damaged_record_is_said_and_the_next_run_makes_it_again(corpus: Path, tmp_path: Path, spec: str, phase: str):
    run(corpus, tmp_path / "out", spec)
    whole = contents(tmp_path / "out")
    record = min((tmp_path / "out" / "work" / phase).glob("*.json"))
    record.write_bytes(record.read_bytes().replace(b'"split":"', b'"split":"x', 1))
    with pytest.raises(PileError, match=rf"{record.name} is damaged: it is not what was written"):
        run(corpus, tmp_path / "out", spec)
    run(corpus, tmp_path / "out", spec)
    assert contents(tmp_path / "out") == whole
    assert problems(tmp_path / "out") == []


def test_damage_is_found_and_a_file_that_was_removed_is_written_again(corpus: Path, tmp_path: Path, spec: str):
    run(corpus, tmp_path / "out", spec)
    path = tmp_path / "out" / "train_text_document.bin"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    assert any("sha256" in problem for problem in problems(tmp_path / "out"))
    entry = json.loads((tmp_path / "out" / "export.json").read_text())
    for shard in entry["shards"]:
        for file in shard["files"]:
            file["sha256"] = hashlib.sha256((tmp_path / "out" / file["name"]).read_bytes()).hexdigest()
    (tmp_path / "out" / "export.json").write_text(json.dumps(entry))
    assert any("token stream" in problem for problem in problems(tmp_path / "out"))
    path.unlink()
    run(corpus, tmp_path / "out", spec)
    assert problems(tmp_path / "out") == []


@pytest.mark.parametrize("kind", ["parquet", "tail"])
def test_damage_beside_the_files_is_found_and_what_was_removed_is_written_again(
    corpus: Path, tmp_path: Path, spec: str, kind: str
):
    run(corpus, tmp_path / "out", spec, "tfrecord", window=64)
    whole = contents(tmp_path / "out")
    path = max((tmp_path / "out" / "provenance").glob(f"*.{kind}"))
    path.write_bytes(path.read_bytes()[:-2])
    assert any(f"{path.name} is damaged" in problem for problem in problems(tmp_path / "out"))
    path.unlink()
    assert any(f"{path.name} is damaged or missing" in problem for problem in problems(tmp_path / "out"))
    run(corpus, tmp_path / "out", spec, "tfrecord", window=64)
    assert contents(tmp_path / "out") == whole


@pytest.mark.parametrize("name", ["train_text_document.bin", "validation_text_document.idx"])
def test_a_file_that_was_cut_is_written_again(corpus: Path, tmp_path: Path, spec: str, name: str):
    run(corpus, tmp_path / "out", spec)
    whole = contents(tmp_path / "out")
    path = tmp_path / "out" / name
    path.write_bytes(path.read_bytes()[:-5])
    run(corpus, tmp_path / "out", spec)
    assert contents(tmp_path / "out") == whole


def test_provenance_says_where_every_document_begins(corpus: Path, tmp_path: Path, spec: str):
    run(corpus, tmp_path / "out", spec)
    rows = pq.read_table(tmp_path / "out" / "provenance" / "train-00001.parquet").to_pylist()
    ids = expected(spec, texts_of(1))
    assert [row["id"] for row in rows] == [f"train/00001.jsonl.zst:{i + 1}" for i in range(len(ids))]
    assert [row["tokens"] for row in rows] == [len(each) for each in ids]
    assert [row["offset"] for row in rows] == np.cumsum([0, *map(len, ids)])[:-1].tolist()
    assert [row["sequence"] for row in rows] == list(range(len(ids)))


def test_errors_name_what_is_wrong_and_what_to_do(corpus: Path, tmp_path: Path, spec: str):
    with pytest.raises(ManifestError, match="unknown format 'megatorn'; did you mean 'megatron'"):
        run(corpus, tmp_path / "out", spec, "megatorn")
    with pytest.raises(ManifestError, match="unknown key 'windows'"):
        run(corpus, tmp_path / "out", spec, windows=3)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(PileError, match="expected a new or empty folder"):
        run(corpus, tmp_path / "full", spec)
    write_shard(corpus, "train/00000.jsonl.zst", ["fine"])
    (corpus / "train" / "00000.jsonl.zst").write_bytes(zstandard.compress(b'{"text": "fine"}\n{"content": 1}\n'))
    with pytest.raises(BuildError, match=r'00000.jsonl.zst, line 2: expected a JSON object with a field "text"'):
        run(corpus, tmp_path / "out", spec)


LIMITS = {"mds": {"file_bytes": 1_500}, "parquet": {"file_bytes": 1_500}, "datatrove": {"file_tokens": 500}}


@pytest.mark.parametrize("form", LIMITS)
@pytest.mark.parametrize("options", [{}, {"shuffle": True}, {"multiple": 4}, {"shuffle": True, "multiple": 3}])
def test_provenance_finds_every_document_in_windows(
    corpus: Path, tmp_path: Path, spec: str, form: str, options: dict[str, Any]
):
    run(corpus, tmp_path / "out", spec, form, unit="windows", window=32, **LIMITS[form], **options)
    export, reader = load_export(Store(str(tmp_path / "out")))
    assert problems(tmp_path / "out") == []
    for number, shard in enumerate(export_shards(export)[:3]):
        windows = {
            file.name: [
                batch.slice(i, i + 1).tokens.tolist()
                for batch in reader.read(Store(str(tmp_path / "out")), file)
                for i in range(len(batch))
            ]
            for file in shard.files
            if file.sequences
        }
        assert len(windows) > 1
        assert all(len(found) % options.get("multiple", 1) == 0 for found in windows.values())
        table = pq.read_table(tmp_path / "out" / "provenance" / f"train-{number:05}.parquet")
        ids = expected(spec, texts_of(number))
        for row, document in zip(table.to_pylist(), ids, strict=True):
            if row["file"] is None:
                assert row["offset"] >= shard.written
            else:
                window = windows[row["file"]][row["sequence"]][row["position"] :]
                shared = min(len(window), len(document))
                assert window[:shared] == document[:shared]
                assert shared


def test_other_stores_are_uploaded_to(corpus: Path, tmp_path: Path, spec: str):
    run(corpus, tmp_path / "out", spec)
    export = Export(format="megatron", tokenizer=spec, out=f"memory://{tmp_path.name}/out")
    tokenize_corpus(str(corpus), [export], RunOptions(workers=2))
    store = Store(export.out)
    for path in (tmp_path / "out").glob("train_text_document.*"):
        assert store.read(path.name) == path.read_bytes()
    assert not [problem for check in verify_export(store) for problem in check.problems]
    tokenize_corpus(str(corpus), [export], RunOptions(workers=2))


def test_a_manifest_writes_its_exports(toy_manifest: Any, tmp_path: Path, spec: str):
    exports = [
        {"format": "megatron", "tokenizer": spec},
        {"format": "mds", "tokenizer": spec, "out": "shards", "splits": ["train"], "options": {"window": 64}},
    ]
    out = tmp_path / "built"
    summary = build(toy_manifest(exports=exports), str(out), RunOptions())
    by_folder = {one["folder"]: one for one in summary["exports"]}
    assert {name: one["format"] for name, one in by_folder.items()} == {
        f"tokens/{Path(spec).parent.name}-megatron": "megatron",
        "shards": "mds",
    }
    for name in by_folder:
        checks = list(verify_export(Store(str(out / name)), Store(str(out))))
        assert checks
        assert not [problem for check in checks for problem in check.problems]
    assert set(by_folder["shards"]["tokens"]) == {"train"}
    with pytest.raises(ManifestError, match=r"exports.0.options: .*unknown key 'windw'"):
        toy_manifest(exports=[{"format": "mds", "tokenizer": spec, "options": {"windw": 3}}])
