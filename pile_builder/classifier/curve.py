"""The report's figure as SVG: ROC curve, precision over recall, and how scores are spread in both classes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

_SIDE: Final = 260
_LEFT, _TOP, _GAP = 60, 56, 80
_BLUE, _ORANGE, _GREY, _INK = "#1f6fb4", "#d9772b", "#d5d9de", "#2b2f36"
_TICKS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)

Points = Sequence[tuple[float, float]]


def curve_svg(report: Mapping[str, Any]) -> str:
    """Draw what `train_classifier` reports."""
    held = report["heldout"]
    panels = []
    if "curve" in held:
        rates = [(0.0, 0.0), *((one["false_positive_rate"], one["true_positive_rate"]) for one in held["curve"])]
        recalled = [(one["true_positive_rate"], one["precision"]) for one in held["curve"]]
        panels = [
            _axes(f"ROC, AUC {held['auc']:.4f}", "negatives taken", "positives taken")
            + _line([(0.0, 0.0), (1.0, 1.0)], _GREY, "4 4")
            + _line(rates, _BLUE),
            _axes(f"Precision, average {held['average_precision']:.4f}", "positives taken (recall)", "precision")
            + _line(recalled, _BLUE),
        ]
    panels.append(_histograms(held["histogram"]))
    width = _LEFT + len(panels) * (_SIDE + _GAP)
    height = _TOP + _SIDE + 84
    placed = "".join(
        f'<g transform="translate({_LEFT + i * (_SIDE + _GAP)},{_TOP})">{panel}</g>\n' for i, panel in enumerate(panels)
    )
    lines = {name: count["heldout_lines"] for name, count in report["examples"].items()}
    title = f"{report['name']}: {lines['positive']:,} positive and {lines['negative']:,} negative windows held out"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="12" fill="{_INK}">\n'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n'
        f'<text x="{_LEFT}" y="22" font-size="14">{escape(title)}</text>\n{placed}</svg>\n'
    )


def _axes(title: str, across: str, up: str, top: float = 1.0) -> str:
    parts = [f'<text x="0" y="-10" font-weight="bold">{escape(title)}</text>']
    for tick in _TICKS:
        x, y = _point(tick, tick)
        parts.append(
            f'<path d="M{x} 0V{_SIDE}M0 {y}H{_SIDE}" stroke="{_GREY}" stroke-width="0.5"/>'
            f'<text x="{x}" y="{_SIDE + 16}" text-anchor="middle">{tick:g}</text>'
            f'<text x="-6" y="{y + 4}" text-anchor="end">{tick * top:.3g}</text>'
        )
    parts.append(f'<path d="M0 0V{_SIDE}H{_SIDE}" stroke="{_INK}" fill="none"/>')
    parts.append(f'<text x="{_SIDE / 2}" y="{_SIDE + 36}" text-anchor="middle">{escape(across)}</text>')
    parts.append(f'<text transform="translate(-42,{_SIDE / 2}) rotate(-90)" text-anchor="middle">{escape(up)}</text>')
    return "".join(parts)


def _line(points: Points, colour: str, dashes: str = "") -> str:
    path = " ".join("{},{}".format(*_point(x, y)) for x, y in points)
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashed}/>'


def _histograms(histogram: Mapping[str, Sequence[int]]) -> str:
    """Bars of both classes side by side, each class as shares of its own windows."""
    shares = {name: [count / max(sum(counts), 1) for count in counts] for name, counts in histogram.items()}
    # A multiple of 0.2, so that quarters of it are short numbers.
    top = max(math.ceil(5 * max(max(values) for values in shares.values())), 1) / 5
    parts = [_axes("Scores of held-out windows", "score", "share of the class", top)]
    for place, (name, colour) in enumerate((("negative", _ORANGE), ("positive", _BLUE))):
        bins = len(shares[name])
        bar = _SIDE / bins / 2.4
        for i, value in enumerate(shares[name]):
            x, y = _point((i + 0.5) / bins, value / top)
            left = round(x + (place - 1) * bar, 2)
            parts.append(f'<rect x="{left}" y="{y}" width="{bar:.2f}" height="{round(_SIDE - y, 2)}" fill="{colour}"/>')
        x = _SIDE / 2 - 90 + place * 100
        parts.append(
            f'<rect x="{x}" y="{_SIDE + 50}" width="10" height="10" fill="{colour}"/>'
            f'<text x="{x + 15}" y="{_SIDE + 59}">{name}s</text>'
        )
    return "".join(parts)


def _point(x: float, y: float) -> tuple[float, float]:
    return round(x * _SIDE, 2), round((1 - y) * _SIDE, 2)
