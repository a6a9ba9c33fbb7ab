"""The profile of Prism, Beam's portable runner of one binary."""

from __future__ import annotations

from typing import Literal

from pile_builder.runners.profile import RunnerProfile


class Prism(RunnerProfile):
    """Beam's Prism: one machine, the workers' protocol of a cluster."""

    runner: Literal["prism"] = "prism"
