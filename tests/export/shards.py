"""Random shards and complete exports of them, as the engine makes these."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pile_builder.export.format import ExportShard, ShardFile, ShardName, TokenFormat, Vocabulary, make_format
from pile_builder.export.windows import WindowCutter
from pile_builder.storage import Store
from pile_builder.tokens import TokenBatch

GPT2 = Vocabulary("gpt2", 50_257, 50_256, "<|endoftext|>")
WIDE = Vocabulary("wide", 200_000, 0, "<|end|>")


def batch_of(sequences: Sequence[Sequence[int]]) -> TokenBatch:
    """Sequences as a batch."""
    tokens = np.array([one for sequence in sequences for one in sequence], np.uint32)
    return TokenBatch(tokens, np.cumsum([len(sequence) for sequence in sequences], dtype=np.int64))


def sequences_of(batches: Sequence[TokenBatch]) -> list[list[int]]:
    """Batches as sequences."""
    return [batch.slice(i, i + 1).tokens.tolist() for batch in batches for i in range(len(batch))]


def documents(seed: int, count: int, vocabulary: Vocabulary = GPT2) -> TokenBatch:
    """Documents of 1 to 99 random tokens, the last of each the end of document."""
    random = np.random.default_rng(seed)
    ends = np.cumsum(random.integers(1, 100, count), dtype=np.int64)
    tokens = random.integers(0, vocabulary.size, ends[-1] if count else 0).astype(np.uint32)
    tokens[ends - 1] = vocabulary.end_id
    return TokenBatch(tokens, ends)


def write_shard(form: TokenFormat, folder: Path, name: ShardName, batches: Sequence[TokenBatch]) -> list[ShardFile]:
    """Write documents as the format's options cut them."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = form.shard(folder, name)
    if form.options.unit == "documents":
        for batch in batches:
            writer.write(batch)
    else:
        cutter = WindowCutter(form.options, writer.write, folder / ".spool", name.stem)
        for batch in batches:
            cutter.write(batch)
        cutter.close()
    return writer.close()


def read_shard(form: TokenFormat, folder: Path, files: Sequence[ShardFile]) -> list[TokenBatch]:
    """What the format reads back of these files."""
    return [batch for file in files for batch in form.read(Store(str(folder)), file)]


def export(
    name: str,
    options: Mapping[str, Any],
    shards: Mapping[str, Sequence[TokenBatch]],
    folder: Path,
    vocabulary: Vocabulary = GPT2,
) -> tuple[TokenFormat, list[ExportShard]]:
    """Write every shard of every split, and the files that concern all."""
    form = make_format(name, options, vocabulary, "options")
    written = []
    for split, batches in shards.items():
        for number, batch in enumerate(batches):
            files = write_shard(form, folder, ShardName(split, number, len(batches)), [batch])
            tokens = sum(file.tokens for file in files)
            stem = f"{split}-{number:05}"
            written.append(ExportShard(stem, split, len(batch), len(batch.tokens), tokens, files, {}))
    store = Store(str(folder))
    for file, data in form.extras(store, written).items():
        store.write(file, data)
    return form, written
