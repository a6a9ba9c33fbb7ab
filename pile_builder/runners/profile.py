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
    mode: Literal["auto", "in_memory", "multi_processing"] = Field(
        "auto",
        description="bundles on threads of this process (in_memory), or in processes that it starts"
        " (multi_processing); auto takes processes for more than 6 workers with two tasks of a phase each",
    )
