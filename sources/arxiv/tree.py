r"""One arXiv submission in memory: its text files, and which of them the paper starts with.

A submission is a gzipped file or a gzipped tar. Only files that may hold LaTeX are kept; pictures are read past. What
it expands to is bounded, and member names serve as names only.
"""

from __future__ import annotations

import io
import posixpath
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, cast

from pile_builder.errors import InputError
from pile_builder.sources import bounded_json
from pile_builder.sources.tar_archive import tar_members
from pile_builder.streams import decompressed, read_all

MAX_EXPANDED = 512 << 20
"""Most bytes that a submission expands to, pictures included."""
MAX_FILE = 8 << 20
MAX_TEXT = 24 << 20
"""Most bytes of one file, and of all files, that may hold LaTeX."""
MAX_FILES = 5000

_TEXT_ENDINGS = (".tex", ".ltx", ".latex", ".txt", ".sty", ".cls", ".def", ".xxx", ".json", ".tikz", ".cfg", ".clo")
_CLASS = re.compile(rb"^[^%\n]*?\\document(?:class|style)\b", re.MULTILINE)
_CLASS_NAME = re.compile(rb"\\document(?:class|style)\s*(?:\[[^\]]{0,500}\])?\s*\{\s*([^{}\s]{1,60})\s*\}")
_BEGIN = re.compile(rb"^[^%\n]*?\\begin\s*\{\s*document\s*\}", re.MULTILINE)
_INPUT = re.compile(rb"\\(?:input|include|subfile|import\s*\{[^{}]{0,200}\})\s*\{\s*([^{}\n]{1,200}?)\s*\}")
_ENCODING = re.compile(
    rb"^[^%\n]*?\\(?:usepackage|RequirePackage)\s*\[([a-z0-9-]{3,12})\]\s*\{inputenc\}", re.MULTILINE
)
_MAIN_NAMES = re.compile(
    r"^(?:main|ms|paper|article|manuscript|arxiv|root|thesis|draft)(?:[-_.]?(?:arxiv|v?\d+|final))*$"
)
_SIDE_NAMES = re.compile(
    r"suppl|append|response|rebuttal|cover|letter|diff|old|backup|template|sample|example|slides|talk|poster|test|^si$|changes"
    r"|readme|guide|manual"
)
_SIDE_CLASSES = (b"beamer", b"standalone", b"letter", b"subfiles", b"minimal", b"ltxdoc")
_CODECS = {
    "latin1": "latin-1", "latin2": "iso8859-2", "latin3": "iso8859-3", "latin4": "iso8859-4", "latin5": "iso8859-9",
    "latin9": "iso8859-15", "latin10": "iso8859-16", "ansinew": "cp1252", "cp1250": "cp1250", "cp1251": "cp1251",
    "cp1252": "cp1252", "cp1257": "cp1257", "cp437": "cp437", "cp850": "cp850", "cp852": "cp852", "cp866": "cp866",
    "koi8-r": "koi8-r", "koi8-u": "koi8-u", "applemac": "mac-roman", "macce": "mac-latin2",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Submission:
    """What a submission holds.

    Attributes:
        files: bytes by path, in the archive's order.
        single: whether it is one file and no archive.
    """

    files: Mapping[str, bytes]
    single: bool


def unpack(payload: bytes) -> Submission:
    """Expand a submission.

    Raises:
        InputError: `truncated`, `damaged`, `bomb` or `too_large`.
    """
    stream = io.BufferedReader(_Limited(decompressed(io.BytesIO(payload), "submission")), 1 << 16)
    if not _is_tar(stream.peek(512)[:512]):
        return Submission({"": read_all(cast("BinaryIO", stream), MAX_FILE)}, single=True)
    files: dict[str, bytes] = {}
    total = 0
    try:
        for member in tar_members(cast("BinaryIO", stream), "submission"):
            if isinstance(member, str):
                continue
            path = posixpath.normpath(member.name.lstrip("/"))
            ending = posixpath.splitext(path)[1].lower()
            if member.size > MAX_FILE or not (ending in _TEXT_ENDINGS or len(ending) < 2) or path.startswith(".."):
                continue
            total += member.size
            if total > MAX_TEXT or len(files) >= MAX_FILES:
                raise InputError("too_large", f"more than {MAX_TEXT:,} bytes or {MAX_FILES:,} files of text")
            files[path] = member.content.read()
        while stream.read(1 << 20):
            pass
    except tarfile.ReadError as error:
        raise InputError("truncated", f"submission: {error}") from error
    return Submission(files, single=False)


def main_file(files: Mapping[str, bytes]) -> str | None:
    r"""The path of the file that the paper starts with, or None.

    A submission's own directives (`00README`) come first; then files with `\documentclass` and `\begin{document}`,
    those that no other file includes, that lie high up, and whose name is a usual one, the longest among equals.
    """
    top, ignored = _directives(files)
    candidates = [path for path, data in files.items() if _starts_document(path, data) and path not in ignored]
    if not candidates:
        return None
    included = {
        name.decode("latin-1").removesuffix(".tex").split("/")[-1]
        for path, data in files.items()
        if path in candidates
        for name in _INPUT.findall(data)
    }

    def rank(path: str) -> tuple[bool, bool, bool, int, bool, int, str]:
        stem = posixpath.splitext(posixpath.basename(path))[0].lower()
        declared = _CLASS_NAME.search(files[path])
        side_class = bool(declared and declared[1].startswith(_SIDE_CLASSES))
        side = bool(_SIDE_NAMES.search(posixpath.splitext(path)[0].lower()))
        is_part = posixpath.splitext(posixpath.basename(path))[0] in included
        depth = path.count("/")
        return (
            path not in top,
            side_class or is_part,
            side,
            depth,
            not _MAIN_NAMES.match(stem),
            -len(files[path]),
            path,
        )

    return min(candidates, key=rank)


def decode(files: Mapping[str, bytes], main: str) -> dict[str, str]:
    """The files as text: UTF-8 where a file is valid UTF-8, else what the main file declares, else Latin-1."""
    declared = _ENCODING.search(files[main])
    codec = _CODECS.get(declared[1].decode(), "latin-1") if declared else "latin-1"
    texts: dict[str, str] = {}
    for path, data in files.items():
        try:
            texts[path] = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            texts[path] = data.decode(codec, errors="replace")
    return texts


def _starts_document(path: str, data: bytes) -> bool:
    if path.lower().endswith((".sty", ".cls", ".json", ".xxx", ".def", ".clo", ".cfg", ".tikz")):
        return False
    return _BEGIN.search(data) is not None and _CLASS.search(data) is not None


def _directives(files: Mapping[str, bytes]) -> tuple[frozenset[str], frozenset[str]]:
    """Files that a 00README declares to be the paper's start, and files that it tells to ignore."""
    top: set[str] = set()
    ignored: set[str] = set()
    for path, data in files.items():
        name = path.lower()
        if name == "00readme.json":
            try:
                listed = bounded_json.loads(data).get("sources", [])
                for source in listed:
                    chosen = {"toplevel": top, "ignore": ignored}.get(source.get("usage"))
                    if chosen is not None:
                        chosen.add(str(source.get("filename")))
            except (ValueError, AttributeError, TypeError):
                continue
        elif name in ("00readme.xxx", "00readme"):
            for line in data.decode("latin-1").splitlines():
                words = line.split()
                if len(words) >= 2 and words[1] in ("toplevelfile", "ignore"):
                    (top if words[1] == "toplevelfile" else ignored).add(words[0])
    return frozenset(top), frozenset(ignored)


def _is_tar(head: bytes) -> bool:
    if len(head) < 512:
        return False
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


class _Limited(io.RawIOBase):
    """Raises InputError beyond `MAX_EXPANDED` bytes."""

    def __init__(self, inner: io.RawIOBase) -> None:
        self._inner = inner
        self._left = MAX_EXPANDED

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self._inner.read(len(view)) or b""
        self._left -= len(data)
        if self._left < 0:
            raise InputError("too_large", f"expands to more than {MAX_EXPANDED:,} bytes")
        view[: len(data)] = data
        return len(data)
