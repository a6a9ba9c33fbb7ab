"""What reviewers decided: `review/labels.jsonl`, a line per decision, appended and on disk before it counts as saved.

A reviewer's last line about a document counts; the lines before are history. A line has no text of the corpus, only the
document's id and what the reviewer wrote.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

import orjson

from pile_builder.errors import PileError
from pile_builder.storage import Store

FILE = "review/labels.jsonl"
MOST_LABELS = 9
"""As many as there are keys from 1 on."""
COMMENT_CHARACTERS = 2000
_NAME_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Decision:
    """One line: a reviewer gave a document a label, a comment, or took them back.

    Attributes:
        id: the document's.
        source: the document's.
        label: None where there is none, or none any more.
        comment: the reviewer's, or empty.
        by: the reviewer.
        when: UTC, ISO 8601.
        seed: of the draw.
    """

    id: str
    source: str
    label: str | None
    comment: str
    by: str
    when: str
    seed: int


class Labels:
    """The decisions of a build's folder. Safe to use from several threads, and by several reviewers at once.

    Attributes:
        damaged: lines that are no decisions, such as one that a crash cut short; they are skipped.
    """

    def __init__(self, store: Store) -> None:
        """Read what is there.

        Raises:
            PileError: the folder is remote; lines can be appended safely on this machine only.
        """
        if not store.is_local:
            msg = f"{store.root}: expected a folder of this machine, where labels are saved one by one; copy the build"
            raise PileError(msg)
        self._path = Path(store.path(FILE))
        self._lock = Lock()
        self.history: list[Decision] = []
        self.damaged = 0
        for line in self._path.read_bytes().split(b"\n") if self._path.exists() else ():
            decision = _decision(line)
            if decision:
                self.history.append(decision)
            else:
                self.damaged += bool(line.strip())

    def add(self, decision: Decision) -> None:
        """Append a decision; when this returns it is on disk."""
        line = orjson.dumps(asdict(decision)) + b"\n"
        with self._lock:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                size = os.fstat(descriptor).st_size
                if size and os.pread(descriptor, 1, size - 1) != b"\n":
                    # A crash cut the last line short; it must not take this one with it.
                    line = b"\n" + line
                written = os.write(descriptor, line)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if written != len(line):
                msg = f"{self._path}: expected to write {len(line)} bytes, wrote {written}: is the disk full?"
                raise OSError(msg)
            self.history.append(decision)

    def of(self, by: str) -> dict[str, Decision]:
        """The last decision of one reviewer about each document, by id."""
        with self._lock:
            return {one.id: one for one in self.history if one.by == by}


def now() -> str:
    """The time of a decision."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def last_labels(history: Iterable[Decision]) -> dict[tuple[str, str], Decision]:
    """What counts: the last decision for each (document, reviewer), in the order of time, without those taken back."""
    last: dict[tuple[str, str], Decision] = {}
    for one in history:
        last.pop((one.id, one.by), None)
        last[one.id, one.by] = one
    return {pair: one for pair, one in last.items() if one.label is not None}


def parse_labels(words: str) -> tuple[str, ...]:
    """Labels from a list with commas.

    Raises:
        PileError: there are none, more than keys, one twice, or one that is too long.
    """
    labels = tuple(label for word in words.split(",") if (label := word.strip()))
    is_distinct = len(set(labels)) == len(labels)
    if not 1 <= len(labels) <= MOST_LABELS or not is_distinct or max(map(len, labels)) > _NAME_CHARACTERS:
        msg = (
            f"--labels: expected 1 to {MOST_LABELS} different labels of at most {_NAME_CHARACTERS} characters with "
            f"commas between them, got {words!r}"
        )
        raise PileError(msg)
    return labels


def _decision(line: bytes) -> Decision | None:
    try:
        data = orjson.loads(line)
        decision = Decision(**{name: data[name] for name in Decision.__dataclass_fields__})
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    texts = (decision.id, decision.source, decision.comment, decision.by, decision.when)
    is_sound = all(isinstance(word, str) for word in texts) and isinstance(decision.label, str | None)
    return decision if is_sound else None
