"""Gzip files member by member through zlib-ng, which inflates web archives about twice as fast as zlib.

The file readers of zlib-ng and isal lose what they had expanded of a buffer when they meet damage in it, and isal's
decompressors take some headers that lie across two buffers for damage. Here what comes before the damage is given
before it is met, as by `gzip`.
"""

from __future__ import annotations

import gzip
import zlib
from typing import Any, BinaryIO, cast

from zlib_ng import zlib_ng

GZIP_ERRORS: tuple[type[Exception], ...] = (zlib.error, cast("type[Exception]", zlib_ng.error), gzip.BadGzipFile)
"""What damage raises, besides EOFError at an end too early."""
MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 16
_HEADER, _TRAILER = 10, 8
_DEFLATE, _CHECKED, _EXTRA, _NAME, _COMMENT = 8, 2, 4, 8, 16
"""Method and flags of RFC 1952."""


class GzipMembers:
    """What a file of gzip members expands to; zeros behind a member are padding."""

    def __init__(self, stored: BinaryIO) -> None:
        self._stored = stored
        self._waiting = b""
        self._is_first = True
        self._inflater: Any = None
        self._crc = self._length = 0

    def read1(self, size: int) -> bytes:
        """At most `size` bytes, all of one member; none at the end.

        Raises:
            EOFError: the file ends within a member.
            gzip.BadGzipFile: a member does not hold what it says, or something else than a member follows.
            zlib_ng.error: a member is damaged.
        """
        while True:
            if self._inflater is None:
                if not self._begin():
                    return b""
            elif self._inflater.eof:
                self._end()
                continue
            data: bytes = self._inflater.decompress(self._waiting, size)
            self._waiting = self._inflater.unused_data if self._inflater.eof else self._inflater.unconsumed_tail
            if data:
                self._crc, self._length = zlib_ng.crc32(data, self._crc), self._length + len(data)
                return data
            if not self._inflater.eof:
                self._more()

    def _begin(self) -> bool:
        """Begin the next member, if there is one."""
        if not self._is_first:
            while not (rest := self._waiting.lstrip(b"\0")) and self._has_more():
                self._waiting = self._waiting[-_CHUNK:]
            self._waiting = rest
        if not self._waiting and not self._has_more():
            return False
        while (end := _header_end(self._waiting)) > len(self._waiting):
            self._more()
        self._waiting = self._waiting[end:]
        self._inflater, self._is_first = zlib_ng.decompressobj(-zlib.MAX_WBITS), False
        self._crc = self._length = 0
        return True

    def _end(self) -> None:
        """Compare what came of a member with what it says."""
        while len(self._waiting) < _TRAILER:
            self._more()
        crc, length = (int.from_bytes(self._waiting[at : at + 4], "little") for at in (0, 4))
        if crc != self._crc or length != self._length & 0xFFFFFFFF:
            msg = f"expected {length:,} bytes with the checksum {crc:#x}, got {self._length:,} with {self._crc:#x}"
            raise gzip.BadGzipFile(msg)
        self._waiting, self._inflater = self._waiting[_TRAILER:], None

    def _more(self) -> None:
        """Read on within a member.

        Raises:
            EOFError: there is no more.
        """
        if not self._has_more():
            msg = "Compressed file ended before the end-of-stream marker was reached"
            raise EOFError(msg)

    def _has_more(self) -> bool:
        more = self._stored.read(_CHUNK)
        self._waiting += more
        return bool(more)


def _header_end(data: bytes) -> int:
    """Where a member's header ends, or more than the length of `data` if it is not all there.

    Raises:
        gzip.BadGzipFile: it is no header.
    """
    if not data.startswith(MAGIC[: len(data)]):
        msg = f"Not a gzipped file ({data[: len(MAGIC)]!r})"
        raise gzip.BadGzipFile(msg)
    missing = len(data) + 1
    if len(data) < _HEADER:
        return missing
    method, flags = data[2], data[3]
    if method != _DEFLATE:
        msg = f"expected the compression method {_DEFLATE}, got {method}"
        raise gzip.BadGzipFile(msg)
    end = _HEADER
    if flags & _EXTRA:
        if len(data) < end + 2:
            return missing
        end += 2 + int.from_bytes(data[end : end + 2], "little")
    for flag in (_NAME, _COMMENT):
        if flags & flag:
            end = data.find(b"\0", end) + 1
            if not end:
                return missing
    return end + 2 if flags & _CHECKED else end
