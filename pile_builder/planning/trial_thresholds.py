"""Thresholds to try: from `RULE=VALUE` to changed selects, and back to the lines that a manifest needs for them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pile_builder.checked_yaml import unknown_word
from pile_builder.errors import PileError
from pile_builder.selection import Select

LANGUAGE, QUALITY = "language.min_score", "quality.threshold"
"""Names of the thresholds that belong to no recipe."""
_LEDGER_NAMES = {"language": LANGUAGE, "quality": QUALITY}


@dataclass(frozen=True)
class Trial:
    """A threshold to try: rule, the value now (None where chance decides now), the value to try."""

    rule: str
    now: float | None
    then: float


def parse_trials(given: Sequence[str]) -> dict[str, float]:
    """`RULE=VALUE` words as values by rule; rules may be named as ledgers name them (`select.` in front, `language`).

    Raises:
        PileError: a word is of another form, or a rule is given twice.
    """
    trials: dict[str, float] = {}
    for word in given:
        name, sign, text = word.partition("=")
        name = name.strip().removeprefix("select.")
        name = _LEDGER_NAMES.get(name, name)
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not sign or not name or math.isnan(value):
            msg = f"--try: expected RULE=NUMBER, such as gopher_quality_v1.min_words=30, got {word!r}"
            raise PileError(msg)
        if name in (LANGUAGE, QUALITY) and not 0 <= value <= 1:
            msg = f"--try {name}: expected a score from 0 to 1, got {value:g}"
            raise PileError(msg)
        if name in trials:
            msg = f"--try {name}: expected one value for a rule, got {trials[name]:g} and {value:g}"
            raise PileError(msg)
        trials[name] = value
    if not trials:
        msg = "expected --try RULE=VALUE at least once; `pile rules list` shows rules and thresholds"
        raise PileError(msg)
    return trials


def thresholds_of(select: Select) -> dict[str, float | None]:
    """Every threshold of a select that can be tried, by name."""
    found: dict[str, float | None] = {}
    if select.language and select.language.keep:
        found[LANGUAGE] = select.language.min_score
    found |= {name: threshold for name, _, threshold in select.all_rules()}
    if select.quality:
        found[QUALITY] = select.quality.threshold
    return found


def with_trials(select: Select, trials: Mapping[str, float]) -> tuple[Select, list[Trial]]:
    """A select with those of the trials that it has a rule for, and which these are."""
    known = thresholds_of(select)
    made = [Trial(name, known[name], value) for name, value in trials.items() if name in known]
    changed = {trial.rule: trial.then for trial in made}
    own = {rule.name for rule in select.rules}
    update: dict[str, Any] = {
        "thresholds": select.thresholds
        | {name: value for name, value in changed.items() if name not in own and name not in (LANGUAGE, QUALITY)},
        "rules": tuple(
            rule.model_copy(update={"threshold": changed.get(rule.name, rule.threshold)}) for rule in select.rules
        ),
    }
    if select.language and LANGUAGE in changed:
        update["language"] = select.language.model_copy(update={"min_score": changed[LANGUAGE]})
    if select.quality and QUALITY in changed:
        update["quality"] = select.quality.model_copy(update={"threshold": changed[QUALITY]})
    return select.model_copy(update=update), made


def check_rules(trials: Mapping[str, float], selects: Mapping[str, Select]) -> None:
    """Make sure that every trial names a rule of some source.

    Raises:
        PileError: one does not; the message says which is nearest.
    """
    known = {name for select in selects.values() for name in thresholds_of(select)}
    for name in trials:
        if name not in known:
            msg = f"--try: {unknown_word('rule', name, known)}"
            raise PileError(msg)


def manifest_changes(given: Mapping[str, Any], tried: Mapping[str, Select], only: str) -> dict[str, Any]:
    """What to put into a manifest so that it selects as tried, as nested mappings of its keys.

    Args:
        given: the manifest as written.
        tried: the changed select of each source that changes.
        only: the one source that was asked for; empty for all. If the manifest has no select of its own for it, the
            result carries the whole shared one, for a source's select replaces the manifest's.
    """
    changes: dict[str, Any] = {}
    for source, select in tried.items():
        own = (given.get("sources") or {}).get(source, {}).get("select")
        shared = given.get("select") or {}
        fields = _fields(select, own or shared)
        if not fields:
            continue
        if own or only:
            whole = fields if own else {**shared, **fields}
            changes.setdefault("sources", {})[source] = {"select": whole}
        else:
            changes["select"] = changes.get("select", {}) | fields
    return changes


def _fields(select: Select, written: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a select that hold thresholds, where they are not as written."""
    dumped = select.model_dump(mode="json", exclude_defaults=True)
    kept = {name: dumped[name] for name in ("language", "thresholds", "rules", "quality") if name in dumped}
    if "language" in kept and select.language:
        kept["language"] = {"keep": list(select.language.keep), **kept["language"]}
    return {name: value for name, value in kept.items() if value != written.get(name)}
