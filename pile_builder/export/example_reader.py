"""Reading tf.train.Example back as a trainer's parser does: one int64_list by its feature's name, by protobuf's rules.

Shares nothing with the writer. Fields may come in any order, others are skipped, and ids may be packed or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from pile_builder.errors import PileError
from pile_builder.export.records import read_records
from pile_builder.tokens import TokenBatch

READ_BYTES = 1 << 22
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Protobuf's wire types."""
FIXED = {FIXED64: 8, FIXED32: 4}


def read_examples(stream: BinaryIO, feature: str, name: str) -> Iterator[TokenBatch]:
    """The sequences of a TFRecord file of Examples, in batches of a few megabytes.

    Raises:
        PileError: the file is damaged, or a record is no Example with that feature and ids of 32 bits.
    """
    places = ((f"{name}: record at byte {offset}", data) for offset, data in read_records(stream, name))
    yield from decode_examples(places, feature)


def decode_examples(records: Iterable[tuple[str, bytes]], feature: str) -> Iterator[TokenBatch]:
    """The sequences of serialised Examples, in batches of a few megabytes.

    Args:
        records: each with where it lies, as errors say it.
        feature: the name of the list of ids.

    Raises:
        PileError: a record is no Example with that feature and ids of 32 bits.
    """
    places: list[str] = []
    lists: list[bytes] = []
    size = 0
    for place, data in records:
        try:
            ids = int64_list(data, feature)
        except ValueError as error:
            raise _unexpected(place, str(error)) from error
        places.append(place)
        lists.append(ids)
        size += len(ids)
        if size >= READ_BYTES:
            yield _decode(lists, places)
            places, lists, size = [], [], 0
    if lists:
        yield _decode(lists, places)


def int64_list(example: bytes, feature: str) -> bytes:
    """The ids of a feature of a serialised Example, as varints one behind the other.

    Raises:
        ValueError: the bytes are no Example, or it has no such feature, or that is of another type.
    """
    found = None
    names = set()
    for features in _messages(example, 1):
        for entry in _messages(features, 1):
            key = b"".join(_messages(entry, 1))
            names.add(key.decode(errors="replace"))
            if key == feature.encode():
                found = b"".join(_messages(entry, 2))
    if found is None:
        msg = f"expected a feature {feature!r}, got {sorted(names)}"
        raise ValueError(msg)
    kinds = {number for number, *_ in _fields(found)}
    if kinds - {3}:
        msg = f"expected an int64_list (field 3) in feature {feature!r}, got field {min(kinds - {3})}"
        raise ValueError(msg)
    return b"".join(
        ids[start:stop]
        for ids in _messages(found, 3)
        for number, kind, start, stop in _fields(ids)
        if number == 1 and kind in (VARINT, BYTES)
    )


def decode_varints(data: NDArray[np.uint8]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Values of varints of at most 35 bits that lie one behind the other, and the offset of each one's last byte.

    Of longer ones the value is the largest of 64 bits.
    """
    last = np.flatnonzero(data < 128)
    first = np.concatenate([np.zeros(1, np.int64), last[:-1] + 1])[: len(last)]
    sizes = last - first + 1
    values = (data[first] & 127).astype(np.uint64)
    for byte in range(1, 5):
        longer = np.flatnonzero(sizes > byte)
        values[longer] |= (data[first[longer] + byte] & 127).astype(np.uint64) << np.uint64(7 * byte)
    values[sizes > 5] = np.iinfo(np.uint64).max
    return values, last


def _decode(lists: list[bytes], places: list[str]) -> TokenBatch:
    for ids, place in zip(lists, places, strict=True):
        if ids and ids[-1] >= 128:
            raise _unexpected(place, "the last id is cut off")
    values, last = decode_varints(np.frombuffer(b"".join(lists), np.uint8))
    sizes = np.array([len(ids) for ids in lists], np.int64)
    ends = np.searchsorted(last, np.cumsum(sizes)).astype(np.int64)
    large = np.flatnonzero(values > 0xFFFFFFFF)
    if len(large):
        record = int(np.searchsorted(ends, large[0], "right"))
        raise _unexpected(places[record], "expected ids from 0 to 4,294,967,295, got one beyond")
    return TokenBatch(values.astype(np.uint32), ends)


def _messages(data: bytes, wanted: int) -> Iterator[bytes]:
    """Each value of a field that holds a message or a string."""
    for number, kind, start, stop in _fields(data):
        if number == wanted:
            if kind != BYTES:
                msg = f"expected bytes in field {number}, got wire type {kind}"
                raise ValueError(msg)
            yield data[start:stop]


def _fields(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Number and wire type of each field of a message, and where its value begins and ends."""
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        number, kind = tag >> 3, tag & 7
        start = place
        if kind == VARINT:
            _, stop = _varint(data, place)
        elif kind == BYTES:
            size, start = _varint(data, place)
            stop = start + size
        elif kind in FIXED:
            stop = start + FIXED[kind]
        else:
            msg = f"not a protobuf message: wire type {kind}"
            raise ValueError(msg)
        if not number or stop > len(data):
            msg = "not a protobuf message: a field without number, or that goes beyond its message"
            raise ValueError(msg)
        yield number, kind, start, stop
        place = stop


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data) and shift < 64:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
        shift += 7
    msg = "not a protobuf message: an integer is cut off or has more than 64 bits"
    raise ValueError(msg)


def _unexpected(place: str, what: str) -> PileError:
    return PileError(f"{place}: {what}; the file is not of this format, export it again")
