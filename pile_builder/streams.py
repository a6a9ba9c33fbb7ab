"""Input files as bounded byte streams: local or remote, compressed or archived, hostile or cut short.

Every reader here is bounded in what it expands to and raises `InputError` with the name of the rule that was broken:
`truncated`, `damaged`, `bomb`, `too_large`. Archives are streamed, member names are data and never paths to write to.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, cast

import fsspec
import pyarrow as pa

from pile_builder.errors import InputError, ManifestError, PileError
from pile_builder.masking import public_url
from pile_builder.remote import EXTRAS, options_of
from pile_builder.store_errors import explained

MAX_RECORD_BYTES = 64 << 20
"""Largest record or archive member that becomes a document; larger ones are rejects."""
MAX_RATIO = 200
"""Largest ratio of expanded to compressed bytes beyond the first `RATIO_FREE_BYTES`; real text stays below 50."""
RATIO_FREE_BYTES = 32 << 20

MAX_STALL_BYTES = 16 << 20
"""Most stored bytes in a row that expand to nothing: endless names in gzip headers, empty members by the million."""

_opened: ContextVar[list[BinaryIO] | None] = ContextVar("opened", default=None)
_MAGIC = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zst"}


@dataclass(frozen=True)
class InputFile:
    """One input object.

    Attributes:
        name: relative to the input root, with forward slashes.
        url: where to open it (path or fsspec URL).
        size: bytes as stored.
        version: digest, etag or revision; the engine fills it in when it is empty.
        listed: whether a directory listing brought it (and `Source.patterns` applies) or the manifest named it.
    """

    name: str
    url: str
    size: int
    version: str = ""
    listed: bool = False

    @cached_property
    def name_hash(self) -> int:
        """64-bit hash of the name."""
        return int.from_bytes(hashlib.blake2b(self.name.encode(), digest_size=8).digest(), "little")


def is_remote(path: str) -> bool:
    """Whether a path is an fsspec URL."""
    return "://" in path


def file_system(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """The file system of a path or fsspec URL, and the path in there.

    Raises:
        PileError: there is no such kind of URL, or what it needs is not installed.
    """
    kind = fsspec.utils.get_protocol(url)
    if kind not in fsspec.available_protocols():
        msg = f"{url}: expected a path, or a URL such as s3://, gs://, hf:// or https://; there is no {kind}://"
        raise PileError(msg)
    try:
        return cast("tuple[fsspec.AbstractFileSystem, str]", fsspec.core.url_to_fs(url, **options_of(kind)))
    except ImportError as error:
        fix = f"pip install 'pile-builder[{EXTRAS[kind]}]'" if kind in EXTRAS else str(error)
        msg = f"{url}: expected the packages that {kind}:// needs, they are not installed: {fix}"
        raise PileError(msg) from error
    except zipfile.BadZipFile as error:
        msg = f"{url}: expected a zip before the path in it: {error}"
        raise PileError(msg) from error


def spelling(fs: fsspec.AbstractFileSystem, path: str) -> str:
    """The one spelling of a path in a file system: a URL, or a path of this machine."""
    is_local = "file" in (fs.protocol if isinstance(fs.protocol, tuple) else (fs.protocol,))
    return path if is_local else str(fs.unstrip_protocol(path))


def resolve(path: str, root: str) -> str:
    """An input's full path or URL: absolute ones as they are, relative ones under `root`."""
    if is_remote(path) or Path(path).is_absolute() or not root:
        return path
    return f"{root.rstrip('/')}/{path}"


def relative_name(url: str, root: str, named: str) -> str:
    """The name of an input in ids, logs and the lock, the same on every machine.

    Without the secrets of a URL: it stays when it is signed anew.

    Relative to the root where it lies below it, else to the folder that holds the input `named` by the manifest.
    """
    url = public_url(url)
    plain, base, top = (part.split("://", 1)[-1].rstrip("/") for part in (url, root, named))
    for sign in "*?[":
        top = top.split(sign, 1)[0]
    for folder in (base, top.rpartition("/")[0]):
        if folder and plain.startswith(folder + "/"):
            return plain[len(folder) + 1 :]
    return plain.lstrip("/")


