"""Processes in which a source is read for a check: killed when it hangs, and others than the one that asks."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, ParamSpec, TypeVar, cast

from pebble import ProcessExpired, ProcessPool

SECONDS = 120
"""Most that one reading may take; more counts as hanging."""
_OTHER = {"PYTHONHASHSEED": "4711", "TZ": "ABC-14"}
Given = ParamSpec("Given")
Result = TypeVar("Result")


class ReadingError(Exception):
    """A reading took too long, its process died, or it raised."""


class Readers:
    """Runs functions in another process with another hash seed and time zone, one at a time."""

    def __init__(self) -> None:
        self._pool: Any = None
        self._before: dict[str, str | None] = {}

    def __enter__(self) -> Readers:
        # A worker process takes these when it starts, and starts again when it was killed.
        self._before = {name: os.environ.get(name) for name in _OTHER}
        os.environ.update(_OTHER)
        self._pool = ProcessPool(max_workers=1, context=multiprocessing.get_context("spawn"))
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.stop()
        self._pool.join()
        for name, value in self._before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

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
