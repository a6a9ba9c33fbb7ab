"""Reading samples: a dozen kept documents of each source, drawn by keyed hash, so that everybody sees the same ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import nsmallest
from typing import Any

from pile_builder.audit.samples import Excerpts

SHOWN = 12
"""Documents that are shown of each source."""
_SPARE = 24
"""That are drawn, since some may have been removed."""


def draw_readings(drawn: list[list[Any]], key: str, found: Iterable[Sequence[int]]) -> list[list[Any]]:
    """The documents with the smallest hashes among those drawn before and a block's.

    Args:
        drawn: (hash, key of the block's sample, row) each.
        key: of the sample of the block to add.
        found: (hash, row) of kept documents of that block.
    """
    return nsmallest(_SPARE, drawn + [[hashed, key, row] for hashed, row in found])


def show_readings(excerpts: Excerpts, drawn: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """The excerpts of the first documents that are still there."""
    found = (excerpts.find(key, row) for _, key, row in drawn)
    return [one for one in found if one][:SHOWN]
