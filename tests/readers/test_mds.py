"""MDS exports as mosaicml-streaming and LLM Foundry read them.

Each reads in a process of its own: the library leaves shared memory and locks behind, and torch and TensorFlow, which
other tests here need, don't load together.
"""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

if not importlib.util.find_spec("streaming"):
    pytest.skip("needs mosaicml-streaming", allow_module_level=True)

SPLITS = ("train", "validation", "test")
EXPORTS = ("mds", "mds-zstd")
WINDOW = 64
Shards = Callable[[str], list[np.ndarray]]

READ = """
import sys
import numpy, torch
from streaming import StreamingDataset

def tensor(sample):
    # As StreamingTextDataset makes one of an array.
    assert isinstance(sample["tokens"], numpy.ndarray)
    return torch.from_numpy(sample["tokens"][:64].copy()).to(torch.int64)

remote, local, out, *splits = sys.argv[1:]
for split in splits:
    dataset = StreamingDataset(
        remote=remote or None, local=local, split=split, shuffle=False, batch_size=4, validate_hash="sha1"
    )
    rows = [tensor(sample).numpy() for sample in dataset]
    assert len(rows) == len(dataset)
    for number in range(0, len(dataset), 7):
        assert numpy.array_equal(tensor(dataset[number]).numpy(), rows[number])
    numpy.save(f"{out}/{split}.npy", numpy.array(rows))
"""
WRITE = """
import json, sys
import numpy
from streaming import MDSWriter
samples, out, config = sys.argv[1:]
config = json.loads(config)
with MDSWriter(
    out=out,
    columns=dict(zip(config["column_names"], config["column_encodings"])),
    compression=config["compression"],
    hashes=config["hashes"],
    size_limit=config["size_limit"],
) as writer:
    for window in numpy.load(samples):
        writer.write({"tokens": window})
"""
MERGE = """
import sys
from pathlib import Path
from streaming.base.util import merge_index
out, *folders = map(Path, sys.argv[1:])
for number, folder in enumerate(folders):
    (out / str(number)).mkdir()
    merge_index(sorted(str(path) for path in folder.glob("*/index.json")), str(out / str(number)))
"""


def run(script: str, arguments: list[str], folder: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(folder), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def read(remote: str, local: Path, out: Path, *splits: str) -> list[np.ndarray]:
    run(READ, [remote, str(local), str(out), *splits], out)
    return [np.load(out / f"{split}.npy") for split in splits]


def expected(streams: list[np.ndarray]) -> np.ndarray:
    """The windows of each shard; tails are dropped."""
    return np.concatenate([stream[: len(stream) // WINDOW * WINDOW].reshape(-1, WINDOW) for stream in streams])


@pytest.mark.parametrize("export", EXPORTS)
def test_dataset_reads_through_a_cache(exports: Path, shards: Shards, tmp_path: Path, export: str) -> None:
    read_back = read(str(exports / export), tmp_path / "cache", tmp_path, *SPLITS)
    for split, rows in zip(SPLITS, read_back, strict=True):
        assert np.array_equal(rows, expected(shards(split)))


def test_dataset_reads_in_place(exports: Path, shards: Shards, tmp_path: Path) -> None:
    assert np.array_equal(read("", exports / "mds", tmp_path, "train")[0], expected(shards("train")))


def test_a_shard_is_a_dataset_of_its_own(exports: Path, shards: Shards, tmp_path: Path) -> None:
    rows = read(str(exports / "mds" / "train"), tmp_path / "cache", tmp_path, "00000")[0]
    assert np.array_equal(rows, expected(shards("train")[:1]))


@pytest.mark.parametrize("export", EXPORTS)
def test_files_are_those_of_the_library(exports: Path, shards: Shards, tmp_path: Path, export: str) -> None:
    """Raw files and indexes are byte for byte what its writer makes of the same samples."""
    ours, theirs = exports / export / "train" / "00000", tmp_path / "theirs"
    entries = json.loads((ours / "index.json").read_text())["shards"]
    dtype = entries[0]["column_encodings"][0].split(":")[1]
    np.save(tmp_path / "samples.npy", expected(shards("train")[:1]).astype(dtype))
    run(WRITE, [str(tmp_path / "samples.npy"), str(theirs), json.dumps(entries[0])], tmp_path)
    wanted = json.loads((theirs / "index.json").read_text())["shards"]
    same = ("samples", "raw_data", "column_encodings", "column_sizes", "format", "version")
    assert [[entry[key] for key in same] for entry in entries] == [[entry[key] for key in same] for entry in wanted]
    if not entries[0]["compression"]:
        assert len(entries) > 1
        for base in ["index.json", *(entry["raw_data"]["basename"] for entry in entries)]:
            assert (ours / base).read_bytes() == (theirs / base).read_bytes()


def test_merged_indexes_are_those_of_the_library(exports: Path, tmp_path: Path) -> None:
    folders = [exports / export / split for export in EXPORTS for split in SPLITS]
    run(MERGE, [str(tmp_path), *map(str, folders)], tmp_path)
    for number, folder in enumerate(folders):
        theirs = json.loads((tmp_path / str(number) / "index.json").read_text())
        assert json.loads((folder / "index.json").read_text()) == theirs
