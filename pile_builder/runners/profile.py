"""What every runner profile has, and the profile of Beam's own runner."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pile_builder.checked_yaml import Model


class RunnerProfile(Model):
    """Where and how a build's phases run."""

    flags: tuple[str, ...] = Field((), description="flags for Beam as they are, before those after -- on the command")


class Direct(RunnerProfile):
    """Beam's own runner in this process: the default."""

    runner: Literal["direct"] = "direct"
    mode: Literal["in_memory", "multi_processing"] = Field(
        "in_memory", description="bundles on threads of this process, or in processes that it starts"
    )
