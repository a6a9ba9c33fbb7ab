"""Serialized tf.train.Example messages that hold one list of ids, written and read without TensorFlow.

An Example nests five messages, every length a varint: Example (features = 1), Features (feature = 1, a map), the map's
entry (key = 1, value = 2), Feature (int64_list = 3) and Int64List (value = 1, packed varints). See
tensorflow/core/example/example.proto and feature.proto.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pile_builder.errors import PileError
from pile_builder.tokens import TokenBatch

LONGEST = (1 << 31) - 1
"""Bytes of the largest message that protocol buffers parse."""
OVERHEAD = 64
"""Bytes that tags and lengths around a list of ids need at most, without the feature's name."""
_LENGTH_DELIMITED = 2


def encode_examples(batch: TokenBatch, feature: str) -> tuple[bytes, NDArray[np.int64]]:
    """One Example for each sequence, byte for byte as TensorFlow serializes it.

    Returns:
        The messages one after another, and the offsets of their borders, shape (d + 1,).

    Raises:
        PileError: a sequence makes a message longer than protocol buffers parse.
    """
    name = np.frombuffer(feature.encode(), np.uint8)
    packed = _packed_sizes(batch.tokens, batch.ends)
    if len(packed) and int(packed.max()) > LONGEST - OVERHEAD - len(name):
        msg = (
            f"a sequence of {int(batch.sizes.max()):,} tokens; a tf.train.Example holds at most 2 GiB: "
            "say `unit: windows`, or leave such documents out of the corpus"
        )
        raise PileError(msg)
    out = np.empty(int(packed.sum()) + len(packed) * (OVERHEAD + len(name)), np.uint8)
    offsets = np.zeros(len(packed) + 1, np.int64)
    _encode(batch.tokens, batch.ends, packed, name, out, offsets)
    return out[: offsets[-1]].tobytes(), offsets


def decode_examples(records: Sequence[bytes], feature: str, name: str) -> TokenBatch:
    """The sequences of serialized Examples; `name` says in errors where they lie.

    Raises:
        PileError: a record is no Example with one list of ids under that feature.
    """
    payloads = [_packed_ids(record, feature, name) for record in records]
    borders = np.cumsum([len(payload) for payload in payloads], dtype=np.int64)
    tokens = np.empty(int(borders[-1]) if len(borders) else 0, np.uint32)
    ends = np.empty(len(borders), np.int64)
    count = _unpack(np.frombuffer(b"".join(payloads), np.uint8), borders, tokens, ends)
    if count < 0:
        msg = f"{name}: an id is negative, has more than 32 bits or is cut off"
        raise PileError(msg)
    return TokenBatch(tokens[:count], ends)


def _packed_ids(record: bytes, feature: str, name: str) -> memoryview:
    entry = _only_field(_only_field(memoryview(record), 1, name), 1, name)
    fields = dict(_fields(entry, name))
    if fields.keys() == {1, 2} and bytes(fields[1]) == feature.encode():
        ids = _only_field(fields[2], 3, name)
        return _only_field(ids, 1, name) if len(ids) else ids
    msg = f"{name}: expected a tf.train.Example with the feature {feature!r} alone"
    raise PileError(msg)


def _only_field(message: memoryview, number: int, name: str) -> memoryview:
    fields = list(_fields(message, name))
    if [found for found, _ in fields] != [number]:
        msg = f"{name}: expected a tf.train.Example with one feature, an int64_list with packed ids"
        raise PileError(msg)
    return fields[0][1]


def _fields(message: memoryview, name: str) -> Iterator[tuple[int, memoryview]]:
    place = 0
    while place < len(message):
        tag, place = _varint(message, place, name)
        size, place = _varint(message, place, name)
        if tag & 7 != _LENGTH_DELIMITED or place + size > len(message):
            msg = f"{name}: a record is not a tf.train.Example, or it is cut off"
            raise PileError(msg)
        yield tag >> 3, message[place : place + size]
        place += size


def _varint(message: memoryview, place: int, name: str) -> tuple[int, int]:
    value = 0
    for width, byte in enumerate(message[place : place + 5]):
        value |= (byte & 127) << 7 * width
        if byte < 128:
            return value, place + width + 1
    msg = f"{name}: a record is not a tf.train.Example, or it is cut off"
    raise PileError(msg)


def split_records(buffer: bytes, offsets: NDArray[np.int64]) -> Iterator[bytes]:
    """The messages of `encode_examples`, one by one."""
    for start, stop in pairwise(offsets.tolist()):
        yield buffer[start:stop]


@njit(cache=True, nogil=True)
def _width(value: int) -> int:
    width = 1
    while value >= 128:
        value >>= 7
        width += 1
    return width


@njit(cache=True, nogil=True)
def _put(value: int, out: NDArray[np.uint8], place: int) -> int:
    while value >= 128:
        out[place] = value & 127 | 128
        value >>= 7
        place += 1
    out[place] = value
    return place + 1


@njit(cache=True, nogil=True)
def _packed_sizes(tokens: NDArray[np.uint32], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    sizes = np.zeros(len(ends), np.int64)
    start = 0
    for i in range(len(ends)):
        size = 0
        for k in range(start, ends[i]):
            token = tokens[k]
            size += 1 + (token >= 1 << 7) + (token >= 1 << 14) + (token >= 1 << 21) + (token >= 1 << 28)
        sizes[i] = size
        start = ends[i]
    return sizes


@njit(cache=True, nogil=True)
def _encode(
    tokens: NDArray[np.uint32],
    ends: NDArray[np.int64],
    packed: NDArray[np.int64],
    name: NDArray[np.uint8],
    out: NDArray[np.uint8],
    offsets: NDArray[np.int64],
) -> None:
    start = place = 0
    for i in range(len(ends)):
        ids = 1 + _width(packed[i]) + packed[i] if packed[i] else 0
        feature = 1 + _width(ids) + ids
        entry = 2 + _width(len(name)) + len(name) + _width(feature) + feature
        features = 1 + _width(entry) + entry
        out[place] = 1 << 3 | 2
        place = _put(features, out, place + 1)
        out[place] = 1 << 3 | 2
        place = _put(entry, out, place + 1)
        out[place] = 1 << 3 | 2
        place = _put(len(name), out, place + 1)
        out[place : place + len(name)] = name
        place += len(name)
        out[place] = 2 << 3 | 2
        place = _put(feature, out, place + 1)
        out[place] = 3 << 3 | 2
        place = _put(ids, out, place + 1)
        if packed[i]:
            out[place] = 1 << 3 | 2
            place = _put(packed[i], out, place + 1)
            for k in range(start, ends[i]):
                token = tokens[k]
                while token >= 128:
                    out[place] = token & 127 | 128
                    token >>= 7
                    place += 1
                out[place] = token
                place += 1
        start = ends[i]
        offsets[i + 1] = place


@njit(cache=True, nogil=True)
def _unpack(
    data: NDArray[np.uint8], borders: NDArray[np.int64], tokens: NDArray[np.uint32], ends: NDArray[np.int64]
) -> int:
    """The ids of lists that lie one after another; their number, or -1 if one is not an id of 32 bits."""
    count = place = 0
    for i in range(len(borders)):
        while place < borders[i]:
            value = np.uint64(0)
            shift = np.uint64(0)
            while True:
                if place == borders[i] or shift > 28:
                    return -1
                byte = data[place]
                place += 1
                value |= np.uint64(byte & 127) << shift
                shift += np.uint64(7)
                if byte < 128:
                    break
            if value >> np.uint64(32):
                return -1
            tokens[count] = value
            count += 1
        ends[i] = count
    return count
