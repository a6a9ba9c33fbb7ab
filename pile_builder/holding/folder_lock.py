"""One builder at a time in a folder of this machine: a lock that the system drops however its holder ends.

The lock is flock's on `.pile-lock`, whose content says who holds it, for messages only. It is removed at the end.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from pile_builder.errors import HeldError, StoreError
from pile_builder.holding.holder import Holder
from pile_builder.storage import LOCK
from pile_builder.store_errors import explained


@contextmanager
def folder_lock(root: str, command: str, *, shared: bool = False) -> Iterator[None]:
    """Hold a folder while the block runs.

    Args:
        root: of the folder, made if need be.
        command: what runs, for the message that others get.
        shared: whether others may hold it so too; then nobody can hold it alone.

    Raises:
        HeldError: somebody holds it.
        StoreError: the folder is not writable, or its file system offers no locks.
    """
    path = Path(root) / LOCK
    with explained(root, writing=True):
        path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _locked(path, root, shared=shared)
    try:
        with explained(root, writing=True):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, orjson.dumps(Holder.here(command).as_json()), 0)
        yield
    finally:
        # Of several who share it the first to end leaves the file to the others: only who holds it alone may remove it.
        if _is_there(path, descriptor) and _lock(descriptor, root, shared=False):
            path.unlink(missing_ok=True)
        os.close(descriptor)


def _locked(path: Path, root: str, *, shared: bool) -> int:
    while True:
        with explained(root, writing=True):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            is_locked = _lock(descriptor, root, shared=shared)
            if is_locked and _is_there(path, descriptor):
                return descriptor
            holder = Holder.read(os.pread(descriptor, 1 << 12, 0))
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        # If it is locked and not there, its last holder removed the file while we opened it.
        if not is_locked:
            msg = f"{root}: {holder} works here. Wait for it, or end it: on its machine, kill {holder.pid}"
            raise HeldError(msg)


def _lock(descriptor: int, root: str, *, shared: bool) -> bool:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL, errno.EBADF):
            msg = (
                f"{root}: expected a file system with locks (flock), this one has none ({error.strerror}); it may be a "
                "network file system without its lock service. Build on a local disk or in an object store, or have "
                "the share mounted with locks"
            )
            raise StoreError(msg) from error
        raise
    return True


def _is_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
