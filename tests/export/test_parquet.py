"""Parquet files of token lists: what lies where, what comes back, and what is refused."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.errors import ManifestError, PileError
from pile_builder.export import parquet
from pile_builder.export.format import ShardFile, ShardName, Vocabulary, make_format
from tests.export.shards import GPT2, batch_of, documents, read_shard, sequences_of, write_shard

NAME = ShardName("train", 3, 30)


@settings(deadline=None)
@given(
    batches=st.lists(
        st.lists(st.lists(st.integers(0, GPT2.size - 1), min_size=1, max_size=300), max_size=20), max_size=6
    ),
    file_bytes=st.integers(1024, 8000),
)
def test_documents_come_back(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[list[int]]], file_bytes: int
) -> None:
    folder = tmp_path_factory.mktemp("export")
    form = make_format("parquet", {"file_bytes": file_bytes}, GPT2, "options")
    files = write_shard(form, folder, NAME, [batch_of(one) for one in batches])
    sequences = [sequence for one in batches for sequence in one]
    assert sequences_of(read_shard(form, folder, files)) == sequences
    assert sum(file.sequences for file in files) == len(sequences)
    assert sum(file.tokens for file in files) == sum(map(len, sequences))
    for file in files:
        assert file.sequences == 1 or 4 * (file.sequences + file.tokens) <= file_bytes


def test_files_and_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "GROUP_BYTES", 2000)
    form = make_format("parquet", {"file_bytes": 10_000}, GPT2, "options")
    batch = documents(1, 200)
    files = write_shard(form, tmp_path, NAME, [batch])
    assert [file.name for file in files] == [f"data/train-00003-of-00030-{i:05}.parquet" for i in range(len(files))]
    assert len(files) > 4
    for file in files:
        found = pq.ParquetFile(tmp_path / file.name)
        assert found.schema_arrow.field("input_ids").type == pa.list_(pa.int32())
        assert found.metadata.num_row_groups > 1
        groups = [found.metadata.row_group(i) for i in range(found.metadata.num_row_groups)]
        assert {group.column(0).compression for group in groups} == {"ZSTD"}
        for number in range(len(groups)):
            rows = found.read_row_group(number)
            assert 4 * (len(rows) + len(rows.column(0).combine_chunks().flatten())) <= 2000
    tables = [pq.read_table(tmp_path / file.name) for file in files]
    rows = [row for table in tables for row in table.column("input_ids").to_pylist()]
    assert rows == sequences_of([batch])


def test_a_document_larger_than_a_file_has_one_of_its_own(tmp_path: Path) -> None:
    form = make_format("parquet", {"file_bytes": 1024}, GPT2, "options")
    batch = batch_of([[1, 2], [3] * 5000, [4]])
    files = write_shard(form, tmp_path, NAME, [batch])
    assert [file.sequences for file in files] == [1, 1, 1]
    assert sequences_of(read_shard(form, tmp_path, files)) == sequences_of([batch])


def test_windows_drop_or_keep_the_tail(tmp_path: Path) -> None:
    batch = documents(2, 20)
    for tail, count in (("drop", len(batch.tokens) // 64), ("keep", -(-len(batch.tokens) // 64))):
        form = make_format("parquet", {"unit": "windows", "window": 64, "tail": tail}, GPT2, "options")
        files = write_shard(form, tmp_path / tail, NAME, [batch])
        ids = np.concatenate([one.tokens for one in read_shard(form, tmp_path / tail, files)])
        assert files[0].sequences == count
        assert np.array_equal(ids, batch.tokens[: len(ids)])


def test_an_empty_shard_has_an_empty_file(tmp_path: Path) -> None:
    form = make_format("parquet", {}, GPT2, "options")
    files = write_shard(form, tmp_path, NAME, [])
    assert files == [ShardFile("data/train-00003-of-00030-00000.parquet")]
    assert read_shard(form, tmp_path, files) == []


def test_cut_and_foreign_files_are_refused(tmp_path: Path) -> None:
    form = make_format("parquet", {}, GPT2, "options")
    file = write_shard(form, tmp_path, NAME, [documents(1, 50)])[0]
    path = tmp_path / file.name
    whole = path.read_bytes()
    for broken in (whole[:-20], whole[: len(whole) // 2], b"", whole[:100] + bytes(300) + whole[400:]):
        path.write_bytes(broken)
        with pytest.raises(PileError, match=file.name):
            read_shard(form, tmp_path, [file])
    for table in (pa.table({"text": ["a"]}), pa.table({"input_ids": [[1, None]]}, parquet.SCHEMA)):
        pq.write_table(table, path)
        with pytest.raises(PileError, match=f"{file.name}: expected"):
            read_shard(form, tmp_path, [file])


def test_a_column_whose_name_is_no_text_is_refused(tmp_path: Path) -> None:
    form = make_format("parquet", {}, GPT2, "test")
    [file] = write_shard(form, tmp_path, ShardName("train", 0, 1), [documents(1, 3)])
    path = tmp_path / file.name
    path.write_bytes(path.read_bytes().replace(b"input_ids", b"\xcbnput_ids"))
    with pytest.raises(PileError, match="not a whole Parquet file"):
        read_shard(form, tmp_path, [file])


def test_limits() -> None:
    make_format("parquet", {}, Vocabulary("v", 1 << 31, 0, "e"), "options")
    with pytest.raises(ManifestError, match="at most 2,147,483,647"):
        make_format("parquet", {}, Vocabulary("v", (1 << 31) + 1, 0, "e"), "options")
    with pytest.raises(ManifestError, match="file_bytes"):
        make_format("parquet", {"file_bytes": 0}, GPT2, "options")


def test_a_document_longer_than_a_list_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "LONGEST", 10)
    form = make_format("parquet", {}, GPT2, "options")
    with pytest.raises(PileError, match=r"train-00003.*unit: windows"):
        write_shard(form, tmp_path, NAME, [batch_of([[1] * 11])])
