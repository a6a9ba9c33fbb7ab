"""`tfrecord` exports read as mesh-transformer-jax and GPT-Neo read them: through TensorFlow, by their own rules."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="the trainers' reader; `make test-readers` has it")

Shards = Callable[..., list[np.ndarray]]
SPLITS = ("train", "validation", "test")
WINDOW = 65
MULTIPLE = 2


def windows(stream: np.ndarray, multiple: int = 1) -> np.ndarray:
    """A shard's windows: shape (w, 65), those that fill a multiple."""
    step = WINDOW * multiple
    return stream[: len(stream) // step * step].reshape(-1, WINDOW)


def parse(record: object) -> object:
    """As both trainers: one feature of any length, made dense."""
    sparse = tf.io.parse_single_example(record, {"text": tf.io.VarLenFeature(tf.int64)})["text"]
    return tf.sparse.to_dense(sparse)


def batches(files: list[str], batch: int) -> list[np.ndarray]:
    """TFRecordNewInputs of mesh-transformer-jax: file by file, partial batches dropped, uint32."""
    found = []
    for file in files:
        compression = "ZLIB" if "zstd" in file else ""
        data = tf.data.TFRecordDataset(file, compression_type=compression).map(
            lambda one: tf.cast(parse(one), tf.uint32)
        )
        found += [one.numpy() for one in data.ragged_batch(batch, drop_remainder=True)]
    return found


@pytest.mark.parametrize("split", SPLITS)
def test_mesh_transformer_jax_reads_all_windows(exports: Path, shards: Shards, split: str) -> None:
    """With a batch that divides `multiple`, nothing is lost; inputs and targets are what the trainer makes of them."""
    folder = exports / "tfrecord-mesh-transformer-jax"
    lines = (folder / f"{split}.index").read_text().splitlines()
    expected = [windows(stream, MULTIPLE) for stream in shards(split)]
    assert [int(line.rsplit("_", 1)[1].removesuffix(".tfrecords")) for line in lines] == [
        len(one) for one in expected if len(one)
    ]
    read = np.concatenate(batches([str(folder / line) for line in lines], MULTIPLE))
    inputs, targets = read[:, :-1], read[:, 1:]
    whole = np.concatenate(expected)
    np.testing.assert_array_equal(inputs, whole[:, :-1])
    np.testing.assert_array_equal(targets, whole[:, 1:])


def test_mesh_transformer_jax_configuration(exports: Path, shards: Shards) -> None:
    folder = exports / "tfrecord-mesh-transformer-jax"
    config = json.loads((folder / "mesh-transformer-jax.json").read_text())
    assert config["seq"] == WINDOW - 1
    assert (folder / config["train_set"]).exists()
    assert list(config["val_set"]) == ["validation"]
    assert (folder / config["val_set"]["validation"]).exists()
    assert config["val_batches"] == sum(len(windows(stream, MULTIPLE)) for stream in shards("validation"))


def number_of_documents(file: str) -> int:
    """The count that GPT-Neo takes from a name, with the pattern of its inputs.py."""
    match = re.search(r"_(\d{1,}).tfrecords$", file)
    assert match
    return int(match.group(1))


def natural(name: str) -> list[object]:
    return [int(part) if part.isdigit() else part.lower() for part in re.split("([0-9]+)", name)]


@pytest.mark.parametrize(("split", "key"), [("train", "path"), ("validation", "eval_path")])
def test_gpt_neo_reads_all_windows(exports: Path, shards: Shards, split: str, key: str) -> None:
    """Its order of files, by name then shuffled with a seed, holds every window of every shard once and in order."""
    folder = exports / "tfrecord-gpt-neo"
    config = json.loads((folder / "gpt-neo.json").read_text())
    files = sorted(tf.io.gfile.glob(str(folder / config[key])), key=natural)
    random.Random(1).shuffle(files)
    of_shard: dict[int, dict[int, np.ndarray]] = {}
    for file in files:
        examples = [parse(one).numpy() for one in tf.data.TFRecordDataset(file)]
        assert len(examples) == number_of_documents(file) <= 50
        part, shard = map(int, Path(file).name.split("_")[1:3])
        of_shard.setdefault(shard, {})[part] = np.stack(examples)
    for shard, stream in enumerate(shards(split)):
        parts = of_shard[shard]
        np.testing.assert_array_equal(np.concatenate([parts[part] for part in range(len(parts))]), windows(stream))


def test_gpt_neo_continues_where_it_stopped(exports: Path) -> None:
    """The files and records that its sequential_input skips by the counts of names are those that it has read."""
    folder = exports / "tfrecord-gpt-neo"
    config = json.loads((folder / "gpt-neo.json").read_text())
    files = sorted(tf.io.gfile.glob(str(folder / config["path"])), key=natural)
    everything = [parse(one).numpy() for one in tf.data.TFRecordDataset(files)]
    for seen in (0, 1, 50, len(everything) // 2, len(everything) - 1):
        left, first = seen, 0
        while left >= number_of_documents(files[first]):
            left -= number_of_documents(files[first])
            first += 1
        rest = tf.data.TFRecordDataset(files[first:]).skip(left)
        np.testing.assert_array_equal(parse(next(iter(rest))).numpy(), everything[seen])


def test_gpt_neo_configuration(exports: Path, shards: Shards, end_id: int) -> None:
    config = json.loads((exports / "tfrecord-gpt-neo" / "gpt-neo.json").read_text())
    assert config["eos_id"] == end_id
    assert max(int(stream.max()) for split in SPLITS for stream in shards(split)) < config["n_vocab"]
    assert config["padding_id"] == config["n_vocab"]
    assert not config["tokenizer_is_pretrained"]
