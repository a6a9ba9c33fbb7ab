"""Totals of a source from a two-stage sample, with 90 % intervals.

Stage one draws units (files, or splits where a source reads several files together), stage two draws m_i of the M_i
records that were read in unit i. All formulas are textbook ones:

- Ratio estimator of a total (Cochran 1977, Sampling Techniques, 6.1 and 11.8): T = X sum(y_i) / sum(x_i), where y_i is
  the unit's estimated total M_i mean(y), x_i its size (stored bytes read, or 1 a unit) and X that of all units.
- Its variance: (X / sum x)^2 (n (1 - f) s_d^2 + f sum M_i^2 (1 - m_i / M_i) s_i^2 / m_i), with s_d^2 the variance of
  the residuals y_i - R x_i with n - 1 degrees of freedom, s_i^2 that of the records of unit i, and f = sum x / X. Of
  the two sizes the one with the smaller estimated variance is taken. Where all n units drawn have equally many records,
  the number of records is given the spread that one unit of n + 2 with twice as many would bring (Laplace's rule).
- Intervals of totals: T exp(+- t sqrt(var) / T), t from Student's distribution with n - 1 degrees of freedom (where
  every unit was read, sum m_i - 1).
- A share of the records, p: Wilson's interval (1927) with the effective sample size p (1 - p) / var(p), at most the
  number of sampled records over (1 - f) (as Korn and Graubard 1998 for surveys).
- A share of a total: both relative errors squared and added, towards either end (Zou and Donner 2008).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, inf, log, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEVEL: Final = 0.9
"""Coverage that intervals aim at."""


@dataclass(frozen=True)
class Estimate:
    """A number with its interval."""

    value: float
    low: float
    high: float

    @classmethod
    def exactly(cls, value: float) -> Estimate:
        """A number that is known."""
        return cls(value, value, value)

    def times(self, other: Estimate) -> Estimate:
        """The product, by the relative errors of both; exact if one of them is."""
        value = self.value * other.value
        if not value:
            return Estimate(value, 0.0, self.high * other.high)
        down = sqrt(_down(self) ** 2 + _down(other) ** 2)
        up = sqrt(_up(self) ** 2 + _up(other) ** 2)
        return Estimate(value, value * exp(-down), value * exp(up))

    def scaled(self, factor: float) -> Estimate:
        """The product with a number that is known."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor)

    def within(self, least: float, most: float) -> Estimate:
        """The same, with ends inside of what is known to be possible."""
        return Estimate(*(min(max(end, least), most) for end in (self.value, self.low, self.high)))

    def as_json(self) -> dict[str, float]:
        """Value and ends."""
        return {"value": self.value, "low": self.low, "high": self.high}


NOTHING: Final = Estimate(0.0, 0.0, 0.0)


def from_json(data: dict[str, float]) -> Estimate:
    """The estimate that `as_json` gave."""
    return Estimate(data["value"], data["low"], data["high"])


def add(estimates: Sequence[Estimate]) -> Estimate:
    """The sum of independent estimates: errors squared and added, towards either end."""
    value = sum(one.value for one in estimates)
    down = sqrt(sum((one.value - one.low) ** 2 for one in estimates))
    up = sqrt(sum((one.high - one.value) ** 2 for one in estimates))
    return Estimate(value, max(value - down, 0.0), value + up)


@dataclass(frozen=True)
class Unit:
    """What was read and sampled of one unit.

    Attributes:
        size: stored bytes of the unit as a whole.
        read: stored bytes that were read; the unit counts as a smaller one if that is less.
        records: records read, M_i.
        sample: per record drawn one row, float64[m_i, k]: the k quantities that are estimated.
    """

    size: int
    read: int
    records: int
    sample: NDArray[np.float64]

    @property
    def is_whole(self) -> bool:
        """Whether it was read to its end."""
        return self.read >= self.size


