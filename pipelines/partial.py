"""Some phases of a build, or a slice of their tasks: what one job of many does, all of them in one folder.

A job leaves commit records like any other build, so that whoever comes after it, a job with later phases or a whole
build, goes on from them. What speaks of the whole corpus, the lock, the reports and the exports, is left to builds
without `--only`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pile_builder.checked_yaml import absolute, unknown_word
from pile_builder.commits import Commits
from pile_builder.errors import BuildError, PileError
from pile_builder.input_versions import WHOLE, Slice
from pile_builder.manifest import Manifest
from pile_builder.pipelines.build import (
    run_annotate,
    run_assemble,
    run_duplicates,
    run_ingest,
    run_select,
    run_settle,
)
from pile_builder.pipelines.decontaminate import run_decontaminate
from pile_builder.pipelines.engine import RunOptions
from pile_builder.pipelines.locate import run_locate
from pile_builder.pipelines.mix import run_mix
from pile_builder.pipelines.purge import forget_purged, run_purge
from pile_builder.storage import Store
from pile_builder.takedown.listing import Takedown, all_entries, write_list
from pile_builder.work import PHASES, Work, plan_work

SLICED = ("ingest", "annotate", "select")
"""Phases whose tasks need no other block, so that any job can do any of them."""
TOGETHER = {"paragraphs": "dedup", "count": "decontaminate", "locate": "settle"}
"""Phases that run as a part of another."""
CHOICES = tuple(phase for phase in PHASES if phase not in TOGETHER)
WAIT_SECONDS = 10.0
SAY_SECONDS = 300.0


@dataclass(frozen=True)
class Part:
    """The part of a build that a job does: phases, in their order, and a slice of their tasks."""

    phases: tuple[str, ...]
    slice: Slice = WHOLE

    @property
    def is_sliced(self) -> bool:
        """Whether other jobs may work on the same phases at the same time."""
        return self.slice.of > 1

    @classmethod
    def parse(cls, only: str, slice_: str = "") -> Part:
        """From `ingest,annotate` and `3/64`.

        Raises:
            PileError: a phase is unknown or has no slices, or the slice is none.
        """
        named = [name.strip() for name in only.split(",")] if only else []
        for name in named:
            if name in TOGETHER:
                msg = f"--only: {name} runs as a part of {TOGETHER[name]}; name that"
                raise PileError(msg)
            if name not in CHOICES:
                raise PileError(f"--only: {unknown_word('phase', name, CHOICES)}")
        phases = tuple(phase for phase in CHOICES if phase in named)
        if not slice_:
            return cls(phases)
        number, _, of = slice_.partition("/")
        if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
            msg = f"--slice: expected I/N with I from 1 to N, as 3/64, got {slice_!r}"
            raise PileError(msg)
        whole = sorted(set(phases or CHOICES) - set(SLICED), key=CHOICES.index)
        if whole and int(of) > 1:
            msg = f"--slice: {', '.join(whole)} cannot be cut into slices; add --only with some of {', '.join(SLICED)}"
            raise PileError(msg)
        return cls(phases, Slice(int(number), int(of)))


def build_part(manifest: Manifest, out: str, part: Part, options: RunOptions, *, wait: bool) -> list[str]:
    """Run the phases of a part that are not done; returns a line on what there is of each now.

    Args:
        manifest: the corpus.
        out: folder of the build.
        part: what to do.
        options: how.
        wait: wait for tasks of earlier phases that other jobs do, instead of failing.

    Raises:
        PileError: the manifest or an input is wrong, tasks of earlier phases are missing, or tasks failed.
    """
    store = Store(absolute(out, Path()), options.guard)
    options = replace(options, shared=True, corpus=manifest.name)
    work = plan_work(manifest, store, part.slice)
    takedown = write_list(store, all_entries(store, manifest))
    forget_purged(store, work, manifest, takedown, options)
    steps = _steps(store, work, manifest, takedown, options)
    lines = []
    for phase in part.phases:
        _ready(store, work, phase, options.say, wait=wait)
        steps[phase]()
        lines.append(f"{phase}: {_done(store, work, phase)}")
    return lines


def _steps(
    store: Store, work: Work, manifest: Manifest, takedown: Takedown, options: RunOptions
) -> dict[str, Callable[[], Any]]:
    def decontaminate() -> None:
        if manifest.decontaminate:
            run_decontaminate(store, work, manifest, manifest.decontaminate, options)

    def settle() -> None:
        run_settle(store, work, options)
        run_locate(store, work, options)

    def mix() -> dict[str, Any]:
        run_purge(store, takedown, options)
        return run_mix(store, work, manifest, options)

    return {
        "ingest": lambda: run_ingest(store, work, manifest, options),
        "annotate": lambda: run_annotate(store, work, options),
        "select": lambda: run_select(store, work, manifest, options),
        "dedup": lambda: run_duplicates(store, work, manifest, options),
        "decontaminate": decontaminate,
        "settle": settle,
        "mix": mix,
        "assemble": lambda: run_assemble(
            store, work, manifest, run_mix(store, work, manifest, options), takedown, options
        ),
    }


def _ready(store: Store, work: Work, phase: str, say: Callable[[str], None], *, wait: bool) -> None:
    """See that all tasks of earlier phases are committed, or wait until they are.

    Raises:
        BuildError: some are not.
    """
    said = -SAY_SECONDS
    while missing := dict(_missing(store, work, phase)):
        told = ", ".join(f"{lacking:,} of {total:,} tasks of {name}" for name, (lacking, total) in missing.items())
        if not wait:
            msg = (
                f"{phase} needs what is not there yet: {told} have no commit record in {store.root}. Run those phases "
                "first, or wait for the jobs that do with --wait"
            )
            raise BuildError(msg)
        if time.monotonic() - said >= SAY_SECONDS:
            failed = sum(len(Commits(store, name).failures()) for name in missing)
            say(f"{phase} waits for {told}" + (f"; {failed:,} have failed so far" if failed else ""))
            said = time.monotonic()
        time.sleep(WAIT_SECONDS)


def _missing(store: Store, work: Work, phase: str) -> Iterator[tuple[str, tuple[int, int]]]:
    for name in PHASES[: PHASES.index(phase)]:
        if TOGETHER.get(name) == phase:
            continue
        keys = set(work.keys(name))
        if lacking := len(keys - Commits(store, name).done()):
            yield name, (lacking, len(keys))


def _done(store: Store, work: Work, phase: str) -> str:
    if phase == "ingest":
        counts: Counter[str] = Counter()
        for key in work.keys(phase):
            record = Commits(store, phase).load(key)
            counts.update({name: record[name] for name in ("read", "kept")})
        return f"{len(work.blocks):,} splits done, {counts['read']:,} records read, {counts['kept']:,} kept"
    if phase == "assemble":
        return f"{len(Commits(store, phase).done()):,} shards done"
    return f"{len(work.keys(phase)):,} tasks done"
