"""Zip archives as streams of members: a range of the archive's bytes at a time, bounded, never unpacked to disk."""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EINVAL
from functools import partial
from typing import BinaryIO, cast

from pile_builder.errors import InputError
from pile_builder.streams import MAX_RATIO, MAX_RECORD_BYTES, RATIO_FREE_BYTES, Guarded

MAX_MEMBERS = 5_000_000
"""Most members of an archive: its directory is held in memory, about 500 bytes each."""
MAX_DIRECTORY_BYTES = 512 << 20
"""Largest directory: that of so many members with names of 50 characters."""
_MAGIC = b"PK\x03\x04"
_END_BYTES = 66_000
"""A zip's end record and its comment lie within so many bytes."""

_BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, NotImplementedError, ValueError, OverflowError,
    LookupError,
)  # fmt: skip
"""What zipfile was seen to raise on archives that are not right."""


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
            InputError: `bomb`, `encrypted`, `truncated`, `damaged`.
        """
        if _expands(self._info):
            raise InputError("bomb", f"{self.name}: {self._info.compress_size:,} bytes expand to {self.size:,}")
        with zip_errors(self.name):
            content = cast("zipfile.ZipExtFile", self._archive.open(self._info))
        with content:
            # zipfile reads no more than the size that the directory states, and checks the sum at the end.
            yield cast("BinaryIO", io.BufferedReader(Guarded(content.read1, partial(zip_errors, self.name)), 1 << 16))

    def read(self, limit: int = MAX_RECORD_BYTES) -> bytes:
        """The member's bytes.

        Raises:
            InputError: `too_large`, `bomb`, `encrypted`, `truncated`, `damaged`.
        """
        if self.size > limit:
            raise InputError("too_large", f"{self.name}: {self.size:,} bytes, at most {limit:,}")
        with self.opened() as content:
            return content.read()


def zip_members(stored: BinaryIO, name: str, start: int = 0, end: int | None = None) -> Iterator[ZipMember | str]:
    """Stream what begins in a range of an archive's bytes, in its order there: files as `ZipMember`, else their kind.

    Raises:
        InputError: as `open_zip`; `too_large`: more than `MAX_MEMBERS`; `bomb`: members lie on top of each other.
    """
    with open_zip(stored, name) as archive:
        members = archive.infolist()
        if len(members) > MAX_MEMBERS:
            raise InputError("too_large", f"zip {name}: {len(members):,} members, at most {MAX_MEMBERS:,}")
        # A member that alone expands too much is refused when it is opened, and the others stay.
        expanded, size = sum(info.file_size for info in members if not _expands(info)), stored.seek(0, 2)
        if expanded > RATIO_FREE_BYTES + MAX_RATIO * size:
            raise InputError("bomb", f"zip {name}: {size:,} bytes expand to {expanded:,}")
        # One whose directory points before the archive's beginning belongs to the first range, which says so.
        inside = [
            one for one in members if start <= max(one.header_offset, 0) and (end is None or one.header_offset < end)
        ]
        for info in sorted(inside, key=lambda one: one.header_offset):
            yield "directory" if is_folder(info) else ZipMember(info.filename, info.file_size, archive, info)


def open_zip(stored: BinaryIO, name: str, directory_bytes: int = MAX_DIRECTORY_BYTES) -> zipfile.ZipFile:
    """An archive with its directory, which is held in memory.

    Raises:
        InputError: `truncated` (no directory at the end), `damaged`, `bomb` (a directory beyond `directory_bytes`).
    """
    size = stored.seek(0, 2)
    stored.seek(max(0, size - _END_BYTES))
    end = stored.read()
    # The directory is read at once and becomes objects: what it says of its size is looked at before.
    at = end.rfind(b"PK\x05\x06")
    directory = int.from_bytes(end[at + 12 : at + 16], "little") if at >= 0 else 0
    at64 = end.rfind(b"PK\x06\x06")
    if directory == 0xFFFFFFFF and at64 >= 0:
        directory = int.from_bytes(end[at64 + 40 : at64 + 48], "little")
    if directory_bytes < directory < size:
        raise InputError("bomb", f"zip {name}: a directory of {directory:,} bytes, the limit is {directory_bytes:,}")
    stored.seek(0)
    head = stored.read(4)
    stored.seek(0)
    try:
        with zip_errors(name):
            archive = zipfile.ZipFile(stored)
    except InputError as error:
        # What begins as a zip and has no directory at its end was cut short.
        is_cut = head and _MAGIC.startswith(head) and not isinstance(error.__cause__, NotImplementedError)
        rule = "truncated" if is_cut else "damaged"
        raise InputError(rule, error.detail) from error
    if hasattr(zipfile.ZipInfo, "_end_offset"):
        # Newer versions of zipfile refuse members whose stated sizes overlap; here all are read, and bombs counted.
        for info in archive.infolist():
            info._end_offset = None  # type: ignore[attr-defined]
    return archive


def is_folder(info: zipfile.ZipInfo) -> bool:
    """Whether a member is a folder; zipfile's own test fails where the name is empty."""
    return info.filename.endswith("/")


def _expands(info: zipfile.ZipInfo) -> bool:
    return info.file_size > RATIO_FREE_BYTES and info.file_size > MAX_RATIO * max(info.compress_size, 1)


@contextmanager
def zip_errors(name: str) -> Iterator[None]:
    """What zipfile raises over an archive's bytes as `InputError`; failures of the machine pass."""
    try:
        yield
    except EOFError as error:
        raise InputError("truncated", f"zip {name}: {error or 'ends in the middle of a member'}") from error
    except OSError as error:
        # It seeks to where a directory says, also before the beginning.
        if error.errno not in (None, EINVAL):
            raise
        raise InputError("damaged", f"zip {name}: {error}") from error
    except _BROKEN as error:
        raise InputError("damaged", f"zip {name}: {error}") from error
    except RuntimeError as error:
        rule = "encrypted" if "encrypted" in str(error) else "damaged"
        raise InputError(rule, f"zip {name}: {error}") from error
