"""`tfrecord`: windows of n_ctx + 1 tokens in TFRecord files, named as GPT-J's or GPT-Neo's trainer wants them.

Records are tf.train.Examples with one int64_list, `text`. Both trainers learn `text[1:]` from `text[:-1]`, so a window
is one token longer than their context (`seq`, `n_ctx`): 2049 for 2048. Windows follow each other without overlap, as
both trainers' own scripts cut them, and every record has to be whole: there is no padding.

`mesh-transformer-jax` (tfrecord_loader.py) reads the files of an index, one behind the other, and drops from each what
does not fill a batch: gradient_accumulation_steps * per_replica_batch * devices / cores_per_replica sequences in
training, without the first factor in validation. With `multiple` set to the larger batch it drops nothing. A file
smaller than a batch gives nothing, and a split with only such files ends the trainer with a RecursionError. So a shard
is one file, and few large shards are better than many small ones. Indexes belong into the trainer's `data` folder, and
paths in them are relative to where it runs: give `prefix`. Its n_vocab has to reach the vocabulary's size and be a
multiple of cores_per_replica (GPT-J has 50400 for the 50257 ids of GPT-2).

`gpt-neo` (inputs.py, sequential_input) takes the files of a pattern, in the natural order of their names, shuffled with
the seed of its configuration, as one stream that repeats; it drops nothing. To continue a run it skips files by the
number of records that ends their name. Its dataset configuration belongs into configs/dataset_configs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from pile_builder.errors import ManifestError, PileError
from pile_builder.export.example_reader import read_examples
from pile_builder.export.examples import ExampleFile
from pile_builder.export.format import ExportOptions, ExportShard, ShardFile, ShardName, ShardWriter, TokenFormat
from pile_builder.storage import Store
from pile_builder.tokens import TokenBatch

FEATURE = "text"
RECORDS_PER_FILE = 100_000
"""Of gpt-neo's create_tfrecords.py (--files_per)."""
VOCABULARY = {"mesh-transformer-jax": 1 << 32, "gpt-neo": (1 << 31) - 1}
"""How many ids there can be: the trainers make them uint32 and int32, and the second has one more for padding."""


class TfrecordOptions(ExportOptions):
    """Both trainers take windows, all of one length."""

    unit: Literal["windows"] = "windows"
    window: int = Field(2049, ge=2, le=1 << 24, description="tokens of a window: the trainer's context + 1")
    tail: Literal["drop"] = "drop"
    layout: Literal["mesh-transformer-jax", "gpt-neo"] = Field(
        "mesh-transformer-jax", description="whose names, index and configuration"
    )
    prefix: str = Field("", description="folder or bucket in front of the paths that trainers are given")
    records_per_file: int = Field(
        RECORDS_PER_FILE, ge=1, description="gpt-neo: windows of a file at most, down to a multiple of `multiple`"
    )

    @model_validator(mode="after")
    def _fit_layout(self) -> TfrecordOptions:
        if self.layout != "gpt-neo" and self.records_per_file != RECORDS_PER_FILE:
            msg = "records_per_file is about gpt-neo; mesh-transformer-jax gets one file a shard: leave it out"
            raise ValueError(msg)
        if self.layout != "gpt-neo" and "zstd" in self.prefix:
            msg = "mesh-transformer-jax takes files with `zstd` in their path for compressed, these are not; rename it"
            raise ValueError(msg)
        if self.layout == "gpt-neo" and self.multiple > self.records_per_file:
            msg = f"expected a multiple of at most records_per_file ({self.records_per_file:,}), got {self.multiple:,}"
            raise ValueError(msg)
        return self


