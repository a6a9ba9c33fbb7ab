"""The profile of Spark."""

from __future__ import annotations

from typing import Literal

from pile_builder.runners.profile import RunnerProfile


class Spark(RunnerProfile):
    """Spark."""

    runner: Literal["spark"] = "spark"
