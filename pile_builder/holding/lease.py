"""One builder at a time in an object store: a lease made of nothing but objects created only if there are none.

`.pile-lock/000007` is the seventh lease of a folder; the highest number holds. Whoever finds it released, or not
renewed for `STALE_SECONDS`, creates the next number, and of two that try only one can. A holder that finds a higher
number than its own has lost the folder.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from pile_builder.errors import HeldError, LeaseLostError, StoreError
from pile_builder.holding.holder import Holder
from pile_builder.holding.lease_objects import check_free, content, lease_name, marks, numbers
from pile_builder.storage import Store

_TRIES = 5


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

    @property
    def name(self) -> str:
        """Of the lease's object."""
        return lease_name(self.number)

    def check(self) -> None:
        """Do nothing while the lease holds; one request.

        Raises:
            LeaseLostError: there is a later one.
        """
        store = Store(self.root)
        last = numbers(store)[-1:]
        if last != [self.number]:
            raise lost(store, last)

    def renew(self, holder: Holder) -> bool:
        """Write it again if it still holds; says whether it does."""
        store = Store(self.root)
        holds = numbers(store)[-1:] == [self.number]
        if holds:
            store.write(self.name, content(holder, self.token))
        return holds

    def release(self, holder: Holder) -> None:
        """Let others have the folder, unless one of them has it."""
        store = Store(self.root)
        if numbers(store)[-1:] == [self.number]:
            store.write(self.name, content(holder, self.token, released=True))


def lost(store: Store, last: list[int]) -> LeaseLostError:
    """The error of one who finds that the lease `last` is not its own."""
    holder = Holder.read(store.read(lease_name(last[0])) if last else b"")
    msg = (
        f"{store.root}: {holder} took this folder over. What is committed stays and is used by it; nothing more "
        "is written from here"
    )
    return LeaseLostError(msg)


def acquire(store: Store, holder: Holder, *, take_over: bool = False) -> Lease:
    """Take a folder's next lease; `take_over` takes it from holders that renew theirs.

    Raises:
        HeldError: somebody holds it, alone or with others.
        StoreError: the store is not usable.
    """
    token = uuid.uuid4().hex
    for _ in range(_TRIES):
        found = numbers(store)
        last = found[-1] if found else 0
        if not take_over:
            _check_all_free(store, [lease_name(last)] if last else [])
        lease = Lease(store.root, last + 1, token)
        if not store.create(lease.name, content(holder, token)):
            continue
        _check_exclusive(store, lease)
        found = numbers(store)
        if found[-1:] != [lease.number]:
            # While we looked at an old lease others came and went, and their objects with them.
            store.remove(lease.name)
            continue
        if not take_over:
            try:
                _check_all_free(store, [])
            except BaseException:
                store.remove(lease.name)
                raise
        store.remove_many("", [*map(lease_name, found[:-1]), *marks(store)])
        return lease
    msg = f"{store.root}: several commands want this folder at once, another was faster; try again in a minute"
    raise HeldError(msg)


def _check_all_free(store: Store, leases: list[str]) -> None:
    for name in [*leases, *marks(store)]:
        check_free(store, name)


def _check_exclusive(store: Store, lease: Lease) -> None:
    """Make sure that the store refuses to create what is there; some that speak S3's language do not."""
    if store.create(lease.name, b"{}"):
        store.remove(lease.name)
        msg = (
            f"{store.root}: expected a store that honours `If-None-Match: *`, this one writes over what is there. "
            "Update it, or build in another"
        )
        raise StoreError(msg)
