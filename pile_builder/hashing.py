"""What content is named by: fingerprints of data, digests of files, and a stream that hashes what passes through it."""

from __future__ import annotations

import hashlib
from typing import Any, BinaryIO, cast

import orjson


def fingerprint(parts: Any) -> str:
    """96 bits of the hash of JSON-able data, keys sorted, in hexadecimal."""
    return hashlib.blake2b(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS), digest_size=12).hexdigest()


def file_digest(stream: BinaryIO) -> str:
    """sha256 of the rest of a stream, in hexadecimal."""
    return hashlib.file_digest(cast("Any", stream), "sha256").hexdigest()


class HashingWriter:
    """A write-only binary stream that hashes and counts what passes through it.

    Attributes:
        name: where the content was put, once the block that wrote it has ended.
        abandoned: whether that block ended with an error.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.size = 0
        self.name = ""
        self.closed = False
        self.abandoned = False

    @property
    def digest(self) -> str:
        """sha256 of what was written so far, in hexadecimal."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> int:
        """Append bytes; nothing once the stream is abandoned, when Parquet's destructor still wants its footer."""
        if self.abandoned:
            return len(data)
        self._hash.update(data)
        count = self._file.write(data)
        self.size += count
        return count

    def tell(self) -> int:
        """Bytes written so far."""
        return self.size

    def flush(self) -> None:
        """Hand buffered bytes to the operating system."""
        if not self.abandoned:
            self._file.flush()

    def close(self) -> None:
        """Do nothing: whoever opened the stream puts it in place."""

    def readable(self) -> bool:
        """Never."""
        return False

    def writable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Never."""
        return False
