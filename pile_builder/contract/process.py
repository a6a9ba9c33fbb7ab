"""Processes in which a source is read for a check: killed when it hangs, and others than the one that asks."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, ParamSpec, TypeVar, cast

from pebble import ProcessExpired

from pile_builder.processes import KillableProcesses

SECONDS = 120
"""Most that one reading may take; more counts as hanging."""
_HASH_SEED, _TIME_ZONE = "4711", "ABC-14"
Given = ParamSpec("Given")
Result = TypeVar("Result")


class ReadingError(Exception):
    """A reading took too long, its process died, or it raised."""


class Readers:
    """Runs functions in another process with another hash seed and time zone, one at a time."""

    def __init__(self) -> None:
        self._pool: Any = None
        self._seed = os.environ.get("PYTHONHASHSEED")

    def __enter__(self) -> Readers:
        # A worker process takes it when it starts, and one starts again when another was killed.
        os.environ["PYTHONHASHSEED"] = _HASH_SEED
        self._pool = KillableProcesses(1, multiprocessing.get_context("spawn"), _travel)
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.stop()
        self._pool.join()
        if self._seed is None:
            del os.environ["PYTHONHASHSEED"]
        else:
            os.environ["PYTHONHASHSEED"] = self._seed

    def call(self, function: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
        """What a function returns there.

        Raises:
            ReadingError: it took more than `SECONDS`, the process died, or the function raised.
        """
        future = self._pool.schedule(function, args=given, kwargs=named, timeout=SECONDS)
        try:
            return cast("Result", future.result())
        except FutureTimeoutError as error:
            msg = f"took more than {SECONDS} s"
            raise ReadingError(msg) from error
        except ProcessExpired as error:
            msg = f"the process died (status {error.exitcode})"
            raise ReadingError(msg) from error
        except Exception as error:
            msg = f"{type(error).__name__}: {error}"
            raise ReadingError(msg) from error


def _travel() -> None:
    """Put this process into another time zone."""
    os.environ["TZ"] = _TIME_ZONE
    time.tzset()
