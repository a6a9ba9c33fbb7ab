"""megatron by Megatron-LM's own IndexedDataset: ids, borders of documents, types."""

from types import SimpleNamespace

import numpy as np
import pytest

indexed_dataset = pytest.importorskip("megatron.core.datasets.indexed_dataset")

SPLITS = ("train", "validation", "test")


def documents_of(streams, end_id):
    """What each document should be: up to and with the end token."""
    stream = np.concatenate(streams)
    return np.split(stream, np.flatnonzero(stream == end_id)[:-1] + 1)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize(
    ("export", "tokenizer", "dtype"),
    [("megatron", "tokenizer", np.uint16), ("megatron-int32", "wide", np.int32)],
    ids=["uint16", "int32"],
)
def test_every_document_is_there(exports, shards, split, export, tokenizer, dtype):
    streams = shards(split, tokenizer)
    documents = documents_of(streams, streams[0][-1])
    dataset = indexed_dataset.IndexedDataset(str(exports / export / f"{split}_text_document"))
    assert dataset.index.dtype == dtype
    assert len(dataset) == len(documents)
    assert dataset.document_indices.tolist() == list(range(len(documents) + 1))
    assert dataset.sequence_lengths.tolist() == [len(document) for document in documents]
    for number, document in enumerate(documents):
        found = dataset[number]
        assert found.dtype == dtype
        assert np.array_equal(found, document), number
    assert np.array_equal(dataset.get(0, offset=0, length=1), documents[0][:1])


@pytest.mark.filterwarnings("ignore:The pad token id")
def test_the_trainers_samples_are_runs_of_the_documents(exports, shards, end_id, tmp_path):
    """GPTDataset shuffles documents, cuts their stream into samples, and shuffles these."""
    gpt_dataset = pytest.importorskip("megatron.core.datasets.gpt_dataset")
    from megatron.core.datasets.utils import Split

    length, prefix = 64, str(exports / "megatron" / "train_text_document")
    tokenizer = SimpleNamespace(eod=end_id, pad=end_id, vocab_size=65_000, unique_identifiers={"class": "toy"})
    config = gpt_dataset.GPTDatasetConfig(
        random_seed=1,
        sequence_length=length,
        split="1,0,0",
        path_to_cache=str(tmp_path),
        tokenizer=tokenizer,
        reset_position_ids=False,
        reset_attention_mask=False,
        eod_mask_loss=False,
    )
    low_level = indexed_dataset.IndexedDataset(prefix)
    numbers = np.arange(len(low_level), dtype=np.int32)
    dataset = gpt_dataset.GPTDataset(low_level, prefix, numbers, None, Split.train, config)
    documents = documents_of(shards("train"), end_id)
    stream = np.concatenate([documents[number] for number in dataset.document_index])
    assert len(dataset) == (len(stream) - 1) // length
    for number in range(len(dataset)):
        start = dataset.shuffle_index[number] * length
        assert np.array_equal(dataset[number]["tokens"], stream[start : start + length])
        assert np.array_equal(dataset[number]["labels"], stream[start + 1 : start + length + 1])
