"""Planned against actual: the plan that a build's folder keeps, held against what the build gave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from pile_builder.errors import PileError
from pile_builder.planning.estimates import Estimate, from_json
from pile_builder.planning.plan_json import PLAN
from pile_builder.storage import Store

SUMMARY = "report/summary.json"


@dataclass(frozen=True)
class Comparison:
    """One number of a source.

    Attributes:
        source: its name.
        what: records, documents, survivors, kept, kept_bytes or train_bytes.
        planned: with the ends of its interval.
        actual: of the build.
        assumed: whether the plan rests on an assumed loss to deduplication here.
    """

    source: str
    what: str
    planned: Estimate
    actual: int
    assumed: bool

    @property
    def is_inside(self) -> bool:
        """Whether the build came out inside the interval."""
        # A plan that read everything knows numbers exactly, up to how floats divide.
        slack = 1e-9 * max(abs(self.actual), 1)
        return self.planned.low - slack <= self.actual <= self.planned.high + slack

    def as_json(self) -> dict[str, Any]:
        """For reports."""
        return {**asdict(self), "inside": self.is_inside}


def compare_build(store: Store) -> list[Comparison]:
    """The comparison of a finished build with the plan in its folder.

    Raises:
        PileError: there is no plan, or no finished build.
    """
    if not store.exists(PLAN):
        msg = (
            f"{store.root}: no plan here; `pile plan MANIFEST --out {store.root}` makes one, before or after the build"
        )
        raise PileError(msg)
    if not store.exists(SUMMARY):
        msg = f"{store.root}: no finished build here ({SUMMARY} is missing); run `pile build` to its end"
        raise PileError(msg)
    return list(compare(orjson.loads(store.read(PLAN)), orjson.loads(store.read(SUMMARY))))


def compare(plan: Mapping[str, Any], summary: Mapping[str, Any]) -> Iterator[Comparison]:
    """Every number that both a plan and a summary have; sources that only one of them has are left out."""
    for name, planned in plan["sources"].items():
        if name not in summary["sources"]:
            continue
        for what, actual in actual_numbers(summary["sources"][name]).items():
            assumed = what in ("kept", "kept_bytes", "train_bytes") and planned["loss"]["high"] > 0
            yield Comparison(name, what, from_json(planned[what]), actual, assumed)


def actual_numbers(source: Mapping[str, Any]) -> dict[str, int]:
    """A source of a summary in the words of a plan; what was taken down afterwards counts as if it were there."""
    dropped: Mapping[str, int] = source["dropped"]
    taken: Mapping[str, int] = source.get("taken_bytes", {})
    documents = source["read"] - _by(dropped, "ingest.")
    # Documents that epochs below 1 leave out were kept all the same.
    left_out = dropped.get("mix.epochs", 0)
    numbers = {
        "records": source["read"],
        "documents": documents,
        "survivors": documents - _by(dropped, "select."),
        "kept": source["kept"] + left_out + dropped.get("takedown", 0),
    }
    if not left_out:
        numbers["kept_bytes"] = source["kept_bytes"] + taken.get("kept", 0)
    written = sum(split["bytes"] + taken.get(name, 0) for name, split in source["written"].items())
    return numbers | {"train_bytes": written}


def _by(dropped: Mapping[str, int], phase: str) -> int:
    return sum(count for rule, count in dropped.items() if rule.startswith(phase))
