"""What the next build would do again, why, and what that took the last time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from pile_builder.commits import Commits
from pile_builder.differences import differences
from pile_builder.storage import Store
from pile_builder.work import PHASES, Work

_PARTS = "work/fingerprints.json"
BLOCKS = "work/blocks.json"
"""Key of every block's reading and its input files with their versions, by block name, as the last build saw them."""
SHOWN = 3


@dataclass(frozen=True)
class Again:
    """Splits that were read before and are to be read again.

    Attributes:
        splits, bytes: how many, and of how much input.
        seconds: that they took a core, as their records say.
        recorded: of how many splits that is known.
    """

    splits: int
    bytes: int
    seconds: float
    recorded: int

    def __str__(self) -> str:
        size = f"{self.bytes / 2**30:.1f} GiB" if self.bytes >= 2**30 else f"{self.bytes / 2**20:.1f} MiB"
        cost = f", {self.seconds / 3600:.2g} core-hours the last time" if self.recorded else ""
        return f"{self.splits:,} splits ({size}) are read again{cost}"


def remember(work: Work, store: Store) -> None:
    """Keep what this build's keys depend on, for `changes`."""
    store.write(_PARTS, orjson.dumps(work.parts, option=orjson.OPT_SORT_KEYS))


def changes(work: Work, store: Store) -> dict[str, list[str]]:
    """Per phase, what its keys depend on that differs from the last build here, as `field: old -> new`."""
    if not store.exists(_PARTS):
        return {}
    before = orjson.loads(store.read(_PARTS))
    now = orjson.loads(orjson.dumps(work.parts))
    return {phase: found for phase in PHASES if (found := _spelt(differences(before.get(phase, {}), now[phase])))}


def _spelt(found: Iterable[tuple[str, Any, Any]]) -> list[str]:
    return [f"{field}: {_short(before)} -> {_short(now)}" for field, before, now in found]


def _short(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 60 else f"{text[:57]}..."


def remember_blocks(work: Work, store: Store) -> None:
    """Keep what `read_again` and `input_changes` compare with."""
    known = {
        block.name: {"key": block.ingest, "files": {file.name: file.version for file in block.split.files}}
        for block in work.blocks
    }
    store.write(BLOCKS, orjson.dumps(known, option=orjson.OPT_SORT_KEYS))


def read_again(work: Work, store: Store) -> Again | None:
    """What of the raw input a build would read that an earlier one has read; None if there is nothing."""
    before = _before(store)
    commits = Commits(store, "ingest")
    done = commits.done()
    again = [
        (block, key)
        for block in work.blocks
        if block.ingest not in done and (key := str(before.get(block.name, {}).get("key", ""))) in done
    ]
    if not again:
        return None
    seconds = [commits.load(key).get("seconds") for _, key in again]
    known = [one for one in seconds if one is not None]
    size = sum(file.size for block, _ in again for file in block.split.files)
    return Again(len(again), size, sum(known), len(known))


def input_changes(work: Work, store: Store) -> list[str]:
    """Per source how many input files are new, changed or gone since the last build, with some names."""
    before = _before(store)
    if not before:
        return []
    old: dict[str, dict[str, str]] = {}
    new: dict[str, dict[str, str]] = {}
    for name, block in before.items():
        old.setdefault(name.split("/")[0], {}).update(block["files"])
    for one in work.blocks:
        new.setdefault(one.source, {}).update((file.name, file.version) for file in one.split.files)
    return [said for source in sorted(old.keys() | new.keys()) for said in _said(source, old, new)]


def _said(source: str, old: Mapping[str, Mapping[str, str]], new: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    before, now = old.get(source, {}), new.get(source, {})
    kinds = {
        "changed": [name for name in now if name in before and now[name] != before[name]],
        "new": [name for name in now if name not in before],
        "gone": [name for name in before if name not in now],
    }
    for kind, names in kinds.items():
        if names:
            more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
            yield f"{source}: {len(names):,} input files {kind} ({', '.join(sorted(names)[:SHOWN])}{more})"


def _before(store: Store) -> dict[str, dict[str, dict[str, str]]]:
    return dict(orjson.loads(store.read(BLOCKS))) if store.exists(BLOCKS) else {}