def list_files(pattern: str, root: str) -> list[InputFile]:
    """Files that an input names: itself, the matches of a glob, or everything below a directory, sorted by name.

    Raises:
        ManifestError: nothing is there, the glob matches nothing, or a file's name is no text.
        PileError: as `file_system`.
    """
    where = resolve(pattern, root)
    if not is_remote(where):
        where = str(Path(where).absolute())
        root = str(Path(root).absolute()) if root else ""
    fs, path = file_system(where)
    has_glob = any(sign in pattern for sign in "*?[")
    tops = sorted(fs.glob(path)) if has_glob else [path]
    found: list[InputFile] = []
    for top in tops:
        if not fs.exists(top):
            msg = (
                f"input {pattern!r} not found: there is nothing at {where}. Check the path, or the input root {root!r}"
            )
            raise ManifestError(msg)
        if _is_folder(fs, top):
            below = fs.find(top, detail=True)
            found += [
                # A listing by HTTP has no sizes.
                _input_file(fs, each, int(info["size"] or fs.size(each) or 0), root, where, listed=True)
                for each, info in below.items()
                if info["type"] == "file"
            ]
        else:
            if not is_remote(where) and not Path(top).is_file():
                msg = (
                    f"input {pattern!r}: expected a file or a folder, {top} is a device or a pipe. Give a regular file"
                )
                raise ManifestError(msg)
            found.append(_input_file(fs, top, int(fs.size(top) or 0), root, where, listed=False))
    if not found:
        kind = "matches no file" if has_glob else "is an empty directory"
        msg = f"input {pattern!r} {kind} (looked in {where}). Check the pattern, or the input root {root!r}"
        raise ManifestError(msg)
    return sorted(found, key=lambda file: file.name)


def _is_folder(fs: fsspec.AbstractFileSystem, path: str) -> bool:
    """Whether a path is a folder; by HTTP, where asking means to read it whole, only if it may be one by its name."""
    is_web = path.startswith(("http://", "https://"))
    name = path.split("/", 3)[3:][-1:] if is_web else []
    return not (name and "." in name[0].rpartition("/")[2]) and bool(fs.isdir(path))


def _input_file(
    fs: fsspec.AbstractFileSystem, path: str, size: int, root: str, named: str, *, listed: bool
) -> InputFile:
    url = spelling(fs, path)
    if not is_text(url):
        msg = f"input {named!r}: expected files whose names are UTF-8, got {os.fsencode(url)!r}; rename it"
        raise ManifestError(msg)
    return InputFile(relative_name(url, root, named), url, size, listed=listed)


