"""Zip archives as streams of members, a range of the archive's bytes at a time: bounded, never unpacked to disk."""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from pile_builder.errors import InputError
from pile_builder.streams import MAX_RATIO, MAX_RECORD_BYTES, RATIO_FREE_BYTES

MAX_MEMBERS = 5_000_000
"""Most members of an archive: its directory is held in memory, about 500 bytes each."""
MAX_DIRECTORY_BYTES = 512 << 20
"""Largest directory: that of so many members with names of 50 characters."""

_END_BYTES = 66_000
"""The end record and its comment lie within so many bytes."""
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error,
    EOFError, NotImplementedError, OverflowError, ValueError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ZipMember:
    """A file in an archive; `name` as the archive spells it, which is data and never a path."""

    name: str
    size: int
    _archive: zipfile.ZipFile
    _info: zipfile.ZipInfo

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """The member as a stream; damage that reading meets is an InputError, too.

        Raises:
            InputError: `bomb`, `encrypted`, `damaged`.
        """
        if self.size > RATIO_FREE_BYTES and self.size > MAX_RATIO * max(self._info.compress_size, 1):
            raise InputError("bomb", f"{self.name}: {self._info.compress_size:,} bytes expand to {self.size:,}")
        if self._info.flag_bits & 1:
            raise InputError("encrypted", f"{self.name}: needs a password")
        with zip_errors(self.name):
            content = self._archive.open(self._info)
        with content:
            # zipfile reads no more than the size that the directory states, and checks the sum at the end.
            yield cast("BinaryIO", io.BufferedReader(_Content(content, self.name), 1 << 16))

    def read(self, limit: int = MAX_RECORD_BYTES) -> bytes:
        """The member's bytes.

        Raises:
            InputError: `too_large`, `bomb`, `encrypted`, `damaged`.
        """
        if self.size > limit:
            raise InputError("too_large", f"{self.name}: {self.size:,} bytes, at most {limit:,}")
        with self.opened() as content:
            return content.read()


def zip_members(stored: BinaryIO, name: str, start: int = 0, end: int | None = None) -> Iterator[ZipMember | str]:
    """Stream what begins in a range of an archive's bytes, in its order there: files as `ZipMember`, else their kind.

    Raises:
        InputError: `truncated` (no directory at the end), `damaged`, `bomb`, `too_large` (more than `MAX_MEMBERS`).
    """
    with open_zip(stored, name) as archive:
        members = archive.infolist()
        if len(members) > MAX_MEMBERS:
            raise InputError("too_large", f"zip {name}: {len(members):,} members, at most {MAX_MEMBERS:,}")
        inside = [one for one in members if start <= one.header_offset and (end is None or one.header_offset < end)]
        for info in sorted(inside, key=lambda one: one.header_offset):
            yield "directory" if info.is_dir() else ZipMember(info.filename, info.file_size, archive, info)


def open_zip(stream: BinaryIO, name: str, directory_bytes: int = MAX_DIRECTORY_BYTES) -> zipfile.ZipFile:
    """The archive in a seekable stream, after a look at what its last bytes claim.

    Raises:
        InputError: `truncated` (no directory at the end), `damaged`, `bomb` (a directory beyond `directory_bytes`).
    """
    size = stream.seek(0, 2)
    stream.seek(max(0, size - _END_BYTES))
    end = stream.read()
    # The directory is read at once and becomes objects: what it says of its size is looked at before.
    at = end.rfind(b"PK\x05\x06")
    directory = int.from_bytes(end[at + 12 : at + 16], "little") if at >= 0 else 0
    at64 = end.rfind(b"PK\x06\x06")
    if directory == 0xFFFFFFFF and at64 >= 0:
        directory = int.from_bytes(end[at64 + 40 : at64 + 48], "little")
    if directory_bytes < directory < size:
        raise InputError("bomb", f"zip {name}: a directory of {directory:,} bytes, the limit is {directory_bytes:,}")
    stream.seek(0)
    try:
        return zipfile.ZipFile(stream)
    except (*_DAMAGE, OSError) as error:
        stream.seek(0)
        # What begins as a zip and has no directory at its end was cut short.
        rule = "truncated" if stream.read(2) == b"PK" and not isinstance(error, NotImplementedError) else "damaged"
        raise InputError(rule, f"zip {name}: {error}") from error


@contextmanager
def zip_errors(name: str) -> Iterator[None]:
    """What zipfile and the codecs complain of as `damaged`; errors of the machine pass."""
    try:
        yield
    except (*_DAMAGE, OSError, RuntimeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise InputError("damaged", f"{name}: {error or type(error).__name__}") from error


class _Content(io.RawIOBase):
    """A member's bytes; raises InputError where they are damaged."""

    def __init__(self, inner: Any, name: str) -> None:
        self._inner = inner
        self._name = name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        with zip_errors(self._name):
            data = self._inner.read1(len(view))
        view[: len(data)] = data
        return len(data)
