"""How the page writes numbers and text: units, shares, and strangers' text with its control characters made visible."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_LONG = 160


def count(value: float) -> str:
    """A whole number, thousands parted."""
    return f"{value:,.0f}"


def size(value: float) -> str:
    """Bytes with three digits and a binary unit."""
    sign, left, unit = "−" if value < 0 else "", abs(float(value)), 0
    while left >= 999.5 and unit < len(_UNITS) - 1:
        left /= 1024
        unit += 1
    digits = 0 if unit == 0 or left >= 99.95 else 1 if left >= 9.995 else 2
    return f"{sign}{left:.{digits}f} {_UNITS[unit]}"


def share(value: float) -> str:
    """A part of one as per cent, two decimals so that columns align; what is not nothing is never shown as 0."""
    percent = 100 * value
    if percent and abs(percent) < 0.005:
        return "<0.01 %" if percent > 0 else ">−0.01 %"
    return f"{percent:.2f} %".replace("-", "−")


def points(value: float) -> str:
    """A difference of shares in percentage points, signed."""
    return f"{100 * value:+.3f}".replace("-", "−")


def number(value: float | None) -> str:
    """A measured value with four digits at most."""
    return "" if value is None else f"{value:,.4g}".replace("-", "−") if abs(value) < 10_000 else f"{value:,.0f}"


def epochs(value: float) -> str:
    """Epochs to four decimals, as far as they say something."""
    return f"{value:.4f}"


def plain(text: Any) -> str:
    """Text with control characters made visible; line feeds and tabs stay."""
    return _CONTROLS.sub("�", str(text))


def short(text: Any, limit: int = _LONG) -> str:
    """Text of one line and bounded length."""
    line = " ".join(plain(text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def ranked(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Names and how often they occur, the most frequent first."""
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def by_weight(sources: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    """Sources of a mixture, the heaviest planned first."""
    return sorted(sources.items(), key=lambda one: (-one[1]["weight"], one[0]))


FILTERS: Mapping[str, Callable[..., Any]] = {
    each.__name__: each for each in (count, size, share, points, number, epochs, short, ranked, by_weight)
}
