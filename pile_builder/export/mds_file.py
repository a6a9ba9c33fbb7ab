"""The files of `mds`: reading them by what they say themselves, and writing them with their sizes and hashes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import numpy as np
import orjson
import zstandard
from numpy.typing import NDArray

from pile_builder.errors import PileError
from pile_builder.storage import Store
from pile_builder.tokens import TokenBatch

COLUMN = "tokens"
HASH = "sha1"
"""Recorded of every file. sha1 is in the standard library and fast on current processors; streaming checks one."""
MEMORY = 1 << 27
"""Bytes of a file in the making that are held in memory."""
READ_BYTES = 1 << 22
ENCODING = re.compile(r"ndarray:(uint16|int32|uint32|int64)(?::(\d+))?")
WIDTHS = {0: "<u1", 1: "<u2", 2: "<u4", 3: "<u8"}
KEYS = {"samples": int, "raw_data": dict, "column_encodings": list, "column_names": list, "hashes": list}


class Measured:
    """A binary stream that counts and hashes what is written to it, or read from it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._hash = hashlib.sha1(usedforsecurity=False)
        self.size = 0

    def write(self, data: bytes) -> int:
        """Append bytes."""
        self._note(data)
        self._stream.write(data)
        return len(data)

    def read(self, size: int) -> bytes:
        """The next bytes; fewer only at the end."""
        pieces = []
        while size and (piece := self._stream.read(min(size, READ_BYTES))):
            self._note(piece)
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    @property
    def record(self) -> dict[str, Any]:
        """As an index says it."""
        return {"bytes": self.size, "hashes": {HASH: self._hash.hexdigest()}}

    def _note(self, data: bytes) -> None:
        self._hash.update(data)
        self.size += len(data)


