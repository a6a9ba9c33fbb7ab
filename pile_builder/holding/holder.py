"""Who works in a folder, as they tell others."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Holder:
    """A process. `since` is by its own clock and for people only: nothing is decided by it."""

    command: str
    pid: int
    host: str
    since: str

    @classmethod
    def here(cls, command: str) -> Holder:
        """This process."""
        return cls(command, os.getpid(), socket.gethostname(), datetime.now(UTC).isoformat(timespec="seconds"))

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Holder:
        """From what `as_json` gave."""
        return cls(str(data["command"]), int(data["pid"]), str(data["host"]), str(data["since"]))

    @classmethod
    def read(cls, data: bytes) -> Holder:
        """From a file that its holder may not have written yet."""
        try:
            return cls.of(orjson.loads(data))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return cls("another command", 0, "an unknown host", "just now")

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    def __str__(self) -> str:
        """For messages."""
        return f"`{self.command}` (process {self.pid} on {self.host}, since {self.since})"
