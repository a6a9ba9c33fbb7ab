"""Object stores through fsspec: how their file systems are opened, and what each call of a build costs there.

What the libraries do well is left to them: retries with backoff and jitter (botocore, gcsfs), uploads in parts that are
aborted when they fail. Added is what a build needs on top: listings that are never old, an object created only if there
is none, many objects removed or read at once.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import fsspec

from pile_builder.errors import StoreError
from pile_builder.hashing import fingerprint

EXTRAS = {"http": "http", "https": "http", "gs": "gcs", "gcs": "gcs", "s3": "s3", "s3a": "s3", "hf": "hub"}
"""The extra of this package that has what a kind of URL needs."""
EXCLUSIVE = frozenset({"s3", "s3a", "gs", "gcs", "memory"})
"""Kinds of URL whose store creates an object only if there is none, in one step."""
ATTEMPTS = 6
"""Of a request to S3 by botocore, the first one included, with waits that grow to 20 s. s3fs repeats that up to five
times where it is told to slow down. (gcsfs: 6, with waits to 32 s.)"""
CONNECTIONS = 64
READERS = 32
"""Threads that read or remove many small objects."""
_CONFLICTS = 8


def options_of(kind: str) -> dict[str, Any]:
    """What a kind of URL's file system is opened with; the user's own configuration of fsspec and of AWS goes first."""
    # A remembered listing would hide the commit records of other machines.
    options: dict[str, Any] = {"use_listings_cache": False} if kind in EXCLUSIVE else {}
    if kind in ("s3", "s3a") and not any("config_kwargs" in fsspec.config.conf.get(one, {}) for one in ("s3", "s3a")):
        config: dict[str, Any] = {"max_pool_connections": CONNECTIONS, "connect_timeout": 20, "read_timeout": 60}
        if not {"AWS_RETRY_MODE", "AWS_MAX_ATTEMPTS"} & os.environ.keys():
            # `standard` shares a budget of retries between all threads: a store that is down is not hammered.
            config["retries"] = {"mode": "standard", "total_max_attempts": ATTEMPTS}
        options["config_kwargs"] = config
    return options


def entries(fs: fsspec.AbstractFileSystem, path: str, kind: str) -> list[str]:
    """Base names of the files (`file`) or folders (`directory`) in a folder, sorted; one request for 1,000."""
    try:
        found = fs.ls(path, detail=True)
    except FileNotFoundError:
        return []
    top = path.strip("/")
    return sorted(
        name.rsplit("/", 1)[-1] for info in found if info["type"] == kind and (name := info["name"].strip("/")) != top
    )


def read(fs: fsspec.AbstractFileSystem, path: str) -> bytes:
    """A whole object; one request, where s3fs alone would ask for its size first, to fetch parts of it at once."""
    is_s3 = "s3" in (fs.protocol if isinstance(fs.protocol, tuple) else (fs.protocol,))
    return bytes(fs.cat_file(path, **({"max_concurrency": 1} if is_s3 else {})))


def create(fs: fsspec.AbstractFileSystem, path: str, data: bytes) -> bool:
    """Write an object unless there is one; whether what stands there now is `data`.

    A request that was answered into a broken connection is sent again and then finds its own object: so what stands is
    compared, and the same data written twice is no conflict.

    Raises:
        StoreError: the store cannot do that in one step.
    """
    protocols = fs.protocol if isinstance(fs.protocol, tuple) else (fs.protocol,)
    if not EXCLUSIVE.intersection(protocols):
        msg = (
            f"{fs.unstrip_protocol(path)}: expected a folder of this machine, s3:// or gs://; it is not known that "
            f"{protocols[0]}:// can create an object only if there is none, on which a build rests"
        )
        raise StoreError(msg)
    for attempt in range(_CONFLICTS):
        try:
            fs.pipe_file(path, data, mode="create")
        except OSError as error:
            if _code(error) in ("ConditionalRequestConflict", "OperationAborted", "409") and attempt < _CONFLICTS - 1:
                # Two wrote at once, and neither won yet: S3 asks to try again.
                time.sleep(0.05 * 2**attempt)
                continue
            if isinstance(error, FileExistsError) or _code(error) in ("PreconditionFailed", "412"):
                return _stands(fs, path, data)
            raise
        return True
    raise AssertionError


def _code(error: BaseException) -> str:
    """The error code in S3's answer, or nothing."""
    response = getattr(error.__cause__, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def _stands(fs: fsspec.AbstractFileSystem, path: str, data: bytes) -> bool:
    try:
        return read(fs, path) == data
    except FileNotFoundError:
        # It was removed just now.
        return False


def remove(fs: fsspec.AbstractFileSystem, path: str) -> None:
    """Remove an object if it is there; one request."""
    with contextlib.suppress(FileNotFoundError):
        fs.rm_file(path)


def remove_many(fs: fsspec.AbstractFileSystem, paths: Iterable[str]) -> None:
    """Remove objects that are there, many in a request where the store can."""
    listed = list(paths)
    if listed:
        try:
            fs.rm(listed)
        except FileNotFoundError:
            for path in listed:
                remove(fs, path)


def remove_folder(fs: fsspec.AbstractFileSystem, path: str) -> None:
    """Remove a folder and all below it, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        fs.rm(path, recursive=True)


def modified(fs: fsspec.AbstractFileSystem, path: str) -> datetime:
    """When an object was written, by the store's clock."""
    return cast("datetime", fs.modified(path))


def abort_uploads(fs: fsspec.AbstractFileSystem, path: str) -> int:
    """Abort uploads in parts that a killed process left below a folder of S3, where they cost storage unseen.

    Returns:
        How many. Google's stores forget theirs after a week, for no money.
    """
    if "s3" not in (fs.protocol if isinstance(fs.protocol, tuple) else (fs.protocol,)):
        return 0
    bucket, _, prefix = path.partition("/")
    found = fs.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=f"{prefix.rstrip('/')}/")
    uploads = found.get("Uploads", [])
    for upload in uploads:
        fs.abort_mpu(bucket, upload["Key"], upload["UploadId"])
    return len(uploads)


