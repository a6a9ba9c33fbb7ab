"""Kernels on the text of English web pages, one core: signals, sketch, repair; datatrove's filters on the same."""

from __future__ import annotations

import os
import statistics
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import ftfy
import numpy as np

from benchmarks.inputs import MANIFEST, english_pages, load
from benchmarks.report import Result, Row, alternate, per_cent
from benchmarks.settings import Settings
from benchmarks.verdict_parity import REASONS, run_datatrove, run_ours
from pile_builder.annotate.sets import annotate, plan_annotations
from pile_builder.annotate.sketch import SketchConfig, sketch_batch
from pile_builder.text.column import TextColumn, from_strings
from pile_builder.text.mojibake import CONFIG
from pile_builder.text.repair import repair_texts
from pile_builder.text.repair_kernel import FTFY, UNCHANGED, classify
from pile_builder.text.repair_tables import load_tables

BATCH_BYTES = 8 << 20
"""As ingest cuts batches."""
BATCHES = 8
SIGNALS_TARGET, SIGNALS_RATIO = 60.0, 300.0
SKETCH_TARGET = 200.0
"""MB/s."""
PARITY_TARGET = 0.995
NO_OPS_TARGET, FTFY_TARGET = 0.95, 0.05


def run(settings: Settings) -> Result:
    """Extract the pages, then measure."""
    raw = english_pages(settings.data)
    texts = repair_texts(raw)
    with one_core():
        result = _signals(settings, texts)
        result.rows += _sketch(settings.repetitions, texts)
    result.rows += _repair(raw, settings.repetitions)
    return result


def _signals(settings: Settings, texts: Sequence[str]) -> Result:
    """The four recipes' signals, spans of the C4 lines included, and datatrove's four filters one after the other."""
    manifest = load(MANIFEST, settings.data)
    wanted = plan_annotations(manifest, "common_crawl", "")
    batches = [column.to_arrow() for column in _batches(texts)]
    size, documents = _bytes(texts) * BATCHES, len(texts) * BATCHES
    verdicts: dict[str, list[tuple[str, str | None]]] = {}

    def ours() -> float:
        return _timed(lambda: [annotate(batch, wanted, {"lines", "signals"}, None) for batch in batches])

    def theirs() -> float:
        total = 0.0
        for name in REASONS:
            verdicts[name], spent = run_datatrove(settings.datatrove, name, texts)
            total += spent
        return total

    ours()
    own, other = alternate(settings.repetitions, ours, theirs)
    speed, rate, their_rate = size / own / 1e6, documents / own, len(texts) / other
    their_speed = _bytes(texts) / other / 1e6
    rows = [
        Row(
            "signals of four recipes, English web, one core",
            f"{speed:.0f} MB/s",
            f"{their_speed:.2f} MB/s",
            target=f"{SIGNALS_TARGET:g} MB/s",
            reached=speed >= SIGNALS_TARGET,
        ),
        Row(
            "the same in documents",
            f"{rate:,.0f} docs/s",
            f"{their_rate:.0f} docs/s",
            f"{rate / their_rate:.0f}x",
            f"{SIGNALS_RATIO:g}x",
            rate / their_rate >= SIGNALS_RATIO,
        ),
    ]
    rows += [_parity(name, texts, verdicts[name]) for name in REASONS]
    note = (
        f"kernels: {len(texts):,} English pages, {_bytes(texts) / 1e6:.1f} MB of text, {BATCHES} times over for ours."
    )
    return Result(rows, [note])


def _parity(name: str, texts: Sequence[str], theirs: Sequence[tuple[str, str | None]]) -> Row:
    ours = run_ours(name, texts)
    same = [bool(mine) == bool(other) for (mine, _), (other, _) in zip(ours, theirs, strict=True)]
    share = statistics.fmean(same)
    mine, other = (f"{sum(bool(rule) for rule, _ in verdicts)} rejected" for verdicts in (ours, theirs))
    return Row(f"{name}: equal verdicts", mine, other, per_cent(share), per_cent(PARITY_TARGET), share >= PARITY_TARGET)


def _sketch(repetitions: int, texts: Sequence[str]) -> list[Row]:
    batches = list(_batches(texts))

    def measure() -> float:
        return _timed(lambda: [sketch_batch(batch, SketchConfig()) for batch in batches])

    measure()
    (spent,) = alternate(repetitions, measure)
    speed = _bytes(texts) * BATCHES / spent / 1e6
    name = "sketch of 112 permutations, content hash, band hashes, one core"
    return [Row(name, f"{speed:.0f} MB/s", target=f"{SKETCH_TARGET:g} MB/s", reached=speed >= SKETCH_TARGET)]


def _repair(texts: Sequence[str], repetitions: int) -> list[Row]:
    """What the classifier says of each page against what ftfy does to it."""
    tables = load_tables()
    column = from_strings(texts)
    classes, _ = classify(column.data, column.offsets, tables)
    fixed = [unicodedata.normalize("NFC", ftfy.fix_text(text, CONFIG)) for text in texts]
    no_op = np.array([text == before for text, before in zip(fixed, texts, strict=True)])
    wrong = int((~no_op & (classes == UNCHANGED)).sum())
    wrong += sum(text != ours for text, ours in zip(fixed, repair_texts(texts), strict=True))
    found = float((classes[no_op] == UNCHANGED).mean())
    needed = float((classes == FTFY).mean())
    batches = list(_batches(texts))
    with one_core():
        (spent,) = alternate(
            repetitions,
            lambda: _timed(lambda: [classify(batch.data, batch.offsets, tables) for batch in batches]),
        )
    return [
        Row("can ftfy change this? wrong answers or repairs", str(wrong), target="0", reached=wrong == 0),
        Row("no-ops found", per_cent(found), target=per_cent(NO_OPS_TARGET), reached=found >= NO_OPS_TARGET),
        Row(
            "ftfy itself needed",
            per_cent(needed),
            target=f"{per_cent(FTFY_TARGET)} at most",
            reached=needed <= FTFY_TARGET,
        ),
        Row("speed of the answer, one core", f"{_bytes(texts) * BATCHES / spent / 1e6:.0f} MB/s"),
    ]


def _batches(texts: Sequence[str]) -> Iterator[TextColumn]:
    """The texts BATCHES times over, in columns of about BATCH_BYTES."""
    waiting: list[str] = []
    size = 0
    for _ in range(BATCHES):
        for text in texts:
            waiting.append(text)
            size += len(text.encode())
            if size >= BATCH_BYTES:
                yield from_strings(waiting)
                waiting, size = [], 0
    if waiting:
        yield from_strings(waiting)


def _bytes(texts: Sequence[str]) -> int:
    return sum(len(text.encode()) for text in texts)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this thread, and the processes that it starts, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
