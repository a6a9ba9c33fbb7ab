"""The folder of a cached seqio Task; tests/readers/test_seqio.py reads one with seqio itself."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from pile_builder.errors import ManifestError, PileError
from pile_builder.export.examples import frame_examples
from pile_builder.export.format import ExportShard, ShardFile, ShardName, TokenFormat, Vocabulary, make_format
from pile_builder.storage import Store
from tests.export.example_bytes import GPT2, STORE, batch, example, export, frame, lists


def seqio(vocabulary: Vocabulary = GPT2, **options: Any) -> TokenFormat:
    return make_format("seqio", options, vocabulary, "options")


def test_files_are_named_as_seqio_counts_them(tmp_path: Path) -> None:
    """There is a file for every shard, even for one without windows."""
    form = seqio(window=4)
    shards = export(form, tmp_path, [list(range(9)), [1, 2], list(range(20, 24))])
    names = [file.name for shard in shards for file in shard.files]
    assert names == [f"pile/train.tfrecord-{number:05}-of-00003" for number in range(3)]
    assert [file.sequences for shard in shards for file in shard.files] == [2, 0, 1]
    store = Store(str(tmp_path))
    read = [lists(form.read(store, file)) for shard in shards for file in shard.files]
    assert read == [[[0, 1, 2, 3], [4, 5, 6, 7]], [], [[20, 21, 22, 23]]]
    first = (tmp_path / names[0]).read_bytes()
    assert first == frame(example("targets", [0, 1, 2, 3])) + frame(example("targets", [4, 5, 6, 7]))


def test_info_and_stats(tmp_path: Path) -> None:
    form = seqio(window=4, task="corpora:pile.v1")
    shards = export(form, tmp_path, [list(range(9)), list(range(21))])
    shards += export(form, tmp_path, [[1, 2]], "test")
    extras = form.extras(STORE, shards)
    folder = "corpora/pile.v1"
    kinds = ("info", "stats")
    assert set(extras) == {
        "tasks.py",
        f"{folder}/COMPLETED",
        *(f"{folder}/{kind}.{split}.json" for kind in kinds for split in ("train", "test")),
    }
    assert json.loads(extras[f"{folder}/info.train.json"]) == {
        "features": {"targets": {"dtype": "int32", "shape": [None]}},
        "num_shards": 2,
        "seqio_version": "0.0.20",
    }
    train, test = (json.loads(extras[f"{folder}/stats.{split}.json"]) for split in ("train", "test"))
    assert train == {"examples": 7, "targets_tokens": 28, "targets_max_tokens": 4}
    assert test == {"examples": 0, "targets_tokens": 0, "targets_max_tokens": 0}


def test_a_kept_tail_is_an_example(tmp_path: Path) -> None:
    form = seqio(window=4, tail="keep")
    (shard,) = export(form, tmp_path, [list(range(5))])
    (file,) = shard.files
    assert lists(form.read(Store(str(tmp_path)), file)) == [[0, 1, 2, 3], [4]]
    assert json.loads(form.extras(STORE, [shard])["pile/stats.train.json"])["examples"] == 2


def test_documents(tmp_path: Path) -> None:
    """As long as they are; their longest is not known."""
    form = seqio(unit="documents")
    writer = form.shard(tmp_path, ShardName("train", 0, 1))
    documents = [[5, 50_256], list(range(5000)), [50_256]]
    writer.write(batch(documents[:1]))
    writer.write(batch(documents[1:]))
    files = writer.close()
    assert lists(form.read(Store(str(tmp_path)), files[0])) == documents
    shard = ExportShard("0.jsonl", "train", 3, 5003, 5003, files, {})
    assert json.loads(form.extras(STORE, [shard])["pile/stats.train.json"]) == {"examples": 3, "targets_tokens": 5003}


@pytest.mark.parametrize("end_token", ["<|endoftext|>", '"""', "'''\\", "\n{end}"])
def test_tasks_is_python_whatever_the_end_token(tmp_path: Path, end_token: str) -> None:
    form = seqio(Vocabulary("odd", 300, 7, end_token), window=4, task="corpora:pile")
    text = form.extras(STORE, export(form, tmp_path, [[1] * 9]))["tasks.py"].decode()
    assert "windows of 4 token ids" in str(ast.get_docstring(ast.parse(text)))
    assert "PassThroughVocabulary(300, eos_id=7), add_eos=False" in text
    assert "'train': os.path.join(FOLDER, 'corpora/pile/train.tfrecord-*-of-00001')," in text
    assert '#     TASK_FEATURE_LENGTHS = {"targets": 4}' in text


def test_damaged_files_are_named(tmp_path: Path) -> None:
    form = seqio(window=2)
    data = frame_examples(batch([[1, 2], [3, 4]]), "targets").tobytes()
    name = "pile/train.tfrecord-00000-of-00001"
    (tmp_path / "pile").mkdir()
    (tmp_path / name).write_bytes(data[:-1])
    with pytest.raises(PileError, match=f"{name}: record at byte {len(data) // 2}: expected"):
        list(form.read(Store(str(tmp_path)), ShardFile(name, 2, 4)))


@pytest.mark.parametrize("task", ["", "a b", "../up", "a:", ":a", "a::b", "a/b", "a:..:b"])
def test_task_names_are_those_of_seqio(task: str) -> None:
    with pytest.raises(ManifestError, match="task"):
        seqio(task=task)


def test_vocabularies_that_do_not_fit() -> None:
    with pytest.raises(ManifestError, match="expected a vocabulary of at most 2,147,483,647 ids"):
        seqio(Vocabulary("large", 1 << 31, 0, "<end>"))
