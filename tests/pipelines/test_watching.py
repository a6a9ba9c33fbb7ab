"""Looking how far a phase is costs little, wherever it is looked."""

from itertools import accumulate
from pathlib import Path

import pytest

from pile_builder.commits import Commits
from pile_builder.pipelines import engine
from pile_builder.pipelines.engine import RunOptions
from pile_builder.storage import Store


class Waits(list[float]):
    """Stands for an event that is set after the given number of waits."""

    def __init__(self, number: int) -> None:
        self.number = number

    def wait(self, seconds: float) -> bool:
        self.append(seconds)
        return len(self) > self.number


@pytest.mark.parametrize(
    ("root", "expected"), [("here", [0.2, 0.2, 20, 60, 0.2]), ("memory://watched", [5, 5, 20, 60, 5])]
)
def test_slow_looks_are_taken_seldom(root: str, expected: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """At most a twentieth of the time, but once a minute, and on an object store every five seconds."""
    store = Store(root if "://" in root else str(tmp_path / root))
    watching = engine._watching(Commits(store, "select"), [], RunOptions())
    watching._over = waits = Waits(4)
    took = (0.001, 1, 100, 0.001)
    clock = iter([0, *accumulate(part for one in took for part in (one, 0.5))])
    monkeypatch.setattr(engine.time, "monotonic", lambda: next(clock))
    watching._watch()
    assert list(waits) == pytest.approx(expected)


def test_notes_of_finished_tasks_are_read_once_more(monkeypatch: pytest.MonkeyPatch):
    commits = Commits(Store("memory://noted"), "ingest")
    shown: list[tuple[int, int]] = []
    options = RunOptions(watch=lambda _phase, done, _total, records: shown.append((done, records)))
    monkeypatch.setattr("pile_builder.commits.REMOTE_NOTE_SECONDS", 0)
    read: list[str] = []
    look = Commits._noted
    monkeypatch.setattr(Commits, "_noted", lambda self, key: read.append(key) or look(self, key))
    watching = engine._watching(commits, ["a", "b"], options)
    note = commits.noting("a")
    note(10)
    commits.noting("b")(5)
    watching._report()
    note(20)
    commits.put("a", {})
    for _ in range(3):
        watching._report()
    assert shown == [(0, 15), (1, 25), (1, 25), (1, 25)]
    assert read.count("a") == 2
    commits.forget_run()
    assert not commits.state().noted
