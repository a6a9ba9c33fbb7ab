"""Curves of the rehearsal as SVG files: one line a phase over the number of documents, axes by powers of ten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

Points = Sequence[tuple[float, float]]
WIDTH, HEIGHT = 720, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 170, 34, 40
_COLOURS = (
    "#1f4e79",
    "#c0504d",
    "#4f8a4c",
    "#8064a2",
    "#c77d28",
    "#2b8ca3",
    "#7f7f7f",
    "#9c3f7a",
    "#5b6b1f",
    "#000000",
)


@dataclass(frozen=True)
class _Axis:
    """Powers of ten from `low` to `high`, drawn from `start` to `end`."""

    low: int
    high: int
    start: float
    end: float

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float) -> _Axis:
        low = floor(log10(min(values)))
        return cls(low, max(ceil(log10(max(values))), low + 1), start, end)

    def at(self, value: float) -> float:
        return self.start + (log10(value) - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]


def curves(title: str, unit: str, lines: Mapping[str, Points]) -> str:
    """A drawing of values above 0 over numbers of documents, both logarithmic."""
    shown = {name: [(x, y) for x, y in points if y > 0] for name, points in lines.items()}
    shown = {name: points for name, points in shown.items() if points}
    across = _Axis.over([x for points in shown.values() for x, _ in points], _LEFT, WIDTH - _RIGHT)
    up = _Axis.over([y for points in shown.values() for _, y in points], HEIGHT - _BOTTOM, _TOP)
    parts = [_text(_LEFT, 18, f"{title} ({unit})", size=13), _text(WIDTH - _RIGHT, HEIGHT - 6, "documents", "end")]
    for value in up.ticks():
        parts.append(_line(_LEFT, up.at(value), WIDTH - _RIGHT, up.at(value)))
        parts.append(_text(_LEFT - 6, up.at(value) + 4, f"{value:g}", "end"))
    for value in across.ticks():
        parts.append(_line(across.at(value), _TOP, across.at(value), HEIGHT - _BOTTOM))
        parts.append(_text(across.at(value), HEIGHT - _BOTTOM + 16, f"{value:,.0f}", "middle"))
    ends = _apart([up.at(points[-1][1]) for points in shown.values()])
    for (name, points), colour, label_at in zip(shown.items(), _COLOURS, ends, strict=False):
        path = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{across.at(x):.1f}" cy="{up.at(y):.1f}" r="3" fill="{colour}"/>' for x, y in points]
        parts.append(_text(across.at(points[-1][0]) + 8, label_at + 4, name, colour=colour))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">'
    return "\n".join([head, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>', *parts, "</svg>", ""])


def _apart(places: Sequence[float], least: float = 13) -> list[float]:
    """Places of labels, moved down where two would overlap."""
    moved = [0.0] * len(places)
    last = -least
    for number in sorted(range(len(places)), key=lambda one: places[one]):
        last = moved[number] = max(places[number], last + least)
    return moved


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#ddd"/>'


def _text(x: float, y: float, words: str, anchor: str = "start", size: int = 11, colour: str = "#333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{words}</text>'
