"""How fast each source turns its upstream's bytes into documents, on one core: reading, joining and extracting."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from benchmarks.report import Result, Row
from benchmarks.settings import Settings
from benchmarks.source_inputs import configured
from pile_builder.contract.reading import extracted, raw_records, with_side_tables
from pile_builder.source import Raw, Skipped, Source, find_sources

NUMBERS = Path(__file__).with_name("sources.json")
TARGET = 2.0
"""MB of records a second of a core, of every source but those that read PDF or LaTeX."""
SLOW_FORMATS = {"arxiv": "LaTeX", "philpapers": "PDF"}
SECONDS = 1.0
"""Processor time that is measured at least, over as many passes as it takes; a pass ends after twice that."""
_REJECTS = "rejects."


@dataclass(frozen=True)
class Speed:
    """What one core did of a source.

    Attributes:
        inputs: what was read: `upstream`, `sample`, or other words.
        stored_mb: bytes as stored, of one pass.
        record_mb: bytes of the records in them, without what is no record.
        text_mb: bytes of text that came out.
        documents: that came out of a pass.
        rejects: of a pass, by rule.
        seconds: of the processor, a pass.
    """

    inputs: str
    stored_mb: float
    record_mb: float
    text_mb: float
    documents: int
    rejects: Mapping[str, int]
    seconds: float

    @property
    def rate(self) -> float:
        """MB of records a second."""
        return self.record_mb / self.seconds


def run(settings: Settings) -> Result:
    """Measure every source, and keep the numbers for docs/full-dumps.md."""
    result = Result()
    kept = {}
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        for name, plugin in find_sources().items():
            source, inputs = configured(name, plugin, settings)
            speed = measure(source, inputs)
            kept[name] = asdict(speed)
            result.rows.append(_row(name, speed))
            print(f"sources, {name}: {speed.rate:.1f} MB/s", flush=True)
    finally:
        os.sched_setaffinity(0, allowed)
    load = os.getloadavg()[1]
    NUMBERS.write_bytes(orjson.dumps({"load": round(load, 1), "sources": kept}, option=orjson.OPT_INDENT_2) + b"\n")
    result.notes.append(
        "sources: MB of records (a page, an article, a mail, decompressed) a second of processor time, after a first "
        f"pass that is not counted; load {load:.1f} over five minutes on {len(allowed)} cores. In brackets what was "
        "read, and what one pass gave."
    )
    return result


def measure(source: Source, inputs: str) -> Speed:
    """Read inputs once without counting, then until `SECONDS` of the processor are spent."""
    splits = list(source.splits())
    with with_side_tables(source) as bound:
        counts, _ = _pass(bound, splits, SECONDS)
        rejects = {rule[len(_REJECTS) :]: count for rule, count in counts.items() if rule.startswith(_REJECTS)}
        spent, passes = 0.0, 0
        total: Counter[str] = Counter()
        while spent < SECONDS:
            done, taken = _pass(bound, splits, 2 * SECONDS)
            total.update(done)
            spent, passes = spent + taken, passes + 1
    return Speed(
        inputs=inputs,
        stored_mb=total["stored"] / passes / 1e6,
        record_mb=total["record"] / passes / 1e6,
        text_mb=total["text"] / passes / 1e6,
        documents=total["documents"] // passes,
        rejects=dict(sorted(rejects.items())),
        seconds=spent / passes,
    )


def _pass(source: Source, splits: list[Any], limit: float) -> tuple[Counter[str], float]:
    """Counts of one pass, and seconds of the processor; after `limit` seconds the split under way is the last."""
    counts: Counter[str] = Counter()
    started = time.process_time()
    group: list[Any] = []
    for number, split in enumerate(splits):
        group.append(split)
        is_last = number + 1 == len(splits)
        if source.joins and not is_last:
            # All that may belong to one document is read together.
            continue
        counts["stored"] += _stored(group)
        for item in raw_records(source, group):
            if isinstance(item, Raw):
                counts["record"] += item.size
                made = extracted(source, item)
                counts["text"] += len(made.text.encode())
                counts["documents" if made.is_document else f"{_REJECTS}{made.rule}"] += 1
            elif not isinstance(item, Skipped):
                counts[f"{_REJECTS}{item.rule}"] += 1
        group = []
        if time.process_time() - started > limit:
            break
    return counts, time.process_time() - started


def _stored(splits: list[Any]) -> int:
    """Bytes of the splits' files, of ranges their own."""
    size = 0
    for split in splits:
        whole = sum(file.size for file in split.files)
        size += min(split.params.get("end", whole), whole) - split.params.get("start", 0)
    return size


def _row(name: str, speed: Speed) -> Row:
    rejected = sum(speed.rejects.values())
    what = f"{speed.inputs}: {speed.documents:,} documents, {rejected:,} rejects"
    slow = SLOW_FORMATS.get(name)
    target = "" if slow else f"{TARGET:g} MB/s"
    return Row(
        f"source {name}{f' ({slow})' if slow else ''} [{what}]",
        f"{speed.rate:.1f} MB/s",
        target=target,
        reached=None if slow else speed.rate >= TARGET,
    )
