"""Where documents went: bands from every source to what kept or dropped them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from pile_builder.audit.page import svg
from pile_builder.audit.page.words import count, share

CHARTS = ("flow_chart",)
RULES = 12
"""Rules with an end of their own; the rest of each phase shares one."""
_WIDTH, _LEFT, _RIGHT, _BAR = 900.0, 120.0, 430.0, 10.0
_HEIGHT = 330.0
_LINE = 17.0
"""Height that a label takes."""
_ENDS = {"takedown": "taken down afterwards"}
PHASES = ("ingest", "select", "dedup", "decontaminate", "settle", "mix", "takedown")


def flow_chart(sources: Mapping[str, Mapping[str, Any]]) -> Markup:
    """Documents read, from sources on the left to kept and dropped on the right, as bands as wide as they are many."""
    flows = {name: {"kept": source["kept"], **source["dropped"]} for name, source in sources.items()}
    ends = _ends(flows)
    merged = {name: _merge(flow, ends) for name, flow in flows.items()}
    total = max(sum(sum(flow.values()) for flow in merged.values()), 1)
    scale = _HEIGHT / total
    left = _places({name: sum(flow.values()) * scale for name, flow in merged.items()})
    right = _places({end: sum(flow.get(end, 0) for flow in merged.values()) * scale for end in ends})
    shapes: list[Markup] = []
    given, taken = dict.fromkeys(left, 0.0), dict.fromkeys(right, 0.0)
    for name, flow in merged.items():
        for end in ends:
            wide = flow.get(end, 0) * scale
            if not wide:
                continue
            y1, y2 = left[name][0] + given[name], right[end][0] + taken[end]
            given[name] += wide
            taken[end] += wide
            kind = "band kept" if end == "kept" else "band dropped"
            shapes.append(svg.path(_band(y1, y2, wide), kind, f"{name}: {count(flow[end])} {_said(end)}"))
    for name, (y, tall) in left.items():
        read = sum(merged[name].values())
        shapes += [
            svg.rect(_LEFT, y, _BAR, max(tall, 1), "node", f"{name}: {count(read)} read"),
            svg.text(_LEFT - 8, y + tall / 2 + 4, svg_name(name, 14), "label", "end"),
            svg.text(_LEFT - 8, y + tall / 2 + 17, count(read), "tick", "end"),
        ]
    for end, (y, tall) in right.items():
        held = sum(flow.get(end, 0) for flow in merged.values())
        kind = "node kept" if end == "kept" else "node dropped"
        shapes += [
            svg.rect(_RIGHT - _BAR, y, _BAR, max(tall, 1), kind, f"{_said(end)}: {count(held)}"),
            svg.text(_RIGHT + 62, y + tall / 2 + 4, count(held), "number", "end"),
            svg.text(_RIGHT + 118, y + tall / 2 + 4, share(held / total), "tick", "end"),
            svg.text(_RIGHT + 130, y + tall / 2 + 4, svg_name(_said(end), 54), "label"),
        ]
    height = max(y + max(tall, _LINE) for y, tall in [*left.values(), *right.values()]) + 8
    return svg.drawing(_WIDTH, height, "Documents from sources to what kept or dropped them", shapes)


def svg_name(name: str, limit: int) -> str:
    """A name that fits where drawings have room for few letters."""
    return name if len(name) <= limit else f"{name[: limit - 1]}…"


def _ends(flows: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Where bands end, from top to bottom: kept, then rules by phase, the most frequent first."""
    totals: Counter[str] = Counter()
    for flow in flows.values():
        totals.update(flow)
    kept = totals.pop("kept")
    own = {name for name, _ in sorted(totals.items(), key=lambda one: (-one[1], one[0]))[:RULES]}
    ends = ["kept"] if kept else []
    for phase in PHASES:
        of_phase = [name for name in totals if name.partition(".")[0] == phase]
        of_phase.sort(key=lambda name: -totals[name])
        ends += [name for name in of_phase if name in own]
        rest = [name for name in of_phase if name not in own]
        ends += [f"{phase}.*"] if len(rest) > 1 else rest
    return ends


def _merge(flow: Mapping[str, int], ends: list[str]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for name, held in flow.items():
        found[name if name in ends else f"{name.split('.')[0]}.*"] += held
    return dict(found)


def _said(end: str) -> str:
    phase, _, rule = end.partition(".")
    if not rule:
        return _ENDS.get(end, end)
    return f"{phase}, other rules" if rule == "*" else f"{phase}: {rule}"


def _places(heights: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Top and height of each node, one below the other with room for their labels."""
    places, y = {}, 14.0
    for name, tall in heights.items():
        room = max((2 * _LINE if len(heights) <= 8 else _LINE) - tall, 6.0)
        y += room / 2
        places[name] = (y, tall)
        y += tall + room / 2
    return places


def _band(y1: float, y2: float, wide: float) -> str:
    x1, x2 = _LEFT + _BAR, _RIGHT - _BAR
    middle = (x1 + x2) / 2
    wide = max(wide, 0.6)
    return (
        f"M{x1:.1f},{y1:.1f}C{middle:.1f},{y1:.1f},{middle:.1f},{y2:.1f},{x2:.1f},{y2:.1f}"
        f"V{y2 + wide:.1f}C{middle:.1f},{y2 + wide:.1f},{middle:.1f},{y1 + wide:.1f},{x1:.1f},{y1 + wide:.1f}Z"
    )
