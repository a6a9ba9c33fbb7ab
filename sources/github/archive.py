"""Read the files of an archive (tar, compressed or not, or zip) in its order, nothing unpacked to disk."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from functools import partial
from typing import cast

from pile_builder.errors import InputError
from pile_builder.input_files import InputFile, open_input
from pile_builder.sources.github.git import Entry
from pile_builder.sources.tar_archive import tar_members
from pile_builder.sources.zip_archive import is_folder, open_zip, zip_errors
from pile_builder.streams import MAX_RATIO, RATIO_FREE_BYTES, open_text_bytes, read_all

SUFFIXES = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tar", ".zip")
MAX_DIRECTORY_BYTES = 128 << 20
"""Largest directory of a zip, some million members; it takes a few times that in memory."""


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
        archive = open_zip(stream, file.name, MAX_DIRECTORY_BYTES)
        ratio = _Ratio(file)
        with archive:
            for info in archive.infolist():
                if is_folder(info):
                    yield "directory"
                elif stat.S_ISLNK(info.external_attr >> 16):
                    yield "link"
                else:
                    read = partial(_zip_content, archive, info, ratio)
                    yield Entry(info.filename, info.file_size, read)


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
    with zip_errors(info.filename), archive.open(info) as content:
        return read_all(cast("zipfile.ZipExtFile", content), info.file_size)  # type: ignore[arg-type]
