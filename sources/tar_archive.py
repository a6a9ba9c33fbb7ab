"""Tar archives as streams of members: headers are bounded, nothing is unpacked to disk, damage is an InputError."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, cast

from pile_builder.errors import InputError
from pile_builder.streams import Guarded

MAX_HEADER_BYTES = 1 << 20
"""Largest header of a tar that describes the next member (a long name, pax records)."""
_DESCRIBING = (
    tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file in an archive; `name` as the archive spells it, which is data and never a path.

    `offset` is where its header begins in the archive.
    """

    name: str
    size: int
    content: BinaryIO
    offset: int = 0


def tar_members(stream: BinaryIO, name: str, *, seek: bool = False) -> Iterator[Member | str]:
    r"""Stream a tar: regular files as `Member` (valid until the next one), everything else as its kind's name.

    Content that nobody reads is passed over without being read if `seek` says that the stream can do that.

    Bytes of a name that are no UTF-8 become `\xXX`. Sparse files in pax formats are a kind of their own, `sparse`.

    Raises:
        InputError: `truncated` or `damaged`.
    """
    source = stream if seek else cast("BinaryIO", _Ending(stream, name))
    try:
        with tarfile.open(fileobj=source, mode="r:" if seek else "r|", tarinfo=_TarInfo) as archive:
            for info in cast("Iterator[_TarInfo]", iter(archive)):
                # A streamed archive remembers every member unless told not to.
                archive.members = []  # type: ignore[attr-defined]
                content = archive.extractfile(info) if info.isreg() and not info.is_sparse else None
                if content is None:
                    yield _tar_kind(info)
                else:
                    path = info.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
                    inner = cast("BinaryIO", Guarded(content.read, partial(_cut_short, name)))
                    yield Member(path, info.size, inner, info.offset)
    except RecursionError as error:
        raise InputError("damaged", f"tar {name}: headers that describe headers without end") from error
    except tarfile.ReadError as error:
        rule = "truncated" if "unexpected end" in str(error) or "empty" in str(error) else "damaged"
        raise InputError(rule, f"tar {name}: {error}") from error
    except (tarfile.TarError, ValueError, OverflowError) as error:
        raise InputError("damaged", f"tar {name}: {error}") from error


class _TarInfo(tarfile.TarInfo):
    """A member's header, bounded: tarfile believes what a header says of the one that it describes.

    Attributes:
        is_sparse: whether it is a sparse file in one of GNU's pax formats, whose map is not read.
    """

    is_sparse = False

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _TarInfo:
        """Read a header block; one that is no header ends the reading with an error, and not the archive in silence."""
        try:
            info = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            # Zeros are the end mark, less than a block a cut.
            if len(buf) == tarfile.BLOCKSIZE and buf.strip(b"\0"):
                raise InputError("damaged", f"tar with an unreadable header: {error}") from error
            raise
        if info.size < 0:
            raise InputError("damaged", f"tar with a member of {info.size:,} bytes")
        if info.type in _DESCRIBING and info.size > MAX_HEADER_BYTES:
            detail = f"tar with a header of {info.size:,} bytes, the limit is {MAX_HEADER_BYTES:,}"
            raise InputError("damaged", detail)
        if info.type == tarfile.GNUTYPE_SPARSE:
            raise InputError("damaged", "tar with a sparse file in the old GNU format")
        return info

    def _proc_pax(self, archive: tarfile.TarFile) -> Any:
        if self.type == tarfile.XGLTYPE:
            # Global headers add up in the archive's memory.
            held = sum(len(name) + len(value) for name, value in archive.pax_headers.items())
            if held + self.size > MAX_HEADER_BYTES:
                raise InputError("damaged", f"tar with global headers of more than {MAX_HEADER_BYTES:,} bytes")
        try:
            found = super()._proc_pax(archive)  # type: ignore[misc]
        except tarfile.InvalidHeaderError as error:  # type: ignore[attr-defined]
            # tarfile takes it for the archive's end; what is one differs between versions of Python.
            raise InputError("damaged", f"tar with an unreadable pax header: {error}") from error
        if found.size < 0:
            raise InputError("damaged", f"tar with a member of {found.size:,} bytes")
        return found

    def _proc_gnusparse_00(self, following: _TarInfo, *_: object) -> None:
        following.is_sparse = True

    def _proc_gnusparse_01(self, following: _TarInfo, *_: object) -> None:
        following.is_sparse = True

    def _proc_gnusparse_10(self, following: _TarInfo, *_: object) -> None:
        following.is_sparse = True


def _tar_kind(info: _TarInfo) -> str:
    if info.isdir():
        return "directory"
    if info.is_sparse:
        return "sparse"
    return "link" if info.issym() or info.islnk() else "special"


class _Ending:
    """A tar's bytes; raises InputError where they are asked for again and again after their end.

    tarfile passes over a member in steps, and goes on to the size in its header, an exabyte for all it knows.
    """

    def __init__(self, stored: BinaryIO, name: str) -> None:
        self._stored = stored
        self._name = name
        self._empty = 0

    def read(self, size: int) -> bytes:
        data = self._stored.read(size)
        self._empty = 0 if data else self._empty + 1
        if self._empty > 2:
            raise InputError("truncated", f"tar {self._name}: it ends inside a member")
        return data


@contextmanager
def _cut_short(name: str) -> Iterator[None]:
    try:
        yield
    except tarfile.ReadError as error:
        raise InputError("truncated", f"tar {name}: {error}") from error
