"""`megatron`: .bin and .idx of Megatron-LM's IndexedDataset, one pair a split, named as GPT-NeoX names them.

The .bin holds the ids of all documents one after another. The .idx holds, little-endian: `MMIDIDX` and two zero bytes,
version 1 (u64), a code for the ids' type (u8), the number of sequences S and of document borders D = S + 1 (u64 each),
then S sizes (i32, tokens), S pointers (i64, bytes) and D borders (i64, sequences). Every document is one sequence.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import Field

from pile_builder.errors import ManifestError, PileError
from pile_builder.export.flat import FlatWriter, copy_tokens, flat_batches, read_array
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

MAGIC = b"MMIDIDX\x00\x00"
HEADER = struct.Struct("<9sQBQQ")
SIZE, POINTER = np.dtype("<i4"), np.dtype("<i8")
CODES = {np.dtype("<u2"): 8, np.dtype("<i4"): 4}
"""The type codes on which GPT-NeoX and Megatron agree, of those that ids need."""
UINT16_BELOW = 65_500
"""Megatron's best_fitting_dtype: vocabularies below this size are stored in 16 bits."""
LONGEST = (1 << 31) - 1
CHUNK = 1 << 20
"""Entries of an index that are held in memory at a time."""


class MegatronOptions(ExportOptions):
    """Megatron cuts its samples out of the stream itself, so only documents make sense."""

    unit: Literal["documents"] = "documents"
    key: str = Field("text", pattern=r"^[A-Za-z0-9]+$", description="the KEY in SPLIT_KEY_document.bin")


