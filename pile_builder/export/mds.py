"""`mds`: MosaicML's streaming datasets, as LLM Foundry's StreamingTextDataset reads tokens.

A folder a split, in it one a shard with the .mds files and an index.json of their own, as several writers of
mosaicml-streaming would leave them, and above these an index.json that names all files. A .mds file holds,
little-endian: the number of samples N (u32), N + 1 offsets of their borders from the file's start (u32), its
configuration as JSON, and the samples. Of the only column, `tokens`, all samples have one shape if they are windows
and a tail is dropped (`ndarray:uint16:2048`), and hold nothing but ids; otherwise (`ndarray:uint16`) a sample is its
size in bytes behind this number (u32), the number of axes and the width of the shape (u8), the shape, and the ids.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import Field

from pile_builder.errors import ManifestError, PileError
from pile_builder.export.format import ExportOptions, ExportShard, ShardFile, ShardName, ShardWriter, TokenFormat
from pile_builder.export.mds_file import COLUMN, HASH, MEMORY, copy_measured, read_index, read_samples
from pile_builder.export.windows import windows_to_take
from pile_builder.storage import Store
from pile_builder.tokens import TokenBatch

LARGEST = (1 << 32) - 1
"""Bytes of a .mds file: its offsets have 32 bits, and beyond them mosaicml-streaming's would start again at 0."""
LARGEST_ID = (1 << 31) - 1
INDEX = "index.json"


class MdsOptions(ExportOptions):
    """LLM Foundry doesn't pack: a sample longer than `max_seq_len` is cut off, so windows are the default."""

    unit: Literal["documents", "windows"] = Field(
        "windows", description="of documents LLM Foundry reads only the first max_seq_len tokens"
    )
    file_bytes: int = Field(
        1 << 26, ge=1 << 10, description="largest size of a .mds file before compression, below 4 GiB"
    )
    compression: str | None = Field(
        None, pattern=r"^zstd:([1-9]|1[0-9]|2[0-2])$", description="null, or zstd:LEVEL with a level from 1 to 22"
    )


