"""One builder at a time in an object store: a lease made of nothing but objects created only if there are none.

`.pile-lock/000007` is the seventh lease of a folder; the highest number holds. Its holder writes it again every
`RENEW_SECONDS`. Whoever finds it released, or not renewed for `STALE_SECONDS`, creates the next number, and of two that
try only one can. A holder that finds a higher number than its own has lost the folder. Ages are differences of times
that the store itself put on objects: no machine's clock takes part.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from pile_builder import remote
from pile_builder.errors import HeldError, LeaseLostError, StoreError, StoreUnreachableError
from pile_builder.holder import Holder
from pile_builder.input_files import file_system
from pile_builder.storage import LOCK, Store
from pile_builder.store_errors import explained

STALE_SECONDS = 300.0
RENEW_SECONDS = 60.0
RETRY_SECONDS = 5.0
_TRIES = 5
_PROBE = "probe-"


@dataclass(frozen=True, slots=True)
class Lease:
    """The mark of a lease, as it travels to workers.

    Attributes:
        root: URL of the folder.
        number: of the lease.
        token: of the holder; nobody else writes it.
    """

    root: str
    number: int
    token: str

    def check(self) -> None:
        """Do nothing while the lease holds; one request.

        Raises:
            LeaseLostError: there is a later one.
        """
        store = Store(self.root)
        last = _numbers(store)[-1:]
        if last != [self.number]:
            holder = Holder.read(store.read(_name(last[0])) if last else b"")
            msg = (
                f"{self.root}: {holder} took this folder over. What is committed stays and is used by it; nothing more "
                "is written from here"
            )
            raise LeaseLostError(msg)

    def name(self) -> str:
        """Of the lease's object."""
        return _name(self.number)


@contextmanager
def leased(root: str, command: str, *, take_over: bool = False) -> Iterator[Lease]:
    """Hold a folder of an object store while the block runs.

    Args:
        root: URL of the folder.
        command: what runs, for the message that others get.
        take_over: whether to take the folder from a holder that renews its lease.

    Raises:
        HeldError: somebody holds it.
        LeaseLostError: at the end of the block, if it was taken over meanwhile.
        StoreError: the store is not usable.
    """
    store, holder = Store(root), Holder.here(command)
    lease = acquire(store, holder, take_over=take_over)
    over = threading.Event()
    renewing = threading.Thread(target=_renew, args=(store, lease, holder, over.wait), daemon=True, name="lease")
    renewing.start()
    try:
        yield lease
        lease.check()
    finally:
        over.set()
        renewing.join()
        # What cannot be released now is stale in a while.
        with suppress(StoreUnreachableError):
            if _numbers(store)[-1:] == [lease.number]:
                _write(store, lease, holder, released=True)


def acquire(store: Store, holder: Holder, *, take_over: bool = False) -> Lease:
    """Take a folder's next lease.

    Raises:
        HeldError: somebody holds it.
        StoreError: the store is not usable.
    """
    token = uuid.uuid4().hex
    for _ in range(_TRIES):
        numbers = _numbers(store)
        last = numbers[-1] if numbers else 0
        if last and not take_over:
            _check_free(store, last)
        lease = Lease(store.root, last + 1, token)
        if not store.create(lease.name(), _content(lease, holder, released=False)):
            continue
        _check_exclusive(store, lease)
        numbers = _numbers(store)
        if numbers[-1:] != [lease.number]:
            # While we looked at an old lease others came and went, and their objects with them.
            store.remove(lease.name())
            continue
        store.remove_many(LOCK, [_file(number) for number in numbers[:-1]])
        return lease
    msg = f"{store.root}: several commands want this folder at once, another was faster; try again in a minute"
    raise HeldError(msg)


def age(store: Store, number: int) -> float:
    """Seconds since a lease was last written, by the store's clock."""
    probe = f"{LOCK}/{_PROBE}{uuid.uuid4().hex}"
    store.write(probe, b"")
    try:
        return (_modified(store, probe) - _modified(store, _name(number))).total_seconds()
    finally:
        store.remove(probe)


def _check_free(store: Store, number: int) -> None:
    try:
        record = _read(store, number)
        seconds = 0.0 if record["released"] else age(store, number)
    except FileNotFoundError:
        # Its holder made way for a later one this moment; the next look finds that.
        return
    if not record["released"] and seconds < STALE_SECONDS:
        msg = (
            f"{store.root}: {Holder.of(record)} works here; it said so {max(seconds, 0):.0f} s ago. If it was killed, "
            f"wait until that is {STALE_SECONDS / 60:.0f} minutes ago, or take the folder over: pile build --take-over"
        )
        raise HeldError(msg)


def _check_exclusive(store: Store, lease: Lease) -> None:
    """Make sure that the store refuses to create what is there; some that speak S3's language do not."""
    if store.create(lease.name(), b"{}"):
        store.remove(lease.name())
        msg = (
            f"{store.root}: expected a store that honours `If-None-Match: *`, this one writes over what is there. "
            "Update it, or build in another"
        )
        raise StoreError(msg)


def _renew(store: Store, lease: Lease, holder: Holder, wait: Callable[[float], bool]) -> None:
    """Write the lease again and again until `wait` says that it is over, or somebody took it."""
    seconds = RENEW_SECONDS
    while not wait(seconds):
        seconds = RENEW_SECONDS
        try:
            if _numbers(store)[-1:] != [lease.number]:
                return
            _write(store, lease, holder, released=False)
        except (StoreError, OSError):
            # Should this go on too long, somebody else takes over, and the next check finds that.
            seconds = RETRY_SECONDS


def _numbers(store: Store) -> list[int]:
    return sorted(int(name) for name in store.names(LOCK) if name.isdigit())


def _file(number: int) -> str:
    return f"{number:06}"


def _name(number: int) -> str:
    return f"{LOCK}/{_file(number)}"


def _read(store: Store, number: int) -> dict[str, Any]:
    return dict(orjson.loads(store.read(_name(number))))


def _write(store: Store, lease: Lease, holder: Holder, *, released: bool) -> None:
    store.write(lease.name(), _content(lease, holder, released=released))


def _content(lease: Lease, holder: Holder, *, released: bool) -> bytes:
    return orjson.dumps(holder.as_json() | {"token": lease.token, "released": released})


def _modified(store: Store, name: str) -> datetime:
    fs, path = file_system(store.path(name))
    with explained(store.path(name)):
        return remote.modified(fs, path)
