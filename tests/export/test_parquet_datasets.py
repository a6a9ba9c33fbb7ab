"""The parquet export as Hugging Face datasets loads it by its dataset card."""

from pathlib import Path

import datasets
import numpy as np
import pytest
from datasets.exceptions import DatasetGenerationError
from datasets.utils.info_utils import NonMatchingSplitsSizesError

from tests.export.shards import documents, export

SHARDS = {"train": [documents(1, 300), documents(2, 0), documents(3, 80)], "validation": [documents(4, 20)]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    export("parquet", {"file_bytes": 4096}, SHARDS, tmp_path / "export")
    return tmp_path / "export"


def test_card_gives_the_splits_and_their_rows(folder: Path, tmp_path: Path) -> None:
    loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
    assert set(loaded) == set(SHARDS)
    for split, batches in SHARDS.items():
        assert loaded[split].features == datasets.Features({"input_ids": datasets.List(datasets.Value("int32"))})
        rows = [row["input_ids"] for row in loaded[split]]
        assert rows == [
            ids.tolist() for batch in batches for ids in np.split(batch.tokens, batch.ends[:-1]) if len(ids)
        ]


def test_rows_stream_in_the_same_order(folder: Path) -> None:
    stream = datasets.load_dataset(str(folder), split="train", streaming=True)
    ids = np.concatenate([row["input_ids"] for row in stream])
    assert np.array_equal(ids, np.concatenate([batch.tokens for batch in SHARDS["train"]]))


def test_a_missing_file_is_noticed(folder: Path, tmp_path: Path) -> None:
    next(folder.glob("data/train-00002-*")).unlink()
    with pytest.raises((NonMatchingSplitsSizesError, DatasetGenerationError)):
        datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))


def test_a_split_without_rows_is_not_promised(tmp_path: Path) -> None:
    export("parquet", {}, {**SHARDS, "test": [documents(5, 0)]}, tmp_path / "export")
    loaded = datasets.load_dataset(str(tmp_path / "export"), cache_dir=str(tmp_path / "cache"))
    assert set(loaded) == set(SHARDS)
