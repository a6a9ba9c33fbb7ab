"""Where a build keeps its work: folders on any fsspec file system, content-named objects, commit records.

A task writes its objects under names that carry their digests, then creates one commit record that names them. The
first record wins; readers follow records only. A task's key is the fingerprint of everything its result depends on,
so a record that exists is a result that is still valid.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import fsspec
import orjson

from pile_builder.masking import mask
from pile_builder.streams import file_system, is_remote

TEMPORARY = ".writing-"
"""Prefix of files that are being written; what still carries it after a successful build is left from a crash."""


def fingerprint(parts: Any) -> str:
    """96 bits of the hash of JSON-able data, keys sorted, in hexadecimal."""
    return hashlib.blake2b(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS), digest_size=12).hexdigest()


def file_digest(stream: BinaryIO) -> str:
    """sha256 of the rest of a stream, in hexadecimal."""
    return hashlib.file_digest(cast("Any", stream), "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class Store:
    """A folder, by local path or fsspec URL; names below it use forward slashes."""

    root: str

    def path(self, name: str) -> str:
        """The full path or URL of a name."""
        return f"{self.root.rstrip('/')}/{name}"

    @property
    def is_local(self) -> bool:
        """Whether the folder lies on this machine's file system."""
        return not is_remote(self.root)

    def exists(self, name: str) -> bool:
        """Whether there is a file of that name."""
        return Path(self.path(name)).exists() if self.is_local else bool(self._fs().exists(self.path(name)))

    def names(self, folder: str) -> list[str]:
        """Base names of the files in a folder, sorted; empty if there is no such folder."""
        return self._entries(folder, "file")

    def folders(self, folder: str) -> list[str]:
        """Base names of the folders in a folder, sorted; empty if there is no such folder."""
        return self._entries(folder, "directory")

    def _entries(self, folder: str, kind: str) -> list[str]:
        if self.is_local:
            path = Path(self.path(folder))
            if not path.is_dir():
                return []
            with os.scandir(path) as found:
                return sorted(one.name for one in found if (one.is_dir() if kind == "directory" else one.is_file()))
        fs, path_there = file_system(self.path(folder))
        if not fs.exists(path_there):
            return []
        found_there = fs.ls(path_there, detail=True)
        return sorted(info["name"].rstrip("/").rsplit("/", 1)[-1] for info in found_there if info["type"] == kind)

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Open a file for reading, seekable."""
        if self.is_local:
            with Path(self.path(name)).open("rb") as local:
                yield local
        else:
            with fsspec.open(self.path(name), "rb") as stream:
                yield cast("BinaryIO", stream)

    def read(self, name: str) -> bytes:
        """A whole file."""
        with self.open(name) as stream:
            return stream.read()

    def write(self, name: str, data: bytes) -> None:
        """Write a whole file, replacing it atomically."""
        with self.writing(lambda _: name) as stream:
            stream.write(data)

    def create(self, name: str, data: bytes) -> bool:
        """Write a whole file unless there is one of that name; says whether this call created it. Atomic."""
        if not self.is_local:
            try:
                self._fs().pipe_file(self.path(name), data, mode="create")
            except FileExistsError:
                return False
            return True
        target = Path(self.path(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f"{TEMPORARY}{uuid.uuid4().hex}")
        temporary.write_bytes(data)
        try:
            os.link(temporary, target)
        except FileExistsError:
            return False
        finally:
            temporary.unlink()
        return True

    def remove(self, name: str) -> None:
        """Remove a file if it is there."""
        if self.is_local:
            Path(self.path(name)).unlink(missing_ok=True)
        elif self.exists(name):
            self._fs().rm_file(self.path(name))

    @contextmanager
    def writing(self, name_of: Callable[[str], str]) -> Iterator[HashingWriter]:
        """Write a stream and put it in place when the block ends without error.

        Args:
            name_of: called with the content's sha256, gives the name.
        """
        folder = None
        if self.is_local:
            folder = Path(self.path(name_of("0" * 64))).parent
            folder.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=TEMPORARY, dir=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                writer = HashingWriter(file)
                try:
                    yield writer
                except BaseException:
                    writer.abandoned = True
                    raise
            writer.name = name_of(writer.digest)
            if self.is_local:
                Path(temporary).chmod(0o644)
                Path(temporary).replace(self.path(writer.name))
            else:
                self._fs().put_file(temporary, self.path(writer.name))
        finally:
            Path(temporary).unlink(missing_ok=True)

    @contextmanager
    def writing_folder(self, name: str) -> Iterator[Path]:
        """A local folder to fill, put in place under `name` when the block ends; what lay there is replaced."""
        parent = Path(self.path(name)).parent if self.is_local else None
        if parent:
            parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=parent))
        try:
            yield folder
            self.remove_folder(name)
            if self.is_local:
                folder.chmod(0o755)
                folder.rename(self.path(name))
            else:
                self._fs().put(f"{folder}/", f"{self.path(name)}/", recursive=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A local folder for files that are to become the store's by `adopt`; what is left in it is removed."""
        if self.is_local:
            Path(self.root).mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=self.root if self.is_local else None))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def adopt(self, path: Path, name: str) -> None:
        """Put a finished local file in place under `name`, replacing what lies there; it is moved or uploaded."""
        if self.is_local:
            target = Path(self.path(name))
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
        else:
            self._fs().put_file(str(path), self.path(name))

    def local_folder(self, name: str) -> str:
        """A folder of the store as one of this machine's file system: its own, or a copy made once per machine."""
        if self.is_local:
            return str(Path(self.path(name)).absolute())
        copy = Path(tempfile.gettempdir()) / "pile-builder" / fingerprint([self.path(name)])
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=copy.parent))
            self._fs().get(f"{self.path(name)}/", f"{temporary}/", recursive=True)
            try:
                temporary.rename(copy)
            except OSError:
                # Another process of this machine was first.
                shutil.rmtree(temporary)
        return str(copy)

    def remove_folder(self, folder: str) -> None:
        """Remove a folder and all below it, if it is there."""
        if self.is_local:
            shutil.rmtree(self.path(folder), ignore_errors=True)
        elif self.exists(folder):
            self._fs().rm(self.path(folder), recursive=True)

    def sweep_temporaries(self) -> int:
        """Remove what crashed writers left half-written; says how many."""
        if not self.is_local:
            return 0
        left = list(Path(self.root).rglob(f"{TEMPORARY}*"))
        for path in left:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return len(left)

    def _fs(self) -> fsspec.AbstractFileSystem:
        return file_system(self.root)[0]


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


