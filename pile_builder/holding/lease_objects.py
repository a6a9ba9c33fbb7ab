"""The objects that say who works in a folder of an object store, and how old they are.

Below `.pile-lock` those with numbers are leases, of which the highest holds, and those that begin with `shared-` are
marks of holders who share the folder. Each is written again every `RENEW_SECONDS`; one that is `STALE_SECONDS` old was
left by a holder that is no more. Ages are differences of times that the store itself put on objects: no machine's clock
takes part.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Protocol

import orjson

from pile_builder import remote
from pile_builder.errors import HeldError, StoreError, StoreUnreachableError
from pile_builder.holding.holder import Holder
from pile_builder.input_files import file_system
from pile_builder.storage import LOCK, Store
from pile_builder.store_errors import explained

STALE_SECONDS = 300.0
RENEW_SECONDS = 60.0
RETRY_SECONDS = 5.0
MARK = "shared-"
_PROBE = "probe-"


def numbers(store: Store) -> list[int]:
    """The numbers of leases, in their order."""
    return sorted(int(name) for name in store.names(LOCK) if name.isdigit())


def marks(store: Store) -> list[str]:
    """The names of marks."""
    return [f"{LOCK}/{name}" for name in store.names(LOCK) if name.startswith(MARK)]


def lease_name(number: int) -> str:
    """The name of a lease's object."""
    return f"{LOCK}/{number:06}"


def content(holder: Holder, token: str = "", *, released: bool = False) -> bytes:
    """What an object says: who holds it, and whether no more."""
    return orjson.dumps(holder.as_json() | {"token": token, "released": released})


def age(store: Store, name: str) -> float:
    """Seconds since an object was last written, by the store's clock."""
    probe = f"{LOCK}/{_PROBE}{uuid.uuid4().hex}"
    store.write(probe, b"")
    try:
        return (_modified(store, probe) - _modified(store, name)).total_seconds()
    finally:
        store.remove(probe)


def check_free(store: Store, name: str) -> None:
    """See that an object's holder has released it, is no more, or was quicker than this look.

    Raises:
        HeldError: it holds on.
    """
    try:
        record = orjson.loads(store.read(name))
        seconds = 0.0 if record["released"] else age(store, name)
    except FileNotFoundError:
        return
    if not record["released"] and seconds < STALE_SECONDS:
        msg = (
            f"{store.root}: {Holder.of(record)} works here; it said so {max(seconds, 0):.0f} s ago. If it was killed, "
            f"wait until that is {STALE_SECONDS / 60:.0f} minutes ago, or take the folder over: pile build --take-over"
        )
        raise HeldError(msg)


class Held(Protocol):
    """A lease or a mark that is held."""

    def check(self) -> None:
        """Do nothing while it holds; raise LeaseLostError if not."""

    def renew(self, holder: Holder) -> bool:
        """Write it again if it still holds; says whether it does."""

    def release(self, holder: Holder) -> None:
        """Let others have the folder, unless one of them has it."""


@contextmanager
def kept(held: Held, holder: Holder) -> Iterator[None]:
    """Renew what is held while the block runs, and release it.

    Raises:
        LeaseLostError: at the end of the block, if it was lost meanwhile.
    """
    over = threading.Event()
    arguments = (lambda: held.renew(holder), over.wait)
    thread = threading.Thread(target=renew_until, args=arguments, daemon=True, name="lease")
    thread.start()
    try:
        yield
        held.check()
    finally:
        over.set()
        thread.join()
        # What cannot be released now is stale in a while.
        with suppress(StoreUnreachableError):
            held.release(holder)


def renew_until(renew: Callable[[], bool], wait: Callable[[float], bool]) -> None:
    """Renew until `wait`, which gets the seconds to the next time, or `renew` itself says that it is over."""
    seconds = RENEW_SECONDS
    while not wait(seconds):
        seconds = RENEW_SECONDS
        try:
            if not renew():
                return
        except (StoreError, OSError):
            # Should this go on too long, somebody else takes over, and the next check finds that.
            seconds = RETRY_SECONDS


def _modified(store: Store, name: str) -> datetime:
    fs, path = file_system(store.path(name))
    with explained(store.path(name)):
        return remote.modified(fs, path)
