"""The profile of Flink."""

from __future__ import annotations

from typing import Literal

from pile_builder.runners.profile import RunnerProfile


class Flink(RunnerProfile):
    """Flink."""

    runner: Literal["flink"] = "flink"
