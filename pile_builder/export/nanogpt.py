"""`nanogpt`: train.bin and val.bin of nanoGPT, the ids of a split one after another in 16 bits and nothing else.

Documents end at the end-of-document token; train.py cuts its blocks at random places (`get_batch`).
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from pile_builder.errors import ManifestError
from pile_builder.export.flat import FlatWriter, closed_documents, copy_tokens
from pile_builder.export.format import (
    ExportOptions,
    ExportShard,
    MergedFormat,
    Part,
    ShardFile,
    ShardName,
    ShardWriter,
)
from pile_builder.storage import Store
from pile_builder.tokens import TokenBatch

DTYPE = np.dtype("<u2")
ASSUMED_VOCABULARY = 50_304
"""Ids of the model that train.py makes where no meta.pkl says otherwise."""
SPLITS = {"validation": "val"}
"""nanoGPT's names of splits, where they are not ours."""


class NanoGptOptions(ExportOptions):
    """nanoGPT cuts its blocks out of the stream itself, so only documents make sense."""

    unit: Literal["documents"] = "documents"


class NanoGpt(MergedFormat):
    """Raw 16-bit ids, one file a split (.bin)."""

    name = "nanogpt"
    trainers = "nanoGPT"
    Options = NanoGptOptions

    def check(self) -> None:
        """Ids have to fit 16 bits."""
        if self.vocabulary.size > 1 << 16:
            msg = (
                f"nanogpt: expected a vocabulary of at most 65,536 ids, got {self.vocabulary.size:,}: train.py reads "
                "16 bits an id; take a smaller vocabulary, or a format that has 32 bits, as olmo or llm.c"
            )
            raise ManifestError(msg)

    def shard(self, folder: Path, shard: ShardName) -> ShardWriter:
        """Write a file of a shard, to be merged."""
        return FlatWriter(folder, f"{shard.stem}.bin", DTYPE)

    def read(self, store: Store, file: ShardFile) -> Iterator[TokenBatch]:
        """Documents, by the end-of-document token."""
        with store.open(file.name) as data:
            yield from closed_documents(data, DTYPE, self.vocabulary.end_id, file.name)

    def merge(self, folder: Path, split: str, parts: Sequence[Part]) -> list[ShardFile]:
        """One file for a split."""
        name = f"{SPLITS.get(split, split)}.bin"
        with (folder / name).open("wb") as out:
            for part in parts:
                copy_tokens(part, part.files[0], DTYPE.itemsize, out)
        return [ShardFile(name, sum(part.sequences for part in parts), sum(part.tokens for part in parts))]

    def extras(self, store: Store, shards: Sequence[ExportShard]) -> Mapping[str, bytes]:
        """A configuration for train.py; a meta.pkl if the vocabulary does not fit the model that it makes without."""
        names = sorted({file.name for shard in shards for file in shard.files})
        lines = [
            f"# nanoGPT: make this folder its data/{self.vocabulary.name}, then run",
            f"#     python train.py data/{self.vocabulary.name}/nanogpt.py",
            f"# Here: {', '.join(names)}; train.py reads train.bin and val.bin, with",
            '#     np.memmap("train.bin", dtype=np.uint16, mode="r")',
            f"# Vocabulary {self.vocabulary.name}: {self.vocabulary.size} ids, end of document {self.vocabulary.end_id}"
            f" ({self.vocabulary.end_token}).",
        ]
        if "val.bin" not in names:
            lines.append("# There is no validation split: train.py needs a val.bin to evaluate on.")
        extras: dict[str, bytes] = {}
        if self.vocabulary.size > ASSUMED_VOCABULARY:
            lines += [
                f"# meta.pkl tells train.py the vocabulary, which is larger than its {ASSUMED_VOCABULARY}. sample.py",
                "# wants a tokenizer there too: give it one, or move meta.pkl away once the model is trained.",
            ]
            extras["meta.pkl"] = pickle.dumps({"vocab_size": self.vocabulary.size}, protocol=2)
        lines.append(f"dataset = {self.vocabulary.name!r}")
        return {"nanogpt.py": ("\n".join(lines) + "\n").encode(), **extras}
