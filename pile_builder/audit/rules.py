"""What every rule of a corpus did: histograms of its signal, removals by source, documents either side of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pile_builder.annotate.bad_words import COUNT as BAD_WORDS
from pile_builder.annotate.edits import EDIT_SIGNALS
from pile_builder.annotate.signals import SIGNALS
from pile_builder.audit.rule_statistics import NEAREST, SIDES, add_rule, nearest
from pile_builder.audit.samples import Excerpts
from pile_builder.selection import Select

_SPARE = 2
"""Times as many sampled documents as are shown are remembered, since some may have been removed."""
_OTHERS = {BAD_WORDS: "Words and phrases of the manifest's list of bad words."}
_COUNTS = ("reached", "dropped", "fails")


class RuleTotals:
    """Adds blocks up by rule and threshold; a rule with two thresholds is two."""

    def __init__(self, selects: Mapping[str, Mapping[str, Any]]) -> None:
        self._told = {name: dict(_described(Select.model_validate(select))) for name, select in selects.items()}
        self._rules: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._near: dict[tuple[Any, ...], dict[str, list[list[Any]]]] = {}

    def add(self, source: str, sample: str, rules: Mapping[str, Mapping[str, Any]]) -> None:
        """Add what `count_rule` said of a block's rules; `sample` is the key of its sample."""
        for name, counted in rules.items():
            told = self._told[source][name]
            key = (name, counted["scale"], counted["drop"], counted["threshold"])
            if key not in self._rules:
                head = dict(zip(("rule", "scale", "drop", "threshold"), key, strict=True))
                bins: dict[str, dict[str, int]] = {side: {} for side in SIDES}
                self._rules[key] = head | told | dict.fromkeys(_COUNTS, 0) | {"bins": bins, "sources": {}}
                self._near[key] = {side: [] for side in SIDES}
            total = self._rules[key]
            add_rule(total, counted)
            own = total["sources"].setdefault(source, dict.fromkeys(_COUNTS, 0))
            for count in _COUNTS:
                own[count] += counted[count]
            for side, found in self._near[key].items():
                more = [[*one[:2], source, sample, one[2]] for one in counted["near"][side]]
                self._near[key][side] = nearest(found + more, _SPARE)

    def figures(self, excerpts: Excerpts) -> list[dict[str, Any]]:
        """Every rule, those that dropped most first; documents are shown of rules that dropped any."""
        ordered = sorted(self._rules.items(), key=lambda item: (-item[1]["dropped"], item[0][0], str(item[0])))
        return [
            rule | {"samples": {side: self._shown(excerpts, key, side) if rule["dropped"] else [] for side in SIDES}}
            for key, rule in ordered
        ]

    def _shown(self, excerpts: Excerpts, key: tuple[Any, ...], side: str) -> list[dict[str, Any]]:
        shown = [
            {"source": source, "value": value, **document}
            for _, value, source, sample, row in self._near[key][side]
            if (document := excerpts.find(sample, row))
        ]
        return shown[:NEAREST]


def _described(select: Select) -> Iterator[tuple[str, dict[str, str]]]:
    """What is measured by each rule, in which unit, and who set its threshold, by the rule's full name."""
    if select.licences:
        yield "licence", _text("1 where the manifest keeps the document's licence, 0 where not.", "", "manifest")
    if select.language:
        others = f"others than {', '.join(select.language.keep)} go at any score"
        measures = f"Score of the likeliest language by lid.176; {others}."
        yield "language", _text(measures, "score", "manifest (FineWeb: English, 0.65)")
    for name, rule, threshold in select.all_rules():
        signal = SIGNALS.get(rule.signal) or EDIT_SIGNALS.get(rule.signal)
        told = signal.definition if signal else _OTHERS.get(rule.signal, f"Signal {rule.signal}.")
        set_by = rule.source
        if threshold != rule.threshold:
            set_by = f"manifest, in place of {rule.threshold:g} ({rule.source})"
        yield name, _text(told, signal.unit if signal else "", set_by)
    if select.quality:
        yield (
            "quality",
            _text(f"Classifier, kept as {select.quality.keep} does.", "score", "preset of `pile classifier`"),
        )


def _text(measures: str, unit: str, source: str) -> dict[str, str]:
    return {"measures": measures, "unit": unit, "set_by": source}
