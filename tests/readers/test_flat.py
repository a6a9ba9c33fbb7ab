"""nanogpt, llm.c, olmo and datatrove as their trainers read them."""

import csv
import gzip
import pickle
import runpy

import numpy as np
import pytest
import yaml

SPLITS = ("train", "validation", "test")


def stream_of(shards, split):
    return np.concatenate(shards(split))


def ends_of(stream, end_id):
    return np.flatnonzero(stream == end_id) + 1


@pytest.mark.parametrize(("split", "name"), [("train", "train"), ("validation", "val"), ("test", "test")])
def test_nanogpt_as_train_py_maps_it(exports, shards, split, name):
    data = np.memmap(exports / "nanogpt" / f"{name}.bin", dtype=np.uint16, mode="r")
    assert np.array_equal(data, stream_of(shards, split))


def test_nanogpts_configuration_is_one_that_train_py_executes(exports):
    settings = runpy.run_path(str(exports / "nanogpt" / "nanogpt.py"))
    assert isinstance(settings["dataset"], str)
    meta = exports / "nanogpt" / "meta.pkl"
    assert not meta.exists() or pickle.loads(meta.read_bytes())["vocab_size"] > 50_304


@pytest.mark.parametrize(("split", "name"), [("train", "train"), ("validation", "val"), ("test", "test")])
def test_llm_c_by_the_rules_of_its_data_loader(exports, shards, split, name):
    found = []
    for path in sorted((exports / "llm.c").glob(f"{name}_*.bin")):
        header = np.fromfile(path, np.int32, 256)
        assert header[:2].tolist() == [20240520, 1]
        tokens = np.fromfile(path, np.uint16, offset=1024)
        assert len(tokens) == header[2] > 0
        found.append(tokens)
    assert np.array_equal(np.concatenate(found), stream_of(shards, split))


@pytest.mark.parametrize("split", SPLITS)
def test_olmo_as_olmo_core_maps_it(exports, shards, split, end_id):
    """`iter_document_indices` over a local file, and over a URL, where it reads the first two columns beside it."""
    found = []
    for path in sorted((exports / "olmo" / split).glob("*.npy")):
        tokens = np.memmap(path, mode="r", dtype=np.uint16)
        ends = ends_of(tokens, end_id).tolist()
        with gzip.open(path.with_suffix(".csv.gz"), "rt") as borders:
            assert [(int(start), int(end)) for start, end, *_ in csv.reader(borders)] == list(
                zip([0, *ends[:-1]], ends, strict=True)
            )
        assert ends[-1] == len(tokens)
        found.append(tokens)
    assert np.array_equal(np.concatenate(found), stream_of(shards, split))


@pytest.mark.parametrize("split", SPLITS)
def test_olmo_by_olmo_core_itself(exports, shards, split, end_id, tmp_path):
    """Its dataset of fixed lengths built from the module in the export, and its two ways of finding documents."""
    pytest.importorskip("olmo_core.data.numpy_dataset")
    from olmo_core.data.utils import iter_document_indices

    length = 64
    config = runpy.run_path(str(exports / "olmo" / "olmo_core_data.py"))["dataset"](split, sequence_length=length)
    dataset = config.build()
    dataset.work_dir = tmp_path
    dataset.prepare()
    paths = sorted((exports / "olmo" / split).glob("*.npy"))
    expected, at = [], 0
    stream = stream_of(shards, split)
    for path in paths:
        count = path.stat().st_size // 2
        own = stream[at : at + count]
        expected += own[: count // length * length].reshape(-1, length).tolist()
        ends = ends_of(own, end_id).tolist()
        documents = list(zip([0, *ends[:-1]], ends, strict=True))
        assert list(iter_document_indices(path, eos_token_id=end_id, dtype=np.uint16)) == documents
        assert list(iter_document_indices(path, use_array_if_local=False, dtype=np.uint16)) == documents
        at += count
    assert at == len(stream)
    assert [dataset[number]["input_ids"].tolist() for number in range(len(dataset))] == expected


@pytest.mark.parametrize("split", SPLITS)
def test_datatrove_by_its_layout(exports, shards, split, end_id):
    found = []
    for path in sorted((exports / "datatrove" / split).glob("*.ds")):
        tokens = np.fromfile(path, np.uint16)
        assert np.fromfile(f"{path}.index", np.uint64).tolist() == ends_of(tokens, end_id).tolist()
        tokenizer, count, _ = path.with_name(f"{path.name}.metadata").read_text().split("\n")
        assert (tokenizer.split("|")[1:], int(count)) == (["2"], len(tokens))
        found.append(tokens)
    assert np.array_equal(np.concatenate(found), stream_of(shards, split))


@pytest.mark.parametrize("split", SPLITS)
def test_datatrove_by_its_own_dataset(exports, shards, split, end_id):
    """Windows of every file, and the positions within documents that it takes from the index."""
    datasets = pytest.importorskip("datatrove.utils.dataset")
    length = 64
    folder = exports / "datatrove" / split
    options = {"filename_pattern": "*.ds", "recursive": False, "token_size": 2, "return_positions": True}
    dataset = datasets.DatatroveFolderDataset(str(folder), length, **options)
    by_token = datasets.DatatroveFolderDataset(str(folder), length, positions_from_eos_token_id=end_id, **options)
    stream, at, expected = stream_of(shards, split), 0, []
    for path in sorted(folder.glob("*.ds")):
        count = path.stat().st_size // 2
        whole = count // (length + 1) * (length + 1)
        expected += stream[at : at + whole].reshape(-1, length + 1).tolist()
        at += count
    assert at == len(stream)
    assert len(dataset) == len(expected) > 0
    for number, window in enumerate(expected):
        assert dataset[number]["input_ids"].tolist() == window
        assert dataset[number]["positions"].tolist() == by_token[number]["positions"].tolist()


@pytest.mark.parametrize("split", SPLITS)
def test_datatroves_windows_are_those_of_each_shard_shuffled(exports, shards, split, end_id):
    datasets = pytest.importorskip("datatrove.utils.dataset")
    length = 64
    folder = exports / "datatrove-windows" / split
    options = {"filename_pattern": "*.ds", "recursive": False, "token_size": 2, "return_positions": True}
    dataset = datasets.DatatroveFolderDataset(str(folder), length, **options)
    by_token = datasets.DatatroveFolderDataset(str(folder), length, positions_from_eos_token_id=end_id, **options)
    at, changed = 0, False
    for stream in shards(split):
        count = len(stream) // (length + 1)
        windows = stream[: count * (length + 1)].reshape(count, -1).tolist()
        found = [dataset[number]["input_ids"].tolist() for number in range(at, at + count)]
        assert sorted(found) == sorted(windows)
        changed |= found != windows
        at += count
    assert changed
    assert at == len(dataset)
    for number in range(at):
        assert dataset[number]["positions"].tolist() == by_token[number]["positions"].tolist()


def test_nanotrons_snippet_agrees_with_the_metadata(exports):
    config = yaml.safe_load((exports / "datatrove" / "nanotron.yaml").read_text())
    dataset = config["data_stages"][0]["data"]["dataset"]
    for path in (exports / "datatrove").glob("*/*.metadata"):
        tokenizer, width = path.read_text().split("\n")[0].split("|")
        assert (dataset["tokenizer_name"], dataset["token_size_in_bytes"]) == (tokenizer, int(width))
    assert all((exports / "datatrove" / folder).is_dir() for folder in dataset["dataset_folder"])
