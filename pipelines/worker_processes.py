"""Processes in which Beam runs a phase beside this one: they end with it, and one that ends early is noticed."""

from __future__ import annotations

import shlex
import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from apache_beam.transforms.environments import SubprocessSDKEnvironment

from pile_builder.errors import PileError

_THREAD = "run_worker"
"""Name of the threads in which Beam waits for the processes."""


class WorkerLostError(PileError):
    """A worker process ended while it was needed."""


def worker_environment() -> SubprocessSDKEnvironment:
    """How Beam starts a worker: without a shell in between that would outlive this process."""
    command = f"exec {shlex.quote(sys.executable)} -m pile_builder.pipelines.worker_processes"
    return SubprocessSDKEnvironment.from_command_string(command)


def run_watched(run: Callable[[], object]) -> None:
    """Call `run`, which runs a pipeline on worker processes; Beam would wait for ever for one that is gone.

    Raises:
        WorkerLostError: a process ended before its work was done.
    """
    outcome: SimpleQueue[BaseException | None] = SimpleQueue()
    before = threading.excepthook

    def notice(failure: Any) -> None:
        if failure.thread and failure.thread.name == _THREAD:
            outcome.put(WorkerLostError(str(failure.exc_value)))
        else:
            before(failure)

    def work() -> None:
        try:
            run()
        except BaseException as error:  # Raised in the thread that waits.
            outcome.put(error)
        else:
            outcome.put(None)

    threading.excepthook = notice
    try:
        threading.Thread(target=work, daemon=True).start()
        if error := outcome.get():
            raise error
    finally:
        threading.excepthook = before


if __name__ == "__main__":
    from pile_builder.forkserver import end_with_parent
    from pile_builder.startup import importing

    end_with_parent()
    with importing():
        from apache_beam.runners.worker.sdk_worker_main import main
    main(sys.argv)
