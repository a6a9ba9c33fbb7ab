"""Scales: fixed bins for what the audit counts, so that histograms of any blocks can be added up.

A scale is a list of edges; bin i holds values from edge i - 1 to below edge i. Bin 0 lies below the first edge, the
last bin has no upper end. Bins depend on nothing but the scale's name. Recipes' thresholds on shares lie on edges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pile_builder.annotate.signals import SIGNALS

Bins = dict[str, int]
"""How many values lie in each bin that has any; keys are bins in decimal, as JSON keeps them."""

COUNT_STEPS = 20
"""Counts up to this have a bin each; above, as many bins a decade."""


@dataclass(frozen=True)
class Scale:
    """Bins for one kind of number.

    Attributes:
        name: by which records and audit.json know it.
        edges: ascending, float64[m]; there are m + 1 bins.
        is_linear: whether the bins between edges are equally wide.
    """

    name: str
    edges: NDArray[np.float64]
    is_linear: bool = False

    def count(self, values: NDArray[np.float64]) -> Bins:
        """Count values, float64[n]."""
        numbers = np.bincount(np.searchsorted(self.edges, values, side="right"))
        return {str(one): int(numbers[one]) for one in np.flatnonzero(numbers).tolist()}

    def place(self, value: float) -> float:
        """Where a value lies, in bins from the first edge: 2.5 is the middle of the third bin between edges."""
        if value <= self.edges[0]:
            return 0.0
        return float(np.interp(value, self.edges, self._places))

    @cached_property
    def _places(self) -> NDArray[np.float64]:
        return np.arange(len(self.edges), dtype=np.float64)


def _decades(low: int, high: int, steps: int) -> NDArray[np.float64]:
    """Edges from 10^low to 10^high, rounded to 6 digits, the same on every machine."""
    return np.array([float(f"{10 ** (step / steps):.6g}") for step in range(low * steps, high * steps + 1)])


SCALES: Mapping[str, Scale] = {
    scale.name: scale
    for scale in (
        Scale("share", np.arange(101) / 100, is_linear=True),
        Scale("mean", _decades(-1, 6, 40)),
        Scale("count", np.append(np.arange(COUNT_STEPS, dtype=np.float64), np.ceil(_decades(0, 8, 20) * COUNT_STEPS))),
        Scale("bytes", np.ceil(_decades(0, 10, 10))[np.diff(np.ceil(_decades(0, 10, 10)), prepend=0) > 0]),
    )
}
"""share: hundredths from 0 to 1. mean: 40 bins a decade from 0.1. count: whole numbers to 20, then 20 bins a decade.
bytes: 10 bins a decade, where they differ by a whole byte."""


def scale_of_signal(signal: str, threshold: float) -> Scale:
    """The scale of a signal by its definition; for one of the user's own, by the threshold put on it."""
    known = SIGNALS.get(signal)
    if known is None:
        return SCALES["share" if 0 < threshold < 1 else "count"]
    if known.per is None:
        return SCALES["count"]
    return SCALES["share" if known.unit.startswith(("fraction", "per ")) else "mean"]


def add_bins(total: Bins, more: Mapping[str, int]) -> None:
    """Add a histogram to another of the same scale."""
    for number, count in more.items():
        total[number] = total.get(number, 0) + count
