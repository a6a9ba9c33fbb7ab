"""The mixture drawn: weights as planned and as they came out, and how even every source lies over the shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from pile_builder.audit.mixture import shard_shares
from pile_builder.audit.page import svg
from pile_builder.audit.page.flow_chart import svg_name
from pile_builder.audit.page.words import by_weight, share

CHARTS = ("weight_chart", "shard_chart")
COLUMNS = 120
"""Shards that are drawn one by one; of more, a column has several."""
_WIDTH = 500.0


def weight_chart(mixture: Mapping[str, Any]) -> Markup:
    """A bar per source: its share of training bytes, with a mark where it was planned and a ring for the paper's."""
    sources = by_weight(mixture["sources"])
    papers = [one["pile"]["weight_percent"] / 100 for _, one in sources if one["pile"]]
    most = max([0.01, *papers, *(one[key] for _, one in sources for key in ("weight", "weight_realised"))])
    left, right, row = 118.0, 58.0, 24.0
    inside = _WIDTH - left - right
    bottom = 10 + row * len(sources)
    step = next(one for one in (0.01, 0.02, 0.05, 0.1, 0.2, 0.25) if most / one <= 5 or one == 0.25)
    shapes = []
    for level in range(int(most / step) + 1):
        x = left + inside * level * step / most
        shapes += [
            svg.line(x, 8, x, bottom, "grid"),
            svg.text(x, bottom + 14, f"{100 * level * step:g} %", "tick", "middle"),
        ]
    for at, (name, one) in enumerate(sources):
        y = 10 + row * at
        planned = left + inside * one["weight"] / most
        title = f"{name}: {share(one['weight_realised'])} of training bytes, planned {share(one['weight'])}"
        shapes += [
            svg.text(left - 8, y + 15, svg_name(name, 16), "label", "end"),
            svg.rect(left, y + 4, inside * one["weight_realised"] / most, row - 9, "kept", title),
            svg.line(planned, y + 1, planned, y + row - 2, "planned"),
            svg.text(_WIDTH, y + 15, share(one["weight_realised"]), "number", "end"),
        ]
        if one["pile"]:
            shapes.append(_ring(left + inside * one["pile"]["weight_percent"] / 100 / most, y + row / 2 - 0.5))
    shapes.append(svg.line(left, 8, left, bottom, "axis"))
    return svg.drawing(_WIDTH, bottom + 20, "Share of training bytes by source", shapes)


def shard_chart(name: str, shards: Sequence[Mapping[str, Any]], weight: float) -> Markup:
    """A source's share of every training shard, in order, against its planned weight; of many shards least and most."""
    shares = shard_shares(name, shards)
    columns = min(len(shares), COLUMNS)
    bounds = [len(shares) * i // columns for i in range(columns + 1)] if columns else []
    groups = [shares[start:stop] for start, stop in pairwise(bounds)]
    most = max([1e-9, weight, *shares]) * 1.15
    width, left, right, top, bottom = 300.0, 44.0, 4.0, 8.0, 62.0
    step = (width - left - right) / max(columns, 1)
    gap = 1.0 if step > 4 else 0.0

    def y(value: float) -> float:
        return bottom - (bottom - top) * value / most

    shapes = []
    for at, group in enumerate(groups):
        low, high = min(group), max(group)
        title = f"{share(low)}" if low == high else f"{share(low)} to {share(high)}"
        x = left + at * step + gap / 2
        shapes.append(svg.rect(x, y(high), step - gap, bottom - y(high), "soft", title))
        shapes.append(svg.rect(x, y(low), step - gap, bottom - y(low), "kept", title))
    shapes += [
        svg.line(left, y(weight), width - right, y(weight), "planned"),
        svg.text(left - 5, y(weight) + 3.5, share(weight), "tick", "end"),
        svg.line(left, bottom, width - right, bottom, "axis"),
        svg.text(left, bottom + 13, "first shard" if columns > 1 else "the only shard", "tick"),
    ]
    if columns > 1:
        shapes.append(svg.text(width - right, bottom + 13, "last", "tick", "end"))
    return svg.drawing(width, bottom + 18, f"{name}: share of each training shard", shapes)


def _ring(x: float, y: float) -> Markup:
    return Markup('<circle cx="{:.1f}" cy="{:.1f}" r="4" class="ring"/>').format(x, y)