def is_text(name: str) -> bool:
    """Whether a name from a file system is text: ids, logs and the plan hold no bytes that are none."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def open_input(file: InputFile) -> Iterator[BinaryIO]:
    """Open an input for reading its stored bytes; seekable where the store allows it."""
    opened = _opened.get()
    if is_remote(file.url):
        fs, path = file_system(file.url)
        with explained(file.url):
            opened_there = fs.open(path, "rb")
        with opened_there as stream:
            if opened is not None:
                opened.append(cast("BinaryIO", stream))
            yield cast("BinaryIO", stream)
    else:
        with Path(file.url).open("rb") as local:
            if opened is not None:
                opened.append(local)
            yield local


@contextmanager
def watching_inputs() -> Iterator[list[BinaryIO]]:
    """While the block runs, the list gets each stream that `open_input` opens in this thread: how far it was read."""
    opened: list[BinaryIO] = []
    token = _opened.set(opened)
    try:
        yield opened
    finally:
        _opened.reset(token)


@contextmanager
def open_text_bytes(file: InputFile) -> Iterator[BinaryIO]:
    """Open an input and decompress it by its magic bytes (gzip, bzip2, xz, zstandard; else as stored), bounded.

    Raises:
        InputError: while reading: `truncated`, `damaged` or `bomb`.
    """
    with open_input(file) as stored:
        yield cast("BinaryIO", io.BufferedReader(decompressed(stored, file.name), 1 << 20))


def is_compressed(head: bytes) -> bool:
    """Whether a file that begins so is one that `decompressed` expands."""
    return head.startswith(tuple(_MAGIC))


def read_lines(
    stream: BinaryIO, start: int = 0, end: int | None = None, limit: int = MAX_RECORD_BYTES
) -> Iterator[tuple[int, bytes | None]]:
    """Stream lines with their ends, and the offsets at which they begin; None for a line of more than `limit` bytes.

    Args:
        stream: from its first byte; it must be seekable if `start` is not 0.
        start: of lines only those that begin here or later,
        end: and before here: ranges that touch share no line and lose none.
        limit: most bytes of a line, its end included.

    Raises:
        InputError: what `stream` raises.
    """
    at = start
    if start > 0:
        # The line that is under way belongs to the range before, unless it ends right here.
        stream.seek(start - 1)
        at += _pass_line(stream) - 1
    while (end is None or at < end) and (line := stream.readline(limit + 1)):
        if len(line) <= limit:
            yield at, line
            at += len(line)
        else:
            yield at, None
            at += len(line) + (0 if line.endswith(b"\n") else _pass_line(stream))


def _pass_line(stream: BinaryIO) -> int:
    """Read up to the next line end; the number of bytes."""
    count = 0
    while part := stream.readline(1 << 20):
        count += len(part)
        if part.endswith(b"\n"):
            break
    return count


def decompressed(stored: BinaryIO, name: str) -> io.RawIOBase:
    """A bounded raw stream over what `stored` expands to; `name` appears in errors."""
    counting = _Counting(stored, name)
    buffered = io.BufferedReader(counting, 1 << 16)
    head = buffered.peek(6)[:6]
    kind = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "")
    inner: Any
    if kind == "gz":
        inner = gzip.GzipFile(fileobj=buffered)
    elif kind == "bz2":
        inner = bz2.BZ2File(buffered)
    elif kind == "xz":
        inner = lzma.LZMAFile(buffered)  # noqa: SIM115
    elif kind == "zst":
        # zstandard's own reader ends without an error where a frame is cut.
        inner = pa.CompressedInputStream(buffered, "zstd")
    else:
        return _Bounded(buffered, counting, name)
    counting.most_useless = MAX_STALL_BYTES
    return _Bounded(inner, counting, name, cast("BinaryIO", buffered))


def read_all(stream: BinaryIO, limit: int = MAX_RECORD_BYTES) -> bytes:
    """Read a whole stream of at most `limit` bytes.

    Raises:
        InputError: `too_large`: there is more.
    """
    parts: list[bytes] = []
    left = limit + 1
    while left > 0 and (part := stream.read(min(left, 1 << 20))):
        parts.append(part)
        left -= len(part)
    if left <= 0:
        raise InputError("too_large", f"more than {limit:,} bytes")
    return b"".join(parts)


def gunzip(data: bytes, limit: int = MAX_RECORD_BYTES) -> bytes:
    """Expand a gzip record held in memory.

    Raises:
        InputError: `truncated`, `damaged`, `bomb` or `too_large`.
    """
    return read_all(cast("BinaryIO", decompressed(io.BytesIO(data), "gzip record")), limit)


class _Counting(io.RawIOBase):
    """Counts the stored bytes that were read.

    `useful` of them had led to something when the reader last said so; `most_useless`, if it is set, may come after.
    """

    def __init__(self, stored: BinaryIO, name: str) -> None:
        self._stored = stored
        self._name = name
        self.count = self.useful = 0
        self.most_useless = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self._stored.read(len(view))
        view[: len(data)] = data
        self.count += len(data)
        if self.most_useless and self.count - self.useful > self.most_useless:
            raise InputError("damaged", f"{self._name}: {MAX_STALL_BYTES:,} bytes that expand to nothing")
        return len(data)


class Guarded(io.RawIOBase):
    """The bytes that `read(size)` gives; what it raises meets the context that `errors()` makes around each call."""

    def __init__(self, read: Callable[[int], bytes], errors: Callable[[], AbstractContextManager[None]]) -> None:
        self._read = read
        self._errors = errors

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill a buffer; how many bytes came."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        with self._errors():
            data = self._read(len(view))
        view[: len(data)] = data
        return len(data)


class _Bounded(io.RawIOBase):
    """Raises InputError where the decompressor stumbles or expands too much."""

    def __init__(self, inner: Any, counting: _Counting, name: str, compressed: BinaryIO | None = None) -> None:
        self._inner = inner
        self._counting = counting
        self._compressed = compressed
        self._name = name
        self._expanded = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        try:
            # One step at a time: what comes before the damage is delivered before the damage is met.
            data = self._inner.read1(len(view))
        except EOFError as error:
            raise InputError("truncated", f"{self._name}: {error}") from error
        except (zlib.error, lzma.LZMAError, gzip.BadGzipFile, OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            rule = "truncated" if str(error).startswith("Truncated") else "damaged"
            raise InputError(rule, f"{self._name}: {error}") from error
        if not data and self._compressed and self._compressed.read(1):
            # bz2 and lzma end without an error at what is no stream of theirs, and there may be more behind it.
            raise InputError("damaged", f"{self._name}: it goes on after its end with what is not compressed")
        self._expanded += len(data)
        self._counting.useful = self._counting.count
        if self._expanded > RATIO_FREE_BYTES and self._expanded > MAX_RATIO * max(self._counting.count, 1):
            detail = f"{self._name}: {self._counting.count:,} bytes expand to more than {self._expanded:,}"
            raise InputError("bomb", detail)
        view[: len(data)] = data
        return len(data)
