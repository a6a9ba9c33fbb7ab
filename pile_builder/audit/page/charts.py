"""Histograms: a rule's signal on both sides of its threshold, lengths of documents, years."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil, floor, log10
from typing import Any

from markupsafe import Markup

from pile_builder.audit.page import svg
from pile_builder.audit.page.words import count, number, size
from pile_builder.audit.scales import SCALES, Scale

CHARTS = ("rule_chart", "length_chart", "year_chart")
LEAST_COLUMNS = 12
BARS = 56
"""Bars that a histogram draws at most; narrower bins are drawn together."""
_LEFT, _RIGHT = 46.0, 14.0
WIDTH = 430.0
"""Of a drawing, two of which stand side by side."""
TICK_ROOM = 38.0


class _Axis:
    """A horizontal axis over the bins of a scale that hold anything, and a threshold if there is one."""

    def __init__(
        self, scale: Scale, bins: list[Mapping[str, int]], width: float, threshold: float | None = None
    ) -> None:
        self.right = width - _RIGHT
        used = sorted({int(number) for each in bins for number, held in each.items() if held})
        places = [max(one - 1, 0) for one in used] or [0]
        if threshold is not None:
            places += [floor(scale.place(threshold)) - 1, ceil(scale.place(threshold)) + 1]
        low, high = max(min(places), 0), max(places) + 1
        if scale.is_linear and low < 12:
            low = 0
        self.step = max(ceil((high - low) / BARS), 1)
        # Bars end at whole multiples of the step counted from the threshold, so that none lies on both of its sides.
        anchor = round(scale.place(threshold)) if threshold is not None else 0
        low -= (low - anchor) % self.step
        self.scale, self.low = scale, low
        self.high = max(low + ceil((high - low) / self.step) * self.step, low + 8 * self.step)

    def x(self, place: float) -> float:
        """Where a place on the scale is drawn."""
        return _LEFT + (min(max(place, self.low), self.high) - self.low) / (self.high - self.low) * (self.right - _LEFT)

    def bars(self, bins: Mapping[str, int]) -> dict[int, int]:
        """How many values each bar has, by the place where it begins."""
        found: dict[int, int] = {}
        for key, held in bins.items():
            place = min(max(int(key) - 1, 0), self.high - 1)
            start = self.low + (place - self.low) // self.step * self.step
            found[start] = found.get(start, 0) + held
        return found

    def bounds(self, start: int) -> tuple[str, str]:
        """From where to where a bar reaches, as numbers."""
        edges, stop = self.scale.edges, start + self.step
        low = number(float(edges[min(max(start, 0), len(edges) - 1)]))
        return low, number(float(edges[stop])) if stop < len(edges) else "∞"

    def ticks(self, y: float, write: Callable[[float], str]) -> list[Markup]:
        """Round numbers under the axis, as far apart as they can be read."""
        shapes: list[Markup] = []
        taken: list[float] = []
        for value in self._round():
            place = self.scale.place(value)
            at = self.x(place)
            if not self.low <= place <= self.high or any(abs(at - other) < TICK_ROOM for other in taken):
                continue
            shapes += [svg.line(at, y, at, y + 4, "axis"), svg.text(at, y + 16, write(value), "tick", "middle")]
            taken.append(at)
        return shapes

    def _round(self) -> list[float]:
        """Round numbers of the scale, those that should stand before others first."""
        if self.scale.is_linear:
            width = (self.high - self.low) / 100
            step = next(one for one in (0.01, 0.02, 0.05, 0.1, 0.2, 0.25) if width / one <= 8 or one == 0.25)
            return [round(i * step, 4) for i in range(int(1 / step) + 1)]
        decades = [10.0**power for power in range(-1, 11)]
        return [0.0, *decades, *(two * one for two in (2, 5) for one in decades)]


def rule_chart(rule: Mapping[str, Any]) -> Markup:
    """A rule's signal: kept documents above the line, dropped ones below it, both on one logarithmic scale."""
    axis = _Axis(SCALES[rule["scale"]], list(rule["bins"].values()), WIDTH, rule["threshold"])
    bars = {side: axis.bars(bins) for side, bins in rule["bins"].items()}
    most = max([1, *(held for each in bars.values() for held in each.values())])
    decades = max(ceil(log10(most + 1)), 1)
    up, down = 96.0, max(26.0, 96.0 * log10(max([1, *bars["dropped"].values()]) + 1) / decades)
    top, middle = 34.0, 34.0 + up
    bottom = middle + down + 6

    def height(held: float) -> float:
        return up * log10(held + 1) / decades

    shapes = []
    for power in range(decades + 1):
        level = height(10**power)
        if level <= up:
            shapes += [
                svg.line(_LEFT, middle - level, axis.right, middle - level, "grid"),
                svg.text(_LEFT - 6, middle - level + 3.5, _short_count(10**power), "tick", "end"),
            ]
    for side, direction in (("kept", -1), ("dropped", 1)):
        for start, held in sorted(bars[side].items()):
            x, tall = axis.x(start), height(held)
            low, high = axis.bounds(start)
            title = f"{count(held)} {side}, {low} to {high}"
            y = middle - tall if direction < 0 else middle + 1
            shapes.append(svg.rect(x + 0.5, y, axis.x(start + axis.step) - x - 1, tall, side, title))
    shapes.append(svg.line(_LEFT, middle, axis.right, middle, "axis"))
    shapes += axis.ticks(bottom, number)
    shapes.append(svg.line(_LEFT, bottom, axis.right, bottom, "axis"))
    if rule["threshold"] is not None:
        at = axis.x(axis.scale.place(rule["threshold"]))
        is_right = at > WIDTH / 2
        side = "below" if rule["drop"] == "below" else "above"
        shapes += [
            svg.line(at, top - 14, at, bottom, "threshold"),
            svg.text(
                at + (-5 if is_right else 5),
                top - 6,
                f"drops {side} {number(rule['threshold'])}",
                "label",
                "end" if is_right else "start",
            ),
        ]
    unit = rule["unit"] or ("chance to be kept" if rule["threshold"] is None else "")
    shapes.append(svg.text(axis.right, bottom + 32, unit, "unit", "end"))
    shapes.append(svg.text(_LEFT - 24, 10, "documents, log(1 + n)", "unit"))
    label = f"{rule['rule']}: {count(rule['dropped'])} of {count(rule['reached'])} documents dropped"
    return svg.drawing(WIDTH, bottom + 38, label, shapes)


