"""Read the files of an archive (tar, compressed or not, or zip) in its order, nothing unpacked to disk."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from typing import cast

from pile_builder.errors import InputError
from pile_builder.sources.github.git import Entry
from pile_builder.streams import InputFile, open_input, open_text_bytes, read_all, tar_members

SUFFIXES = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tar", ".zip")


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
        try:
            archive = zipfile.ZipFile(stream)
        except (zipfile.BadZipFile, ValueError, OSError) as error:
            stream.seek(0)
            # What begins as a zip and has no directory at its end was cut short.
            rule = "truncated" if stream.read(2) == b"PK" else "damaged"
            raise InputError(rule, f"zip {file.name}: {error}") from error
        with archive:
            for info in archive.infolist():
                if info.is_dir():
                    yield "directory"
                elif stat.S_ISLNK(info.external_attr >> 16):
                    yield "link"
                else:
                    yield Entry(info.filename, info.file_size, lambda info=info: _zip_content(archive, info))  # type: ignore[misc]


def _zip_content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if info.flag_bits & 1:
        raise InputError("encrypted", f"{info.filename} needs a password")
    try:
        with archive.open(info) as content:
            return read_all(cast("zipfile.ZipExtFile", content), info.file_size)  # type: ignore[arg-type]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
        raise InputError("damaged", f"{info.filename}: {error}") from error
