"""Zip archives member by member, bounded: names are data and never paths, nothing is unpacked to disk."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from pile_builder.sources.zip_archive import bounded_zip, check_ratio, is_folder, zip_errors
from pile_builder.streams import InputFile, Member, open_input

MAX_MEMBERS = 100_000
"""Most members of an archive."""


def zip_members(file: InputFile) -> Iterator[Member | str]:
    """Stream a zip in the order of its directory: files as `Member` (valid until the next one), else their kind.

    Raises:
        InputError: `truncated`, `damaged`, `too_large`, `encrypted` or `bomb`, also while a member is read.
    """
    with open_input(file) as stored, bounded_zip(stored, file.name, MAX_MEMBERS) as archive:
        for info in archive.infolist():
            if is_folder(info):
                yield "directory"
                continue
            check_ratio(info)
            with zip_errors(file.name):
                content = archive.open(info)
            with content:
                # zipfile reads no more than the size that it declares, and checks the sum at the end.
                bounded = io.BufferedReader(_Content(content, file.name), 1 << 20)
                yield Member(info.filename, info.file_size, cast("BinaryIO", bounded))


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