def length_chart(name: str, lengths: Mapping[str, Mapping[str, int]]) -> Markup:
    """Lengths of a source's documents as extracted, and of those kept, on logarithmic bins."""
    axis = _Axis(SCALES["bytes"], list(lengths.values()), WIDTH)
    bars = {kind: axis.bars(bins) for kind, bins in lengths.items()}
    most = max([1, *(held for each in bars.values() for held in each.values())])
    top, bottom = 22.0, 132.0
    shapes = _levels(most, top, bottom, axis.right)
    for kind in ("extracted", "kept"):
        for start, held in sorted(bars[kind].items()):
            x, tall = axis.x(start), (bottom - top) * held / most
            low, high = axis.bounds(start)
            title = f"{count(held)} {kind}, {low} to {high} bytes"
            shapes.append(svg.rect(x + 0.5, bottom - tall, axis.x(start + axis.step) - x - 1, tall, kind, title))
    shapes.append(svg.line(_LEFT, bottom, axis.right, bottom, "axis"))
    shapes += axis.ticks(bottom, lambda value: size(value) if value < 1000 else _decimal(value))
    shapes.append(svg.text(axis.right, bottom + 32, "bytes of text (UTF-8)", "unit", "end"))
    shapes.append(svg.text(_LEFT - 24, 10, "documents", "unit"))
    return svg.drawing(WIDTH, bottom + 38, f"{name}: lengths of documents", shapes)


def year_chart(name: str, years: Mapping[str, int]) -> Markup:
    """Kept documents of a source by the year that their metadata name; years far apart are drawn together."""
    known = {int(year): held for year, held in years.items() if year}
    if not known:
        return Markup()
    first, last = min(known), max(known)
    step = next(one for one in (1, 2, 5, 10, 20, 50, 100) if (last - first) / one <= BARS or one == 100)
    first -= first % step
    columns = (last - first) // step + 1
    # A few years stand in the middle and do not fill the drawing.
    spare = max(LEAST_COLUMNS - columns, 0)
    bars: dict[int, int] = {}
    for year, held in known.items():
        bars[(year - first) // step] = bars.get((year - first) // step, 0) + held
    most, top, bottom, right = max(bars.values()), 22.0, 112.0, WIDTH - _RIGHT
    width = (right - _LEFT) / (columns + spare)
    start = _LEFT + width * spare / 2
    shapes = _levels(most, top, bottom, right)
    for at, held in sorted(bars.items()):
        tall = (bottom - top) * held / most
        until = f"–{first + at * step + step - 1}" if step > 1 else ""
        title = f"{first + at * step}{until}: {count(held)}"
        shapes.append(svg.rect(start + at * width + 0.5, bottom - tall, width - 1, tall, "kept", title))
    every = max(ceil(48 / width), 1)
    for at in range(0, columns, every):
        shapes.append(svg.text(start + (at + 0.5) * width, bottom + 16, str(first + at * step), "tick", "middle"))
    shapes.append(svg.line(_LEFT, bottom, right, bottom, "axis"))
    unit = "year" if step == 1 else f"{step} years a column"
    shapes.append(svg.text(right, bottom + 32, unit, "unit", "end"))
    shapes.append(svg.text(_LEFT - 24, 10, "documents", "unit"))
    return svg.drawing(WIDTH, bottom + 38, f"{name}: years of kept documents", shapes)


def _levels(most: int, top: float, bottom: float, right: float) -> list[Markup]:
    """Lines at round counts up to `most`."""
    step = 10 ** floor(log10(max(most, 1)))
    step = next(one for one in (step // 5, step // 2, step, 2 * step) if one and most / one <= 5)
    shapes = []
    for level in range(step, most + 1, step):
        y = bottom - (bottom - top) * level / most
        shapes += [
            svg.line(_LEFT, y, right, y, "grid"),
            svg.text(_LEFT - 6, y + 3.5, _short_count(level), "tick", "end"),
        ]
    return shapes


def _short_count(value: float) -> str:
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g} {unit}"
    return f"{value:g}"


def _decimal(value: float) -> str:
    return f"{_short_count(value)}B"
