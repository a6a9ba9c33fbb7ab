"""How far a build is and what the next one would do."""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from pile_builder.commits import Commits
from pile_builder.manifest import Manifest
from pile_builder.redo import changes, input_changes, read_again
from pile_builder.storage import Store
from pile_builder.takedown.listing import Takedown, all_entries, takedown_of
from pile_builder.takedown.state import disagrees, purge_tasks, shards_state, to_read_again
from pile_builder.work import PHASES, plan_work


@dataclass(frozen=True)
class PhaseStatus:
    """One phase: tasks committed, tasks in all (`known` unless an earlier phase decides), and what happens next."""

    phase: str
    done: int
    total: int
    known: bool
    next: str


def build_status(manifest: Manifest, store: Store) -> list[PhaseStatus]:
    """The state of every phase, in order.

    Raises:
        ManifestError: an input is missing.
    """
    work = plan_work(manifest, store)
    takedown = takedown_of(all_entries(store, manifest))
    returning = {block.ingest for block, _ in to_read_again(store, work, manifest, takedown)}
    why = changes(work, store)
    inputs = input_changes(work, store)
    again = read_again(work, store)
    if returning:
        why.setdefault("ingest", []).append("the whole text of what was taken down is needed")
    rows: list[PhaseStatus] = []
    stale = ""
    for phase in PHASES:
        commits = Commits(store, phase)
        done = commits.done()
        if phase == "ingest":
            done -= returning
        if phase == "mix" and takedown:
            rows.append(_purge(store, takedown, stale))
        if phase == "assemble":
            rows.append(_assemble(work.mix, store, done, stale, takedown))
            continue
        keys = work.keys(phase)
        if not keys:
            continue
        there = len(done.intersection(keys))
        if there == len(keys):
            rows.append(PhaseStatus(phase, there, len(keys), known=True, next="nothing to do"))
            continue
        reasons = why.get(phase, [])
        if phase == "ingest":
            reasons = [*inputs, *reasons, *([str(again)] if again else [])]
        reason = "; ".join(reasons) or (f"after {stale}" if stale else "")
        failed = len(commits.state().failed.intersection(keys))
        note = f"runs {len(keys) - there}" + (f" ({failed} failed before)" if failed else "")
        rows.append(PhaseStatus(phase, there, len(keys), known=True, next=f"{note}: {reason}" if reason else note))
        stale = stale or phase
    if manifest.subsets:
        rows.append(_subsets(manifest, work.mix, store, stale))
    return rows


def _subsets(manifest: Manifest, mix: str, store: Store, stale: str) -> PhaseStatus:
    """By what the lock lists, if that is of the mixture and the subsets that the next build would write."""
    if stale or not Commits(store, "mix").has(mix) or not store.exists("manifest.lock.yaml"):
        return PhaseStatus("subsets", 0, 0, known=False, next=f"runs after {stale or 'assemble'}")
    lock = yaml.load(store.read("manifest.lock.yaml"), Loader=yaml.CSafeLoader)
    there = {entry["subset"] for entry in lock.get("subsets", [])}
    missing = [subset.label for subset in manifest.wanted_subsets if subset.label not in there]
    gone = sum(
        not store.exists(f"corpus/{file['name']}") for entry in lock.get("subsets", []) for file in entry["files"]
    )
    what = f"writes {', '.join(missing)}" if missing else f"rewrites {gone} shards" if gone else "nothing to do"
    total = len(manifest.subsets)
    return PhaseStatus("subsets", total - len(missing), total, known=True, next=what)


def _purge(store: Store, takedown: Takedown, stale: str) -> PhaseStatus:
    keys = {task["key"] for task in purge_tasks(store, takedown)}
    done = len(Commits(store, "takedown").done() & keys)
    left = "nothing to do" if done == len(keys) and not stale else "looks for listed documents in what is left"
    return PhaseStatus("takedown", done, len(keys), known=not stale, next=left)


def _assemble(mix: str, store: Store, done: set[str], stale: str, takedown: Takedown) -> PhaseStatus:
    commits = Commits(store, "mix")
    if not commits.has(mix):
        return PhaseStatus("assemble", 0, 0, known=False, next=f"runs after {stale or 'mix'}")
    bounds = [split["shards"] for split in commits.load(mix)["splits"].values()]
    total = sum(len(shards) - 1 for shards in bounds)
    there = min(len(done), total)
    why = ""
    if shards_state(store).get("takedown", "") != takedown.digest:
        records = Commits(store, "assemble")
        disagreeing = sum(disagrees(store, records.load(key), takedown) for key in done)
        there -= min(disagreeing, there)
        why = f": {disagreeing} hold what is taken down, or leave out what is not" if disagreeing else ""
    note = "nothing to do" if there == total else f"runs {total - there}{why}"
    return PhaseStatus("assemble", there, total, known=True, next=note)
