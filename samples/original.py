"""Readable originals of the sample books: how they are read, and edited into another edition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "originals" / "books"


@dataclass(frozen=True, slots=True)
class Original:
    """A book: its fields by name, and its blocks (see make_books.py)."""

    fields: Mapping[str, str]
    blocks: tuple[str, ...]

    def edited(self, name: str) -> Original:
        """The edition that the file `name` makes of this one: fields of its own, and lines of `old -> new`.

        Raises:
            ValueError: a passage to replace is not there.
        """
        changes = read(name)
        text = "\n\n".join(self.blocks)
        for line in "\n".join(changes.blocks).split("\n"):
            old, _, new = line.partition(" -> ")
            if old not in text:
                msg = f"{name}: expected {old!r} in the first edition"
                raise ValueError(msg)
            text = text.replace(old, new)
        return Original({**self.fields, **changes.fields}, tuple(text.split("\n\n")))


def read(name: str) -> Original:
    """The original in the file `name`.txt."""
    head, _, body = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").partition("\n\n")
    fields = dict(line.split(": ", 1) for line in head.split("\n"))
    return Original(fields, tuple(block for block in body.strip("\n").split("\n\n") if block))
