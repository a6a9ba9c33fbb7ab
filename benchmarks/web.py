"""WARC files to deduplicated jsonl with two workers: `pile build` against datatrove, as whole processes."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from benchmarks.inputs import VARIANTS, write_manifest
from benchmarks.processes import Finished, run_datatrove, run_ours
from benchmarks.report import Result, Row, at_least, seconds
from benchmarks.settings import Settings

ONLY_OURS = ("blocks",)
"""Extractors that datatrove does not have."""
COPIES = 3
"""Size of the larger input. The marginal time of one copy is (time at COPIES - time at 1) / (COPIES - 1)."""
WHOLE = {"trafilatura": 3.2, "fast": 4.0, "resiliparse": 6.0, "blocks": 6.0}
MARGINAL = {"trafilatura": 4.5, "resiliparse": 12.0}
"""Targets by our extractor: times as fast as datatrove with trafilatura, which is what FineWeb used."""

Runs = Mapping[tuple[str, int], list[Finished]]


def run(settings: Settings) -> Result:
    """All extractors, each against datatrove with trafilatura, and against datatrove with the same extractor."""
    result = Result()
    ours: dict[tuple[str, int], list[Finished]] = {}
    theirs: dict[tuple[str, int], list[Finished]] = {}
    for variant in VARIANTS:
        manifest = write_manifest(variant, settings.work)
        sizes = (1, COPIES) if variant in MARGINAL else (1,)
        # Once for the kernels' caches and the disk's; not counted.
        run_ours(manifest, settings.input(1), settings.work / "ours")
        for _ in range(settings.repetitions):
            for copies in sizes:
                data = settings.input(copies)
                mine = run_ours(manifest, data, settings.work / "ours")
                ours.setdefault((variant, copies), []).append(mine)
                print(f"web, {variant}, {copies}: ours {mine.seconds:.1f} s", flush=True)
                if variant not in ONLY_OURS:
                    other = run_datatrove(settings.datatrove, variant, data, settings.work / "datatrove")
                    theirs.setdefault((variant, copies), []).append(other)
                    print(f"web, {variant}, {copies}: datatrove {other.seconds:.1f} s", flush=True)
        result.rows += _rows(variant, ours, theirs)
        baseline = "trafilatura" if variant in ONLY_OURS else variant
        result.notes.append(_same_work(variant, ours[variant, 1][0].counts, theirs[baseline, 1][0].counts))
    return result


def _rows(variant: str, ours: Runs, theirs: Runs) -> list[Row]:
    """Rows with a target against datatrove with trafilatura; below each, without one, datatrove with `variant` too."""
    name = {"trafilatura": "trafilatura, favor_precision", "fast": "trafilatura, fast"}.get(variant, variant)
    rows = []
    for what, targets, measure in (("whole process", WHOLE, _whole), ("once running", MARGINAL, _marginal)):
        if variant not in targets:
            continue
        work, own, baseline = f"web, {name}: {what}", measure(ours, variant), measure(theirs, "trafilatura")
        if variant == "trafilatura":
            rows.append(at_least(work, own, baseline, targets[variant], seconds))
            continue
        rows.append(at_least(f"{work}, datatrove with trafilatura", own, baseline, targets[variant], seconds))
        if variant in ONLY_OURS:
            continue
        alike = f"{work}, like for like: datatrove with {variant} too"
        rows.append(at_least(alike, own, measure(theirs, variant), None, seconds))
    return rows


def _whole(runs: Runs, variant: str) -> float:
    return _median(runs, variant, 1)


def _median(runs: Runs, variant: str, copies: int) -> float:
    return statistics.median(finished.seconds for finished in runs[variant, copies])


def _marginal(runs: Runs, variant: str) -> float:
    return (_median(runs, variant, COPIES) - _median(runs, variant, 1)) / (COPIES - 1)


def _same_work(variant: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    """How many documents each step left, on both sides."""
    dropped = ours["dropped"]
    gate = sum(count for rule, count in dropped.items() if rule.startswith(("ingest.", "select.language")))
    duplicates = sum(count for rule, count in dropped.items() if rule.startswith("dedup."))
    return (
        f"web, {variant}: read {ours['read']:,} and {theirs['read']:,} pages (ours and datatrove's), English "
        f"{ours['read'] - gate:,} and {theirs['english']:,}, selected {ours['kept'] + duplicates:,} and "
        f"{theirs['selected']:,}, kept {ours['kept']:,} and {theirs['kept']:,}."
    )
