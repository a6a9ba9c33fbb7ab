"""Zip archives member by member, bounded: names are data and never paths, nothing is unpacked to disk."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from pile_builder.errors import InputError
from pile_builder.streams import MAX_RATIO, RATIO_FREE_BYTES, InputFile, Member, open_input

MAX_MEMBERS = 100_000
"""Most members of an archive."""


def zip_members(file: InputFile) -> Iterator[Member | str]:
    """Stream a zip in the order of its directory: files as `Member` (valid until the next one), else their kind.

    Raises:
        InputError: `truncated`, `damaged`, `too_large`, `encrypted` or `bomb`, also while a member is read.
    """
    with open_input(file) as stored:
        is_zip = stored.read(4) == b"PK\x03\x04"
        stored.seek(0)
        try:
            archive = zipfile.ZipFile(stored)
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise InputError("truncated" if is_zip else "damaged", f"zip {file.name}: {error}") from error
        with archive:
            if len(archive.filelist) > MAX_MEMBERS:
                raise InputError("too_large", f"zip {file.name}: more than {MAX_MEMBERS:,} members")
            for info in archive.infolist():
                if info.is_dir():
                    yield "directory"
                    continue
                if info.file_size > RATIO_FREE_BYTES and info.file_size > MAX_RATIO * max(info.compress_size, 1):
                    detail = f"{info.compress_size:,} bytes expand to {info.file_size:,}"
                    raise InputError("bomb", f"zip {file.name}: {info.filename}: {detail}")
                with _translated(file.name), archive.open(info) as content:
                    # zipfile reads no more than the size that it declares, and checks the sum at the end.
                    bounded = io.BufferedReader(_Content(content, file.name), 1 << 20)
                    yield Member(info.filename, info.file_size, cast("BinaryIO", bounded))


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except EOFError as error:
        raise InputError("truncated", f"zip {name}: {error or 'ends in the middle of a member'}") from error
    except (zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise InputError("damaged", f"zip {name}: {error}") from error
    except RuntimeError as error:
        rule = "encrypted" if "encrypted" in str(error) else "damaged"
        raise InputError(rule, f"zip {name}: {error}") from error


class _Content(io.RawIOBase):
    """A member's bytes; raises InputError where they are damaged."""

    def __init__(self, inner: Any, name: str) -> None:
        self._inner = inner
        self._name = name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        with _translated(self._name):
            data = self._inner.read1(len(view))
        view[: len(data)] = data
        return len(data)
