"""repair: what readers found damaged is forgotten, so that the phases that made it make it again.

Objects are named by their content and tasks are pure, so what is made again fits all that was made from it before.
"""

from __future__ import annotations

from collections.abc import Callable

import orjson

from pile_builder.commits import Commits
from pile_builder.damage import damage_of, is_object, noted, objects_in
from pile_builder.errors import DamagedError
from pile_builder.pipelines.purge import forget_purges, set_returning
from pile_builder.storage import Store


def repair(store: Store, say: Callable[[str], None]) -> bool:
    """Forget the records of everything that was noted as damaged and still is; says so, and whether there was any."""
    is_any = False
    for note, name in noted(store).items():
        if why := damage_of(store, name):
            is_any = True
            say(f"{name} is damaged ({why}); it is made again")
            _forget(store, name)
        store.remove(note)
    if is_any:
        # New records under old keys may hold again what was purged.
        forget_purges(store)
    return is_any


def sweep_unnamed(store: Store) -> None:
    """Remove objects that no record names: what was replaced, and what tasks wrote that were stopped before they ended.

    Only of a local build; elsewhere records are slow to list, and what is left over costs little.
    """
    if not store.is_local:
        return
    folders = store.folders("work")
    named = {
        name
        for folder in folders
        for key in Commits(store, folder).done()
        for name in objects_in(Commits(store, folder).load(key))
    }
    for folder in folders:
        for one in store.names(f"work/{folder}/objects"):
            if (name := f"work/{folder}/objects/{one}") not in named and is_object(name):
                store.remove(name)


def _forget(store: Store, name: str) -> None:
    """Remove a record, or all records that name an object; a block is read again as its record says."""
    phase = name.split("/")[1]
    if "/objects/" not in name:
        store.remove(name)
        return
    for folder in store.folders("work"):
        # The record of a block names the sidecars that were made on its way; they are committed on their own.
        if folder == "ingest" and phase != "ingest":
            continue
        commits = Commits(store, folder)
        for key in commits.done():
            try:
                record = commits.load(key)
            except DamagedError:
                continue
            if name.encode() in orjson.dumps(record):
                if folder == "ingest":
                    set_returning(store, key)
                commits.forget(key)