@dataclass(frozen=True, slots=True)
class Commits:
    """The commit records of one phase."""

    store: Store
    phase: str

    def _name(self, key: str) -> str:
        return f"work/{self.phase}/{key}.json"

    def _failure(self, key: str) -> str:
        return f"work/{self.phase}/{key}.failed"

    def has(self, key: str) -> bool:
        """Whether a task is committed."""
        return self.store.exists(self._name(key))

    def load(self, key: str) -> dict[str, Any]:
        """A task's record."""
        return cast("dict[str, Any]", orjson.loads(self.store.read(self._name(key))))

    def put(self, key: str, record: Mapping[str, Any]) -> bool:
        """Commit a task; the first record wins, and False says that this one was not it."""
        return self.store.create(self._name(key), orjson.dumps(record, option=orjson.OPT_SORT_KEYS))

    def replace(self, key: str, record: Mapping[str, Any]) -> None:
        """Put another record in the place of a task's, because the objects that it names were rewritten. Atomic."""
        self.store.write(self._name(key), orjson.dumps(record, option=orjson.OPT_SORT_KEYS))

    def forget(self, key: str) -> None:
        """Undo a commit, because what its record names is gone."""
        self.store.remove(self._name(key))

    def done(self) -> set[str]:
        """Keys of all committed tasks."""
        return {name[:-5] for name in self.store.names(f"work/{self.phase}") if name.endswith(".json")}

    def fail(self, key: str, error: str) -> None:
        """Record that a task failed for good in this run."""
        self.store.write(self._failure(key), mask(error).encode())

    def failures(self) -> dict[str, str]:
        """Error text of each task that failed, by key."""
        names = [name for name in self.store.names(f"work/{self.phase}") if name.endswith(".failed")]
        return {name[:-7]: self.store.read(f"work/{self.phase}/{name}").decode() for name in names}

    def forget_failures(self) -> None:
        """Give failed tasks another chance."""
        for key in self.failures():
            self.store.remove(self._failure(key))

    def note(self, key: str, records: int) -> None:
        """Say how many records a task under way has read."""
        self.store.write(f"work/{self.phase}/{key}.records", b"%d" % records)

    def noted(self) -> dict[str, int]:
        """Records read by tasks under way or done, by key, until they are forgotten."""
        names = [name for name in self.store.names(f"work/{self.phase}") if name.endswith(".records")]
        return {name[:-8]: int(self.store.read(f"work/{self.phase}/{name}")) for name in names}

    def forget_notes(self) -> None:
        """Remove all notes."""
        for key in self.noted():
            self.store.remove(f"work/{self.phase}/{key}.records")

    def object_name(self, digest: str, suffix: str = "parquet") -> str:
        """Where an object of this phase lies."""
        return f"work/{self.phase}/objects/{digest[:32]}.{suffix}"