class Mds(TokenFormat):
    """Shards of MosaicML's streaming library (.mds and index.json)."""

    name = "mds"
    trainers = "LLM Foundry, Composer, mosaicml-streaming"
    Options = MdsOptions
    options: MdsOptions

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the ids: 16 bits where they fit, else LLM Foundry's own int32."""
        return np.dtype("<u2") if self.vocabulary.size <= 1 << 16 else np.dtype("<i4")

    @property
    def shape(self) -> int | None:
        """Tokens of every sample, if they all have the same number."""
        options = self.options
        return options.window if options.unit == "windows" and options.tail == "drop" else None

    def check(self) -> None:
        """Ids have to fit int32, and files have to stay below 4 GiB."""
        if self.vocabulary.size - 1 > LARGEST_ID:
            msg = f"mds: expected ids of at most {LARGEST_ID:,}, got a vocabulary of {self.vocabulary.size:,}"
            raise ManifestError(msg)
        # For the sake of `multiple` a file may be larger than file_bytes.
        more = (self.options.multiple - 1) * (self.options.window * self.dtype.itemsize + 16)
        if self.options.file_bytes + more > LARGEST:
            msg = (
                f"mds: expected file_bytes below 4 GiB ({LARGEST + 1:,}), with room for a multiple of windows, got "
                f"{self.options.file_bytes + more:,}: the offsets in a .mds file have 32 bits"
            )
            raise ManifestError(msg)

    def shard(self, folder: Path, shard: ShardName) -> ShardWriter:
        """Write the files of a shard and their index into `SPLIT/NUMBER/`."""
        return _Writer(folder, f"{shard.split}/{shard.number:05}", self.options, self.dtype, self.shape)

    def read(self, store: Store, file: ShardFile) -> Iterator[TokenBatch]:
        """Samples of a .mds file, whose size and hash have to be those in the index beside it; none of an index."""
        folder, _, base = file.name.rpartition("/")
        entries = read_index(store, f"{folder}/{INDEX}")
        if base == INDEX:
            return
        named = {(entry["zip_data"] or entry["raw_data"])["basename"]: entry for entry in entries}
        if base not in named:
            msg = f"{file.name}: not in the {INDEX} beside it; remove both and run again"
            raise PileError(msg)
        yield from read_samples(store, file.name, named[base])

    def extras(self, store: Store, shards: Sequence[ExportShard]) -> Mapping[str, bytes]:
        """An index a split over all its files, and LLM Foundry's loaders."""
        splits = dict.fromkeys(shard.split for shard in shards)
        extras = {f"{split}/{INDEX}": self._merged(store, split, shards) for split in splits}
        full = [split for split in splits if any(shard.written for shard in shards if shard.split == split)]
        evaluation = next((split for split in ("validation", "valid", "test") if split in full), None)
        loaders = {"train_loader": "train" if "train" in full else None, "eval_loader": evaluation}
        config: dict[str, object] = {loader: self._loader(split) for loader, split in loaders.items() if split}
        text = _FOUNDRY.format(
            name=self.vocabulary.name,
            size=self.vocabulary.size,
            end_id=self.vocabulary.end_id,
            end_token=self.vocabulary.end_token,
        )
        if self.options.unit == "documents":
            text += "# Samples are documents: of each, LLM Foundry takes the first max_seq_len tokens and no more.\n"
        return extras | {"llm-foundry.yml": (text + yaml.safe_dump(config, sort_keys=False)).encode()}

    def _merged(self, store: Store, split: str, shards: Sequence[ExportShard]) -> bytes:
        entries = []
        for shard in shards:
            for file in shard.files:
                if shard.split == split and file.name.endswith(f"/{INDEX}"):
                    number = file.name.split("/")[-2]
                    for entry in read_index(store, file.name):
                        for key in ("raw_data", "zip_data"):
                            if entry[key]:
                                entry[key]["basename"] = f"{number}/{entry[key]['basename']}"
                        entries.append(json.dumps(entry, sort_keys=True))
        return f'{{"shards": [{", ".join(entries)}], "version": 2}}'.encode()

    def _loader(self, split: str) -> dict[str, object]:
        dataset = {
            "remote": "PATH OR URL OF THIS FOLDER",
            "local": "A FOLDER FOR THE CACHE",
            "split": split,
            "shuffle": split == "train",
            "max_seq_len": self.options.window,
            "validate_hash": HASH,
        }
        return {"name": "text", "dataset": dataset, "drop_last": split == "train", "num_workers": 8}


_FOUNDRY = """\
# LLM Foundry: the data loaders of scripts/train. With mosaicml-streaming alone:
#   StreamingDataset(remote=..., local=..., split="train", shuffle=True, batch_size=...)[0]["tokens"]
# Don't name this folder as `local`: streaming removes files there when its cache_limit is reached, and unpacks
# compressed ones beside themselves.
# Vocabulary {name}: {size} ids, end of document {end_id} ({end_token}). Models with attn_uses_sequence_id, which
# keeps attention within documents, take `eos_token_id: {end_id}` in each dataset.
"""


