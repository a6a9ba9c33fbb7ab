"""Every runner profile, and finding the one that a command names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from pile_builder.checked_yaml import unknown_word
from pile_builder.errors import ManifestError
from pile_builder.runners.dataflow import Dataflow
from pile_builder.runners.flink import Flink
from pile_builder.runners.prism import Prism
from pile_builder.runners.profile import Direct, RunnerProfile
from pile_builder.runners.spark import Spark

Profile = Annotated[Direct | Flink | Spark | Prism | Dataflow, Field(discriminator="runner")]
RUNNERS: Mapping[str, type[RunnerProfile]] = {
    "direct": Direct,
    "flink": Flink,
    "spark": Spark,
    "prism": Prism,
    "dataflow": Dataflow,
}


def choose_profile(name: str, profiles: Mapping[str, RunnerProfile]) -> RunnerProfile:
    """The manifest's profile of that name, or the built-in one of the runner of that name.

    Raises:
        ManifestError: there is neither, or the built-in profile lacks what has no default.
    """
    if name in profiles:
        return profiles[name]
    if name not in RUNNERS:
        msg = f"--runner: {unknown_word('runner', name, {*RUNNERS, *profiles})}"
        raise ManifestError(msg)
    return RUNNERS[name]()
