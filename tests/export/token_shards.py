"""Made-up shards of tokens, and a format's files written and read back."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pile_builder.export.format import Part, ShardFile, ShardName, TokenFormat, Vocabulary, make_format
from pile_builder.storage import Store
from pile_builder.tokens import TokenBatch

STORE = Store("unused")
"""Extras are made of counts; only those of MDS read what lies in the store."""
NARROW = Vocabulary("toy", 1_000, 7, "<end>")
WIDE = Vocabulary("wide", 70_001, 70_000, "<end>")
TRAIN = ShardName("train", 0, 1)


def make(name: str, vocabulary: Vocabulary = NARROW, **options: object) -> TokenFormat:
    return make_format(name, options, vocabulary, "test")


def batch_of(documents: Iterable[Iterable[int]]) -> TokenBatch:
    lists = [list(document) for document in documents]
    ends = np.cumsum([len(one) for one in lists], dtype=np.int64) if lists else np.zeros(0, np.int64)
    return TokenBatch(np.array([one for document in lists for one in document], np.uint32), ends)


def random_documents(seed: int, count: int, vocabulary: Vocabulary = NARROW, longest: int = 60) -> list[list[int]]:
    """Documents with their end tokens; some are nothing else."""
    rng = np.random.default_rng(seed)
    documents = []
    for _ in range(count):
        ids = rng.integers(0, vocabulary.size, int(rng.integers(0, longest)))
        documents.append([*(int(one) for one in ids if one != vocabulary.end_id), vocabulary.end_id])
    return documents


def write(form: TokenFormat, folder: Path, documents: list[list[int]], shard: ShardName = TRAIN, per_batch: int = 7):
    folder.mkdir(parents=True, exist_ok=True)
    writer = form.shard(folder, shard)
    for start in range(0, len(documents), per_batch):
        writer.write(batch_of(documents[start : start + per_batch]))
    return writer.close()


def read(form: TokenFormat, folder: Path, files: Iterable[ShardFile]) -> list[list[int]]:
    """All sequences of some files, after what the batches promise is checked."""
    store, found = Store(str(folder)), []
    for file in files:
        sequences = tokens = 0
        for batch in form.read(store, file):
            assert batch.tokens.dtype == np.uint32
            assert batch.ends.dtype == np.int64
            assert batch.ends[-1] == len(batch.tokens)
            found += [
                batch.tokens[end - size : end].tolist() for end, size in zip(batch.ends, batch.sizes, strict=True)
            ]
            sequences, tokens = sequences + len(batch), tokens + len(batch.tokens)
        assert (sequences, tokens) == (file.sequences, file.tokens)
    return found


def part(folder: Path, files: list[ShardFile], documents: list[list[int]], first: int, last: int) -> Part:
    """Documents `first` to `last` of files that hold `documents`."""
    sizes = [len(document) for document in documents]
    names = tuple(file.name for file in files)
    return Part(Store(str(folder)), names, first, last - first, sum(sizes[:first]), sum(sizes[first:last]))
