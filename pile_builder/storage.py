"""Where a build keeps its work: folders on any fsspec file system, in which files appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar, cast

import fsspec

from pile_builder import remote
from pile_builder.damage import blaming
from pile_builder.hashing import HashingWriter, file_digest, fingerprint
from pile_builder.input_files import file_system, is_remote
from pile_builder.store_errors import explained, full_disk_explained
from pile_builder.threads import in_order

__all__ = ["TEMPORARY", "Guard", "HashingWriter", "Store", "file_digest", "fingerprint"]

TEMPORARY = ".writing-"
"""Prefix of files that are being written; what still carries it after a successful build is left from a crash."""
LOCK = ".pile-lock"
"""Says who works in a folder: a file on this machine, a folder of leases in an object store."""
_TRIED_BYTES = 1 << 16
Item = TypeVar("Item")
Found = TypeVar("Found")


class Guard(Protocol):
    """Says whether this build may still commit; travels to workers by pickle."""

    def check(self) -> None:
        """Do nothing while it may.

        Raises:
            LeaseLostError: another builder took the folder over.
        """


@dataclass(frozen=True, slots=True)
class Store:
    """A folder, by local path or fsspec URL; names below it use forward slashes.

    What a store refuses is a `StoreError` that says what to do.

    Attributes:
        root: the path or URL.
        guard: asked before each commit, if somebody watches over who may write here.
    """

    root: str
    guard: Guard | None = field(default=None, compare=False)

    def path(self, name: str) -> str:
        """The full path or URL of a name."""
        return f"{self.root.rstrip('/')}/{name}"

    @property
    def is_local(self) -> bool:
        """Whether the folder lies on this machine's file system."""
        return not is_remote(self.root)

    def exists(self, name: str) -> bool:
        """Whether there is a file of that name."""
        if self.is_local:
            return Path(self.path(name)).exists()
        fs, path = self._there(name)
        with explained(self.path(name)):
            return bool(fs.exists(path))

    def size(self, name: str) -> int:
        """Bytes of the file of that name, -1 if there is none."""
        if self.is_local:
            path = Path(self.path(name))
            return path.stat().st_size if path.exists() else -1
        fs, path_there = self._there(name)
        with explained(self.path(name)):
            try:
                return int(fs.size(path_there) or 0)
            except FileNotFoundError:
                return -1

    def names(self, folder: str) -> list[str]:
        """Base names of the files in a folder, sorted, less those being written; empty if there is no such folder."""
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
                standing = (one for one in found if not one.name.startswith(TEMPORARY))
                return sorted(one.name for one in standing if (one.is_dir() if kind == "directory" else one.is_file()))
        with explained(self.path(folder)):
            return remote.entries(*self._there(folder), kind)

    def holds_anything(self) -> bool:
        """Whether there is a file or folder, besides the lock of who works here."""
        return any(name != LOCK for name in (*self.names(""), *self.folders("")))

    def each(self, look_up: Callable[[Item], Found], items: Iterable[Item]) -> Iterator[tuple[Item, Found]]:
        """Each item with what `look_up` reads here for it, in order; some ahead at once where reading is requests."""
        if self.is_local:
            return ((item, look_up(item)) for item in items)
        return in_order(remote.READERS, look_up, items)

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Open a file for reading, seekable.

        Raises:
            DamagedError: reading inside the block failed, because an object or record is damaged or missing.
        """
        with blaming(self, name), self.open_unchecked(name) as stream:
            yield stream

    @contextmanager
    def open_unchecked(self, name: str) -> Iterator[BinaryIO]:
        """Open a file for reading, seekable; its damage shows as whatever error the reader raises."""
        if self.is_local:
            with Path(self.path(name)).open("rb") as local:
                yield local
        else:
            fs, path = self._there(name)
            with explained(self.path(name)):
                opened = fs.open(path, "rb")
            with opened as stream:
                yield cast("BinaryIO", stream)

    def read(self, name: str) -> bytes:
        """A whole file.

        Raises:
            DamagedError: it is an object or record of a build, and missing.
        """
        with blaming(self, name):
            if self.is_local:
                return Path(self.path(name)).read_bytes()
            with explained(self.path(name)):
                return remote.read(*self._there(name))

    def write(self, name: str, data: bytes) -> None:
        """Write a whole file, replacing it atomically."""
        if self.is_local:
            with self.writing(lambda _: name) as stream:
                stream.write(data)
        else:
            fs, path = self._there(name)
            with explained(self.path(name), writing=True):
                fs.pipe_file(path, data)

    def create(self, name: str, data: bytes) -> bool:
        """Write a whole file unless there is one of that name; says whether this call created it. Atomic.

        On an object store True says that what stands there is `data`: an answer may get lost, and the call that is
        repeated then finds what it wrote itself.
        """
        with explained(self.path(name), writing=True):
            if not self.is_local:
                return remote.create(*self._there(name), data)
            target = Path(self.path(name))
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = target.with_name(f"{TEMPORARY}{uuid.uuid4().hex}")
            try:
                temporary.write_bytes(data)
                os.link(temporary, target)
            except FileExistsError:
                return False
            finally:
                temporary.unlink(missing_ok=True)
            return True

    def remove(self, name: str) -> None:
        """Remove a file if it is there."""
        if self.is_local:
            Path(self.path(name)).unlink(missing_ok=True)
        else:
            with explained(self.path(name)):
                remote.remove(*self._there(name))

    def remove_many(self, folder: str, names: Iterable[str]) -> None:
        """Remove those files of a folder that are there."""
        if self.is_local:
            for name in names:
                self.remove(f"{folder}/{name}")
        else:
            fs, path = self._there(folder)
            with explained(self.path(folder)):
                remote.remove_many(fs, [f"{path.rstrip('/')}/{name}" for name in names])

    @contextmanager
    def writing(self, name_of: Callable[[str], str]) -> Iterator[HashingWriter]:
        """Write a stream and put it in place when the block ends without error.

        Args:
            name_of: called with the content's sha256, gives the name.
        """
        with full_disk_explained(self.root):
            with explained(self.root, writing=True):
                folder = Path(self.path(name_of("0" * 64))).parent if self.is_local else remote.spool()
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
                self.adopt(Path(temporary), writer.name)
            finally:
                Path(temporary).unlink(missing_ok=True)

    @contextmanager
    def writing_folder(self, name: str) -> Iterator[Path]:
        """A local folder to fill, put in place under `name` when the block ends; what lay there is replaced."""
        with self._temporary_folder(Path(self.path(name)).parent) as folder:
            yield folder
            self.remove_folder(name)
            with explained(self.path(name), writing=True):
                if self.is_local:
                    folder.chmod(0o755)
                    folder.rename(self.path(name))
                else:
                    fs, path = self._there(name)
                    fs.put(f"{folder}/", f"{path}/", recursive=True)

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A local folder for files that are to become the store's by `adopt`; what is left in it is removed."""
        with self._temporary_folder(Path(self.root)) as folder:
            yield folder

    @contextmanager
    def _temporary_folder(self, parent: Path) -> Iterator[Path]:
        with explained(self.root, writing=True):
            if self.is_local:
                parent.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=parent if self.is_local else remote.spool()))
        try:
            with full_disk_explained(self.root):
                yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def adopt(self, path: Path, name: str) -> None:
        """Put a finished local file in place under `name`, replacing what lies there; it is moved or uploaded."""
        with explained(self.path(name), writing=True):
            if self.is_local:
                target = Path(self.path(name))
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)
            else:
                fs, there = self._there(name)
                fs.put_file(str(path), there)

    def local_folder(self, name: str) -> str:
        """A folder of the store as one of this machine's file system: its own, or a copy made once per machine."""
        if self.is_local:
            return str(Path(self.path(name)).absolute())
        fs, path = self._there(name)
        with explained(self.path(name)):
            return str(remote.local_copy(self.path(name), lambda to: fs.get(f"{path}/", f"{to}/", recursive=True)))

    def remove_folder(self, folder: str) -> None:
        """Remove a folder and all below it, if it is there."""
        if self.is_local:
            shutil.rmtree(self.path(folder), ignore_errors=True)
        else:
            with explained(self.path(folder)):
                remote.remove_folder(*self._there(folder))

    def check(self) -> None:
        """Ask whether this build may still write here.

        Raises:
            LeaseLostError: another builder took the folder over.
        """
        if self.guard:
            self.guard.check()

    def check_writable(self) -> None:
        """Try to write a file.

        Raises:
            StoreError: that is refused; the message says why.
        """
        name = f"{TEMPORARY}{uuid.uuid4().hex}"
        self.write(name, b"\0" * _TRIED_BYTES)
        self.remove(name)

    def sweep_temporaries(self) -> int:
        """Remove what crashed writers left half-written; says how many.

        Of a remote folder that is what lies on this machine, and uploads in parts that nobody goes on with.
        """
        if not self.is_local:
            with explained(self.root):
                return remote.sweep_spools() + remote.abort_uploads(*self._there(""))
        left = list(Path(self.root).rglob(f"{TEMPORARY}*"))
        for path in left:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return len(left)

    def _there(self, name: str) -> tuple[fsspec.AbstractFileSystem, str]:
        return file_system(self.path(name))


def local_file(path: str) -> str:
    """A file by path or URL as one of this machine's file system: itself, or a copy made once per machine."""
    if not is_remote(path):
        return str(Path(path).absolute())
    fs, there = file_system(path)
    with explained(path):
        return str(remote.local_copy(path, lambda to: fs.get_file(there, to)))


def forget_local_file(path: str) -> None:
    """Remove the copy that `local_file` made, if it did."""
    if is_remote(path):
        remote.forget_copy(path)
