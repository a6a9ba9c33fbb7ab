"""The bytes of input files as bounded streams: compressed, hostile or cut short.

Every reader here is bounded in what it expands to and raises `InputError` with the name of the rule that was broken:
`truncated`, `damaged`, `bomb`, `too_large`. Archives are streamed, member names are data and never paths to write to.
"""

from __future__ import annotations

import bz2
import io
import lzma
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, BinaryIO, cast

import pyarrow as pa

from pile_builder.errors import InputError
from pile_builder.gzip_members import GZIP_ERRORS, MAGIC, GzipMembers
from pile_builder.input_files import InputFile, open_input

MAX_RECORD_BYTES = 64 << 20
"""Largest record or archive member that becomes a document; larger ones are rejects."""
MAX_RATIO = 200
"""Largest ratio of expanded to compressed bytes beyond the first `RATIO_FREE_BYTES`; real text stays below 50."""
RATIO_FREE_BYTES = 32 << 20

MAX_STALL_BYTES = 16 << 20
"""Most stored bytes in a row that expand to nothing: endless names in gzip headers, empty members by the million."""

_ERRORS: tuple[type[Exception], ...] = (*GZIP_ERRORS, lzma.LZMAError, OSError, ValueError)
_MAGIC = {MAGIC: "gz", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zst"}


@contextmanager
def open_text_bytes(file: InputFile) -> Iterator[BinaryIO]:
    """Open an input and decompress it by its magic bytes (gzip, bzip2, xz, zstandard; else as stored), bounded.

    Raises:
        InputError: while reading: `truncated`, `damaged` or `bomb`.
    """
    with open_input(file) as stored:
        yield cast("BinaryIO", io.BufferedReader(decompressed(stored, file.name), 1 << 20))


def is_compressed(head: bytes) -> bool:
    """Whether a file that begins so is one that `decompressed` expands."""
    return head.startswith(tuple(_MAGIC))


def read_lines(
    stream: BinaryIO, start: int = 0, end: int | None = None, limit: int = MAX_RECORD_BYTES
) -> Iterator[tuple[int, bytes | None]]:
    """Stream lines with their ends, and the offsets at which they begin; None for a line of more than `limit` bytes.

    Args:
        stream: from its first byte; it must be seekable if `start` is not 0.
        start: of lines only those that begin here or later,
        end: and before here: ranges that touch share no line and lose none.
        limit: most bytes of a line, its end included.

    Raises:
        InputError: what `stream` raises.
    """
    at = start
    if start > 0:
        # The line that is under way belongs to the range before, unless it ends right here.
        stream.seek(start - 1)
        at += _pass_line(stream) - 1
    while (end is None or at < end) and (line := stream.readline(limit + 1)):
        if len(line) <= limit:
            yield at, line
            at += len(line)
        else:
            yield at, None
            at += len(line) + (0 if line.endswith(b"\n") else _pass_line(stream))


def _pass_line(stream: BinaryIO) -> int:
    """Read up to the next line end; the number of bytes."""
    count = 0
    while part := stream.readline(1 << 20):
        count += len(part)
        if part.endswith(b"\n"):
            break
    return count


def decompressed(stored: BinaryIO, name: str) -> io.RawIOBase:
    """A bounded raw stream over what `stored` expands to; `name` appears in errors."""
    counting = _Counting(stored, name)
    buffered = io.BufferedReader(counting, 1 << 16)
    head = buffered.peek(6)[:6]
    kind = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "")
    inner: Any
    if kind == "gz":
        inner = GzipMembers(cast("BinaryIO", buffered))
    elif kind == "bz2":
        inner = bz2.BZ2File(buffered)
    elif kind == "xz":
        inner = lzma.LZMAFile(buffered)  # noqa: SIM115
    elif kind == "zst":
        # zstandard's own reader ends without an error where a frame is cut.
        inner = pa.CompressedInputStream(buffered, "zstd")
    else:
        return _Bounded(buffered, counting, name)
    counting.most_useless = MAX_STALL_BYTES
    return _Bounded(inner, counting, name, cast("BinaryIO", buffered))


def read_all(stream: BinaryIO, limit: int = MAX_RECORD_BYTES) -> bytes:
    """Read a whole stream of at most `limit` bytes.

    Raises:
        InputError: `too_large`: there is more.
    """
    parts: list[bytes] = []
    left = limit + 1
    while left > 0 and (part := stream.read(min(left, 1 << 20))):
        parts.append(part)
        left -= len(part)
    if left <= 0:
        raise InputError("too_large", f"more than {limit:,} bytes")
    return b"".join(parts)


def gunzip(data: bytes, limit: int = MAX_RECORD_BYTES) -> bytes:
    """Expand a gzip record held in memory.

    Raises:
        InputError: `truncated`, `damaged`, `bomb` or `too_large`.
    """
    return read_all(cast("BinaryIO", decompressed(io.BytesIO(data), "gzip record")), limit)


class _Counting(io.RawIOBase):
    """Counts the stored bytes that were read.

    `useful` of them had led to something when the reader last said so; `most_useless`, if it is set, may come after.
    """

    def __init__(self, stored: BinaryIO, name: str) -> None:
        self._stored = stored
        self._name = name
        self.count = self.useful = 0
        self.most_useless = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self._stored.read(len(view))
        view[: len(data)] = data
        self.count += len(data)
        if self.most_useless and self.count - self.useful > self.most_useless:
            raise InputError("damaged", f"{self._name}: {MAX_STALL_BYTES:,} bytes that expand to nothing")
        return len(data)


class Guarded(io.RawIOBase):
    """The bytes that `read(size)` gives; what it raises meets the context that `errors()` makes around each call."""

    def __init__(self, read: Callable[[int], bytes], errors: Callable[[], AbstractContextManager[None]]) -> None:
        self._read = read
        self._errors = errors

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill a buffer; how many bytes came."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        with self._errors():
            data = self._read(len(view))
        view[: len(data)] = data
        return len(data)


class _Bounded(io.RawIOBase):
    """Raises InputError where the decompressor stumbles or expands too much."""

    def __init__(self, inner: Any, counting: _Counting, name: str, compressed: BinaryIO | None = None) -> None:
        self._inner = inner
        self._counting = counting
        self._compressed = compressed
        self._name = name
        self._expanded = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        try:
            # One step at a time: what comes before the damage is delivered before the damage is met.
            data = self._inner.read1(len(view))
        except EOFError as error:
            raise InputError("truncated", f"{self._name}: {error}") from error
        except _ERRORS as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            rule = "truncated" if str(error).startswith("Truncated") else "damaged"
            raise InputError(rule, f"{self._name}: {error}") from error
        if not data and self._compressed and self._compressed.read(1):
            # bz2 and lzma end without an error at what is no stream of theirs, and there may be more behind it.
            raise InputError("damaged", f"{self._name}: it goes on after its end with what is not compressed")
        self._expanded += len(data)
        self._counting.useful = self._counting.count
        if self._expanded > RATIO_FREE_BYTES and self._expanded > MAX_RATIO * max(self._counting.count, 1):
            detail = f"{self._name}: {self._counting.count:,} bytes expand to more than {self._expanded:,}"
            raise InputError("bomb", detail)
        view[: len(data)] = data
        return len(data)
