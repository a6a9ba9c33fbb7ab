"""What every runner profile has, and the profiles of the runners that need nothing but this machine."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pile_builder.checked_yaml import Model


class RunnerProfile(Model):
    """Where and how a build's phases run."""

    flags: tuple[str, ...] = Field((), description="flags for Beam as they are, before those after -- on the command")

    @property
    def is_here(self) -> bool:
        """Whether phases run in processes that the build itself starts on this machine."""
        return False


class Direct(RunnerProfile):
    """Beam's own runner in this process: the default."""

    runner: Literal["direct"] = "direct"
    mode: Literal["in_memory", "multi_processing"] = Field(
        "in_memory", description="bundles on threads of this process, or in processes that it starts"
    )

    @property
    def is_here(self) -> bool:
        """Always."""
        return True
