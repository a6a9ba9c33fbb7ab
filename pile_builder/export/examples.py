"""Writing sequences as TFRecord files of tf.train.Example, without TensorFlow: whole batches in compiled loops.

Each sequence is an Example with one feature, an int64_list. That is five protobuf messages, one within the other, each
with a tag and its length before it, and in the innermost the ids as packed varints (tensorflow/core/example,
example.proto and feature.proto):

    Example.features = 1 > Features.feature = 1 > (key = 1, value = 2) > Feature.int64_list = 3 > Int64List.value = 1
"""

from __future__ import annotations

from pathlib import Path

import google_crc32c
import numpy as np
from numba import njit
from numpy.typing import NDArray

from pile_builder.errors import PileError
from pile_builder.export.records import FOOT, HEAD, LONGEST, MASK_DELTA
from pile_builder.tokens import TokenBatch

CHUNK_TOKENS = 1 << 20
"""Tokens after which a batch of sequences is written, so that the bytes of a large batch are not all in memory."""
PACKED, LIST, FEATURE, ENTRY, FEATURES, EXAMPLE = range(6)
"""Columns of the sizes of a sequence's messages, from the inside."""
HEAD_SIZE, FOOT_SIZE = HEAD.size, FOOT.size


class ExampleFile:
    """A TFRecord file that is being written.

    Attributes:
        sequences: written so far.
        tokens: of these.
    """

    def __init__(self, path: Path, feature: str) -> None:
        self.path = path
        self.sequences = self.tokens = 0
        self._feature = feature
        self._file = path.open("wb")

    def write(self, batch: TokenBatch) -> None:
        """Append each sequence as a record.

        Raises:
            PileError: a sequence is too long for a protobuf message.
        """
        start = done = 0
        while start < len(batch):
            stop = max(int(np.searchsorted(batch.ends, done + CHUNK_TOKENS, "right")), start + 1)
            self._file.write(frame_examples(batch.slice(start, stop), self._feature).data)
            start, done = stop, int(batch.ends[stop - 1])
        self.sequences += len(batch)
        self.tokens += len(batch.tokens)

    def close(self, name: str) -> None:
        """Finish under a name of the same folder, which may say how many sequences there are."""
        self._file.close()
        self.path = self.path.rename(self.path.with_name(name))


def frame_examples(batch: TokenBatch, feature: str) -> NDArray[np.uint8]:
    """The bytes of a batch's records, one behind the other.

    Raises:
        PileError: a sequence is too long for a protobuf message.
    """
    out, starts, stops = encode_examples(batch, feature, HEAD_SIZE, FOOT_SIZE)
    heads = starts - HEAD_SIZE
    out[heads[:, None] + np.arange(8)] = (stops - starts).astype("<u8").view(np.uint8).reshape(-1, 8)
    _put_checksums(out, heads, heads + 8, heads + 8)
    _put_checksums(out, starts, stops, stops)
    return out


def encode_examples(
    batch: TokenBatch, feature: str, head: int = 0, foot: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """The Examples of a batch one behind the other, with room before and behind each.

    Returns:
        The bytes, and where each message starts and stops, shapes (d,).

    Raises:
        PileError: a sequence is too long for a protobuf message.
    """
    tokens, ends = np.ascontiguousarray(batch.tokens, np.uint32), np.ascontiguousarray(batch.ends, np.int64)
    key = np.frombuffer(feature.encode(), np.uint8)
    sizes = _measure(tokens, ends, len(key))
    if len(sizes) and int(sizes[:, EXAMPLE].max()) > LONGEST:
        longest = int(sizes[:, EXAMPLE].argmax())
        msg = (
            f"expected sequences that fit a protobuf message of {LONGEST:,} bytes, got one of "
            f"{int(batch.sizes[longest]):,} tokens with {int(sizes[longest, EXAMPLE]):,}; cut it, or use windows"
        )
        raise PileError(msg)
    stops = np.cumsum(sizes[:, EXAMPLE] + (head + foot), dtype=np.int64) - foot
    starts = stops - sizes[:, EXAMPLE]
    out = np.empty(int(stops[-1]) + foot if len(stops) else 0, np.uint8)
    _put_examples(tokens, ends, sizes, starts, key, out)
    return out, starts, stops


def _put_checksums(
    out: NDArray[np.uint8], starts: NDArray[np.int64], stops: NDArray[np.int64], places: NDArray[np.int64]
) -> None:
    """Write at each of `places` the masked checksum of the bytes between `starts` and `stops`."""
    value = google_crc32c.value
    crcs = [value(out[start:stop].tobytes()) for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]
    crc = np.array(crcs, np.uint32)
    masked = (crc >> np.uint32(15) | crc << np.uint32(17)) + np.uint32(MASK_DELTA)
    out[places[:, None] + np.arange(4)] = masked.astype("<u4").view(np.uint8).reshape(-1, 4)


@njit(cache=True, nogil=True)
def _varint_size(value: int) -> int:
    size = 1
    while value >= 128:
        value >>= 7
        size += 1
    return size


@njit(cache=True, nogil=True)
def _measure(tokens: NDArray[np.uint32], ends: NDArray[np.int64], key_size: int) -> NDArray[np.int64]:
    """Sizes of the messages of each sequence, shape (d, 6), without the tag and length before them."""
    sizes = np.empty((len(ends), 6), np.int64)
    start = 0
    for i in range(len(ends)):
        packed = np.int64(0)
        for token in tokens[start : ends[i]]:
            packed += 1 + (token >= 1 << 7) + (token >= 1 << 14) + (token >= 1 << 21) + (token >= 1 << 28)
        start = ends[i]
        sizes[i, PACKED] = packed
        for inner in range(5):
            sizes[i, inner + 1] = 1 + _varint_size(sizes[i, inner]) + sizes[i, inner]
            if inner + 1 == ENTRY:
                sizes[i, ENTRY] += 1 + _varint_size(key_size) + key_size
    return sizes


@njit(cache=True, nogil=True)
def _put_varint(out: NDArray[np.uint8], place: int, value: int) -> int:
    while value >= 128:
        out[place] = (value & 127) | 128
        value >>= 7
        place += 1
    out[place] = value
    return place + 1


@njit(cache=True, nogil=True)
def _put_tag(out: NDArray[np.uint8], place: int, field: int, size: int) -> int:
    """Tag of a length-delimited field, and its length."""
    out[place] = field << 3 | 2
    return _put_varint(out, place + 1, size)


@njit(cache=True, nogil=True)
def _put_examples(
    tokens: NDArray[np.uint32],
    ends: NDArray[np.int64],
    sizes: NDArray[np.int64],
    starts: NDArray[np.int64],
    key: NDArray[np.uint8],
    out: NDArray[np.uint8],
) -> None:
    first = 0
    for i in range(len(ends)):
        place = _put_tag(out, starts[i], 1, sizes[i, FEATURES])
        place = _put_tag(out, place, 1, sizes[i, ENTRY])
        place = _put_tag(out, place, 1, len(key))
        for byte in key:
            out[place] = byte
            place += 1
        place = _put_tag(out, place, 2, sizes[i, FEATURE])
        place = _put_tag(out, place, 3, sizes[i, LIST])
        place = _put_tag(out, place, 1, sizes[i, PACKED])
        for token in tokens[first : ends[i]]:
            place = _put_varint(out, place, token)
        first = ends[i]
