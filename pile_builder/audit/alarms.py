"""Alarms: what in a corpus differs from what was expected, from the numbers of audit.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

REMOVES_MOST = 0.9
"""A rule that drops more of what reaches it, of `RULE_MINIMUM` documents at least, is likelier broken than right
(a deduplication that is run over its own output, github.com/mlfoundations/dclm issue 83)."""
RULE_MINIMUM = 100


def find_alarms(figures: Mapping[str, Any]) -> list[dict[str, str]]:
    """Alarms as `kind`, `source` (empty for the corpus) and `message`, gravest kind first."""
    return [
        {"kind": kind, "source": source, "message": message}
        for found in (_balance, _repeated, _mixture, _expected, _dedup, _rules)
        for kind, source, message in found(figures)
    ]


def _balance(figures: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name, source in figures["sources"].items():
        if not source["balanced"]["documents"]:
            dropped = sum(source["dropped"].values())
            yield (
                "balance",
                name,
                f"{name}: read {source['read']:,} is not kept {source['kept']:,} + dropped {dropped:,}",
            )
        if not source["balanced"]["bytes"]:
            yield "balance", name, f"{name}: bytes extracted are not those kept, edited and dropped"
        if source["read"] and not source["kept"]:
            yield "balance", name, f"{name}: nothing was kept of {source['read']:,} documents read"


def _repeated(figures: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    if figures["repeated_ids"]:
        yield "repeated", "", repeated_message(figures["repeated_ids"])


def repeated_message(repeated: Mapping[str, Any]) -> str:
    """What to know and do about ids that several documents have."""
    shown = "; ".join(
        f"{one['key']!r} in {' and '.join(one['inputs']) if len(one['inputs']) > 1 else one['inputs'][0] + ' twice'}"
        for one in repeated["examples"][:5]
    )
    return (
        f"{repeated['documents']:,} documents have the key of another one of their source ({repeated['ids']:,} keys: "
        f"{shown}): inputs overlap. Leave one of them away, or these texts are in the corpus as often as they were read"
    )


def _mixture(figures: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name, share in figures["mixture"]["sources"].items():
        if not share["within_tolerance"]:
            yield (
                "mixture",
                name,
                f"{name}: {share['train_bytes']:,} bytes of training text are {share['epochs_realised']:.4f} epochs, "
                f"planned {share['epochs']:.4f}; more than {share['tolerance_bytes']:,} bytes off",
            )
    if figures["mixture"]["shortfall"]:
        yield "mixture", "", f"caps leave {figures['mixture']['shortfall']:,} bytes of the total asked for unfilled"


def _expected(figures: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name, source in figures["sources"].items():
        counts = {"kept": source["kept"], "rejected": sum(source["rejected"].values())}
        for what, band in source["expected"].items():
            share = counts[what] / max(source["read"], 1)
            if band and not band[0] <= share <= band[1]:
                yield (
                    what,
                    name,
                    f"{name}: {counts[what]:,} of {source['read']:,} documents {what}, {share:.2%}; expected "
                    f"{band[0]:.2%} to {band[1]:.2%}",
                )


def _dedup(figures: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for message in figures["dedup"]["alarms"] if figures["dedup"] else ():
        yield "dedup", message.split(" ", 1)[0], message


def _rules(figures: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for rule in figures["rules"]:
        for name, counts in rule["sources"].items():
            if counts["reached"] >= RULE_MINIMUM and counts["dropped"] > REMOVES_MOST * counts["reached"]:
                yield (
                    "rule",
                    name,
                    f"{name}: {rule['rule']} drops {counts['dropped']:,} of the {counts['reached']:,} documents that "
                    f"reach it, {counts['dropped'] / counts['reached']:.1%}",
                )
