"""Zip archives as streams of members: a range of the archive's bytes at a time, bounded, never unpacked to disk."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from pile_builder.errors import InputError
from pile_builder.streams import MAX_RATIO, MAX_RECORD_BYTES, RATIO_FREE_BYTES

MAX_MEMBERS = 5_000_000
"""Most members of an archive: its directory is held in memory, about 500 bytes each."""


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
            InputError: `too_large`, `bomb`, `encrypted`, `damaged`.
        """
        if self.size > limit:
            raise InputError("too_large", f"{self.name}: {self.size:,} bytes, at most {limit:,}")
        if self.size > RATIO_FREE_BYTES and self.size > MAX_RATIO * max(self._info.compress_size, 1):
            raise InputError("bomb", f"{self.name}: {self._info.compress_size:,} bytes expand to {self.size:,}")
        if self._info.flag_bits & 1:
            raise InputError("encrypted", f"{self.name}: needs a password")
        try:
            with self._archive.open(self._info) as content:
                # What the directory states is checked, not believed.
                data = content.read(limit + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise InputError("damaged", f"{self.name}: {error}") from error
        if len(data) > limit:
            raise InputError("too_large", f"{self.name}: more than {limit:,} bytes")
        return data


def zip_members(stored: BinaryIO, name: str, start: int = 0, end: int | None = None) -> Iterator[ZipMember]:
    """Stream the files of an archive that begin in a range of its bytes, in their order there.

    Raises:
        InputError: `truncated` (no directory at the end), `damaged`, `too_large` (more than `MAX_MEMBERS`).
    """
    try:
        archive = zipfile.ZipFile(stored)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        stored.seek(0)
        rule = "truncated" if stored.read(4) == b"PK\x03\x04" else "damaged"
        raise InputError(rule, f"zip {name}: {error}") from error
    with archive:
        members = archive.infolist()
        if len(members) > MAX_MEMBERS:
            raise InputError("too_large", f"zip {name}: {len(members):,} members, at most {MAX_MEMBERS:,}")
        inside = [one for one in members if start <= one.header_offset and (end is None or one.header_offset < end)]
        for info in sorted(inside, key=lambda one: one.header_offset):
            if not info.is_dir():
                yield ZipMember(info.filename, info.file_size, archive, info)
