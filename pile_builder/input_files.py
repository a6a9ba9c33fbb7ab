"""Input files: what a manifest's paths and URLs name, and how their stored bytes are opened."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, cast

import fsspec

from pile_builder.errors import ManifestError, PileError
from pile_builder.masking import public_url
from pile_builder.remote import EXTRAS, options_of
from pile_builder.store_errors import explained

_opened: ContextVar[list[BinaryIO] | None] = ContextVar("opened", default=None)


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
