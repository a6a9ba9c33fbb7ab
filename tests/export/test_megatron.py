"""megatron: bytes as the specification has them, merges as if written at once, damage found."""

import struct
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import yaml

from pile_builder.errors import ManifestError, PileError
from pile_builder.export import megatron
from pile_builder.export.format import ExportShard, ShardFile, ShardName, Vocabulary
from tests.export.token_shards import NARROW, STORE, TRAIN, WIDE, batch_of, make, part, random_documents, read, write

BIN, IDX = "train-00000_text_document.bin", "train-00000_text_document.idx"


@pytest.mark.parametrize(
    ("vocabulary", "letter", "width", "code"), [(NARROW, "H", 2, 8), (WIDE, "i", 4, 4)], ids=["uint16", "int32"]
)
def test_golden_bytes(tmp_path, vocabulary, letter, width, code):
    end = vocabulary.end_id
    files = write(make("megatron", vocabulary), tmp_path, [[5, 999, end], [end], [0, 1, 2, end]], per_batch=2)
    assert files == [ShardFile(BIN, 3, 8), ShardFile(IDX)]
    assert (tmp_path / BIN).read_bytes() == struct.pack(f"<8{letter}", 5, 999, end, end, 0, 1, 2, end)
    assert (tmp_path / IDX).read_bytes() == (
        b"MMIDIDX\x00\x00"
        + struct.pack("<Q", 1)
        + struct.pack("<B", code)
        + struct.pack("<QQ", 3, 4)
        + struct.pack("<3i", 3, 1, 4)
        + struct.pack("<3q", 0, 3 * width, 4 * width)
        + struct.pack("<4q", 0, 1, 2, 3)
    )


def test_the_type_changes_where_megatrons_does():
    def type_of(size: int) -> str:
        return make("megatron", Vocabulary("toy", size, 0, "<end>")).dtype.name

    assert [type_of(65_499), type_of(65_500)] == ["uint16", "int32"]


@pytest.mark.parametrize("vocabulary", [NARROW, WIDE], ids=["uint16", "int32"])
def test_a_merge_is_what_one_writer_would_have_written(tmp_path, monkeypatch, vocabulary):
    monkeypatch.setattr(megatron, "CHUNK", 11)
    form = make("megatron", vocabulary)
    shards = [random_documents(seed, count, vocabulary) for seed, count in enumerate((40, 1, 0, 25))]
    whole = [document for shard in shards for document in shard]
    write(form, tmp_path / "whole", whole)
    parts = []
    for number, shard in enumerate(shards):
        files = write(form, tmp_path / f"{number}", shard, ShardName("train", number, 4))
        parts.append(part(tmp_path / f"{number}", files, shard, 0, len(shard)))
    merged = form.merge(tmp_path, "train", parts)
    assert merged == [
        ShardFile("train_text_document.bin", len(whole), sum(map(len, whole))),
        ShardFile("train_text_document.idx"),
    ]
    for file, written in zip(merged, (BIN, IDX), strict=True):
        assert (tmp_path / file.name).read_bytes() == (tmp_path / "whole" / written).read_bytes()
    assert read(form, tmp_path, merged) == whole


def test_a_merge_takes_slices_of_an_earlier_one(tmp_path, monkeypatch):
    monkeypatch.setattr(megatron, "CHUNK", 5)
    form = make("megatron")
    old, new = random_documents(1, 60), random_documents(2, 9)
    old_files = write(form, tmp_path / "old", old)
    new_files = write(form, tmp_path / "new", new)
    merged = form.merge(
        tmp_path,
        "train",
        [
            part(tmp_path / "old", old_files, old, 0, 17),
            part(tmp_path / "new", new_files, new, 0, 9),
            part(tmp_path / "old", old_files, old, 30, 30),
            part(tmp_path / "old", old_files, old, 30, 60),
        ],
    )
    assert read(form, tmp_path, merged) == [*old[:17], *new, *old[30:]]


def test_nothing_merges_to_an_empty_pair(tmp_path):
    form = make("megatron")
    merged = form.merge(tmp_path, "train", [])
    assert read(form, tmp_path, merged) == []
    assert len((tmp_path / merged[1].name).read_bytes()) == 34 + 8


