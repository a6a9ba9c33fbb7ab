"""Which command may write into a folder: one at a time, wherever the folder lies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pile_builder.holding.folder_lock import folder_lock
from pile_builder.holding.holder import Holder
from pile_builder.holding.lease import acquire
from pile_builder.holding.lease_objects import kept
from pile_builder.holding.shared_lease import acquire_together
from pile_builder.storage import Store


@contextmanager
def holding(root: str, command: str, *, take_over: bool = False, shared: bool = False) -> Iterator[Store]:
    """Hold a folder while the block runs, and give its store.

    On this machine that is a lock, which the system drops with its holder. In an object store it is a lease, which the
    store that is given asks about before each commit.

    Args:
        root: path or URL of the folder, made if need be.
        command: what runs, for the message that others get.
        take_over: whether to take an object store's folder from a holder that renews its lease; a lock goes with its
            holder only.
        shared: whether others may hold it so too; then nobody can hold it alone.

    Raises:
        HeldError: somebody holds it.
        LeaseLostError: at the end of the block, if the folder was taken over meanwhile.
        StoreError: the folder is not usable.
    """
    root = root.removeprefix("file://")
    store = Store(root)
    if store.is_local:
        with folder_lock(root, command, shared=shared):
            yield store
    else:
        holder = Holder.here(command)
        lease = (acquire_together if shared else acquire)(store, holder, take_over=take_over)
        with kept(lease, holder):
            yield Store(root, lease)
