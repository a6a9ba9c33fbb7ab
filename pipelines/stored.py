"""Values that every worker of a phase needs and that grow with the corpus: in the store, not in the job's graph.

A graph that holds a line for every split is what services refuse (Dataflow: above 10 MB).
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar, cast

from pile_builder.commits import Commits
from pile_builder.errors import BuildError
from pile_builder.storage import Store

Value = TypeVar("Value", covariant=True)
Given = TypeVar("Given")
KEPT = 8
"""Values that a process keeps in memory."""


@dataclass(frozen=True)
class Stored(Generic[Value]):
    """A value by the name of its object, which carries its digest; travels to workers as that name."""

    store: Store
    name: str

    @property
    def value(self) -> Value:
        """The value, read once by each process.

        Raises:
            BuildError: the object is not the one that was written.
        """
        return cast("Value", _read(self.store, self.name))


@contextmanager
def stored(commits: Commits, value: Given) -> Iterator[Stored[Given]]:
    """Keep a value in a phase's store; it is removed once the block ends without error.

    After an error it stays: a job that goes on without its driver may still need it.
    """
    data = pickle.dumps(value, protocol=5)
    name = commits.object_name(hashlib.sha256(data).hexdigest(), "pickle")
    commits.store.write(name, data)
    yield Stored(commits.store, name)
    commits.store.remove(name)


@lru_cache(KEPT)
def _read(store: Store, name: str) -> Any:
    data = store.read(name)
    # Whoever may write to the store must not thereby run code on workers.
    if Commits(store, name.split("/")[1]).object_name(hashlib.sha256(data).hexdigest(), "pickle") != name:
        msg = f"{store.path(name)}: expected what was written under this name, its content differs; build again"
        raise BuildError(msg)
    return pickle.loads(data)