@dataclass(frozen=True)
class Population:
    """All units of a source: how many there are, their stored bytes, and those that were drawn."""

    count: int
    size: int
    units: tuple[Unit, ...]

    def records(self) -> Estimate:
        """How many records the source has."""
        # Of one unit that was not read to its end only chance can be told, as if records came one by one (Poisson).
        alone = self._is_alone
        total = self._total(lambda unit: (float(unit.records), float(unit.records) if alone else 0.0))
        if total.low < total.high or self._is_whole or not total.value:
            return total
        drawn = len(self.units)
        covered = sum(1 / _times(unit) for unit in self.units) / self.count
        error = sqrt((1 - covered) * drawn / (drawn + 2)) / drawn
        spread = exp(self._quantile() * error)
        return Estimate(total.value, total.value / spread, total.value * spread)

    def total(self, column: int) -> Estimate:
        """The total of one of the quantities that were noted of each record."""
        seen = sum(float(unit.sample[:, column].sum()) for unit in self.units)
        return self._total(lambda unit: _unit_total(unit, column, self._is_alone)).within(seen, inf)

    def share(self, column: int) -> Estimate:
        """The share of the records of which a quantity that is 0 or 1 is 1."""
        drawn = sum(len(unit.sample) for unit in self.units)
        read = sum(unit.records for unit in self.units)
        if not drawn:
            return Estimate(0.0, 0.0, 1.0)
        totals = np.array([_unit_total(unit, column, self._is_alone) for unit in self.units])
        p = float(totals[:, 0].sum()) / read
        f = min(drawn / self.records().value, 1.0)
        if f >= 1:
            return Estimate.exactly(p)
        sizes = np.array([unit.records for unit in self.units], np.float64)
        all_read = min(read / self.records().value, 1.0)
        variance = _variance(totals, sizes, p, all_read) / read**2
        most = drawn / (1 - f)
        effective = min(p * (1 - p) / variance, most) if variance > 0 else most
        return _wilson(p, effective, self._quantile())

    def part(self, column: int) -> Estimate:
        """How many records have a quantity of 1."""
        records = self.records()
        seen = sum(float(unit.sample[:, column].sum()) for unit in self.units)
        missing = sum(len(unit.sample) for unit in self.units) - seen
        return records.times(self.share(column)).within(seen, max(records.high - missing, seen))

    @property
    def _is_whole(self) -> bool:
        return len(self.units) == self.count and all(unit.is_whole for unit in self.units)

    @property
    def _is_alone(self) -> bool:
        """Whether one unit stands for others, or its beginning for the rest."""
        return len(self.units) == 1 and not self._is_whole

    @property
    def sampled(self) -> int:
        """Records drawn."""
        return sum(len(unit.sample) for unit in self.units)

    def _total(self, of: Callable[[Unit], tuple[float, float]]) -> Estimate:
        """By the better of two sizes, from each unit's total and the variance of that."""
        if not self.units:
            return Estimate(0.0, 0.0, 0.0)
        found = np.array([of(unit) for unit in self.units])
        read = np.array([unit.read for unit in self.units], np.float64)
        # A unit that was read in part stands for its whole, where units are counted.
        whole = np.array([_times(unit) for unit in self.units])
        ones = np.ones(len(read))
        covered = float((1 / whole).sum()) / max(self.count, 1)
        candidates = [(found * np.stack([whole, whole**2], axis=1), ones, float(self.count), covered)]
        if self.size and read.sum():
            candidates.append((found, read, float(self.size), min(float(read.sum()) / self.size, 1.0)))
        best = (0.0, inf)
        for totals, sizes, everything, f in candidates:
            ratio = float(totals[:, 0].sum() / sizes.sum())
            error = sqrt(_variance(totals, sizes, ratio, f)) * everything / float(sizes.sum())
            if error < best[1]:
                best = (ratio * everything, error)
        value, error = best
        if not value or not error:
            return Estimate.exactly(value)
        spread = exp(min(self._quantile() * error / value, 50.0))
        return Estimate(value, value / spread, value * spread)

    def _quantile(self) -> float:
        freedom = self.sampled - 1 if self._is_whole or len(self.units) < 2 else len(self.units) - 1
        return students_t(max(freedom, 1))


def students_t(freedom: int) -> float:
    """How many standard errors an interval of `LEVEL` reaches to either side, by degrees of freedom."""
    # Imported where it is used: builds import this module, and do not need a tenth of a second of scipy.
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - (1 - LEVEL) / 2))


def _times(unit: Unit) -> float:
    """How many times as large a unit is as what was read of it."""
    return unit.size / unit.read if 0 < unit.read < unit.size else 1.0


def _unit_total(unit: Unit, column: int, is_alone: bool) -> tuple[float, float]:  # noqa: FBT001
    """M mean(y), and its variance M^2 (1 - m / M) s^2 / m; a unit that stands for others has no 1 - m / M."""
    drawn = len(unit.sample)
    if not drawn:
        return 0.0, 0.0
    values = unit.sample[:, column]
    spread = float(values.var(ddof=1)) if drawn > 1 else 0.0
    missing = 1.0 if is_alone else 1 - drawn / unit.records
    variance = unit.records**2 * missing * spread / drawn
    return unit.records * float(values.mean()), variance


def _variance(totals: NDArray[np.float64], sizes: NDArray[np.float64], ratio: float, f: float) -> float:
    """Variance of a ratio's numerator over the units drawn, float64[n, 2] of totals and their variances."""
    count = len(totals)
    inside = float(totals[:, 1].sum())
    if f >= 1:
        return inside
    if count < 2:
        # One unit of several says nothing of the others; its records' spread has to do.
        return inside
    residuals = totals[:, 0] - ratio * sizes
    between = float(residuals @ residuals) / (count - 1)
    return count * (1 - f) * between + f * inside


def _wilson(p: float, count: float, quantile: float) -> Estimate:
    square = quantile**2 / count
    centre = (p + square / 2) / (1 + square)
    half = quantile / (1 + square) * sqrt(p * (1 - p) / count + square / (4 * count))
    return Estimate(p, min(max(centre - half, 0.0), p), max(min(centre + half, 1.0), p))


def _down(estimate: Estimate) -> float:
    return log(estimate.value / estimate.low) if estimate.low > 0 else 50.0


def _up(estimate: Estimate) -> float:
    return log(estimate.high / estimate.value)
