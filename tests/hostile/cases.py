"""What a hostile case is, and where all of them are found."""

import importlib
import pkgutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from tests import hostile

Content = bytes | Callable[[], bytes] | Callable[[Path], None]
"""A file's bytes, what makes them, or what fills a folder at a path (annotated as taking one)."""


@dataclass(frozen=True)
class Case:
    """One input of a reader, and all that becomes of its records at ingest.

    Attributes:
        reader: the source whose input it is.
        name: of the file (or folder) below the reader's input folder, unique there.
        content: its bytes, a function that makes them, or, for a folder, a function that fills it.
        documents: records that become documents.
        rejects: rules and how often, as "truncated" or "binary*3 too_long".
        skipped: kinds of records that are no documents, written the same way.
        is_large: built only where `PILE_HOSTILE` is set (`make hostile`).
        is_folder: whether `content` fills a folder.
    """

    reader: str
    name: str
    content: Any
    documents: int = 0
    rejects: str = ""
    skipped: str = ""
    is_large: bool = False
    is_folder: bool = False

    def write(self, folder: Path) -> None:
        """Put the input below a reader's folder."""
        path = folder / self.name
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.is_folder:
            path.mkdir()
            self.content(path)
        else:
            path.write_bytes(self.content() if callable(self.content) else self.content)

    @property
    def expected(self) -> dict[str, Any]:
        """What ingest has to count, as its commit record spells it."""
        return {"kept": self.documents, "dropped": tally(self.rejects), "skipped": tally(self.skipped)}


@dataclass(frozen=True)
class Reader:
    """How a source is put into a manifest: `entry` beside its inputs, and a good file by name and content."""

    good: Mapping[str, Any]
    entry: Mapping[str, Any] = field(default_factory=dict)


def tally(written: str) -> dict[str, int]:
    """Counts of words written as "binary*3 too_long"."""
    counts: Counter[str] = Counter()
    for word in written.split():
        name, _, count = word.partition("*")
        counts[name] += int(count or 1)
    return dict(counts)


@cache
def modules() -> tuple[ModuleType, ...]:
    """Every module of this package."""
    names = sorted(info.name for info in pkgutil.iter_modules(hostile.__path__))
    return tuple(importlib.import_module(f"tests.hostile.{name}") for name in names)


def all_cases() -> Iterator[Case]:
    """Every case of every module."""
    for module in modules():
        yield from getattr(module, "CASES", ())


def all_readers() -> dict[str, Reader]:
    """Every reader that a module brings."""
    return {name: reader for module in modules() for name, reader in getattr(module, "READERS", {}).items()}
