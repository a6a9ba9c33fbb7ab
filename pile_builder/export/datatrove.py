"""`datatrove`: .ds of datatrove, read by nanotron: ids in 16 or 32 bits, with an index and a description beside them.

The .ds.index holds the end of each document, in tokens, as uint64. Of a file of windows (datatrove's chunks) it holds
the ends of windows too, each once. The .ds.metadata is three lines: the tokenizer and the bytes of an id with `|`
between, the number of tokens, the same for people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import Field

from pile_builder.errors import ManifestError, PileError
from pile_builder.export.flat import READ_TOKENS, CutWriter, FlatWriter, flat_batches, narrowest, read_array
from pile_builder.export.format import (
    ExportOptions,
    ExportShard,
    ShardFile,
    ShardName,
    ShardWriter,
    TokenFormat,
    Vocabulary,
)
from pile_builder.storage import Store
from pile_builder.tokens import TokenBatch

END = np.dtype("<u8")
PREFIXES = ("", "k", "M", "G", "T", "P")
CHUNK = 1 << 20
"""Entries of an index that are held in memory at a time."""


class DatatroveOptions(ExportOptions):
    """datatrove reads windows of the sequence length + 1 one after another, so order and borders may be prepared."""

    window: int = Field(2049, ge=2, le=1 << 24, description="tokens of a window: the trainer's sequence length + 1")
    file_tokens: int = Field(1 << 36, ge=1, description="tokens of a file, cut between sequences")
    tokenizer: str | None = Field(
        None,
        description="name of the tokenizer for AutoTokenizer, as nanotron asks for it; the vocabulary's if left out",
    )


class Datatrove(TokenFormat):
    """DatatroveFolderDataset, a folder a split (.ds, .ds.index, .ds.metadata)."""

    name = "datatrove"
    trainers = "nanotron, datatrove"
    Options = DatatroveOptions
    options: DatatroveOptions

    @property
    def tokenizer(self) -> str:
        """What the metadata names."""
        return self.options.tokenizer or self.vocabulary.name

    def check(self) -> None:
        """The name of the tokenizer is part of a line with `|`."""
        if "|" in self.tokenizer or "\n" in self.tokenizer:
            msg = f"datatrove: tokenizer: expected a name without `|` and line ends, got {self.tokenizer!r}"
            raise ManifestError(msg)

    def shard(self, folder: Path, shard: ShardName) -> ShardWriter:
        """Write a shard's files into the folder of its split: the number of the shard, then the number of the file."""
        stem = f"{shard.split}/{shard.number:05}"
        return CutWriter(
            self.options.file_tokens,
            lambda number: _Writer(
                folder,
                f"{stem}_{number:05}.ds",
                self.vocabulary,
                self.tokenizer,
                close_at=self.vocabulary.end_id if self.options.unit == "windows" else None,
            ),
            self.options.multiple,
        )

    def read(self, store: Store, file: ShardFile) -> Iterator[TokenBatch]:
        """Sequences of a .ds: documents by its index, windows by their length."""
        if not file.name.endswith(".ds"):
            return
        dtype, tokens = read_description(store, file.name)
        with store.open(file.name) as data, store.open(f"{file.name}.index") as index:
            if self.options.unit == "windows":
                yield from self._windows(data, index, dtype, tokens, file.name)
            else:
                yield from _documents(data, index, dtype, tokens, file.name)
            if data.read(1) or index.read(1):
                msg = f"{file.name}: expected {tokens} tokens and no more, by its metadata; write it again"
                raise PileError(msg)

    def extras(self, store: Store, shards: Sequence[ExportShard]) -> Mapping[str, bytes]:
        """The data stage and the tokenizer of a nanotron configuration."""
        folders = sorted({shard.split for shard in shards if shard.files})
        dataset = {
            "dataset_folder": ["train"],
            "dataset_weights": [1.0],
            "return_positions": True,
            "token_size_in_bytes": narrowest(self.vocabulary.size).itemsize,
            "tokenizer_name": self.tokenizer,
            "vocab_size": self.vocabulary.size,
        }
        stage = {"name": "Stable Training Stage", "start_training_step": 1, "data": {"dataset": dataset, "seed": 42}}
        config: dict[str, Any] = {
            "data_stages": [stage],
            "tokenizer": {"tokenizer_name_or_path": self.tokenizer},
            "tokens": {"sequence_length": self.options.window - 1},
        }
        head = (
            "# nanotron: merge into the configuration; dataset_folder is relative to this folder, which holds\n"
            f"# {', '.join(folders)}. The mixture is in the data, so one folder with weight 1 is all. Files are read\n"
            "# in the order of their names, in windows of sequence_length + 1 tokens.\n"
            f"# Vocabulary {self.vocabulary.name}: {self.vocabulary.size} ids, end of document {self.vocabulary.end_id}"
            f" ({self.vocabulary.end_token}).\n"
        )
        return {"nanotron.yaml": (head + yaml.safe_dump(config, sort_keys=False)).encode()}

    def _windows(
        self, data: BinaryIO, index: BinaryIO, dtype: np.dtype[Any], tokens: int, name: str
    ) -> Iterator[TokenBatch]:
        window = self.options.window
        step = max(READ_TOKENS // window, 1) * window
        for start in range(0, tokens, step):
            ids = read_array(data, dtype, min(step, tokens - start), name).astype(np.uint32)
            ends = np.minimum(np.arange(window, len(ids) + window, window, dtype=np.int64), len(ids))
            batch = TokenBatch(ids, ends)
            expected = _ends_of_windows(batch, self.vocabulary.end_id) + start
            if not np.array_equal(read_array(index, END, len(expected), f"{name}.index"), expected):
                msg = (
                    f"{name}.index: expected the ends of windows of {window} tokens and of documents behind token "
                    f"{start}, got others; read it with the `window` it was written with"
                )
                raise PileError(msg)
            yield batch


def read_description(store: Store, name: str) -> tuple[np.dtype[np.uint16] | np.dtype[np.uint32], int]:
    """Type of the ids and number of tokens, from the .metadata beside a .ds.

    Raises:
        PileError: it is not what datatrove writes.
    """
    lines = store.read(f"{name}.metadata").decode(errors="replace").splitlines()
    width = lines[0].rpartition("|")[2] if lines else ""
    if len(lines) != 3 or width not in ("2", "4") or not lines[1].isdecimal():
        msg = f"{name}.metadata: expected TOKENIZER|2 or TOKENIZER|4 and a number of tokens, got {lines[:2]}"
        raise PileError(msg)
    return narrowest(1 << 8 * int(width)), int(lines[1])


def for_people(tokens: int) -> str:
    """Three digits and a prefix: `1.23 GT`."""
    power = len(str(tokens)) - 1
    step = min(power // 3, len(PREFIXES) - 1)
    return f"{tokens / 1000**step:.{2 - power % 3}f} {PREFIXES[step]}T"


def _documents(data: BinaryIO, index: BinaryIO, dtype: np.dtype[Any], tokens: int, name: str) -> Iterator[TokenBatch]:
    done = 0
    while done < tokens:
        entries = index.read(CHUNK * END.itemsize)
        if not entries or len(entries) % END.itemsize:
            msg = f"{name}.index: expected ends of documents up to {tokens}, got {done} as its last; write it again"
            raise PileError(msg)
        ends = np.frombuffer(entries, END).astype(np.int64)
        sizes: NDArray[np.int64] = np.diff(ends, prepend=done)
        if int(ends[-1]) > tokens or sizes.min() < 0:
            msg = f"{name}.index: expected ends of documents in order, of {tokens} tokens at most; write it again"
            raise PileError(msg)
        yield from flat_batches(data, dtype, sizes, name)
        done = int(ends[-1])


def _ends_of_windows(batch: TokenBatch, end_id: int) -> NDArray[np.int64]:
    return np.union1d(batch.ends, np.flatnonzero(batch.tokens == end_id) + 1)


class _Writer(FlatWriter):
    def __init__(self, folder: Path, name: str, vocabulary: Vocabulary, tokenizer: str, close_at: int | None) -> None:
        """`close_at` is the token that ends documents within sequences."""
        super().__init__(folder, name, narrowest(vocabulary.size))
        self._index = (folder / f"{name}.index").open("wb")
        self._description = folder / f"{name}.metadata"
        self._head = f"{tokenizer}|{narrowest(vocabulary.size).itemsize}"
        self._close_at = close_at

    def write(self, batch: TokenBatch) -> None:
        ends = batch.ends if self._close_at is None else _ends_of_windows(batch, self._close_at)
        self._index.write((ends + self.tokens).astype(END).tobytes())
        super().write(batch)

    def close(self) -> list[ShardFile]:
        self._index.close()
        self._description.write_text(f"{self._head}\n{self.tokens}\n{for_people(self.tokens)}", encoding="utf-8")
        return [*super().close(), ShardFile(f"{self.name}.index"), ShardFile(f"{self.name}.metadata")]
