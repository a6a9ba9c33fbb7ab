"""One member of a 7z archive as a stream: nothing on disk, a few decompressed chunks in memory.

The library pushes what it decompresses, so it runs in a thread that waits whenever the reader is behind.
"""

from __future__ import annotations

import io
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, cast

from pile_builder.errors import InputError, PileError
from pile_builder.streams import MAX_RATIO, RATIO_FREE_BYTES

MAGIC = b"7z\xbc\xaf\x27\x1c"
CHUNKS_AHEAD = 8
"""Decompressed chunks that may wait for the reader."""


class _Closed(Exception):  # noqa: N818
    """The reader wants no more."""


@contextmanager
def open_member(stored: BinaryIO, member: str, name: str) -> Iterator[BinaryIO]:
    """Open a member of an archive for reading, decompressed as it is read.

    Args:
        stored: the archive, seekable.
        member: its name, as the archive spells it, without folders; the first one of that name counts.
        name: of the archive, for errors.

    Raises:
        InputError: `truncated`, `damaged`, `encrypted`, `bomb`; `no_member`: there is none of that name.
        PileError: the library is not installed.
    """
    try:
        import py7zr
    except ImportError as error:
        msg = f"{name}: expected py7zr, which reads .7z, it is not installed: pip install 'pile-builder[sevenzip]'"
        raise PileError(msg) from error
    if stored.read(len(MAGIC)) != MAGIC:
        raise InputError("damaged", f"{name}: expected a 7z archive, its first bytes are others")
    size = stored.seek(0, io.SEEK_END)
    stored.seek(0)
    try:
        archive = py7zr.SevenZipFile(stored, "r")
    except Exception as error:
        raise _input_error(error, name) from error
    with archive:
        if archive.needs_password():
            raise InputError("encrypted", f"{name}: the archive has a password")
        found = next((one for one in archive.getnames() if one.rpartition("/")[2] == member), None)
        if found is None:
            raise InputError("no_member", f"{name}: expected {member} in the archive, it is not there")
        pipe = _Pipe(name, size)
        # The library makes writers of its own class only.
        factory = type("Factory", (py7zr.io.WriterFactory,), {"create": lambda _, filename: _writer(pipe)})()
        thread = threading.Thread(target=pipe.fill, args=(archive, found, factory), daemon=True)
        thread.start()
        try:
            yield cast("BinaryIO", io.BufferedReader(pipe, 1 << 20))
        finally:
            pipe.stop()
            thread.join()


def _writer(pipe: _Pipe) -> Any:
    from py7zr.io import Py7zIO

    class Writer(Py7zIO):
        """Hands on what is written."""

        def write(self, s: bytes | bytearray) -> int:
            return pipe.put(bytes(s))

        def read(self, size: int | None = None) -> bytes:
            return b""

        def seek(self, offset: int, whence: int = 0) -> int:
            return 0

        def flush(self) -> None:
            return

        def size(self) -> int:
            return pipe.expanded

    return Writer()


class _Pipe(io.RawIOBase):
    """Chunks from the decompressing thread to the reader; an exception among them is raised where it is read."""

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._chunks: queue.Queue[bytes | BaseException] = queue.Queue(CHUNKS_AHEAD)
        self._rest = b""
        self._ended = False
        self._stopped = False
        self.expanded = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        while not self._rest and not self._ended:
            chunk = self._chunks.get()
            if isinstance(chunk, BaseException):
                self._ended = True
                raise chunk
            self._rest, self._ended = chunk, not chunk
        data, self._rest = self._rest[: len(view)], self._rest[len(view) :]
        view[: len(data)] = data
        return len(data)

    def fill(self, archive: Any, member: str, factory: Any) -> None:
        """Decompress the member; the thread's work."""
        end: bytes | BaseException = b""
        try:
            archive.extract(targets=[member], factory=factory)
        except _Closed:
            return
        except InputError as error:
            end = error
        except Exception as error:
            end = _input_error(error, self._name)
        with suppress(_Closed):
            self._put(end)

    def put(self, chunk: bytes) -> int:
        """Hand on a chunk, waiting for room; raises `_Closed` when nobody reads any more."""
        self.expanded += len(chunk)
        if self.expanded > RATIO_FREE_BYTES and self.expanded > MAX_RATIO * self._size:
            detail = f"{self._name}: {self._size:,} bytes expand to more than {self.expanded:,}"
            raise InputError("bomb", detail)
        if chunk:
            self._put(chunk)
        return len(chunk)

    def _put(self, chunk: bytes | BaseException) -> None:
        while not self._stopped:
            with suppress(queue.Full):
                self._chunks.put(chunk, timeout=0.1)
                return
        raise _Closed

    def stop(self) -> None:
        """Let the thread end."""
        self._stopped = True
        with suppress(queue.Empty):
            self._chunks.get_nowait()


def _input_error(error: BaseException, name: str) -> BaseException:
    """The rule that hostile bytes broke, whatever the library raised; failures of the machine stay as they are."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno is not None):
        return error
    kind = type(error).__name__
    if kind == "PasswordRequired":
        return InputError("encrypted", f"{name}: the archive has a password")
    # The list of members lies at the end: of an archive that was cut short it cannot be read.
    return InputError("truncated" if isinstance(error, EOFError) else "damaged", f"{name}: {kind} {error}".strip())
