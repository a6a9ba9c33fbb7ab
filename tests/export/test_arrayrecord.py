"""ArrayRecord files, written and read through the array_record library. Their Examples are those of TFRecord files."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from array_record.python import array_record_module

from pile_builder.errors import ManifestError, PileError
from pile_builder.export import examples
from pile_builder.export.format import ShardFile, ShardName, Vocabulary, make_format
from pile_builder.storage import Store
from tests.export.example_bytes import example
from tests.export.shards import GPT2, batch_of, documents, export, read_shard, sequences_of, write_shard

NAME = ShardName("train", 3, 30)
FILE = "train.array_record-00003-of-00030"


def test_too_long_examples_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "LONGEST", 100)
    form = make_format("arrayrecord", {"unit": "documents"}, GPT2, "options")
    with pytest.raises(PileError, match=rf"{FILE}: expected sequences that fit .* got one of 150 tokens"):
        write_shard(form, tmp_path, NAME, [batch_of([[1] * 150])])


@pytest.mark.parametrize("unit", ["documents", "windows"])
def test_records_of_a_file(tmp_path: Path, unit: str) -> None:
    form = make_format("arrayrecord", {"unit": unit, "window": 64, "feature": "inputs"}, GPT2, "options")
    batch = documents(1, 100)
    files = write_shard(form, tmp_path, NAME, [batch, batch])
    stream = np.concatenate([batch.tokens, batch.tokens])
    windows = [stream[start : start + 64].tolist() for start in range(0, len(stream), 64)]
    expected = sequences_of([batch, batch]) if unit == "documents" else windows
    assert files == [ShardFile(FILE, len(expected), len(stream))]
    reader = array_record_module.ArrayRecordReader(str(tmp_path / FILE))
    assert "group_size:1," in reader.writer_options_string()
    assert reader.read_all() == [example("inputs", sequence) for sequence in expected]
    reader.close()
    assert sequences_of(read_shard(form, tmp_path, files)) == expected


def test_shuffled_windows_are_all_there(tmp_path: Path) -> None:
    batch = documents(1, 200)
    plain, shuffled = (
        make_format("arrayrecord", {"window": 16, "shuffle": on}, GPT2, "options") for on in (False, True)
    )
    first = sequences_of(read_shard(plain, tmp_path / "a", write_shard(plain, tmp_path / "a", NAME, [batch])))
    second = sequences_of(read_shard(shuffled, tmp_path / "b", write_shard(shuffled, tmp_path / "b", NAME, [batch])))
    assert first != second
    assert sorted(first) == sorted(second)


def test_the_tail_is_dropped_on_request(tmp_path: Path) -> None:
    form = make_format("arrayrecord", {"window": 64, "tail": "drop"}, GPT2, "options")
    batch = documents(1, 100)
    files = write_shard(form, tmp_path, NAME, [batch])
    assert files == [ShardFile(FILE, len(batch.tokens) // 64, len(batch.tokens) // 64 * 64)]


def test_files_are_the_same_every_time(tmp_path: Path) -> None:
    form = make_format("arrayrecord", {"window": 64}, GPT2, "options")
    for folder in ("a", "b"):
        write_shard(form, tmp_path / folder, NAME, [documents(1, 1000)])
    assert (tmp_path / "a" / FILE).read_bytes() == (tmp_path / "b" / FILE).read_bytes()


def test_an_empty_shard_has_a_file_without_records(tmp_path: Path) -> None:
    form = make_format("arrayrecord", {}, GPT2, "options")
    files = write_shard(form, tmp_path, NAME, [])
    assert files == [ShardFile(FILE)]
    assert read_shard(form, tmp_path, files) == []


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    form = make_format("arrayrecord", {"window": 64}, GPT2, "options")
    files = write_shard(form, tmp_path, NAME, [documents(1, 300)])
    path = tmp_path / FILE
    whole = path.read_bytes()
    middle = whole[:500] + bytes([whole[500] ^ 1]) + whole[501:]
    for broken in (b"", whole[:100], whole[:-1], whole[: len(whole) // 2], middle):
        path.write_bytes(broken)
        with pytest.raises(PileError, match=FILE):
            read_shard(form, tmp_path, files)
    path.unlink()
    with pytest.raises(PileError, match=FILE):
        read_shard(form, tmp_path, files)


def test_a_remote_file_is_read(tmp_path: Path) -> None:
    form = make_format("arrayrecord", {"window": 64}, GPT2, "options")
    batch = documents(1, 100)
    files = write_shard(form, tmp_path, NAME, [batch])
    store = Store("memory://arrayrecord")
    with store.writing(lambda _: FILE) as stream:
        stream.write((tmp_path / FILE).read_bytes())
    assert np.array_equal(np.concatenate([one.tokens for one in form.read(store, files[0])]), batch.tokens)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    form = make_format("arrayrecord", {"window": 64}, GPT2, "options")
    (tmp_path / FILE).symlink_to("/dev/full")
    with pytest.raises(PileError, match=f"{FILE}: array_record cannot write it: .*No space left"):
        write_shard(form, tmp_path, NAME, [documents(1, 100)])


def test_limits() -> None:
    make_format("arrayrecord", {}, Vocabulary("v", 1 << 31, 0, "e"), "options")
    with pytest.raises(ManifestError, match="at most 2,147,483,647"):
        make_format("arrayrecord", {}, Vocabulary("v", (1 << 31) + 1, 0, "e"), "options")
    with pytest.raises(ManifestError, match="feature"):
        make_format("arrayrecord", {"feature": ""}, GPT2, "options")


def test_a_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "array_record.python.array_record_module", None)
    monkeypatch.delattr("array_record.python.array_record_module", raising=False)
    with pytest.raises(ManifestError, match=r"pip install 'pile-builder\[arrayrecord\]'"):
        make_format("arrayrecord", {}, GPT2, "options")


@pytest.mark.parametrize(("unit", "packing"), [("windows", "first_fit"), ("documents", "concat_then_split")])
def test_snippets(tmp_path: Path, unit: str, packing: str) -> None:
    shards = {"train": [documents(1, 100)], "validation": [documents(2, 10)]}
    options: dict[str, Any] = {"unit": unit, "window": 128, "feature": "ids"}
    export("arrayrecord", options, shards, tmp_path)
    config = yaml.safe_load((tmp_path / "maxtext.yml").read_text())
    assert config["grain_packing_type"] == packing
    assert config["train_data_columns"] == config["eval_data_columns"] == ["ids"]
    assert config.get("max_target_length") == (128 if unit == "windows" else None)
    for key in ("grain_train_files", "grain_eval_files"):
        assert len(list(tmp_path.glob(config[key]))) == 1
    compile((tmp_path / "read_with_grain.py").read_text(), "read_with_grain.py", "exec")
