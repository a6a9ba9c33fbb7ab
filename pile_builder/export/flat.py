"""Files that hold little but ids one after another, of a fixed width: writing, cutting, reading, putting together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pile_builder.errors import PileError
from pile_builder.export.format import Part, ShardFile, ShardWriter
from pile_builder.export.windows import windows_to_take
from pile_builder.tokens import TokenBatch

IdType = np.dtype[np.uint16] | np.dtype[np.uint32] | np.dtype[np.int32]

READ_TOKENS = 1 << 20
COPY_BYTES = 1 << 24


def narrowest(vocabulary: int) -> np.dtype[np.uint16] | np.dtype[np.uint32]:
    """The type of ids below `vocabulary`: 16 bits if they suffice, else 32; little-endian."""
    return np.dtype("<u2") if vocabulary <= 1 << 16 else np.dtype("<u4")


def packed(tokens: NDArray[np.uint32], dtype: IdType, name: str) -> bytes:
    """Ids as bytes of a file.

    Raises:
        PileError: an id does not fit.
    """
    if len(tokens) and int(tokens.max()) > np.iinfo(dtype).max:
        msg = (
            f"{name}: expected ids that fit {dtype.name}, got {int(tokens.max())}: "
            "the vocabulary's size is wrong; give the tokenizer's highest id + 1"
        )
        raise PileError(msg)
    return tokens.astype(dtype).tobytes()


class FlatWriter(ShardWriter):
    """Writes one file of ids.

    Attributes:
        name: of the file, below `folder`.
        sequences: written so far.
        tokens: written so far.
    """

    def __init__(self, folder: Path, name: str, dtype: IdType) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._dtype = dtype
        self._data = path.open("wb")
        self.name = name
        self.sequences = self.tokens = 0

    def write(self, batch: TokenBatch) -> None:
        """Append sequences."""
        self._data.write(packed(batch.tokens, self._dtype, self.name))
        self.sequences += len(batch)
        self.tokens += len(batch.tokens)

    def close(self) -> list[ShardFile]:
        """Finish; the one file."""
        self._data.close()
        return [ShardFile(self.name, self.sequences, self.tokens)]


class CutWriter(ShardWriter):
    """Cuts a shard between sequences into files of at most so many tokens; a longer sequence has a file of its own.

    Files end at a multiple of sequences. A shard without sequences has no files: most readers map files into memory,
    which fails for an empty one.
    """

    def __init__(self, file_tokens: int, start: Callable[[int], ShardWriter], multiple: int = 1) -> None:
        """`start` opens the writer of the shard's file number 0, 1, ..."""
        self._limit, self._start, self._multiple = file_tokens, start, multiple
        self._open: ShardWriter | None = None
        self._filled = self._count = self._number = 0
        self._done: list[ShardFile] = []

    def write(self, batch: TokenBatch) -> None:
        """Append sequences."""
        start = done = 0
        while start < len(batch):
            fit = int(np.searchsorted(batch.ends, done + self._limit - self._filled, "right")) - start
            stop = start + windows_to_take(max(fit, 0), self._count, len(batch) - start, self._multiple)
            if stop == start:
                self._finish()
                continue
            if not self._open:
                self._open = self._start(self._number)
            self._open.write(batch.slice(start, stop))
            self._count += stop - start
            self._filled += int(batch.ends[stop - 1]) - done
            start, done = stop, int(batch.ends[stop - 1])

    def close(self) -> list[ShardFile]:
        """Finish; the files of all parts, in order."""
        if self._open:
            self._finish()
        return self._done

    def _finish(self) -> None:
        if self._open:
            self._done += self._open.close()
        self._open, self._number = None, self._number + 1
        self._filled = self._count = 0


def copy_tokens(part: Part, name: str, itemsize: int, out: BinaryIO) -> None:
    """Append what a merge takes of a flat file.

    Raises:
        PileError: the file is shorter than its record says.
    """
    with part.store.open(name) as stream:
        stream.seek(part.skip * itemsize)
        left = part.tokens * itemsize
        while left:
            data = stream.read(min(left, COPY_BYTES))
            if not data:
                msg = f"{part.store.path(name)}: {left} bytes shorter than its record says; remove it and run again"
                raise PileError(msg)
            out.write(data)
            left -= len(data)


def flat_batches(
    stream: BinaryIO, dtype: np.dtype[Any], sizes: NDArray[np.integer[Any]], name: str
) -> Iterator[TokenBatch]:
    """The next sequences of a flat file, given their sizes: batches of about a million tokens.

    Raises:
        PileError: the file ends too early.
    """
    ends = np.cumsum(sizes, dtype=np.int64)
    start = done = 0
    while start < len(ends):
        stop = max(int(np.searchsorted(ends, done + READ_TOKENS, "right")), start + 1)
        count = int(ends[stop - 1]) - done
        yield TokenBatch(read_tokens(stream, dtype, count, name), ends[start:stop] - done)
        start, done = stop, done + count


def closed_documents(stream: BinaryIO, dtype: np.dtype[Any], end_id: int, name: str) -> Iterator[TokenBatch]:
    """The rest of a flat file as documents, each of which ends at the next `end_id`: batches of about a million tokens.

    Raises:
        PileError: the file ends within a token or a document.
    """
    waiting: list[NDArray[Any]] = []
    while data := stream.read(READ_TOKENS * dtype.itemsize):
        if len(data) % dtype.itemsize:
            msg = f"{name}: expected whole ids of {dtype.itemsize} bytes, got {len(data) % dtype.itemsize} bytes more"
            raise PileError(msg)
        tokens = np.frombuffer(data, dtype)
        ends = np.flatnonzero(tokens == end_id) + 1
        if len(ends):
            before = sum(map(len, waiting))
            waiting.append(tokens[: ends[-1]])
            yield TokenBatch(np.concatenate(waiting).astype(np.uint32), ends + before)
            waiting, tokens = [], tokens[ends[-1] :]
        if len(tokens):
            waiting.append(tokens)
    if waiting:
        msg = (
            f"{name}: expected the end-of-document token {end_id} as its last, got {int(waiting[-1][-1])}: the file is "
            "cut off, or of another tokenizer"
        )
        raise PileError(msg)


def read_tokens(stream: BinaryIO, dtype: np.dtype[Any], count: int, name: str) -> NDArray[np.uint32]:
    """The next `count` ids.

    Raises:
        PileError: the file ends before.
    """
    return read_array(stream, dtype, count, name).astype(np.uint32)


def read_array(stream: BinaryIO, dtype: np.dtype[Any], count: int, name: str) -> NDArray[Any]:
    """The next `count` numbers.

    Raises:
        PileError: the file ends before.
    """
    data = stream.read(count * dtype.itemsize)
    if len(data) != count * dtype.itemsize:
        msg = f"{name}: ends {count * dtype.itemsize - len(data)} bytes too early; it is cut off, write it again"
        raise PileError(msg)
    return np.frombuffer(data, dtype)
