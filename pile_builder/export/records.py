"""Reading TFRecord files: frames one behind the other, both of whose checksums are checked.

A frame is the length of the data (u64, little-endian), the masked CRC-32C of these 8 bytes (u32), the data, and its
masked CRC-32C (u32). Nothing else is in the file: no header, no index, no count. Layout and mask:
tensorflow/core/lib/io/record_writer.h and tensorflow/core/lib/hash/crc32c.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

import google_crc32c

from pile_builder.errors import PileError

HEAD = struct.Struct("<QI")
FOOT = struct.Struct("<I")
LONGEST = (1 << 31) - 1
"""Bytes that a protobuf message can have, and so the data of a frame."""
MASK_DELTA = 0xA282EAD8


def masked_crc(data: bytes) -> int:
    """CRC-32C turned right by 15 bits and moved by a constant, so that it can stand in data that is checksummed."""
    crc: int = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + MASK_DELTA) & 0xFFFFFFFF


def read_records(stream: BinaryIO, name: str) -> Iterator[tuple[int, bytes]]:
    """Offset and data of each frame; holds one at a time.

    Raises:
        PileError: a checksum is wrong, or the file ends within a frame.
    """
    offset = 0
    while head := stream.read(HEAD.size):
        if len(head) < HEAD.size:
            raise _damaged(name, offset, f"expected {HEAD.size} bytes of length and checksum, got {len(head)}")
        length, crc = HEAD.unpack(head)
        if masked_crc(head[:8]) != crc:
            raise _damaged(name, offset, f"the checksum of the length {length:,} does not match")
        if length > LONGEST:
            raise _damaged(name, offset, f"expected at most {LONGEST:,} bytes of data, got a length of {length:,}")
        data, foot = stream.read(length), stream.read(FOOT.size)
        if len(foot) < FOOT.size:
            came = len(data) + len(foot)
            raise _damaged(name, offset, f"expected {length + FOOT.size:,} bytes of data and checksum, got {came:,}")
        if masked_crc(data) != FOOT.unpack(foot)[0]:
            raise _damaged(name, offset, f"the checksum of the data ({length:,} bytes) does not match")
        yield offset, data
        offset += HEAD.size + length + FOOT.size


def _damaged(name: str, offset: int, what: str) -> PileError:
    return PileError(f"{name}: record at byte {offset}: {what}; the file is damaged, write or copy it again")
