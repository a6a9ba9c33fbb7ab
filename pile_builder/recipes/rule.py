"""What a recipe is: rules that put thresholds on signals, in the order of testing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Side = Literal["below", "above"]
Edit = Literal["c4_fineweb", "c4_tfds", "c4_paper", "dclm_urls", "dclm_lines"]
"""What rewrites text by spans."""


@dataclass(frozen=True)
class Rule:
    """Drop a document whose signal is on the wrong side of a threshold; equal to it is kept.

    Attributes:
        name: unique in its recipe, what a ledger says.
        signal: column of the signal batch.
        drop: the side that drops.
        threshold: in the unit of the signal.
        source: paper and section, or program, that sets it.
    """

    name: str
    signal: str
    drop: Side
    threshold: float
    source: str

    @property
    def condition(self) -> str:
        """When the rule drops a document, as a reader would write it."""
        return f"{self.signal} {'<' if self.drop == 'below' else '>'} {self.threshold:g}"

    def fails(self, values: NDArray[Any], threshold: float) -> NDArray[np.bool_]:
        """Which of the values, shape (n,), are on the wrong side of `threshold`."""
        found: NDArray[np.bool_] = values < threshold if self.drop == "below" else values > threshold
        return found


@dataclass(frozen=True)
class Recipe:
    """A quality filter.

    Attributes:
        name: with its version.
        source: where the recipe comes from.
        rules: in the order of testing; the first that fails is the reason.
        groups: signal groups that the rules need.
        edit: what rewrites the text by spans, after which come the groups; the rules may need its signals, `<edit>.*`.
    """

    name: str
    source: str
    rules: tuple[Rule, ...]
    groups: tuple[str, ...] = ()
    edit: Edit | None = None


def rules_of(group: str, source: str, *rows: tuple[str, str, Side, float]) -> tuple[Rule, ...]:
    """Rules on signals of one group, from one source: name, signal, side that drops, threshold."""
    return tuple(Rule(name, f"{group}.{signal}", drop, threshold, source) for name, signal, drop, threshold in rows)
