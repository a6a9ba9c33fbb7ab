"""What the engine wants of a runner."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import apache_beam as beam

Construct = Callable[[beam.Pipeline], object]


def _unsaid(line: str) -> None:
    """Say nothing."""


class Runner(ABC):
    """Runs the pipelines of one build, a job each. What it starts for them stops when its `with` block ends.

    Attributes:
        outlives_driver: whether a job goes on when this process has ended.
        in_process: whether bundles run on threads of this process, which can then share what it holds.
        pool_processes: processes of the extraction pool on a machine that works; 0 stands for its cores.
        say: called with lines for the user.
    """

    outlives_driver = False
    in_process = False
    pool_processes = 0

    def __init__(self) -> None:
        self.say: Callable[[str], None] = _unsaid
        self._started = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._started.close()

    def for_tasks(self, count: int) -> Runner:
        """The runner for a phase of that many independent tasks, if it is another one."""
        return self

    @abstractmethod
    def run(self, construct: Construct, job: str) -> None:
        """Construct a pipeline and run it to its end.

        Args:
            construct: called once with the empty pipeline.
            job: its name, `corpus-phase-fingerprint`: lower-case letters, digits, `-`, `.` and `_`.

        Raises:
            Exception: whatever Beam raises when the job fails.
        """
