"""Checks of the store that a build writes to: reachable, writable, consistent, create-if-absent."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator

from pile_builder.storage import Store
from pile_builder.worker_check.finding import Finding

WRITERS = 8
"""Threads that try to create one file at once."""
CREDENTIALS = "check the URL, and that this machine's account may read, write, list and delete below it"


def check_store(store: Store) -> Iterator[Finding]:
    """Write, read, list and remove below `work/check`, and let several writers create one file."""
    folder = f"work/check/{uuid.uuid4().hex}"
    try:
        yield from _read_and_write(store, folder)
        yield _create_if_absent(store, folder)
    except Exception as error:  # Every kind of store raises its own errors.
        yield Finding("store", ok=False, found=f"{store.root}: {type(error).__name__}: {error}", fix=CREDENTIALS)
    finally:
        store.remove_folder(folder)


def _read_and_write(store: Store, folder: str) -> Iterator[Finding]:
    data = uuid.uuid4().bytes * 4096
    store.write(f"{folder}/data", data)
    if store.read(f"{folder}/data") != data or not store.exists(f"{folder}/data"):
        yield Finding("store", ok=False, found=f"{store.root}: what was written is not what is read", fix=CREDENTIALS)
    elif store.names(folder) != ["data"]:
        fix = "a store that lists a file at once after it was written; turn listing caches off"
        yield Finding("store", ok=False, found=f"{store.root}: a new file is not listed", fix=fix)
    else:
        yield Finding("store", ok=True, found=f"{store.root}: written, read, listed")
    store.remove(f"{folder}/data")
    if store.exists(f"{folder}/data"):
        yield Finding("store", ok=False, found=f"{store.root}: a removed file is still there", fix=CREDENTIALS)


def _create_if_absent(store: Store, folder: str) -> Finding:
    name = f"{folder}/record"
    start, winners, errors = threading.Barrier(WRITERS), [], []

    def create(number: int) -> None:
        start.wait()
        try:
            if store.create(name, b"%d" % number):
                winners.append(number)
        except Exception as error:  # Told below; a thread's error would be lost.
            errors.append(error)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    stands = store.read(name)
    fix = (
        "a store that creates a file only if there is none (Google Cloud Storage, S3 with conditional writes, a local "
        "disk); without it two attempts at one task may both count"
    )
    if len(winners) != 1 or stands != b"%d" % winners[0]:
        found = f"{len(winners)} of {WRITERS} writers at once created the same file"
        return Finding("create-if-absent", ok=False, found=found, fix=fix)
    if store.create(name, b"late") or store.read(name) != stands:
        return Finding("create-if-absent", ok=False, found="a file that exists was created again", fix=fix)
    return Finding("create-if-absent", ok=True, found=f"one of {WRITERS} writers at once won, and its file stands")