class Megatron(MergedFormat):
    """IndexedDataset of Megatron-LM, GPT-NeoX and NeMo (.bin and .idx)."""

    name = "megatron"
    trainers = "GPT-NeoX, Megatron-LM, NeMo"
    Options = MegatronOptions
    options: MegatronOptions

    @property
    def dtype(self) -> np.dtype[np.uint16] | np.dtype[np.int32]:
        """Type of the ids, by Megatron's rule."""
        return np.dtype("<u2") if self.vocabulary.size < UINT16_BELOW else np.dtype("<i4")

    def check(self) -> None:
        """Ids have to fit 31 bits."""
        if self.vocabulary.size > LONGEST:
            msg = f"megatron: expected a vocabulary of at most {LONGEST:,} ids, got {self.vocabulary.size:,}"
            raise ManifestError(msg)

    def shard(self, folder: Path, shard: ShardName) -> ShardWriter:
        """Write a pair of files for a shard, to be merged."""
        return _Writer(folder, f"{shard.stem}_{self.options.key}_document", self.dtype)

    def read(self, store: Store, file: ShardFile) -> Iterator[TokenBatch]:
        """Documents of a pair, given its .bin."""
        if not file.name.endswith(".bin"):
            return
        with store.open(index_name(file.name)) as index, store.open(file.name) as data:
            dtype, count = read_header(index, file.name)
            length = data.seek(0, os.SEEK_END)
            data.seek(0)
            sizes_at, pointers_at = HEADER.size, HEADER.size + 4 * count
            offset = 0
            for start in range(0, count, CHUNK):
                number = min(CHUNK, count - start)
                sizes = _array(index, sizes_at + 4 * start, SIZE, number, file.name)
                pointers = _array(index, pointers_at + 8 * start, POINTER, number, file.name)
                expected = (offset + np.cumsum(sizes, dtype=np.int64) - sizes) * dtype.itemsize
                if sizes.min() < 0 or not np.array_equal(pointers, expected):
                    msg = f"{index_name(file.name)}: pointers are not the running sum of the sizes"
                    raise PileError(msg)
                offset += int(sizes.sum(dtype=np.int64))
                if offset * dtype.itemsize > length:
                    msg = f"{file.name}: expected {offset} tokens or more, got {length} bytes; it is cut off"
                    raise PileError(msg)
                yield from flat_batches(data, dtype, sizes, file.name)
            _check_borders(index, HEADER.size + 12 * count, count, file.name)
            if data.read(1):
                msg = f"{file.name}: expected {count} documents of {offset} tokens and no more; it is of another index"
                raise PileError(msg)

    def merge(self, folder: Path, split: str, parts: Sequence[Part]) -> list[ShardFile]:
        """One pair of files for a split."""
        stem = f"{split}_{self.options.key}_document"
        with (folder / f"{stem}.bin").open("wb") as out:
            for part in parts:
                copy_tokens(part, part.files[0], self.dtype.itemsize, out)
        with (folder / f"{stem}.idx").open("wb") as out:
            merge_indexes(parts, self.dtype, out)
        sequences, tokens = sum(part.sequences for part in parts), sum(part.tokens for part in parts)
        return [ShardFile(f"{stem}.bin", sequences, tokens), ShardFile(f"{stem}.idx")]

    def extras(self, store: Store, shards: Sequence[ExportShard]) -> Mapping[str, bytes]:
        """A GPT-NeoX configuration with data paths and weights, and Megatron-LM's arguments as comments."""
        prefixes = {
            shard.split: shard.files[0].name.removesuffix(".bin") for shard in shards if shard.files and shard.tokens
        }
        names = {"train": "train", "validation": "valid", "test": "test"}
        arguments = " ".join(f"--{name}-data-path {prefixes[one]}" for one, name in names.items() if one in prefixes)
        head = (
            "# GPT-NeoX: merge into the configuration; paths are relative to this folder. The mixture is in the data,\n"
            f"# so one path with weight 1 is all. Megatron-LM takes the same files: {arguments}\n"
            f"# Vocabulary {self.vocabulary.name}: {self.vocabulary.size} ids, end of document {self.vocabulary.end_id}"
            f" ({self.vocabulary.end_token}).\n"
        )
        held_out = prefixes.get("validation") or prefixes.get("test")
        config: dict[str, object] = {}
        if "train" in prefixes and held_out:
            for split, name in names.items():
                config[f"{name}_data_paths"] = [prefixes.get(split, held_out)]
                config[f"{name}_data_weights"] = [1.0]
            if not names.keys() <= prefixes.keys():
                head += f"# GPT-NeoX wants all three splits or none: {held_out} stands for both held-out ones.\n"
        elif "train" in prefixes:
            config["data_path"] = prefixes["train"]
            head += "# There is no held-out split: GPT-NeoX cuts its own off this one, by its setting `split`.\n"
        config["data_impl"] = "mmap"
        return {"gpt-neox.yml": (head + yaml.safe_dump(config, sort_keys=False)).encode()}


def index_name(data: str) -> str:
    """The .idx beside a .bin."""
    return f"{data.removesuffix('.bin')}.idx"


def read_header(index: BinaryIO, name: str) -> tuple[np.dtype[np.uint16] | np.dtype[np.int32], int]:
    """Type of the ids and number of sequences.

    Raises:
        PileError: the file is no index.
    """
    index.seek(0)
    head = index.read(HEADER.size)
    types = {code: dtype for dtype, code in CODES.items()}
    if len(head) == HEADER.size:
        magic, version, code, count, borders = HEADER.unpack(head)
        if magic == MAGIC and version == 1 and code in types and borders == count + 1:
            return cast("np.dtype[np.uint16]", types[code]), count
    msg = f"{index_name(name)}: not an index of version 1 with one sequence a document"
    raise PileError(msg)


def write_header(out: BinaryIO, dtype: np.dtype[np.uint16] | np.dtype[np.int32], count: int) -> None:
    """The fixed part of an index of `count` documents."""
    out.write(HEADER.pack(MAGIC, 1, CODES[dtype], count, count + 1))