def copy_measured(
    head: bytes, samples: Any, size: int, level: int | None, out: BinaryIO
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Write a file of `size` bytes, compressed if there is a level; what the index says of it before and after."""
    file = Measured(out)
    if level is None:
        _copy(head, samples, file)
        return file.record, None
    # mosaicml-streaming decompresses at once and wants the size in the frame.
    with zstandard.ZstdCompressor(level).stream_writer(cast("BinaryIO", file), size=size, closefd=False) as packer:
        raw = Measured(packer)
        _copy(head, samples, raw)
    return raw.record, file.record


def _copy(head: bytes, samples: Any, out: Measured) -> None:
    out.write(head)
    while data := samples.read(READ_BYTES):
        out.write(data)


def read_index(store: Store, name: str) -> list[dict[str, Any]]:
    """The entries of an index.json.

    Raises:
        PileError: it is no index of .mds files of one column of tokens.
    """
    try:
        index = orjson.loads(store.read(name))
    except (orjson.JSONDecodeError, FileNotFoundError) as error:
        msg = f"{name}: cannot be read: {error}; remove the shard's folder and run again"
        raise PileError(msg) from error
    entries = index.get("shards") if isinstance(index, dict) and index.get("version") == 2 else None
    if isinstance(entries, list) and all(_is_entry(entry) for entry in entries):
        return entries
    msg = f"{name}: expected an index of version 2 of .mds files with one column, {COLUMN}"
    raise PileError(msg)


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict) or any(not isinstance(entry.get(key), kind) for key, kind in KEYS.items()):
        return False
    files = [file for file in (entry["raw_data"], entry.get("zip_data")) if file is not None]
    keys = {"basename", "bytes", "hashes"}
    known = all(isinstance(file, dict) and file.keys() == keys and HASH in file["hashes"] for file in files)
    return known and entry.get("format") == "mds" and entry["column_names"] == [COLUMN] and "zip_data" in entry


def read_samples(store: Store, name: str, entry: dict[str, Any]) -> Iterator[TokenBatch]:
    """The samples of one file, in batches of some megabytes.

    Raises:
        PileError: the file is not as it says, or not as its index entry says.
    """
    with store.open(name) as stream:
        file = Measured(stream)
        if entry["zip_data"]:
            raw = Measured(zstandard.ZstdDecompressor().stream_reader(cast("BinaryIO", file), closefd=False))
        else:
            raw = file
        try:
            yield from _samples(raw, name, entry["samples"])
            raw.read(1)
        except zstandard.ZstdError as error:
            msg = f"{name}: not whole: {error}"
            raise PileError(msg) from error
        while file.read(READ_BYTES):
            pass
    for found, kind in ((raw, "raw_data"), (file, "zip_data")):
        if entry[kind] and {key: entry[kind][key] for key in ("bytes", "hashes")} != found.record:
            msg = (
                f"{name}: expected {entry[kind]['bytes']} bytes ({kind}) with {HASH} {entry[kind]['hashes'][HASH]}, "
                f"got {found.size} with {found.record['hashes'][HASH]}; remove the shard's folder and run again"
            )
            raise PileError(msg)


def _samples(raw: Measured, name: str, expected: int) -> Iterator[TokenBatch]:
    count = int.from_bytes(_exactly(raw, 4, name), "little")
    if count != expected:
        msg = f"{name}: expected {expected} samples, as its index says, got {count}"
        raise PileError(msg)
    offsets = np.frombuffer(_exactly(raw, 4 * (count + 1), name), "<u4").astype(np.int64)
    sizes = np.diff(offsets)
    head = 4 + 4 * (count + 1)
    if offsets[0] < head or (sizes < 1).any():
        msg = f"{name}: the offsets of its samples don't rise"
        raise PileError(msg)
    dtype, shape = _encoding(_exactly(raw, int(offsets[0]) - head, name), name)
    start = 0
    while start < count:
        stop = max(int(np.searchsorted(offsets, offsets[start] + READ_BYTES, "right")) - 1, start + 1)
        data = _exactly(raw, int(offsets[stop] - offsets[start]), name)
        yield _decode(data, sizes[start:stop], dtype, shape, name)
        start = stop


def _encoding(config: bytes, name: str) -> tuple[np.dtype[Any], int | None]:
    try:
        encodings = orjson.loads(config)["column_encodings"]
        found = ENCODING.fullmatch(encodings[0]) if len(encodings) == 1 else None
    except (orjson.JSONDecodeError, KeyError, TypeError):
        found = None
    if not found:
        msg = f"{name}: expected one column, an ndarray of ids of known width"
        raise PileError(msg)
    return np.dtype(found[1]).newbyteorder("<"), int(found[2]) if found[2] else None


def _decode(data: bytes, sizes: NDArray[np.int64], dtype: np.dtype[Any], shape: int | None, name: str) -> TokenBatch:
    if shape is not None:
        if (sizes != shape * dtype.itemsize).any():
            msg = f"{name}: expected samples of {shape * dtype.itemsize} bytes, got {sizes.tolist()[:3]}"
            raise PileError(msg)
        tokens = np.frombuffer(data, dtype).astype(np.uint32)
        return TokenBatch(tokens, np.arange(1, len(sizes) + 1, dtype=np.int64) * shape)
    arrays, start = [], 0
    for size in sizes.tolist():
        arrays.append(_array(data[start : start + size], dtype, name))
        start += size
    ends = np.cumsum([len(array) for array in arrays], dtype=np.int64)
    return TokenBatch(np.concatenate(arrays).astype(np.uint32), ends)


def _array(sample: bytes, dtype: np.dtype[Any], name: str) -> NDArray[Any]:
    if len(sample) > 5 and int.from_bytes(sample[:4], "little") == len(sample) - 4 and sample[4] >> 2 == 1:
        width = np.dtype(WIDTHS[sample[4] & 3])
        length = int.from_bytes(sample[5 : 5 + width.itemsize], "little")
        if len(sample) == 5 + width.itemsize + length * dtype.itemsize:
            return np.frombuffer(sample, dtype, offset=5 + width.itemsize)
    msg = f"{name}: a sample is not an array of ids with one axis"
    raise PileError(msg)


def _exactly(raw: Measured, size: int, name: str) -> bytes:
    data = raw.read(size)
    if len(data) != size:
        msg = f"{name}: cut off: {size - len(data)} bytes are missing"
        raise PileError(msg)
    return data
