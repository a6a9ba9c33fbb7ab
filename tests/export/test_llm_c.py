"""llm.c: a header of 256 int32 and the ids, in files that its readers can seek."""

import struct

import pytest

from pile_builder.errors import ManifestError, PileError
from pile_builder.export import llm_c
from pile_builder.export.format import ExportShard, ShardFile, ShardName
from tests.export.token_shards import NARROW, STORE, WIDE, make, random_documents, read, write


@pytest.mark.parametrize(
    ("vocabulary", "letter", "magic", "version"), [(NARROW, "H", 20240520, 1), (WIDE, "I", 20240801, 7)]
)
def test_golden_bytes(tmp_path, vocabulary, letter, magic, version):
    end = vocabulary.end_id
    files = write(make("llm.c", vocabulary), tmp_path, [[1, 999, end], [end]], ShardName("validation", 3, 4))
    assert files == [ShardFile("val_00003_00000.bin", 2, 4)]
    header = struct.pack("<256i", magic, version, 4, *[0] * 253)
    assert (tmp_path / "val_00003_00000.bin").read_bytes() == header + struct.pack(f"<4{letter}", 1, 999, end, end)


@pytest.mark.parametrize("vocabulary", [NARROW, WIDE], ids=["uint16", "uint32"])
def test_a_shard_becomes_files_of_a_size(tmp_path, vocabulary):
    form = make("llm.c", vocabulary, file_tokens=100)
    documents = random_documents(1, 50, vocabulary)
    files = write(form, tmp_path, documents)
    assert len(files) > 10
    assert max(file.tokens for file in files) <= 100
    assert [file.name for file in files] == sorted(file.name for file in files)
    assert read(form, tmp_path, files) == documents
    assert write(form, tmp_path, []) == []


def test_damage_is_found(tmp_path):
    form = make("llm.c")
    files = write(form, tmp_path, random_documents(2, 10))
    path = tmp_path / files[0].name
    whole = path.read_bytes()
    (count,) = struct.unpack_from("<i", whole, 8)
    for damaged in (b"", whole[:1000], b"\0" + whole[1:], whole[:100] + b"\1" + whole[101:], whole[:-1], whole[:-2]):
        path.write_bytes(damaged)
        with pytest.raises(PileError, match=r"00000\.bin"):
            read(form, tmp_path, files)
    path.write_bytes(whole[:8] + struct.pack("<i", count + 1) + whole[12:])
    with pytest.raises(PileError, match=f"expected {count + 1} ids by its header, got {count}"):
        read(form, tmp_path, files)


def test_documents_that_its_readers_cannot_seek_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(llm_c, "LONGEST", 5)
    with pytest.raises(PileError, match="a document of 6 tokens"):
        write(make("llm.c", file_tokens=3), tmp_path, [[1, 2, 3, 4, 5, 7]])
    with pytest.raises(ManifestError, match="file_tokens"):
        make("llm.c", file_tokens=1 << 31)


def test_the_note_names_the_trainer_and_the_smallest_file():
    shards = [ExportShard("one", "train", 1, 9, 9, [ShardFile("train_00000_00000.bin", 1, 9)], {})]
    note = make("llm.c").extras(STORE, shards)["llm.c.txt"].decode()
    assert "train_gpt2cu" in note
    assert "train: 9 ids" in note
    assert "train_llama3.py" in make("llm.c", WIDE).extras(STORE, shards)["llm.c.txt"].decode()
