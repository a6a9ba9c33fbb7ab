"""TFRecord files by hand: CRC, frames, varints and messages in plain Python; exports cut as the engine cuts them."""

import struct
from pathlib import Path
from typing import Any

import numpy as np

from pile_builder.export.format import ExportShard, ShardName, TokenFormat, Vocabulary
from pile_builder.export.windows import WindowCutter
from pile_builder.storage import Store
from pile_builder.tokens import TokenBatch

STORE = Store("unused")
"""Extras are made of counts; only those of MDS read what lies in the store."""
GPT2 = Vocabulary("gpt2", 50_257, 50_256, "<|endoftext|>")


def crc32c(data: bytes) -> int:
    """Bit by bit, with the reversed Castagnoli polynomial (RFC 3720, appendix B.4)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) % (1 << 32))


def frame(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value % 128 + 128])
        value //= 128
    return out + bytes([value])


def field(number: int, content: bytes) -> bytes:
    return varint(number * 8 + 2) + varint(len(content)) + content


def example(feature: str, ids: list[int]) -> bytes:
    values = field(3, field(1, b"".join(map(varint, ids))))
    return field(1, field(1, field(1, feature.encode()) + field(2, values)))


def batch(sequences: list[list[int]]) -> TokenBatch:
    tokens = np.array([one for sequence in sequences for one in sequence], np.uint32)
    return TokenBatch(tokens, np.cumsum([len(sequence) for sequence in sequences], dtype=np.int64))


def lists(batches: Any) -> list[list[int]]:
    return [part.tolist() for one in batches for part in np.split(one.tokens, one.ends[:-1])]


def export(form: TokenFormat, folder: Path, streams: list[list[int]], split: str = "train") -> list[ExportShard]:
    """Each stream as a shard, cut as the engine does it."""
    shards = []
    for number, stream in enumerate(streams):
        name = ShardName(split, number, len(streams))
        writer = form.shard(folder, name)
        cutter = WindowCutter(form.options, writer.write, folder / ".spool", name.stem)
        cutter.write(batch([stream]))
        cutter.close()
        files = writer.close()
        written = sum(file.tokens for file in files)
        assert written + len(cutter.tail) == len(stream)
        shards.append(ExportShard(f"{number}.jsonl", split, 1, len(stream), written, files, {}))
    return shards
