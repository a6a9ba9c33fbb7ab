"""MDS files against bytes laid out by hand from the description, and what is refused."""

import hashlib
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.errors import ManifestError, PileError
from pile_builder.export import mds
from pile_builder.export.format import ShardFile, ShardName, Vocabulary, make_format
from pile_builder.storage import Store
from tests.export.shards import GPT2, WIDE, batch_of, documents, export, read_shard, sequences_of, write_shard

NAME = ShardName("train", 7, 30)
CONFIG = (
    b'{"column_encodings": ["ndarray:%s"], "column_names": ["tokens"], "column_sizes": [%s], "compression": null, '
    b'"format": "mds", "hashes": ["sha1"], "size_limit": 67108864, "version": 2}'
)


def laid_out(config: bytes, samples: list[bytes]) -> bytes:
    """Number of samples, borders, configuration, samples."""
    first = 4 + 4 * (len(samples) + 1) + len(config)
    borders = [first + sum(map(len, samples[:i])) for i in range(len(samples) + 1)]
    return struct.pack(f"<{1 + len(borders)}I", len(samples), *borders) + config + b"".join(samples)


def test_windows_are_bare_ids(tmp_path: Path) -> None:
    form = make_format("mds", {"window": 3}, GPT2, "options")
    files = write_shard(form, tmp_path, NAME, [batch_of([[1, 2, 50_000, 50_256], [5, 6, 50_256]])])
    expected = laid_out(
        CONFIG % (b"uint16:3", b"6"), [struct.pack("<3H", 1, 2, 50_000), struct.pack("<3H", 50_256, 5, 6)]
    )
    assert files == [ShardFile("train/00007/shard.00000.mds", 2, 6), ShardFile("train/00007/index.json")]
    assert (tmp_path / files[0].name).read_bytes() == expected
    index = json.loads((tmp_path / files[1].name).read_text())
    sha1 = hashlib.sha1(expected).hexdigest()
    entry = {
        **json.loads(CONFIG % (b"uint16:3", b"6")),
        "samples": 2,
        "raw_data": {"basename": "shard.00000.mds", "bytes": len(expected), "hashes": {"sha1": sha1}},
        "zip_data": None,
    }
    assert index == {"version": 2, "shards": [entry]}


def test_documents_say_their_length(tmp_path: Path) -> None:
    form = make_format("mds", {"unit": "documents"}, WIDE, "options")
    sizes = (1, 255, 256, 65_535, 65_536)
    batch = batch_of([[150_000 + size] * size for size in sizes])
    files = write_shard(form, tmp_path, NAME, [batch])
    shapes = [b"\x04\x01", b"\x04\xff", b"\x05\x00\x01", b"\x05\xff\xff", b"\x06\x00\x00\x01\x00"]
    samples = [
        struct.pack("<I", len(shape) + 4 * size) + shape + struct.pack("<I", 150_000 + size) * size
        for size, shape in zip(sizes, shapes, strict=True)
    ]
    assert (tmp_path / files[0].name).read_bytes() == laid_out(CONFIG % (b"int32", b"null"), samples)
    assert sequences_of(read_shard(form, tmp_path, files)) == sequences_of([batch])


@settings(deadline=None)
@given(
    batches=st.lists(
        st.lists(st.lists(st.integers(0, GPT2.size - 1), min_size=1, max_size=300), max_size=20), max_size=6
    ),
    file_bytes=st.integers(1024, 5000),
    compression=st.sampled_from([None, "zstd:1"]),
    unit=st.sampled_from(["documents", "windows"]),
    tail=st.sampled_from(["drop", "keep"]),
)
def test_sequences_come_back(
    tmp_path_factory: pytest.TempPathFactory,
    batches: list[list[list[int]]],
    file_bytes: int,
    compression: str | None,
    unit: str,
    tail: str,
) -> None:
    folder = tmp_path_factory.mktemp("export")
    options = {"file_bytes": file_bytes, "compression": compression, "unit": unit, "window": 7}
    form = make_format("mds", options | ({"tail": tail} if unit == "windows" else {}), GPT2, "options")
    files = write_shard(form, folder, NAME, [batch_of(one) for one in batches])
    expected = [sequence for one in batches for sequence in one]
    if unit == "windows":
        stream = [one for sequence in expected for one in sequence]
        whole = len(stream) if tail == "keep" else len(stream) // 7 * 7
        expected = [stream[start : start + 7] for start in range(0, whole, 7)]
    assert sequences_of(read_shard(form, folder, files)) == expected
    assert sum(file.sequences for file in files) == len(expected)
    assert sum(file.tokens for file in files) == sum(map(len, expected))
    for entry in json.loads((folder / files[-1].name).read_text())["shards"]:
        assert entry["samples"] == 1 or entry["raw_data"]["bytes"] <= file_bytes


@pytest.mark.parametrize("compression", [None, "zstd:3"])
def test_split_index_names_the_files_of_all_shards(tmp_path: Path, compression: str | None) -> None:
    shards = {"train": [documents(1, 100), documents(2, 0), documents(3, 80)], "validation": [documents(4, 30)]}
    options = {"window": 64, "file_bytes": 2000, "compression": compression}
    _, written = export("mds", options, shards, tmp_path)
    for split in shards:
        entries = json.loads((tmp_path / split / "index.json").read_text())["shards"]
        files = [file for shard in written if shard.split == split for file in shard.files if file.sequences]
        names = [(entry["zip_data"] or entry["raw_data"])["basename"] for entry in entries]
        assert [f"{split}/{name}" for name in names] == [file.name for file in files]
        assert [entry["samples"] for entry in entries] == [file.sequences for file in files]
        for entry, name in zip(entries, names, strict=True):
            data = (tmp_path / split / name).read_bytes()
            kind = "zip_data" if compression else "raw_data"
            assert entry[kind]["bytes"] == len(data)
            assert entry[kind]["hashes"] == {"sha1": hashlib.sha1(data).hexdigest()}
            if compression:
                assert name.endswith(".mds.zstd")
                raw = zstandard.decompress(data)
                assert entry["raw_data"] == {
                    "basename": name.removesuffix(".zstd"),
                    "bytes": len(raw),
                    "hashes": {"sha1": hashlib.sha1(raw).hexdigest()},
                }
    snippet = (tmp_path / "llm-foundry.yml").read_text()
    assert "train_loader" in snippet
    assert "max_seq_len: 64" in snippet


