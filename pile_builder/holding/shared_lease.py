"""Several builders side by side in an object store, as the jobs of an array are, and none that wants it for itself.

Each has a mark of its own. Marks and leases keep one another out: who wants either writes its object, then looks for
those of the other kind and gives way, so that of two who come at once at least one sees the other. A mark ends with the
first lease that is newer than it, whose holder found it stale or took the folder over.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from pile_builder.errors import HeldError
from pile_builder.holding.holder import Holder
from pile_builder.holding.lease import acquire, lost
from pile_builder.holding.lease_objects import MARK, check_free, content, lease_name, numbers
from pile_builder.storage import LOCK, Store


@dataclass(frozen=True, slots=True)
class SharedLease:
    """One of several marks in a folder, as it travels to workers.

    Attributes:
        root: URL of the folder.
        before: the number of the last lease before it.
        token: of the holder.
    """

    root: str
    before: int
    token: str

    @property
    def name(self) -> str:
        """Of the mark's object."""
        return f"{LOCK}/{MARK}{self.token}"

    def check(self) -> None:
        """Do nothing while nobody had the folder alone since; one request.

        Raises:
            LeaseLostError: somebody had.
        """
        store = Store(self.root)
        last = numbers(store)[-1:]
        if last > [self.before]:
            raise lost(store, last)

    def renew(self, holder: Holder) -> bool:
        """Write it again if it still holds; says whether it does."""
        store = Store(self.root)
        holds = numbers(store)[-1:] <= [self.before]
        if holds:
            store.write(self.name, content(holder, self.token))
        return holds

    def release(self, holder: Holder) -> None:
        """Take the mark away."""
        Store(self.root).remove(self.name)


def acquire_together(store: Store, holder: Holder, *, take_over: bool = False) -> SharedLease:
    """Leave a mark; `take_over` ends a lease whose holder renews it.

    Raises:
        HeldError: somebody holds the folder alone.
        StoreError: the store is not usable.
    """
    last = numbers(store)[-1:]
    if last and take_over:
        _end(store, last[0], holder)
        last = numbers(store)[-1:]
    lease = SharedLease(store.root, last[0] if last else 0, uuid.uuid4().hex)
    store.write(lease.name, content(holder, lease.token))
    try:
        for number in numbers(store)[-1:]:
            check_free(store, lease_name(number))
            # One that came since then, and has gone or died, had it alone.
            lease.check()
    except BaseException:
        store.remove(lease.name)
        raise
    return lease


def _end(store: Store, number: int, holder: Holder) -> None:
    """End a lease that holds, by one that is released at once; others with marks are left alone."""
    try:
        check_free(store, lease_name(number))
    except HeldError:
        acquire(store, holder, take_over=True).release(holder)
