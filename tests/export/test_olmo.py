"""olmo: raw ids and the borders of documents."""

import gzip
import struct

import pytest

from pile_builder.errors import ManifestError, PileError
from pile_builder.export.format import ExportShard, ShardFile, ShardName, Vocabulary
from tests.export.token_shards import NARROW, STORE, WIDE, make, random_documents, read, write


@pytest.mark.parametrize(("vocabulary", "letter"), [(NARROW, "H"), (WIDE, "I")], ids=["uint16", "uint32"])
def test_golden_bytes(tmp_path, vocabulary, letter):
    end = vocabulary.end_id
    files = write(make("olmo", vocabulary), tmp_path, [[1, 999, end], [end], [2, end]], ShardName("test", 2, 3), 2)
    assert files == [ShardFile("test/00002-00000.npy", 3, 6), ShardFile("test/00002-00000.csv.gz")]
    assert (tmp_path / files[0].name).read_bytes() == struct.pack(f"<6{letter}", 1, 999, end, end, 2, end)
    assert gzip.decompress((tmp_path / files[1].name).read_bytes()) == b"0,3\n3,4\n4,6\n"


def test_ids_take_16_bits_up_to_65536_of_them(tmp_path):
    for size, width in ((65_536, 2), (65_537, 4)):
        form = make("olmo", Vocabulary("toy", size, 0, "<end>"))
        files = write(form, tmp_path / f"{size}", [[size - 1, 0]])
        assert (tmp_path / f"{size}" / files[0].name).stat().st_size == 2 * width
        assert read(form, tmp_path / f"{size}", files) == [[size - 1, 0]]


def test_a_shard_becomes_files_of_a_size_and_the_same_files_again(tmp_path):
    form = make("olmo", file_tokens=200)
    documents = random_documents(1, 100)
    files = write(form, tmp_path / "a", documents)
    assert len(files) > 20
    assert read(form, tmp_path / "a", files) == documents
    for file in write(form, tmp_path / "b", documents, per_batch=50):
        assert (tmp_path / "a" / file.name).read_bytes() == (tmp_path / "b" / file.name).read_bytes()
    assert write(form, tmp_path, []) == []


def test_damage_is_found(tmp_path):
    form = make("olmo")
    files = write(form, tmp_path, random_documents(2, 10))
    data, borders = (tmp_path / file.name for file in files)
    whole, lines = data.read_bytes(), gzip.decompress(borders.read_bytes())
    for damaged in (b"\0,3\n", lines[:-3], lines + b"1,2\n", lines.replace(b"0,", b"1,", 1), b"\xff" * len(lines)):
        borders.write_bytes(gzip.compress(damaged))
        with pytest.raises(PileError, match=r"csv\.gz"):
            read(form, tmp_path, files)
    for raw in (b"nothing of gzip", gzip.compress(lines)[:-4], b""):
        borders.write_bytes(raw)
        with pytest.raises(PileError, match=r"csv\.gz"):
            read(form, tmp_path, files)
    borders.write_bytes(gzip.compress(lines))
    data.write_bytes(whole[:-2])
    with pytest.raises(PileError, match=r"\.npy"):
        read(form, tmp_path, files)
    with pytest.raises(ManifestError, match="unit"):
        make("olmo", unit="windows")


def test_the_mixes_list_the_files_of_a_split():
    def shard(split: str, *names: str) -> ExportShard:
        files = [ShardFile(f"{split}/{name}", 1, 9) for name in names]
        return ExportShard("one", split, 1, 9, 9, files, {})

    extras = make("olmo").extras(
        STORE,
        [shard("train", "00000-00000.npy", "00000-00000.csv.gz"), shard("train", "00001-00000.npy"), shard("test")],
    )
    assert sorted(extras) == ["mix-test.txt", "mix-train.txt", "olmo_core_data.py"]
    lines = extras["mix-train.txt"].decode().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "train,{TOKENIZER}/train/00000-00000.npy",
        "train,{TOKENIZER}/train/00001-00000.npy",
    ]
    compile(extras["olmo_core_data.py"], "olmo_core_data.py", "exec")