class _Writer(ShardWriter):
    """Collects samples until a file is full; what passes `MEMORY` waits on disk."""

    def __init__(self, folder: Path, name: str, options: MdsOptions, dtype: np.dtype[Any], shape: int | None) -> None:
        self._folder, self._name, self._options, self._dtype, self._shape = folder, name, options, dtype, shape
        (folder / name).mkdir(parents=True)
        encoding = f"ndarray:{dtype.name}"
        self._config: dict[str, Any] = {
            "version": 2,
            "format": "mds",
            "compression": options.compression,
            "hashes": [HASH],
            "size_limit": options.file_bytes,
            "column_names": [COLUMN],
            "column_encodings": [encoding if shape is None else f"{encoding}:{shape}"],
            "column_sizes": [None if shape is None else shape * dtype.itemsize],
        }
        self._head = json.dumps(self._config, sort_keys=True).encode()
        self._entries: list[dict[str, Any]] = []
        self._files: list[ShardFile] = []
        self._start_file()

    def write(self, batch: TokenBatch) -> None:
        sizes = self._sample_sizes(batch.sizes)
        start = 0
        while start < len(batch):
            costs = np.cumsum(sizes[start:] + 4)
            fit = int(np.searchsorted(costs, self._options.file_bytes - self._size, "right"))
            stop = start + windows_to_take(fit, self._count, len(batch) - start, self._options.multiple)
            if stop == start:
                self._end_file()
                continue
            self._append(batch.slice(start, stop), sizes[start:stop])
            start = stop

    def close(self) -> list[ShardFile]:
        if self._count:
            self._end_file()
        self._samples.close()
        index = f"{self._name}/{INDEX}"
        text = json.dumps({"version": 2, "shards": self._entries}, sort_keys=True)
        (self._folder / index).write_text(text, encoding="utf-8")
        return [*self._files, ShardFile(index)]

    def _start_file(self) -> None:
        self._samples = tempfile.SpooledTemporaryFile(MEMORY, dir=str(self._folder))  # noqa: SIM115
        self._sizes: list[NDArray[np.int64]] = []
        self._count = self._tokens = 0
        self._size = 8 + len(self._head)

    def _sample_sizes(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        if len(lengths) and int(lengths.min()) < 1:
            msg = f"{self._name}: a sequence without tokens, which MDS cannot hold"
            raise PileError(msg)
        if self._shape is not None:
            return lengths * self._dtype.itemsize
        sizes = lengths * self._dtype.itemsize + 5
        sizes += np.select([lengths < 1 << 8, lengths < 1 << 16], [1, 2], 4)
        if len(sizes) and int(sizes.max()) + self._smallest > LARGEST:
            msg = (
                f"{self._name}: a document of {int(lengths.max()):,} tokens passes the 4 GiB of a .mds file: "
                "say `unit: windows`, or leave such documents out of the corpus"
            )
            raise PileError(msg)
        return sizes

    @property
    def _smallest(self) -> int:
        return 12 + len(self._head)

    def _append(self, batch: TokenBatch, sizes: NDArray[np.int64]) -> None:
        ids = batch.tokens.astype(self._dtype).tobytes()
        if self._shape is not None:
            self._samples.write(ids)
        else:
            start = 0
            for length, size, end in zip(batch.sizes.tolist(), sizes.tolist(), batch.ends.tolist(), strict=True):
                self._samples.write(_sample_head(length, size - 4))
                self._samples.write(ids[start : end * self._dtype.itemsize])
                start = end * self._dtype.itemsize
        self._sizes.append(sizes)
        self._count += len(sizes)
        self._tokens += len(batch.tokens)
        self._size += int(sizes.sum()) + 4 * len(sizes)

    def _end_file(self) -> None:
        sizes = np.concatenate([np.zeros(1, np.int64), *self._sizes])
        offsets = np.cumsum(sizes) + 4 + 4 * len(sizes) + len(self._head)
        head = self._count.to_bytes(4, "little") + offsets.astype("<u4").tobytes() + self._head
        raw = f"shard.{len(self._entries):05}.mds"
        packed = f"{raw}.zstd" if self._options.compression else None
        self._samples.seek(0)
        base = packed or raw
        level = int(self._options.compression.partition(":")[2]) if self._options.compression else None
        with (self._folder / self._name / base).open("wb") as out:
            raw_data, zip_data = copy_measured(head, self._samples, int(offsets[-1]), level, out)
        self._samples.close()
        entry = {
            "samples": self._count,
            "raw_data": {"basename": raw} | raw_data,
            "zip_data": {"basename": packed} | zip_data if zip_data else None,
        }
        self._entries.append(entry | self._config)
        self._files.append(ShardFile(f"{self._name}/{base}", self._count, self._tokens))
        self._start_file()


def _sample_head(length: int, size: int) -> bytes:
    """What stands before the ids of a sample of any length: its size, then one axis and the axis's length."""
    width = 0 if length < 1 << 8 else 1 if length < 1 << 16 else 2
    return size.to_bytes(4, "little") + bytes([1 << 2 | width]) + length.to_bytes(1 << width, "little")
