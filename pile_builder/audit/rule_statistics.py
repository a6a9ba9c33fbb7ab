"""What select counts of each rule: histograms of its signal on either side, and the sampled documents nearest to it.

A rule is judged on the documents that reach it, in the order in which rules apply; `fails` also counts those that an
earlier rule had dropped. Records of blocks with the same threshold add up.
"""

from __future__ import annotations

from collections.abc import Mapping
from heapq import nsmallest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pile_builder.audit.scales import SCALES, Scale, add_bins, scale_of_signal
from pile_builder.selection import Select
from pile_builder.verdicts import Test

NEAREST = 12
"""Sampled documents that are remembered on each side of a threshold."""
SIDES = ("dropped", "kept")


def rule_scales(select: Select) -> dict[str, Scale]:
    """The scale of each rule over a signal, by the rule's full name; other rules look at shares."""
    return {name: scale_of_signal(rule.signal, threshold) for name, rule, threshold in select.all_rules()}


def count_rule(
    test: Test, reached: NDArray[np.bool_], scales: Mapping[str, Scale], sampled: NDArray[np.int64]
) -> dict[str, Any]:
    """One rule's statistics over a block of n documents.

    Args:
        test: the rule as it applies.
        reached: which documents no earlier rule dropped, bool[n].
        scales: of rules over signals, by name.
        sampled: rows of the block's sample, in its order.

    Returns:
        `scale`, `drop` and `threshold` (None where chance decides, then the bins are of the chance to be kept);
        `reached`, `dropped` and `fails`, documents; `bins` by side; `near` by side as (distance, value, row).
    """
    scale = scales.get(test.name, SCALES["share"])
    by_chance = isinstance(test.threshold, np.ndarray)
    limits = np.broadcast_to(test.threshold, len(test.values))
    measured = limits if by_chance else test.values
    sides = {"dropped": reached & test.fails, "kept": reached & ~test.fails}
    return {
        "scale": scale.name,
        "drop": test.drop,
        "threshold": None if by_chance else float(np.float64(test.threshold)),
        "reached": int(reached.sum()),
        "dropped": int(sides["dropped"].sum()),
        "fails": int(test.fails.sum()),
        "bins": {side: scale.count(measured[rows]) for side, rows in sides.items()},
        "near": {
            side: nearest(
                [
                    [abs(float(test.values[row] - limits[row])), float(measured[row]), row]
                    for row in sampled[rows[sampled]].tolist()
                ]
            )
            for side, rows in sides.items()
        },
    }


def nearest(found: list[list[Any]], times: int = 1) -> list[list[Any]]:
    """The `NEAREST`, or so many times as many, with the smallest first element; of equal ones those that come first."""
    return nsmallest(times * NEAREST, found, key=lambda one: one[0])


def add_rule(total: dict[str, Any], block: Mapping[str, Any]) -> None:
    """Add a block's counts of a rule to those of others with the same scale and threshold; leaves `near` alone."""
    for name in ("reached", "dropped", "fails"):
        total[name] += block[name]
    for side in SIDES:
        add_bins(total["bins"][side], block["bins"][side])
