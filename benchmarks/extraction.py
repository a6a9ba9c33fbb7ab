"""Main content: F1 of every extractor on labelled pages, pages a second of every extractor on the same pages."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from lxml.etree import LxmlError

from benchmarks.inputs import MANIFEST, load
from benchmarks.report import Result, Row
from benchmarks.settings import Settings
from pile_builder.main_content.build_model import build_model
from pile_builder.main_content.evaluate import EXTRACTORS, Evaluated, evaluate, extractor_of
from pile_builder.main_content.labels import read_labels
from pile_builder.main_content.silver import silver_labels, write_labels
from pile_builder.source import Raw
from pile_builder.sources.common_crawl import CommonCrawl

EVEN = 0.955
MULTILINGUAL = 0.92
PAGES_PER_SECOND = {"blocks": 280, "blocks-alone": 320}
"""Targets."""
TIMED = ("trafilatura", "trafilatura-fast", "trafilatura-precision", "resiliparse", "blocks", "blocks-alone")
PAGES = 600


def run(settings: Settings) -> Result:
    """Three groups of rows: the even half, the multilingual pages, pages a second."""
    result = Result()
    gold, multilingual = f"{settings.data}/web-gold", f"{settings.data}/web-gold-multilingual"
    even = {name: evaluate(list(read_labels(f"{gold}:even")), name) for name in EXTRACTORS}
    best = _best(even)
    for name in ("blocks", "blocks-alone"):
        own = even[name].agreement.f1
        target = max(best.agreement.f1, EVEN)
        result.rows.append(_score(f"extraction, even half of web-gold, {name}", own, best, target))
    result.notes.append("even half of web-gold: " + _all(even))
    pages = list(read_labels(multilingual))
    best = _best({name: evaluate(pages, name) for name in EXTRACTORS if name.startswith("trafilatura")})
    silver = settings.work / "silver.jsonl"
    if not silver.exists():
        hosts = {page.host for labels in (gold, multilingual) for page in read_labels(labels)}
        write_labels(silver, silver_labels([str(settings.data / "web")], hosts))
    built = build_model([f"{gold}:odd", multilingual], [str(silver)])
    own = built.agreements[multilingual].f1
    result.rows.append(_score("extraction, web-gold-multilingual by host, blocks-alone", own, best, MULTILINGUAL))
    speeds = _speeds(settings.data)
    for name, speed in speeds.items():
        wanted = PAGES_PER_SECOND.get(name)
        slow = speeds["trafilatura"]
        reached = None if wanted is None else speed >= wanted
        ratio = f"{speed / slow:.2f}x"
        goal = f"{wanted}" if wanted else ""
        row = Row(f"extraction, {name}", f"{speed:.0f} pages/s", f"{slow:.0f} pages/s", ratio, goal, reached)
        result.rows.append(row)
    return result


def _best(found: dict[str, Evaluated]) -> Evaluated:
    """Trafilatura's best mode."""
    return max((one for name, one in found.items() if name.startswith("trafilatura")), key=lambda one: one.agreement.f1)


def _score(work: str, own: float, best: Evaluated, target: float) -> Row:
    theirs = f"{best.agreement.f1:.4f} ({best.extractor})"
    return Row(work, f"{own:.4f}", theirs, f"{own - best.agreement.f1:+.4f}", f"{target:.4f}", own >= target)


def _all(found: dict[str, Evaluated]) -> str:
    parts = []
    for name, one in found.items():
        shares = one.agreement
        parts.append(f"{name} {shares.f1:.4f} (precision {shares.precision:.4f}, recall {shares.recall:.4f})")
    return ", ".join(parts)


def _speeds(data: Path) -> dict[str, float]:
    """Pages in a CPU second by extractor, which take turns on each page."""
    extractors = {name: extractor_of(name) for name in TIMED}
    seconds: defaultdict[str, float] = defaultdict(float)
    count = 0
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    for page in _pages(data):
        for name, extract in extractors.items():
            taken = _timed(extract, page)
            # The first page loads and compiles.
            seconds[name] += taken if count else 0.0
        count += 1
    os.sched_setaffinity(0, allowed)
    return {name: (count - 1) / seconds[name] for name in TIMED}


def _timed(extract: Callable[[str], str], page: str) -> float:
    began = time.process_time()
    with suppress(LxmlError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        extract(page)
    return time.process_time() - began


def _pages(data: Path) -> Iterator[str]:
    plugin = load(MANIFEST, data).plugins["common_crawl"]
    if not isinstance(plugin, CommonCrawl):
        msg = f"{MANIFEST}: expected a source common_crawl"
        raise TypeError(msg)
    count = 0
    for split in plugin.splits():
        for raw in plugin.read(split):
            if isinstance(raw, Raw) and (page := plugin.page_of(raw)):
                yield page
                count += 1
                if count == PAGES:
                    return