def test_any_damage_to_the_index_is_found(tmp_path):
    form = make("megatron")
    files = write(form, tmp_path, random_documents(3, 4, longest=6))
    whole = (tmp_path / IDX).read_bytes()
    for place in range(len(whole)):
        for damaged in (whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :], whole[:place]):
            (tmp_path / IDX).write_bytes(damaged)
            with pytest.raises(PileError, match=r"\.(idx|bin)"):
                read(form, tmp_path, files)
    (tmp_path / IDX).write_bytes(whole + b"\0")
    with pytest.raises(PileError, match="nothing behind the borders"):
        read(form, tmp_path, files)


def test_data_that_is_cut_off_or_too_long_is_found(tmp_path):
    form = make("megatron")
    files = write(form, tmp_path, random_documents(4, 30))
    whole = (tmp_path / BIN).read_bytes()
    for damaged in (whole[:-1], whole[:-2], whole[:10], b"", whole + b"\0"):
        (tmp_path / BIN).write_bytes(damaged)
        with pytest.raises(PileError, match=r"\.bin"):
            read(form, tmp_path, files)


def test_a_merge_refuses_parts_that_are_not_what_they_say(tmp_path):
    form = make("megatron")
    documents = random_documents(5, 30)
    files = write(form, tmp_path / "0", documents)
    good = part(tmp_path / "0", files, documents, 0, 30)
    for bad in (replace(good, sequences=31), replace(good, tokens=good.tokens - 1), replace(good, tokens=1 << 20)):
        with pytest.raises(PileError, match="remove it"):
            form.merge(tmp_path, "train", [bad])
    with pytest.raises(PileError, match="of int32"):
        make("megatron", WIDE).merge(tmp_path, "train", [replace(good, tokens=good.tokens // 2)])
    index = tmp_path / "0" / IDX
    for size in range(0, 34 + 4 * 30, 13):
        index.write_bytes(index.read_bytes()[: 34 + 4 * 30 - size])
        if size:
            with pytest.raises(PileError, match=r"\.idx"):
                form.merge(tmp_path, "train", [good])


def test_ids_that_do_not_fit_and_vocabularies_that_never_will_are_refused(tmp_path):
    with pytest.raises(PileError, match="got 65536"):
        make("megatron").shard(tmp_path, TRAIN).write(batch_of([[65_536, 7]]))
    with pytest.raises(ManifestError, match="at most 2,147,483,647"):
        make("megatron", Vocabulary("toy", 1 << 31, 0, "<end>"))
    with pytest.raises(ManifestError, match="unit"):
        make("megatron", unit="windows")


def test_memory_of_a_merge_of_many_indexes_does_not_grow_with_them(tmp_path):
    documents, copies = 20_000, 300
    sizes = np.random.default_rng(6).integers(1, 2_000, documents)
    data = tmp_path / BIN
    data.touch()
    with (tmp_path / IDX).open("wb") as index:
        megatron.write_header(index, np.dtype("<u2"), documents)
        index.write(sizes.astype("<i4").tobytes())
    one = part(tmp_path, [ShardFile(BIN)], [[]] * documents, 0, documents)
    parts = [replace(one, tokens=int(sizes.sum()))] * copies
    tracemalloc.start()
    with (tmp_path / "merged.idx").open("wb") as out:
        megatron.merge_indexes(parts, np.dtype("<u2"), out)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    whole = (tmp_path / "merged.idx").stat().st_size
    assert whole == 34 + 20 * documents * copies + 8
    assert peak < 25e6 < whole / 4


def test_the_snippet_gives_gpt_neox_all_splits_or_none():
    def config(*splits: str) -> dict[str, object]:
        shards = [
            ExportShard("one", split, 1, 9, 9, [ShardFile(f"{split}_text_document.bin", 1, 9)], {}) for split in splits
        ]
        return yaml.safe_load(make("megatron").extras(STORE, shards)["gpt-neox.yml"])

    three = config("train", "validation", "test")
    assert three["train_data_paths"] == ["train_text_document"]
    assert three["valid_data_paths"] == ["validation_text_document"]
    assert three["test_data_paths"] == ["test_text_document"]
    assert config("train", "test")["valid_data_paths"] == ["test_text_document"]
    assert config("train") == {"data_path": "train_text_document", "data_impl": "mmap"}
