"""ArrayRecord exports as Grain and MaxText read them."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

array_record_module = pytest.importorskip("array_record.python.array_record_module")
grain = pytest.importorskip("grain")
tf = pytest.importorskip("tensorflow")

SPLITS = ("train", "validation", "test")
WINDOW = 64
FEATURE = "text"
Shards = Callable[[str], list[np.ndarray]]


def files(exports: Path, split: str) -> list[str]:
    return sorted(str(path) for path in (exports / "arrayrecord").glob(f"{split}.array_record-*"))


def parse(record: bytes) -> np.ndarray:
    """As MaxText's ParseFeatures: what is there decides the type, and ids become int32."""
    feature = tf.train.Example.FromString(record).features.feature
    assert list(feature) == [FEATURE]
    return np.array(feature[FEATURE].int64_list.value, dtype=np.int32)


def windows(stream: np.ndarray) -> list[np.ndarray]:
    """A shard's windows, and the rest as one more."""
    return [stream[start : start + WINDOW] for start in range(0, len(stream), WINDOW)]


@pytest.mark.parametrize("split", SPLITS)
def test_files_hold_every_token_of_their_shards(exports: Path, shards: Shards, split: str) -> None:
    streams = shards(split)
    names = [Path(name).name for name in files(exports, split)]
    assert names == [f"{split}.array_record-{i:05}-of-{len(streams):05}" for i in range(len(streams))]
    for name, stream in zip(files(exports, split), streams, strict=True):
        reader = array_record_module.ArrayRecordReader(name)
        assert "group_size:1," in reader.writer_options_string()
        records = reader.read_all()
        reader.close()
        expected = windows(stream)
        assert [parse(record).tolist() for record in records] == [window.tolist() for window in expected]
        for record, window in zip(records, expected, strict=True):
            ids = tf.train.Feature(int64_list=tf.train.Int64List(value=window))
            example = tf.train.Example(features=tf.train.Features(feature={FEATURE: ids}))
            assert record == example.SerializeToString()


@pytest.mark.parametrize("split", SPLITS)
def test_data_source_reads_records_in_any_order(exports: Path, shards: Shards, split: str) -> None:
    expected = [window for stream in shards(split) for window in windows(stream)]
    source = grain.sources.ArrayRecordDataSource(files(exports, split))
    assert len(source) == len(expected)
    order = np.random.default_rng(1).permutation(len(expected)).tolist()
    for number, record in zip(order, source.__getitems__(order), strict=True):
        assert np.array_equal(parse(record), expected[number])
        assert source[number] == record


def test_data_loader_shuffles_the_split(exports: Path, shards: Shards) -> None:
    expected = [window for stream in shards("train") for window in windows(stream)]
    source = grain.sources.ArrayRecordDataSource(files(exports, "train"))
    sampler = grain.samplers.IndexSampler(len(source), shuffle=True, num_epochs=1, seed=1)
    seen = [parse(record).tolist() for record in grain.DataLoader(data_source=source, sampler=sampler)]
    assert sorted(seen) == sorted(window.tolist() for window in expected)
    assert seen != [window.tolist() for window in expected]


def test_maxtext_packs_windows_without_losing_a_token(exports: Path, shards: Shards) -> None:
    """Its steps for grain_packing_type: first_fit, up to the shift."""
    source = grain.sources.ArrayRecordDataSource(files(exports, "train"))
    dataset = grain.MapDataset.source(source).shuffle(seed=1).to_iter_dataset()
    dataset = dataset.map(lambda record: {"inputs": parse(record), "targets": parse(record)})
    lengths = {"inputs": WINDOW, "targets": WINDOW}
    rows = list(grain.experimental.FirstFitPackIterDataset(dataset, length_struct=lengths, num_packing_bins=4))
    packed = [
        row["inputs"][row["inputs_segment_ids"] == segment].tolist()
        for row in rows
        for segment in range(1, int(row["inputs_segment_ids"].max()) + 1)
    ]
    expected = [window.tolist() for stream in shards("train") for window in windows(stream)]
    assert sorted(packed) == sorted(expected)


def test_script_runs(exports: Path, shards: Shards) -> None:
    folder = exports / "arrayrecord"
    command = [sys.executable, str(folder / "read_with_grain.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{sum(len(windows(stream)) for stream in shards('train'))} records")


def test_snippet_names_the_files(exports: Path) -> None:
    config = (exports / "arrayrecord" / "maxtext.yml").read_text()
    found = re.search(r"^grain_train_files: (.*)$", config, re.MULTILINE)
    assert found
    assert sorted(map(str, (exports / "arrayrecord").glob(found[1]))) == files(exports, "train")
    assert f"max_target_length: {WINDOW}\n" in config
