"""Commit records: what makes a task's objects part of a build.

A task writes its objects under names that carry their digests, then creates one commit record that names them. The
first record wins; readers follow records only. A task's key is the fingerprint of everything its result depends on,
so a record that exists is a result that is still valid.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from pile_builder.damage import sealed, unsealed
from pile_builder.masking import mask
from pile_builder.storage import Store

NOTE_SECONDS, REMOTE_NOTE_SECONDS = 1.0, 15.0
"""Between two notes of how far a task is: on an object store each is a request."""
_RECORD, _FAILURE, _NOTE = ".json", ".failed", ".records"


@dataclass(frozen=True, slots=True)
class State:
    """What one listing of a phase tells: keys of the tasks that are committed, that noted records, that failed."""

    done: frozenset[str]
    noted: frozenset[str]
    failed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Commits:
    """The commit records of one phase."""

    store: Store
    phase: str

    def _name(self, key: str, suffix: str = _RECORD) -> str:
        return f"work/{self.phase}/{key}{suffix}"

    def record_name(self, key: str) -> str:
        """Where a task's record lies."""
        return self._name(key)

    def has(self, key: str) -> bool:
        """Whether a task is committed."""
        return self.store.exists(self.record_name(key))

    def load(self, key: str) -> dict[str, Any]:
        """A task's record.

        Raises:
            DamagedError: it is missing, or not what was written.
        """
        return unsealed(self.store, self.record_name(key), self.store.read(self.record_name(key)))

    def load_all(self, keys: Iterable[str]) -> Iterator[dict[str, Any]]:
        """The records of tasks, in the order of the keys; many at once where each is a request."""
        return (record for _, record in self.store.each(self.load, keys))

    def put(self, key: str, record: Mapping[str, Any]) -> bool:
        """Commit a task; the first record wins, and False says that this one was not it.

        Raises:
            LeaseLostError: another builder took the folder over.
        """
        self.check()
        return self.store.create(self.record_name(key), orjson.dumps(sealed(record), option=orjson.OPT_SORT_KEYS))

    def replace(self, key: str, record: Mapping[str, Any]) -> None:
        """Put another record in the place of a task's, because the objects that it names were rewritten. Atomic."""
        self.check()
        self.store.write(self.record_name(key), orjson.dumps(sealed(record), option=orjson.OPT_SORT_KEYS))

    def forget(self, key: str) -> None:
        """Undo a commit, because what its record names is gone."""
        self.store.remove(self.record_name(key))

    def check(self) -> None:
        """Ask whether this build may still commit.

        Raises:
            LeaseLostError: another builder took the folder over.
        """
        self.store.check()

    def state(self) -> State:
        """How far the phase is, by one listing."""
        names = self.store.names(f"work/{self.phase}")

        def keys(suffix: str) -> frozenset[str]:
            return frozenset(name.removesuffix(suffix) for name in names if name.endswith(suffix))

        return State(keys(_RECORD), keys(_NOTE), keys(_FAILURE))

    def done(self) -> set[str]:
        """Keys of all committed tasks."""
        return set(self.state().done)

    def fail(self, key: str, error: str) -> None:
        """Record that a task failed for good in this run."""
        self.check()
        self.store.write(self._name(key, _FAILURE), mask(error).encode())

    def failures(self, keys: Collection[str] | None = None) -> dict[str, str]:
        """Error text of each task that failed, by key; only of `keys`, if given."""
        failed = self.state().failed
        return dict(self.store.each(self._failed, sorted(failed if keys is None else failed.intersection(keys))))

    def _failed(self, key: str) -> str:
        return self.store.read(self._name(key, _FAILURE)).decode()

    def noting(self, key: str) -> Callable[[int], None]:
        """A function to call with how many records a task under way has read, as often as one likes."""
        last = time.monotonic()
        seconds = NOTE_SECONDS if self.store.is_local else REMOTE_NOTE_SECONDS

        def note(records: int) -> None:
            nonlocal last
            if time.monotonic() - last >= seconds:
                self.store.write(self._name(key, _NOTE), b"%d" % records)
                last = time.monotonic()

        return note

    def noted(self, keys: Iterable[str]) -> dict[str, int]:
        """How many records tasks noted last, by key; those of which nothing is known (any more) are left out."""
        found = self.store.each(self._noted, keys)
        return {key: records for key, records in found if records is not None}

    def _noted(self, key: str) -> int | None:
        try:
            return int(self.store.read(self._name(key, _NOTE)))
        except (FileNotFoundError, ValueError):
            # What a machine that went down left of a note is no number.
            return None

    def forget_run(self, keys: Collection[str] | None = None) -> None:
        """Remove failures, so that their tasks get another chance, and notes; only those of `keys`, if given."""
        state = self.state()
        mine = frozenset(keys) if keys is not None else state.failed | state.noted
        names = [f"{key}{_FAILURE}" for key in state.failed & mine] + [f"{key}{_NOTE}" for key in state.noted & mine]
        self.store.remove_many(f"work/{self.phase}", names)

    def object_name(self, digest: str, suffix: str = "parquet") -> str:
        """Where an object of this phase lies."""
        return f"work/{self.phase}/objects/{digest[:32]}.{suffix}"
