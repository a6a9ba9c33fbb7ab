"""Into how many splits a full dump falls, by the numbers of `Upstream`: the count on paper of `pile sources splits`."""

from __future__ import annotations

from math import ceil

from pile_builder.source import PACK_BYTES, Upstream


def splits_of(upstream: Upstream) -> int:
    """Splits of a whole dump: its parts that are read on their own, small ones packed to `PACK_BYTES`."""
    return max(1, ceil(upstream.size / max(upstream.unit, PACK_BYTES)))


def busy_share(splits: int, workers: int) -> float:
    """Share of the workers' time that has work, if all splits take as long: the last round is not full."""
    return splits / (ceil(splits / workers) * workers)
