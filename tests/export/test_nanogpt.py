"""nanogpt: nothing but 16-bit ids, one file a split."""

import pickle
import struct

import numpy as np
import pytest

from pile_builder.errors import ManifestError, PileError
from pile_builder.export.format import ExportShard, ShardFile, ShardName, Vocabulary
from tests.export.token_shards import NARROW, STORE, make, part, random_documents, read, write


def test_golden_bytes(tmp_path):
    files = write(make("nanogpt"), tmp_path, [[1, 999, 7], [7], [2, 7]])
    assert files == [ShardFile("train-00000.bin", 3, 6)]
    assert (tmp_path / "train-00000.bin").read_bytes() == struct.pack("<6H", 1, 999, 7, 7, 2, 7)


@pytest.mark.parametrize(("split", "name"), [("train", "train.bin"), ("validation", "val.bin"), ("test", "test.bin")])
def test_shards_and_slices_merge_to_a_file_a_split(tmp_path, split, name):
    form = make("nanogpt")
    shards = [random_documents(seed, 20) for seed in range(3)]
    parts, expected = [], []
    for number, (shard, first, last) in enumerate(zip(shards, (0, 5, 3), (20, 5, 19), strict=True)):
        files = write(form, tmp_path / f"{number}", shard, ShardName(split, number, 3))
        parts.append(part(tmp_path / f"{number}", files, shard, first, last))
        expected += shard[first:last]
    merged = form.merge(tmp_path, split, parts)
    assert merged == [ShardFile(name, len(expected), sum(map(len, expected)))]
    assert np.fromfile(tmp_path / name, np.uint16).tolist() == [one for document in expected for one in document]
    assert read(form, tmp_path, merged) == expected


def test_damage_is_found(tmp_path):
    form = make("nanogpt")
    documents = random_documents(1, 10)
    files = write(form, tmp_path, documents)
    path = tmp_path / files[0].name
    whole = path.read_bytes()
    for damaged, said in ((whole[:-1], "1 bytes more"), (whole[:-2] + b"\1\0", "token 7 as its last, got 1")):
        path.write_bytes(damaged)
        with pytest.raises(PileError, match=said):
            read(form, tmp_path, files)
    with pytest.raises(PileError, match="1 bytes shorter than its record says"):
        path.write_bytes(whole[:-1])
        form.merge(tmp_path, "train", [part(tmp_path, files, documents, 0, 10)])


def test_vocabularies_beyond_16_bits_are_refused():
    make("nanogpt", Vocabulary("toy", 65_536, 0, "<end>"))
    with pytest.raises(ManifestError, match="at most 65,536 ids, got 65,537"):
        make("nanogpt", Vocabulary("toy", 65_537, 0, "<end>"))
    with pytest.raises(ManifestError, match="unit"):
        make("nanogpt", unit="windows")


def test_the_configuration_runs_as_train_py_runs_it():
    shard = ExportShard("one", "train", 1, 9, 9, [ShardFile("train.bin", 1, 9)], {})
    extras = make("nanogpt").extras(STORE, [shard])
    settings: dict[str, object] = {}
    exec(extras["nanogpt.py"].decode(), settings)
    assert settings["dataset"] == NARROW.name
    assert "needs a val.bin" in extras["nanogpt.py"].decode()
    assert "meta.pkl" not in extras
    large = make("nanogpt", Vocabulary("large", 60_000, 0, "<end>")).extras(STORE, [shard])
    assert pickle.loads(large["meta.pkl"]) == {"vocab_size": 60_000}
