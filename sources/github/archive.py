"""Read the files of an archive (tar, compressed or not, or zip) in its order, nothing unpacked to disk."""

from __future__ import annotations

import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO, cast

from pile_builder.errors import InputError
from pile_builder.sources.github.git import Entry
from pile_builder.streams import (
    MAX_RATIO,
    RATIO_FREE_BYTES,
    InputFile,
    open_input,
    open_text_bytes,
    read_all,
    tar_members,
)

SUFFIXES = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tar", ".zip")
MAX_DIRECTORY_BYTES = 128 << 20
"""Largest directory of a zip, some million members; it takes a few times that in memory."""
_END_BYTES = 66_000
"""A zip's end record and its comment lie within so many bytes."""


def archive_entries(file: InputFile) -> Iterator[Entry | str]:
    """Files of an archive under the names it gives them; what is no regular file as its kind's name.

    Raises:
        InputError: `truncated`, `damaged` or `bomb`; from an entry's `read` also `too_large` and `encrypted`.
    """
    return _zip_entries(file) if file.name.endswith(".zip") else _tar_entries(file)


def _tar_entries(file: InputFile) -> Iterator[Entry | str]:
    with open_text_bytes(file) as stream:
        for member in tar_members(stream, file.name):
            if isinstance(member, str):
                yield member
            else:
                yield Entry(member.name, member.size, lambda member=member: read_all(member.content))  # type: ignore[misc]


def _zip_entries(file: InputFile) -> Iterator[Entry | str]:
    with open_input(file) as stream:
        archive = _open_zip(stream, file.name)
        ratio = _Ratio(file)
        with archive:
            for info in archive.infolist():
                if info.is_dir():
                    yield "directory"
                elif stat.S_ISLNK(info.external_attr >> 16):
                    yield "link"
                else:
                    read = partial(_zip_content, archive, info, ratio)
                    yield Entry(info.filename, info.file_size, read)


def _open_zip(stream: BinaryIO, name: str) -> zipfile.ZipFile:
    stream.seek(0, 2)
    size = stream.tell()
    stream.seek(max(0, size - _END_BYTES))
    end = stream.read()
    # The directory is read at once and becomes objects: what it says of its size is looked at before.
    at = end.rfind(b"PK\x05\x06")
    directory = int.from_bytes(end[at + 12 : at + 16], "little") if at >= 0 else 0
    at64 = end.rfind(b"PK\x06\x06")
    if directory == 0xFFFFFFFF and at64 >= 0:
        directory = int.from_bytes(end[at64 + 40 : at64 + 48], "little")
    if MAX_DIRECTORY_BYTES < directory < size:
        raise InputError(
            "bomb", f"zip {name}: a directory of {directory:,} bytes, the limit is {MAX_DIRECTORY_BYTES:,}"
        )
    stream.seek(0)
    try:
        return zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, NotImplementedError, struct.error, ValueError, OverflowError, OSError) as error:
        stream.seek(0)
        # What begins as a zip and has no directory at its end was cut short.
        rule = "truncated" if stream.read(2) == b"PK" and not isinstance(error, NotImplementedError) else "damaged"
        raise InputError(rule, f"zip {name}: {error}") from error


class _Ratio:
    """What the members of a zip have expanded to, however often their directory points at the same bytes."""

    def __init__(self, file: InputFile) -> None:
        self._file = file
        self._expanded = 0

    def add(self, size: int) -> None:
        self._expanded += size
        if self._expanded > RATIO_FREE_BYTES and self._expanded > MAX_RATIO * self._file.size:
            detail = f"zip {self._file.name}: {self._file.size:,} bytes expand to more than {self._expanded:,}"
            raise InputError("bomb", detail)


def _zip_content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, ratio: _Ratio) -> bytes:
    ratio.add(info.file_size)
    if info.flag_bits & 1:
        raise InputError("encrypted", f"{info.filename} needs a password")
    try:
        with archive.open(info) as content:
            return read_all(cast("zipfile.ZipExtFile", content), info.file_size)  # type: ignore[arg-type]
    except (
        *(
            zipfile.BadZipFile,
            zlib.error,
            lzma.LZMAError,
            struct.error,
            EOFError,
            NotImplementedError,
            ValueError,
            OSError,
        ),
    ) as error:
        raise InputError("damaged", f"{info.filename}: {error}") from error
