"""Framing of WARC records and of the HTTP messages inside them, from a bounded stream, with nothing lost in silence.

Framing is done here and not by fastwarc's ArchiveIterator, which ends without an error on a cut gzip member and drops
mis-framed records uncounted. Here what lies before and between records, or is missing from one, becomes a Reject.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from fastwarc.stream_io import BrotliReader, Lz4Reader

from pile_builder.errors import InputError
from pile_builder.input_files import InputFile, open_input
from pile_builder.source import Reject
from pile_builder.streams import MAX_RECORD_BYTES, decompressed, gunzip, read_all

MAX_HEADER_BYTES = 1 << 20
"""Largest WARC or HTTP header block; crawlers write a few KiB, query strings in URLs push a few above 32 KiB."""

_LZ4_MAGIC = b"\x04\x22\x4d\x18"
_MAX_LINE = 1 << 16
_RECORD_START = re.compile(rb"WARC/\d")
_STATUS = re.compile(rb"(?:HTTP(?:/\d(?:\.\d)?)?[ \t]+)+(\d{1,3})(?!\d)")
_CHUNK = re.compile(rb"(\r?\n)?[ \t]*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
_COMPRESSED = (b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd")


@dataclass(frozen=True, slots=True)
class Record:
    """One WARC record.

    Attributes:
        headers: field values by lower-case name; of a repeated field the first.
        block: content block, or None where the record's type was not wanted or it is larger than MAX_RECORD_BYTES.
        length: declared bytes of the block.
    """

    headers: Mapping[str, str]
    block: bytes | None
    length: int

    @property
    def type(self) -> str:
        """WARC-Type in lower case, empty if there is none."""
        return self.headers.get("warc-type", "").lower()


@dataclass(frozen=True, slots=True)
class Message:
    """An HTTP response: status (None without a status line), first value of each field by lower-case name, raw body."""

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@contextmanager
def open_archive(file: InputFile) -> Iterator[BinaryIO]:
    """Open an archive and decompress it by its magic bytes: as streams.open_text_bytes does, and lz4.

    Raises:
        InputError: while reading: `truncated`, `damaged` or `bomb`.
    """
    with open_input(file) as stored:
        is_lz4 = stored.read(4) == _LZ4_MAGIC
    with open_input(file) as stored:
        raw = _Lz4(stored, file.name) if is_lz4 else decompressed(stored, file.name)
        # A small buffer: what was expanded into it before an error is lost.
        yield cast("BinaryIO", io.BufferedReader(raw, 1 << 14))


def read_records(stream: BinaryIO, name: str, wanted: frozenset[str]) -> Iterator[Record | Reject]:
    """Stream the records of an uncompressed WARC, blocks only for `wanted` types; stray bytes become Rejects.

    Args:
        stream: what the file expands to.
        name: the file's name, for Rejects.
        wanted: lower-case WARC types.

    Raises:
        InputError: `not_warc`: no record in it; `truncated`: the last record is cut; what `stream` raises.
    """
    found = False
    start = _next_start(stream)
    if start.lstrip().startswith(b"filedesc://"):
        raise InputError("not_warc", f"{name}: an ARC file; convert it to WARC (for example with warcio recompress)")
    while start:
        stray = 0
        if not _RECORD_START.match(start):
            stray, start = _resync(stream, start)
            if not found and not start:
                raise InputError("not_warc", f"{name}: {stray:,} bytes without a WARC record")
            yield Reject("damaged", f"{stray:,} bytes that belong to no record", key=name)
            continue
        found = True
        headers = parse_fields(_header_lines(stream, name))
        length = headers.get("content-length", "")
        if not re.fullmatch(r"[0-9]{1,18}", length):
            yield Reject("damaged", f"record with Content-Length {length[:20]!r}", key=name)
            _, start = _resync(stream, b"")
            continue
        # Held by nobody here while others work on it: it may be large.
        yield _read_record(stream, name, Record(headers, None, int(length)), wanted)
        start = _next_start(stream)


def _read_record(stream: BinaryIO, name: str, record: Record, wanted: frozenset[str]) -> Record:
    """The record with its block, if it is wanted, from a stream that stands where the block begins."""
    block = None
    if record.type in wanted and record.length <= MAX_RECORD_BYTES:
        block = stream.read(record.length)
        got = len(block)
    else:
        got = _skip(stream, record.length)
    if got < record.length:
        detail = f"the last record ({record.type}) has {got:,} of {record.length:,} bytes"
        raise InputError("truncated", f"{name}: {detail}")
    return Record(record.headers, block, record.length)


def parse_fields(lines: list[bytes]) -> dict[str, str]:
    """Header fields by lower-case name, continuation lines joined; of a repeated field the first value counts."""
    fields: dict[str, list[str]] = {}
    last: list[str] = []
    for line in lines:
        if line[:1] in b" \t" and last:
            last.append(line.decode("utf-8", "replace").strip())
            continue
        key, colon, value = line.partition(b":")
        if not colon:
            continue
        last = [value.decode("utf-8", "replace").strip()]
        fields.setdefault(key.decode("latin-1").strip().lower(), last)
    return {name: " ".join(filter(None, parts)) for name, parts in fields.items()}


def parse_http(block: bytes) -> Message:
    """Split a response; a block without a status line (HTTP/0.9, or no HTTP at all) is all body.

    Repeated status lines (archives that prepend their own) count as one, the last; a header that runs into markup
    without a blank line ends there.
    """
    status: int | None = None
    position = 0
    lines: list[bytes] = []
    while position < len(block) and position < MAX_HEADER_BYTES:
        end = block.find(b"\n", position)
        line = block[position : end if end >= 0 else len(block)].rstrip(b"\r")
        match = _STATUS.match(line) if not lines else None
        if match:
            status = int(match[1])
        elif status is None or line.lstrip().startswith(b"<"):
            break
        elif line:
            lines.append(line)
        position = end + 1 if end >= 0 else len(block)
        if not line:
            break
    return Message(status, parse_fields(lines), block if status is None else block[position:])


def decode_body(message: Message, limit: int = MAX_RECORD_BYTES) -> bytes:
    """The body without transfer and content codings; one that lacks the coding it claims is taken as it is.

    Raises:
        InputError: `truncated`, `damaged`, `bomb` or `too_large`.
    """
    body = message.body
    if "chunked" in message.headers.get("transfer-encoding", "").lower():
        body = _dechunk(body)
    codings = message.headers.get("content-encoding", "").lower()
    if body.startswith(_COMPRESSED):
        return gunzip(body, limit)
    if "deflate" in codings:
        return _inflate(body, limit)
    if re.search(r"\bbr\b", codings):
        return _unbrotli(body, limit)
    return body


def _dechunk(body: bytes) -> bytes:
    """Join chunks up to the last whole one, or the cut one at the end; a body that is not in chunks comes back."""
    parts: list[bytes] = []
    position = 0
    while (match := _CHUNK.match(body, position)) and (match[1] or not parts):
        size = int(match[2], 16)
        if size == 0:
            return b"".join(parts)
        parts.append(body[match.end() : match.end() + size])
        position = match.end() + size
    # A first "chunk" whose end is not followed by another is text that happens to begin with a hexadecimal number.
    whole = position >= len(body) or len(parts) > 1
    return b"".join(parts) if parts and whole else body


def _inflate(body: bytes, limit: int) -> bytes:
    """Expand `deflate`, which servers send with and without the zlib header."""
    if body.lstrip().startswith(b"<"):
        return body
    for window in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
        inflater = zlib.decompressobj(window)
        try:
            data = inflater.decompress(body, limit + 1)
        except zlib.error:
            continue
        if len(data) > limit:
            raise InputError("too_large", f"deflate body expands to more than {limit:,} bytes")
        if inflater.eof:
            return data
        raise InputError("truncated", "deflate body without its end")
    return body


def _unbrotli(body: bytes, limit: int) -> bytes:
    if not body or body.lstrip().startswith(b"<"):
        return body
    try:
        return read_all(cast("BinaryIO", BrotliReader(io.BytesIO(body))), limit)
    except OSError as error:
        raise InputError("damaged", f"brotli body: {error}") from error


def _next_start(stream: BinaryIO) -> bytes:
    """The next line that is not blank, empty at the end of the stream."""
    while line := stream.readline(_MAX_LINE):
        if line.strip(b"\r\n \t\0"):
            return line
    return b""


def _header_lines(stream: BinaryIO, name: str) -> list[bytes]:
    lines: list[bytes] = []
    size = 0
    while size <= MAX_HEADER_BYTES:
        line = stream.readline(MAX_HEADER_BYTES)
        if not line.endswith(b"\n"):
            break
        stripped = line.rstrip(b"\r\n")
        if not stripped:
            return lines
        lines.append(stripped)
        size += len(line)
    if size > MAX_HEADER_BYTES or len(line) == MAX_HEADER_BYTES:
        raise InputError("damaged", f"{name}: a record header is larger than {MAX_HEADER_BYTES:,} bytes")
    raise InputError("truncated", f"{name}: the file ends inside a record header")


def _resync(stream: BinaryIO, line: bytes) -> tuple[int, bytes]:
    """Go on to the next line that starts a record: bytes passed over, and that line (empty at the end)."""
    passed = len(line)
    at_line_start = not line or line.endswith(b"\n")
    while line := stream.readline(_MAX_LINE):
        if at_line_start and _RECORD_START.match(line):
            break
        passed += len(line)
        at_line_start = line.endswith(b"\n")
    return passed, line


def _skip(stream: BinaryIO, count: int) -> int:
    left = count
    while left > 0 and (part := stream.read(min(left, 1 << 20))):
        left -= len(part)
    return count - left


class _Lz4(io.RawIOBase):
    """An lz4 file expanded; fastwarc's errors become InputErrors."""

    def __init__(self, stored: BinaryIO, name: str) -> None:
        self._reader = Lz4Reader(stored)
        self._name = name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        try:
            data = self._reader.read(min(len(view), 1 << 16))
        except OSError as error:
            rule = "truncated" if "fill whole buffer" in str(error) else "damaged"
            raise InputError(rule, f"{self._name}: {error}") from error
        view[: len(data)] = data
        return len(data)
