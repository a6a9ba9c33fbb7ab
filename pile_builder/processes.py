"""pebble's pool of processes, in which no task is lost whose process ended before the pool knew that it had the task.

A process says which task it took, and one thread of the pool reads that; another thread sees processes end. If the
second comes first, pebble finds no task of the ended process and forgets it: the task waits until its time is up, or
the pool gives up. Likewise if a process took one more task just before it was killed (noxdafox/pebble, issue 153).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from multiprocessing.context import BaseContext
from typing import Any

from pebble import ProcessExpired, ProcessPool
from pebble.common import Result, ResultStatus
from pebble.pool.process import PoolManager, dictionary_values

GRACE = 2.0
"""Seconds after the end of a process within which all that it wrote is read."""
LAST = 0.1
"""Seconds that the last message takes from the pipe to the list of tasks."""
_TICK = 0.01


class KillableProcesses(ProcessPool):
    """Processes that tasks may end, or that are killed when a task takes too long; only the task suffers.

    Its future raises `ProcessExpired` or `TimeoutError` then.
    """

    def __init__(
        self,
        workers: int,
        context: BaseContext,
        initializer: Callable[..., object],
        initargs: tuple[Any, ...] = (),
        max_tasks: int = 0,
    ) -> None:
        super().__init__(workers, max_tasks, initializer, initargs, context)
        self._pool_manager = _Manager(self._context, context)


class _Manager(PoolManager):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._codes: dict[int, int] = {}
        self._alone_since: dict[int, float] = {}

    def handle_worker_expiration(self, expiration: tuple[int, int]) -> None:
        worker, code = expiration
        self._codes[worker] = code
        now = time.monotonic()
        end, last = now + GRACE, now + LAST
        while now < min(end, last) and all(task.worker_id != worker for task in self._tasks()):
            time.sleep(_TICK)
            now = time.monotonic()
            last = now + LAST if self.worker_manager.pool_channel.poll(0) else last
        super().handle_worker_expiration(expiration)

    def update_tasks(self) -> None:
        super().update_tasks()
        now, living = time.monotonic(), self.worker_manager.workers
        alone = {task.id: task.worker_id for task in self._tasks() if task.worker_id and task.worker_id not in living}
        self._alone_since = {task: self._alone_since.get(task, now) for task in alone}
        for task, since in self._alone_since.items():
            if now - since > GRACE:
                error = ProcessExpired("Abnormal termination", code=self._codes.get(alone[task], 0), pid=alone[task])
                self.task_manager.task_done(task, Result(ResultStatus.ERROR, error))

    def _tasks(self) -> tuple[Any, ...]:
        tasks: tuple[Any, ...] = dictionary_values(self.task_manager.tasks)
        return tasks