def machine_folder() -> Path:
    """This user's folder for copies and half-written files of remote builds on this machine, made if need be.

    Raises:
        StoreError: somebody else made it.
    """
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"pile-builder-{user}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "getuid") and folder.stat().st_uid != user:
        msg = f"{folder}: expected a folder of this user, it is another's; set TMPDIR to a folder of your own"
        raise StoreError(msg)
    return folder


def spool() -> Path:
    """The folder for what this process writes before it is uploaded."""
    folder = machine_folder() / f"spool-{socket.gethostname()}-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    return folder


def sweep_spools() -> int:
    """Remove what processes of this machine that are no more left half-written; says how many files."""
    count = 0
    # Of this host only: containers may share the folder, but not their numbers of processes.
    for folder in machine_folder().glob(f"spool-{socket.gethostname()}-*"):
        if not _is_alive(int(folder.name.rpartition("-")[2])):
            count += len(list(folder.iterdir()))
            shutil.rmtree(folder, ignore_errors=True)
    return count


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def local_copy(url: str, get: Callable[[str], None]) -> Path:
    """A copy of something remote whose content never changes, made once per machine.

    Args:
        url: of the original.
        get: called with where to put it.
    """
    copy = _copy_of(url)
    if not copy.exists():
        copy.parent.mkdir(exist_ok=True)
        temporary = spool() / uuid.uuid4().hex
        get(str(temporary))
        try:
            temporary.rename(copy)
        except OSError:
            # Another process of this machine was first.
            shutil.rmtree(temporary)
    return copy


def forget_copy(url: str) -> None:
    """Remove the copy of a remote file from this machine, if there is one."""
    _copy_of(url).unlink(missing_ok=True)


def _copy_of(url: str) -> Path:
    return machine_folder() / "copies" / fingerprint([url])
