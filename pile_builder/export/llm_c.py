"""`llm.c`: data shards of llm.c, files of ids behind a header, read one after another by glob.

The header is 256 little-endian int32: magic, version, number of ids, zeros. Ids have 16 bits and magic 20240520,
version 1 (train_gpt2.cu, train_gpt2.py), or 32 bits and magic 20240801, version 7 (train_llama3.py). Documents end at
the end-of-document token; llm.c's own shards have it in front, which is the same but for the first and last document.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from pile_builder.errors import PileError
from pile_builder.export.flat import CutWriter, FlatWriter, closed_documents, narrowest
from pile_builder.export.format import ExportOptions, ExportShard, ShardFile, ShardName, ShardWriter, TokenFormat
from pile_builder.export.nanogpt import SPLITS
from pile_builder.storage import Store
from pile_builder.tokens import TokenBatch

HEADER_BYTES = 1024
HEADER = struct.Struct("<iii")
KINDS = {2: (20240520, 1), 4: (20240801, 7)}
"""Magic and version by the bytes of an id."""
LONGEST = ((1 << 31) - 1 - HEADER_BYTES) // 2
"""Ids of a file: dataloader.h seeks by an int of bytes."""


class LlmCOptions(ExportOptions):
    """llm.c cuts its batches out of the stream itself, so only documents make sense."""

    unit: Literal["documents"] = "documents"
    file_tokens: int = Field(10**8, ge=1, le=LONGEST, description="tokens of a file, cut between documents")


class LlmC(TokenFormat):
    """Ids behind a header of 1,024 bytes (.bin)."""

    name = "llm.c"
    trainers = "llm.c"
    Options = LlmCOptions
    options: LlmCOptions

    def shard(self, folder: Path, shard: ShardName) -> ShardWriter:
        """Write a shard's files; the number of the shard, then the number of the file."""
        stem = f"{SPLITS.get(shard.split, shard.split)}_{shard.number:05}"
        size = self.vocabulary.size
        return CutWriter(self.options.file_tokens, lambda number: _Writer(folder, f"{stem}_{number:05}.bin", size))

    def read(self, store: Store, file: ShardFile) -> Iterator[TokenBatch]:
        """Documents, by the end-of-document token."""
        with store.open(file.name) as data:
            header = data.read(HEADER_BYTES)
            magic, version, count = HEADER.unpack(header[: HEADER.size]) if len(header) == HEADER_BYTES else (0, 0, 0)
            width = {kind: width for width, kind in KINDS.items()}.get((magic, version))
            if width is None or any(header[HEADER.size :]):
                msg = f"{file.name}: expected a header of llm.c ({KINDS}), got magic {magic}, version {version}"
                raise PileError(msg)
            found = 0
            for batch in closed_documents(data, np.dtype(f"<u{width}"), self.vocabulary.end_id, file.name):
                found += len(batch.tokens)
                yield batch
        if found != count:
            msg = f"{file.name}: expected {count} ids by its header, got {found}; it is cut off, write it again"
            raise PileError(msg)

    def extras(self, store: Store, shards: Sequence[ExportShard]) -> Mapping[str, bytes]:
        """How to call the trainers."""
        smallest = {
            split: min(file.tokens for shard in shards if shard.split == split for file in shard.files)
            for split in ("train", "validation")
            if any(shard.files for shard in shards if shard.split == split)
        }
        if narrowest(self.vocabulary.size).itemsize == 2:
            call = './train_gpt2cu -i "FOLDER/train_*.bin" -j "FOLDER/val_*.bin" -b 16 -t 1024'
        else:
            call = 'python train_llama3.py --input_bin "FOLDER/train_*.bin" --input_val_bin "FOLDER/val_*.bin"'
        lines = [
            f"llm.c: {call}",
            "",
            "Every file has to hold a batch of all processes, that is processes x batch x sequence + 1 ids. Smallest:",
            *(f"{split}: {tokens:,} ids" for split, tokens in smallest.items()),
            "",
            f"Vocabulary {self.vocabulary.name}: {self.vocabulary.size} ids, end of document {self.vocabulary.end_id}"
            f" ({self.vocabulary.end_token}).",
        ]
        return {"llm.c.txt": ("\n".join(lines) + "\n").encode()}


class _Writer(FlatWriter):
    def __init__(self, folder: Path, name: str, vocabulary: int) -> None:
        dtype = narrowest(vocabulary)
        super().__init__(folder, name, dtype)
        self._kind = KINDS[dtype.itemsize]
        self._data.write(bytes(HEADER_BYTES))

    def close(self) -> list[ShardFile]:
        if self.tokens > LONGEST:
            msg = f"llm.c: a document of {self.tokens:,} tokens; its readers seek by 31 bits of bytes"
            raise PileError(msg)
        self._data.seek(0)
        self._data.write(HEADER.pack(*self._kind, self.tokens))
        return super().close()
