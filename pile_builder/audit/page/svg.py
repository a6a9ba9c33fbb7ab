"""The few shapes that the page's drawings are made of, as SVG; colours are classes, which the page's style sets."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

from pile_builder.audit.page.words import short


def drawing(width: float, height: float, label: str, shapes: Iterable[Markup]) -> Markup:
    """A drawing that scales with the page; `label` says in words what one sees."""
    inside = Markup().join(shapes)
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}" class="chart">{}</svg>').format(
        _n(width), _n(height), short(label), inside
    )


def rect(x: float, y: float, width: float, height: float, kind: str, title: str = "") -> Markup:
    """A rectangle, with words that appear when it is pointed at."""
    return Markup('<rect x="{}" y="{}" width="{}" height="{}" class="{}"{}').format(
        _n(x), _n(y), _n(max(width, 0)), _n(max(height, 0)), kind, _titled("rect", title)
    )


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    """A straight line."""
    return Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" class="{}"/>').format(_n(x1), _n(y1), _n(x2), _n(y2), kind)


def path(commands: str, kind: str, title: str = "") -> Markup:
    """A path from its commands, which hold numbers alone."""
    return Markup('<path d="{}" class="{}"{}').format(commands, kind, _titled("path", title))


def text(x: float, y: float, words: str, kind: str = "tick", anchor: str = "start") -> Markup:
    """Words at a place; `anchor` is start, middle or end."""
    return Markup('<text x="{}" y="{}" class="{}" text-anchor="{}">{}</text>').format(
        _n(x), _n(y), kind, anchor, short(words, 60)
    )


def points(values: Iterable[tuple[float, float]]) -> str:
    """Commands of a line through points."""
    return "M" + "L".join(f"{_n(x)},{_n(y)}" for x, y in values)


def _titled(tag: str, title: str) -> Markup:
    if not title:
        return Markup("/>")
    return Markup("><title>{}</title></{}>").format(escape(short(title)), Markup(tag))


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".") if value % 1 else f"{value:.0f}"