def merge_indexes(parts: Sequence[Part], dtype: np.dtype[np.uint16] | np.dtype[np.int32], out: BinaryIO) -> None:
    """One index for documents that lie one behind the other; holds a chunk of one part's sizes at a time.

    Raises:
        PileError: an index is damaged, of ids of another type, or does not hold what its part says.
    """
    count = sum(part.sequences for part in parts)
    write_header(out, dtype, count)
    for part in parts:
        for sizes in _sizes(part, dtype):
            out.write(sizes.tobytes())
    offset = 0
    for part in parts:
        before = offset
        for sizes in _sizes(part, dtype):
            behind = offset + np.cumsum(sizes, dtype=np.int64) * dtype.itemsize
            out.write((behind - sizes.astype(np.int64) * dtype.itemsize).astype(POINTER).tobytes())
            offset = int(behind[-1])
        if offset - before != part.tokens * dtype.itemsize:
            msg = (
                f"{part.store.path(index_name(part.files[0]))}: expected {part.tokens} tokens in {part.sequences} "
                f"documents from number {part.first}, got {(offset - before) // dtype.itemsize}; remove it, run again"
            )
            raise PileError(msg)
    for start in range(0, count + 1, CHUNK):
        out.write(np.arange(start, min(start + CHUNK, count + 1), dtype=POINTER).tobytes())


def _sizes(part: Part, dtype: np.dtype[np.uint16] | np.dtype[np.int32]) -> Iterator[NDArray[np.int32]]:
    name = part.store.path(part.files[0])
    with part.store.open(index_name(part.files[0])) as index:
        found, count = read_header(index, name)
        if found != dtype or count < part.first + part.sequences:
            msg = (
                f"{index_name(name)}: expected {part.first + part.sequences} documents or more of {dtype.name}, "
                f"got {count} of {found.name}; remove it and run again"
            )
            raise PileError(msg)
        for start in range(0, part.sequences, CHUNK):
            at = HEADER.size + SIZE.itemsize * (part.first + start)
            yield _array(index, at, SIZE, min(CHUNK, part.sequences - start), name)


def _array(stream: BinaryIO, offset: int, dtype: np.dtype[Any], count: int, name: str) -> NDArray[Any]:
    stream.seek(offset)
    return read_array(stream, dtype, count, index_name(name))


def _check_borders(index: BinaryIO, offset: int, count: int, name: str) -> None:
    index.seek(offset)
    for start in range(0, count + 1, CHUNK):
        number = min(CHUNK, count + 1 - start)
        if not np.array_equal(read_array(index, POINTER, number, index_name(name)), np.arange(start, start + number)):
            msg = f"{index_name(name)}: expected each of {count} documents to be one sequence, as this format writes"
            raise PileError(msg)
    if index.read(1):
        msg = f"{index_name(name)}: expected nothing behind the borders of {count} documents; it is damaged"
        raise PileError(msg)


class _Writer(FlatWriter):
    def __init__(self, folder: Path, stem: str, dtype: np.dtype[np.uint16] | np.dtype[np.int32]) -> None:
        super().__init__(folder, f"{stem}.bin", dtype)
        self._index, self._id_type = folder / f"{stem}.idx", dtype
        self._sizes: list[NDArray[np.int32]] = []

    def write(self, batch: TokenBatch) -> None:
        sizes = batch.sizes
        if len(sizes) and int(sizes.max()) > LONGEST:
            msg = f"megatron: a document of {int(sizes.max()):,} tokens; its sizes have 31 bits"
            raise PileError(msg)
        super().write(batch)
        self._sizes.append(sizes.astype(SIZE))

    def close(self) -> list[ShardFile]:
        sizes = np.concatenate([np.zeros(0, SIZE), *self._sizes])
        ends = np.cumsum(sizes, dtype=np.int64)
        with self._index.open("wb") as index:
            write_header(index, self._id_type, len(sizes))
            index.write(sizes.tobytes())
            index.write(((ends - sizes) * self._id_type.itemsize).astype(POINTER).tobytes())
            index.write(np.arange(len(sizes) + 1, dtype=POINTER).tobytes())
        return [*super().close(), ShardFile(self._index.name)]