def test_an_empty_shard_has_an_index_alone(tmp_path: Path) -> None:
    form = make_format("mds", {}, GPT2, "options")
    files = write_shard(form, tmp_path, NAME, [])
    assert files == [ShardFile("train/00007/index.json")]
    assert json.loads((tmp_path / files[0].name).read_text()) == {"version": 2, "shards": []}
    assert read_shard(form, tmp_path, files) == []


def test_a_file_in_the_making_may_wait_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    form = make_format("mds", {"unit": "documents"}, GPT2, "options")
    batch = documents(1, 100)
    in_memory = write_shard(form, tmp_path / "a", NAME, [batch])
    monkeypatch.setattr(mds, "MEMORY", 100)
    on_disk = write_shard(form, tmp_path / "b", NAME, [batch])
    assert in_memory == on_disk
    assert (tmp_path / "a" / on_disk[0].name).read_bytes() == (tmp_path / "b" / on_disk[0].name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "b").rglob("*") if path.is_file()) == [
        "index.json",
        "shard.00000.mds",
    ]


@pytest.mark.parametrize("compression", [None, "zstd:3"])
@pytest.mark.parametrize("unit", ["documents", "windows"])
def test_damaged_files_are_refused(tmp_path: Path, compression: str | None, unit: str) -> None:
    form = make_format("mds", {"unit": unit, "window": 16, "compression": compression}, GPT2, "options")
    files = write_shard(form, tmp_path, NAME, [documents(1, 30)])
    path = tmp_path / files[0].name
    whole = path.read_bytes()
    for place in range(0, len(whole), 97):
        path.write_bytes(whole[:place])
        with pytest.raises(PileError, match=files[0].name):
            read_shard(form, tmp_path, files)
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        with pytest.raises(PileError, match=files[0].name):
            read_shard(form, tmp_path, files)
    path.write_bytes(whole + b"\0")
    with pytest.raises(PileError, match=f"{files[0].name}: (expected|not whole)"):
        read_shard(form, tmp_path, files)


def test_damaged_indexes_are_refused(tmp_path: Path) -> None:
    form = make_format("mds", {"window": 16}, GPT2, "options")
    files = write_shard(form, tmp_path, NAME, [documents(1, 30)])
    index = tmp_path / files[1].name
    good = json.loads(index.read_text())
    strange = [{**good["shards"][0], "column_names": ["text"]}]
    for data in (
        "",
        "[]",
        '{"version": 1, "shards": []}',
        '{"version": 2, "shards": [{}]}',
        json.dumps({**good, "shards": strange}),
    ):
        index.write_text(data)
        with pytest.raises(PileError, match=files[1].name):
            read_shard(form, tmp_path, files[1:])
    index.write_text(json.dumps({**good, "shards": []}))
    with pytest.raises(PileError, match=r"not in the index\.json beside it"):
        read_shard(form, tmp_path, files)
    index.unlink()
    with pytest.raises(PileError, match=files[1].name):
        form.extras(Store(str(tmp_path)), [])
        read_shard(form, tmp_path, files)


def test_limits() -> None:
    make_format("mds", {"file_bytes": (1 << 32) - 1}, Vocabulary("v", 1 << 31, 0, "e"), "options")
    with pytest.raises(ManifestError, match="file_bytes below 4 GiB"):
        make_format("mds", {"file_bytes": 1 << 32}, GPT2, "options")
    with pytest.raises(ManifestError, match="at most 2,147,483,647"):
        make_format("mds", {}, Vocabulary("v", (1 << 31) + 1, 0, "e"), "options")
    for compression in ("zstd", "zstd:0", "zstd:23", "gz"):
        with pytest.raises(ManifestError, match="compression"):
            make_format("mds", {"compression": compression}, GPT2, "options")


def test_sequences_that_the_container_cannot_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    form = make_format("mds", {"unit": "documents"}, GPT2, "options")
    with pytest.raises(PileError, match=r"train/00007: a sequence without tokens"):
        write_shard(form, tmp_path / "a", NAME, [batch_of([[1], []])])
    monkeypatch.setattr(mds, "LARGEST", 400)
    with pytest.raises(PileError, match=r"train/00007: a document of 100 tokens passes the 4 GiB.*unit: windows"):
        write_shard(form, tmp_path / "b", NAME, [batch_of([[1], [1] * 100])])


def test_ids_of_16_bits_end_where_the_vocabulary_does(tmp_path: Path) -> None:
    for size, dtype in ((65_536, "uint16"), (65_537, "int32")):
        form = make_format("mds", {"window": 2}, Vocabulary("v", size, 0, "e"), "options")
        batch = batch_of([[size - 1, 0]])
        files = write_shard(form, tmp_path / dtype, NAME, [batch])
        entry = json.loads((tmp_path / dtype / files[1].name).read_text())["shards"][0]
        assert entry["column_encodings"] == [f"ndarray:{dtype}:2"]
        assert entry["column_sizes"] == [2 * np.dtype(dtype).itemsize]
        assert sequences_of(read_shard(form, tmp_path / dtype, files)) == [[size - 1, 0]]
