"""The profile of Dataflow."""

from __future__ import annotations

from typing import Literal

from pile_builder.runners.profile import RunnerProfile


class Dataflow(RunnerProfile):
    """Dataflow."""

    runner: Literal["dataflow"] = "dataflow"
