"""What of a build's work is damaged: objects that are not what their names say, records that are not what was sealed.

Whoever reads something damaged leaves a note in the build, so that the driver knows of it wherever the reader ran, and
can have it made again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

import orjson

from pile_builder.errors import DamagedError, PileError
from pile_builder.hashing import fingerprint

if TYPE_CHECKING:
    from pile_builder.storage import Store

NOTES = "work/damaged"
_SEAL = "seal"
_CHANGED = "it is not what was written"
_OBJECT = re.compile(r"work/\w+/objects/([0-9a-f]{32})\.\w+")
_RECORD = re.compile(r"work/\w+/[0-9a-f]{24}\.json")


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record with the hash of the rest of it under `seal`."""
    return {**record, _SEAL: fingerprint(record)}


def unsealed(store: Store, name: str, data: bytes) -> dict[str, Any]:
    """The record that `data`, the content of the file `name`, holds; one without a seal is taken as it is.

    Raises:
        DamagedError: it is not what was written.
    """
    record = _record_in(data)
    if record is None:
        note(store, name)
        raise DamagedError(store.path(name), _CHANGED)
    return record


def damage_of(store: Store, name: str) -> str:
    """What is wrong with an object or a record, empty if nothing is. Reads all of it."""
    content = _OBJECT.fullmatch(name)
    if not content and not _RECORD.fullmatch(name):
        return ""
    if not store.exists(name):
        return "it is missing"
    with store.open_unchecked(name) as stream:
        if content:
            digest = hashlib.file_digest(cast("Any", stream), "sha256").hexdigest()
            return "" if digest.startswith(content[1]) else "its content is not what its name says"
        return "" if _record_in(stream.read()) is not None else _CHANGED


@contextmanager
def blaming(store: Store, name: str) -> Iterator[None]:
    """While the block reads `name`: an error that is due to its damage becomes one that says so.

    Raises:
        DamagedError: reading failed, and the object or record is damaged or missing.
    """
    try:
        yield
    except (PileError, MemoryError):
        raise
    except Exception as error:
        if why := damage_of(store, name):
            note(store, name)
            raise DamagedError(store.path(name), why) from error
        raise


def note(store: Store, name: str) -> None:
    """Leave word that something is damaged."""
    # Who cannot write can still read and say what is wrong.
    with suppress(OSError):
        store.write(f"{NOTES}/{fingerprint([name])}", name.encode())


def noted(store: Store) -> dict[str, str]:
    """What is said to be damaged, by the name of the note."""
    notes = [f"{NOTES}/{name}" for name in store.names(NOTES)]
    return {one: store.read(one).decode() for one in notes}


def is_object(name: str) -> bool:
    """Whether a file of this name is an object, named by its content."""
    return _OBJECT.fullmatch(name) is not None


def objects_in(value: Any) -> Iterator[str]:
    """Names of all objects that a record, or a part of one, names."""
    if isinstance(value, str):
        if is_object(value):
            yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from objects_in(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from objects_in(one)


def _record_in(data: bytes) -> dict[str, Any] | None:
    try:
        record = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(record, dict):
        return None
    seal = record.pop(_SEAL, None)
    return record if seal in (None, fingerprint(record)) else None
