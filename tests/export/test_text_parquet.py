"""Text as Parquet: what `datasets` loads, how files and row groups are cut, where they go."""

import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from datasets.exceptions import DatasetGenerationError
from datasets.utils.info_utils import NonMatchingSplitsSizesError

from pile_builder.export.format import ShardName
from pile_builder.export.text_parquet import TEXTS, TextParquetWriter, text_card

SOURCES = ("Pile-CC", "ArXiv", 'of "quotes" and ünïcode')


def rows(seed: int, count: int) -> list[dict[str, object]]:
    randomness = random.Random(seed)
    return [
        {
            "id": f"source:{seed}-{number}",
            "source": randomness.choice(SOURCES),
            "copy": randomness.randrange(3),
            "text": randomness.choice(["", "naïve 東京 🙂\n\0", "words " * randomness.randrange(300)]),
        }
        for number in range(count)
    ]


def write(folder, shard, documents, per_batch=13, **sizes):
    writer = TextParquetWriter(folder, shard, **sizes)
    for start in range(0, len(documents), per_batch):
        writer.write(pa.RecordBatch.from_pylist(documents[start : start + per_batch], TEXTS))
    return writer.close()


def expected(documents):
    return [
        {
            "text": one["text"],
            "id": one["id"],
            "source": one["source"],
            "meta": {"pile_set_name": one["source"], "copy": one["copy"]},
        }
        for one in documents
    ]


def put(folder, splits):
    """Write splits of shards; the card stays with the caller."""
    return {
        split: [
            file
            for number, documents in enumerate(shards)
            for file in write(folder, ShardName(split, number, len(shards)), documents, file_bytes=20_000)
        ]
        for split, shards in splits.items()
    }


@pytest.fixture
def local(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def test_datasets_loads_every_split_with_every_column(local, tmp_path):
    splits = {"train": [rows(1, 120), rows(2, 80)], "validation": [rows(3, 30)], "test": [[]]}
    files = put(local, splits)
    (local / "README.md").write_text(text_card("toy", "Made up.", files))
    loaded = load_dataset(str(local), cache_dir=str(tmp_path / "cache"))
    assert sorted(loaded) == ["train", "validation"]
    for split, dataset in loaded.items():
        assert dataset.column_names == ["text", "id", "source", "meta"]
        found = [{**row, "meta": json.loads(row["meta"])} for row in dataset]
        assert found == expected([one for shard in splits[split] for one in shard])
    streamed = load_dataset(str(local), split="train", streaming=True, filters=[("source", "==", "ArXiv")])
    assert len(list(streamed)) == sum(one["source"] == "ArXiv" for shard in splits["train"] for one in shard)


def test_datasets_refuses_data_that_the_card_does_not_describe(local, tmp_path):
    files = put(local, {"train": [rows(1, 50)]})
    card = text_card("toy", "", files)
    assert "num_examples: 50" in card
    (local / "README.md").write_text(card.replace("num_examples: 50", "num_examples: 51"))
    with pytest.raises((NonMatchingSplitsSizesError, DatasetGenerationError)):
        load_dataset(str(local), cache_dir=str(tmp_path / "cache"))


def test_files_and_row_groups_are_cut_by_text_however_it_arrives(tmp_path):
    documents = rows(4, 300)
    digests = []
    for name, per_batch in (("a", 1), ("b", 300)):
        (tmp_path / name).mkdir()
        written = write(
            tmp_path / name, ShardName("train", 2, 3), documents, per_batch, file_bytes=60_000, row_group_bytes=9_000
        )
        digests.append([(tmp_path / name / one.name).read_bytes() for one in written])
    assert digests[0] == digests[1]
    assert sum(one.rows for one in written) == 300
    longest = max(len(one["text"].encode()) for one in documents)
    for number, one in enumerate(written):
        file = pq.ParquetFile(tmp_path / "b" / one.name)
        table = file.read()
        assert one.name == f"data/train-00002-{number:05}.parquet"
        assert one.text_bytes == sum(len(text.encode()) for text in table["text"].to_pylist()) <= 60_000
        assert one.file_bytes == (tmp_path / "b" / one.name).stat().st_size
        groups = [file.metadata.row_group(each) for each in range(file.num_row_groups)]
        assert len(groups) >= one.text_bytes // (9_000 + longest)
        for column in range(4):
            assert groups[0].column(column).compression == "ZSTD"
            assert groups[0].column(column).has_offset_index
        assert groups[0].column(1).has_column_index


def test_a_document_longer_than_a_file_has_a_file_of_its_own(tmp_path):
    documents = [{"id": f"{i}", "source": "s", "copy": 0, "text": "x" * size} for i, size in enumerate((5, 50, 5, 5))]
    written = write(tmp_path, ShardName("train", 0, 1), documents, file_bytes=20)
    assert [(one.rows, one.text_bytes) for one in written] == [(1, 5), (1, 50), (2, 10)]
    assert write(tmp_path, ShardName("train", 0, 1), []) == []
