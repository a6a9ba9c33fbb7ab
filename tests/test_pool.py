"""The extraction pool: whatever a record does, it costs that record alone."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pebble.pool.process import TaskManager

from pile_builder.errors import PileError
from pile_builder.pool import Extraction, ExtractionPool, Lot
from pile_builder.source import Document, Raw, Reject
from tests.toy_source import Stillborn, Toy, ToyConfig


@pytest.fixture(scope="module")
def pool() -> Iterator[ExtractionPool]:
    made = ExtractionPool({"toy": Extraction(Toy(ToyConfig(inputs=())), seconds=0.5)}, 2, 4 << 30)
    yield made
    made.close()


def outcome(result: Document | Reject) -> str:
    return result.text if isinstance(result, Document) else result.rule


def extract(pool: ExtractionPool, *lines: str) -> list[str]:
    return [outcome(result) for result in pool.submit(Lot("toy", [Raw(line, line.encode()) for line in lines]))()]


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("crash", "crashed"),
        ("exit", "crashed"),
        ("spin", "time_limit"),
        ("raise", "error"),
        ("recurse", "too_deep"),
        ("memory", "memory_limit"),
        ("reject", "unwanted"),
    ],
)
def test_a_guilty_record_is_rejected_alone(pool: ExtractionPool, line: str, rule: str):
    assert extract(pool, "before", line, "after") == ["before", rule, "after"]


def test_text_comes_back_repaired_and_writable(pool: ExtractionPool):
    assert extract(pool, "surrogate", "â€œquotedâ€\u009d", "   ") == [
        "lone ? surrogate  and NUL",
        '"quoted"',
        "no_text",
    ]


def test_lots_come_back_in_order(pool: ExtractionPool):
    waits = [pool.submit(Lot("toy", [Raw("k", line.encode())])) for line in ("sleep", "a", "b", "c")]
    assert [outcome(wait()[0]) for wait in waits] == ["sleep", "a", "b", "c"]


@pytest.mark.parametrize("victims", ["pool processes", "fork server"])
def test_killed_while_idle_the_processes_are_replaced(pool: ExtractionPool, victims: str):
    for _ in range(3):
        waits = [pool.submit(Lot("toy", [Raw("k", b"pid"), Raw("k", b"sleep")])) for _ in range(4)]
        pids = {int(outcome(wait()[0])) for wait in waits}
        for pid in pids if victims == "pool processes" else [parent_of(pids.pop())]:
            os.kill(pid, signal.SIGKILL)
        waits = [pool.submit(Lot("toy", [Raw(line, line.encode())])) for line in ("a", "sleep", "b", "c")]
        assert [outcome(wait()[0]) for wait in waits] == ["a", "sleep", "b", "c"]


@pytest.mark.parametrize("seconds", [0.1, 3])
def test_a_process_that_ends_before_it_is_known_what_it_took_is_no_loss(
    pool: ExtractionPool, monkeypatch: pytest.MonkeyPatch, seconds: float
):
    assert extract(pool, "both are there") == ["both are there"]
    start, started = TaskManager.task_start, []

    def late(manager: TaskManager, task: int, worker: int) -> None:
        started.append(worker)
        if len(started) == 2:
            time.sleep(seconds)
        start(manager, task, worker)

    monkeypatch.setattr(TaskManager, "task_start", late)
    waits = [pool.submit(Lot("toy", [Raw(line, line.encode())])) for line in ("sleep", "exit")]
    assert [outcome(wait()[0]) for wait in waits] == ["sleep", "crashed"]


def test_processes_that_cannot_live_end_the_build():
    pool = ExtractionPool({"toy": Extraction(Stillborn(ToyConfig(inputs=())))}, 1, 4 << 30)
    with pytest.raises(PileError, match="ended 21 times before they began"):
        pool.submit(Lot("toy", [Raw("k", b"text")]))()
    pool.close()


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
