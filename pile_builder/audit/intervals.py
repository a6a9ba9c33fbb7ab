"""Intervals of shares that were counted on a sample."""

from __future__ import annotations

from math import sqrt

Z = 1.959963984540054
"""The 97.5 % point of the normal distribution, for intervals of 95 %."""


def wilson(count: int, total: int, z: float = Z) -> tuple[float, float]:
    """The score interval of a share, `count` of `total` > 0 (Wilson 1927, J. Am. Stat. Assoc. 22:209-212)."""
    share, square = count / total, z * z / total
    middle = share + square / 2
    reach = z * sqrt((share * (1 - share) + square / 4) / total)
    low, high = (middle - reach) / (1 + square), (middle + reach) / (1 + square)
    return (low if count else 0.0), (high if count < total else 1.0)
