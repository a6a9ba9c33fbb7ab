"""The `seqio` export read with seqio: its tasks.py imported, its files as the cache of that Task."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

seqio = pytest.importorskip("seqio", reason="the trainers' reader; `make test-readers` has it")
tf = pytest.importorskip("tensorflow", reason="seqio's")

Shards = Callable[..., list[np.ndarray]]
SPLITS = ("train", "validation", "test")
WINDOW = 64


def windows(stream: np.ndarray) -> np.ndarray:
    return stream[: len(stream) // WINDOW * WINDOW].reshape(-1, WINDOW)


def in_order(rows: np.ndarray) -> np.ndarray:
    """Rows sorted, to compare what is read from several files in turn."""
    return rows[np.lexsort(rows.T[::-1])]


@pytest.fixture(scope="session")
def task(exports: Path) -> Any:
    """The Task that tasks.py registers, with the export as its cache."""
    folder = exports / "seqio"
    spec = importlib.util.spec_from_file_location("exported_tasks", folder / "tasks.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    seqio.add_global_cache_dirs([str(folder)])
    return seqio.get_mixture_or_task("pile")


def read(task: Any, split: str, **options: Any) -> np.ndarray:
    options = {"sequence_length": None, "use_cached": True, "shuffle": False} | options
    data = task.get_dataset(split=split, **options)
    return np.stack([one["targets"] for one in data.as_numpy_iterator()])


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("use_cached", [True, False])
@pytest.mark.parametrize("sequence_length", [None, {"targets": WINDOW}])
def test_all_windows_are_read(
    task: Any, shards: Shards, split: str, use_cached: bool, sequence_length: dict[str, int] | None
) -> None:
    found = read(task, split, use_cached=use_cached, sequence_length=sequence_length)
    assert found.dtype == np.int32
    expected = np.concatenate([windows(stream) for stream in shards(split)])
    np.testing.assert_array_equal(in_order(found), in_order(expected.astype(np.int32)))


@pytest.mark.parametrize("split", SPLITS)
def test_a_host_reads_files_of_its_own(task: Any, shards: Shards, split: str) -> None:
    """seqio gives each of as many hosts as there are files one file, in its order."""
    streams = shards(split)
    for number, stream in enumerate(streams):
        found = read(task, split, shard_info=seqio.ShardInfo(number, len(streams)))
        np.testing.assert_array_equal(found, windows(stream).astype(np.int32))


def test_statistics(task: Any, shards: Shards) -> None:
    for split in SPLITS:
        count = sum(len(windows(stream)) for stream in shards(split))
        expected = {"examples": count, "targets_tokens": count * WINDOW, "targets_max_tokens": WINDOW}
        assert task.get_cached_stats(split) == expected


def test_vocabulary(task: Any, shards: Shards, end_id: int) -> None:
    vocabulary = task.output_features["targets"].vocabulary
    assert vocabulary.eos_id == end_id
    assert max(int(stream.max()) for split in SPLITS for stream in shards(split)) < vocabulary.vocab_size
    assert not task.output_features["targets"].add_eos


def test_what_a_decoder_is_given(task: Any, shards: Shards) -> None:
    """Without packing: the windows as targets, moved right as inputs; id 0 has no loss."""
    converter = seqio.LMFeatureConverter(pack=False)
    data = seqio.get_dataset(
        mixture_or_task_name="pile",
        task_feature_lengths={"targets": WINDOW},
        dataset_split="validation",
        feature_converter=converter,
        shuffle=False,
        use_cached=True,
    )
    found = list(data.as_numpy_iterator())
    (stream,) = shards("validation")
    expected = windows(stream).astype(np.int32)
    np.testing.assert_array_equal(np.stack([one["decoder_target_tokens"] for one in found]), expected)
    inputs = np.stack([one["decoder_input_tokens"] for one in found])
    np.testing.assert_array_equal(inputs[:, 1:], expected[:, :-1])
    assert not inputs[:, 0].any()
    np.testing.assert_array_equal(np.stack([one["decoder_loss_weights"] for one in found]), expected != 0)


def test_packing_takes_a_token_for_each_zero() -> None:
    """Why tasks.py says `pack = False`: seqio counts the ids that are not 0 for the length of a sequence."""
    data = tf.data.Dataset.from_generator(
        lambda: iter([{"targets": np.array([5, 0, 6, 0, 7, 8], np.int32)}]),
        output_signature={"targets": tf.TensorSpec([None], tf.int32)},
    )
    (packed,) = seqio.LMFeatureConverter(pack=True)(data, {"targets": 8}).as_numpy_iterator()
    np.testing.assert_array_equal(packed["decoder_target_tokens"], [5, 0, 6, 0, 0, 0, 0, 0])