class Tfrecord(TokenFormat):
    """TFRecord files of Examples with windows of token ids."""

    name = "tfrecord"
    trainers = "mesh-transformer-jax (GPT-J), GPT-Neo"
    Options = TfrecordOptions
    options: TfrecordOptions

    def check(self) -> None:
        """Ids have to fit the integers that the trainer makes of them."""
        most, layout = VOCABULARY[self.options.layout], self.options.layout
        if self.vocabulary.size > most:
            msg = f"tfrecord: expected a vocabulary of at most {most:,} ids for {layout}, got {self.vocabulary.size:,}"
            raise ManifestError(msg)

    def shard(self, folder: Path, shard: ShardName) -> ShardWriter:
        """Write a shard; one without windows has no file, because the trainers cannot live with empty ones."""
        if self.options.layout == "gpt-neo":
            most = self.options.records_per_file // self.options.multiple * self.options.multiple
            return _Writer(folder, f"{shard.split}_{{file}}_{shard.number}_{{records}}.tfrecords", most)
        return _Writer(folder, f"{shard.stem}_{{records}}.tfrecords", None)

    def read(self, store: Store, file: ShardFile) -> Iterator[TokenBatch]:
        """Windows of a file, of which there have to be as many as its name says, all of the same size."""
        path = store.path(file.name)
        match = re.search(r"_(\d+)\.tfrecords$", file.name)
        if not match:
            msg = f"{path}: expected a name that ends with the number of its records, like _1000.tfrecords"
            raise PileError(msg)
        expected, window, count = int(match[1]), self.options.window, 0
        with store.open(file.name) as stream:
            for batch in read_examples(stream, FEATURE, path):
                odd = np.flatnonzero(batch.sizes != window)
                if len(odd):
                    msg = (
                        f"{path}: record {count + int(odd[0])}: expected windows of {window} tokens, got "
                        f"{int(batch.sizes[odd[0]])}; the trainer takes only one length: export again"
                    )
                    raise PileError(msg)
                count += len(batch)
                yield batch
        if count != expected:
            msg = f"{path}: expected {expected:,} records by its name, got {count:,}; write or copy it again"
            raise PileError(msg)

    def extras(self, store: Store, shards: Sequence[ExportShard]) -> Mapping[str, bytes]:
        """Index files and a part of the training configuration, or GPT-Neo's dataset configuration."""
        files: dict[str, list[ShardFile]] = {}
        for shard in shards:
            files.setdefault(shard.split, []).extend(shard.files)
        if self.options.layout == "gpt-neo":
            return {"gpt-neo.json": _json(self._dataset_config(files))}
        config = {"mesh-transformer-jax.json": _json(self._training_config(files))}
        return {f"{split}.index": self._index(of) for split, of in files.items()} | config

    def _index(self, files: Sequence[ShardFile]) -> bytes:
        return "".join(f"{self._path(file.name)}\n" for file in files).encode()

    def _training_config(self, files: Mapping[str, Sequence[ShardFile]]) -> dict[str, object]:
        """To be merged into a configuration of mesh-transformer-jax, which looks for indexes in its `data` folder.

        `val_batches` is the number of sequences, as its guide advises: validation ends with the files in any case.
        """
        validation = files.get("validation", [])
        return {
            "seq": self.options.window - 1,
            "train_set": "train.index",
            "val_set": {"validation": "validation.index"} if validation else {},
            "val_batches": sum(file.sequences for file in validation),
        }

    def _dataset_config(self, files: Mapping[str, Sequence[ShardFile]]) -> dict[str, object]:
        """What the trainer knows of the data.

        `tokenizer_path` is for prompts and samples alone: GPT-2's by its name, others as the export holds them, which
        the trainer can only read from a disk. `padding_id` is an id that never occurs, because labels of that id have
        no loss; for GPT-2 that is upstream's.
        """
        pretrained = self.vocabulary.name == "gpt2"
        return {
            "n_vocab": self.vocabulary.size,
            "path": self._path("train_*.tfrecords"),
            "eval_path": self._path("validation_*.tfrecords") if files.get("validation") else "",
            "tokenizer_is_pretrained": pretrained,
            "tokenizer_path": "gpt2" if pretrained else self._path("tokenizer/tokenizer.json"),
            "eos_id": self.vocabulary.end_id,
            "padding_id": self.vocabulary.size,
        }

    def _path(self, name: str) -> str:
        prefix = self.options.prefix
        return f"{prefix}/{name}" if prefix and not prefix.endswith("/") else f"{prefix}{name}"


def _json(data: Mapping[str, object]) -> bytes:
    return (json.dumps(data, indent=2) + "\n").encode()


class _Writer(ShardWriter):
    """Files of at most `most` windows; their names hold counts, so they get them when they are closed."""

    def __init__(self, folder: Path, pattern: str, most: int | None) -> None:
        self._folder, self._pattern, self._most = folder, pattern, most
        self._open: ExampleFile | None = None
        self._files: list[ShardFile] = []

    def write(self, batch: TokenBatch) -> None:
        start = 0
        while start < len(batch):
            if self._open is None:
                unnamed = self._pattern.format(file=len(self._files), records="unfinished")
                self._open = ExampleFile(self._folder / unnamed, FEATURE)
            stop = len(batch)
            if self._most is not None:
                stop = min(stop, start + self._most - self._open.sequences)
            self._open.write(batch.slice(start, stop))
            if self._open.sequences == self._most:
                self._finish(self._open)
            start = stop

    def close(self) -> list[ShardFile]:
        if self._open is not None:
            self._finish(self._open)
        return self._files

    def _finish(self, file: ExampleFile) -> None:
        name = self._pattern.format(file=len(self._files), records=file.sequences)
        file.close(name)
        self._files.append(ShardFile(name, file.sequences, file.tokens))
        self._open = None
