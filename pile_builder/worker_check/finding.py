"""What a check says: one finding a thing that was looked at."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pile_builder.errors import PileError


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: which check looked.
        ok: whether a worker can work with it.
        found: what is there.
        fix: what to do about it, empty if nothing has to be done.
    """

    check: str
    ok: bool
    found: str
    fix: str = ""


Check = Callable[[], Iterable[Finding]]


def run_checks(checks: Iterable[tuple[str, Check]]) -> Iterator[Finding]:
    """The findings of every check, in order; a check that breaks is a finding too, and the next one goes on."""
    for name, check in checks:
        try:
            yield from check()
        except PileError as error:
            yield Finding(name, ok=False, found=str(error), fix="see the message")
        except Exception as error:  # Whatever a broken installation raises is what the user has to see.
            where = traceback.extract_tb(error.__traceback__)[-1]
            found = f"{type(error).__name__}: {error} ({where.name}, line {where.lineno} of {where.filename})"
            yield Finding(name, ok=False, found=found, fix="install the package and its requirements again")
