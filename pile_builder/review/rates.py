"""How often each label was given, with confidence intervals, and how far reviewers agree: report/review.json.

    {"digest": of the corpus,
     "labels": ["keep", ...],
     "sources": {name: {"documents": n, "rates": {label: {"count", "share", "low", "high"}}}},
     "reviewers": {name: {"documents": n, "labels": {label: count},
                          "agreement": {other: {"documents": n, "same": m, "kappa": k or null}}}},
     "left_out": {"not_in_corpus": decisions, "damaged_lines": lines}}

Documents are drawn at random within each source, so a rate speaks for its source, not for the corpus.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson

from pile_builder.audit.intervals import wilson
from pile_builder.audit.verify import recorded_digest
from pile_builder.review.draw import still_there
from pile_builder.review.labels import Decision, Labels, last_labels
from pile_builder.storage import Store

REPORT = "report/review.json"


def kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Agreement of two reviewers beyond chance (Cohen 1960, Educ. Psychol. Meas. 20:37-46), -1 to 1.

    None where chance alone would make them agree always: there are no pairs, or both only ever gave one same label.
    """
    total = len(pairs)
    first, second = Counter(one for one, _ in pairs), Counter(two for _, two in pairs)
    by_chance = sum(first[label] * second[label] for label in first)
    if by_chance == total * total:
        return None
    same = sum(one == two for one, two in pairs)
    return (same * total - by_chance) / (total * total - by_chance)


def write_report(store: Store, labels: Labels, names: Sequence[str]) -> dict[str, Any]:
    """Count what `labels` has of documents that the corpus holds, write `REPORT` and return it.

    Raises:
        PileError: there is no finished build.
    """
    last = last_labels(labels.history)
    there = still_there(store, [identity for identity, _ in last]) if last else set()
    found = {"digest": recorded_digest(store), **report(last, names, there, labels.damaged)}
    store.write(REPORT, orjson.dumps(found, option=orjson.OPT_INDENT_2))
    return found


def report(
    last: Mapping[tuple[str, str], Decision], names: Sequence[str], there: Collection[str], damaged: int = 0
) -> dict[str, Any]:
    """What `REPORT` says, but for the digest.

    Args:
        last: the decisions that count, by document and reviewer, in the order of time.
        names: labels in the order in which they are told; others that were given follow.
        there: ids of documents that the corpus holds; decisions on others are left out.
        damaged: lines that could not be read.
    """
    counted = [one for one in last.values() if one.id in there]
    given = {one.label for one in counted if one.label is not None}
    labels = [*names, *sorted(given.difference(names))]
    of_source: dict[str, list[str]] = {}
    for source, label in _agreed(counted).values():
        of_source.setdefault(source, []).append(label)
    return {
        "labels": labels,
        "sources": {name: _rates(of_source[name], labels) for name in sorted(of_source)},
        "reviewers": _reviewers(counted, labels),
        "left_out": {"not_in_corpus": len(last) - len(counted), "damaged_lines": damaged},
    }


def _agreed(counted: Sequence[Decision]) -> dict[str, tuple[str, str]]:
    """Source and label of each document: the label most reviewers gave, of several such the one given last."""
    votes: dict[str, list[Decision]] = {}
    for one in counted:
        votes.setdefault(one.id, []).append(one)
    agreed = {}
    for identity, decisions in votes.items():
        times = Counter(one.label for one in decisions)
        most = max(times.values())
        last = next(one for one in reversed(decisions) if times[one.label] == most)
        agreed[identity] = (last.source, last.label or "")
    return agreed


def _rates(given: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
    counts, total = Counter(given), len(given)
    rates = {}
    for label in labels:
        low, high = wilson(counts[label], total)
        rates[label] = {"count": counts[label], "share": counts[label] / total, "low": low, "high": high}
    return {"documents": total, "rates": rates}


def _reviewers(counted: Sequence[Decision], labels: Sequence[str]) -> dict[str, Any]:
    by: dict[str, dict[str, str]] = {}
    for one in counted:
        by.setdefault(one.by, {})[one.id] = one.label or ""
    found: dict[str, Any] = {}
    for name in sorted(by):
        counts = Counter(by[name].values())
        agreement = {}
        for other in sorted(by.keys() - {name}):
            pairs = [(by[name][identity], by[other][identity]) for identity in by[name].keys() & by[other].keys()]
            if pairs:
                same = sum(one == two for one, two in pairs)
                agreement[other] = {"documents": len(pairs), "same": same, "kappa": kappa(pairs)}
        given = {label: counts[label] for label in labels if counts[label]}
        found[name] = {"documents": len(by[name]), "labels": given, "agreement": agreement}
    return found
