"""Zip archives as streams of members: a range of the archive's bytes at a time, bounded, never unpacked to disk."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EINVAL
from typing import BinaryIO

from pile_builder.errors import InputError
from pile_builder.streams import MAX_RATIO, MAX_RECORD_BYTES, RATIO_FREE_BYTES

MAX_MEMBERS = 5_000_000
"""Most members of an archive: its directory is held in memory, about 500 bytes each."""
MAX_DIRECTORY_BYTES = 128 << 20
"""Largest directory of a zip, some million members; it takes a few times that in memory."""
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

    def read(self, limit: int = MAX_RECORD_BYTES) -> bytes:
        """The member's bytes.

        Raises:
            InputError: `too_large`, `bomb`, `encrypted`, `truncated`, `damaged`.
        """
        if self.size > limit:
            raise InputError("too_large", f"{self.name}: {self.size:,} bytes, at most {limit:,}")
        check_ratio(self._info)
        with zip_errors(self.name), self._archive.open(self._info) as content:
            # What the directory states is checked, not believed.
            data = content.read(limit + 1)
        if len(data) > limit:
            raise InputError("too_large", f"{self.name}: more than {limit:,} bytes")
        return data


def zip_members(stored: BinaryIO, name: str, start: int = 0, end: int | None = None) -> Iterator[ZipMember]:
    """Stream the files of an archive that begin in a range of its bytes, in their order there.

    Raises:
        InputError: as `bounded_zip`.
    """
    with bounded_zip(stored, name, MAX_MEMBERS) as archive:
        members = archive.infolist()
        inside = [one for one in members if start <= one.header_offset and (end is None or one.header_offset < end)]
        for info in sorted(inside, key=lambda one: one.header_offset):
            if not is_folder(info):
                yield ZipMember(info.filename, info.file_size, archive, info)


def bounded_zip(stored: BinaryIO, name: str, members: int) -> zipfile.ZipFile:
    """An archive of so many members at most that expand to what its bytes can hold.

    Raises:
        InputError: as `open_zip`; `too_large`: more members; `bomb`, also where members lie on top of each other.
    """
    archive = open_zip(stored, name)
    if len(archive.filelist) > members:
        raise InputError("too_large", f"zip {name}: {len(archive.filelist):,} members, at most {members:,}")
    # One that expands too much on its own is refused on its own.
    expanded, size = sum(info.file_size for info in archive.filelist if not _is_bomb(info)), stored.seek(0, 2)
    if expanded > RATIO_FREE_BYTES + MAX_RATIO * size:
        raise InputError("bomb", f"zip {name}: {size:,} bytes expand to {expanded:,}")
    return archive


def open_zip(stored: BinaryIO, name: str) -> zipfile.ZipFile:
    """An archive with its directory, which is held in memory.

    Raises:
        InputError: `truncated` (no directory at the end), `damaged`, `bomb` (a directory beyond `MAX_DIRECTORY_BYTES`).
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
    if MAX_DIRECTORY_BYTES < directory < size:
        detail = f"zip {name}: a directory of {directory:,} bytes, the limit is {MAX_DIRECTORY_BYTES:,}"
        raise InputError("bomb", detail)
    stored.seek(0)
    head = stored.read(4)
    stored.seek(0)
    try:
        with zip_errors(name):
            return zipfile.ZipFile(stored)
    except InputError as error:
        # What begins as a zip and has no directory at its end was cut short.
        is_cut = head and _MAGIC.startswith(head) and not isinstance(error.__cause__, NotImplementedError)
        rule = "truncated" if is_cut else "damaged"
        raise InputError(rule, error.detail) from error


def is_folder(info: zipfile.ZipInfo) -> bool:
    """Whether a member is a folder; zipfile's own test fails where the name is empty."""
    return info.filename.endswith("/")


def check_ratio(info: zipfile.ZipInfo) -> None:
    """See that a member does not expand too much.

    Raises:
        InputError: `bomb`.
    """
    if _is_bomb(info):
        raise InputError("bomb", f"{info.filename}: {info.compress_size:,} bytes expand to {info.file_size:,}")


def _is_bomb(info: zipfile.ZipInfo) -> bool:
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
