"""From core-hours to hours and money: runner profiles, by default those of profiles.yaml beside this module."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from math import exp, log, sqrt
from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from pile_builder.checked_yaml import Model, explain, read_yaml, unknown_word
from pile_builder.errors import ManifestError
from pile_builder.planning.estimates import Estimate

HOURS_PER_MINUTE = 1 / 60


class Profile(Model):
    """A kind of machine, how many of them, and their prices."""

    description: str = ""
    workers: int = Field(ge=1, description="machines")
    vcpus: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        description="virtual CPUs of a machine; this one's if not given",
    )
    memory_gb: float = Field(gt=0, description="memory of a machine")
    disk_gb: float = Field(0, ge=0, description="disk of a machine")
    vcpu_hour: float = Field(ge=0, description="price of a virtual CPU for an hour")
    memory_gb_hour: float = Field(0, ge=0, description="price of a gigabyte of memory for an hour")
    disk_gb_hour: float = Field(0, ge=0, description="price of a gigabyte of disk for an hour")
    currency: str = "USD"
    priced: str = Field(description="date and source of the prices")
    vcpu_speed: float = Field(gt=0, description="speed of a virtual CPU; 1 is the core that measured the sample")
    busy: float = Field(0.9, gt=0, le=1, description="share of paid time in which workers work")
    phase_minutes: float = Field(0, ge=0, description="minutes that each phase takes whatever its size")
    spread: float = Field(1.2, ge=1, description="factor either way that vcpu_speed may be wrong by")

    @property
    def worker_hour(self) -> float:
        """Price of one machine for an hour."""
        return self.vcpus * self.vcpu_hour + self.memory_gb * self.memory_gb_hour + self.disk_gb * self.disk_gb_hour


@dataclass(frozen=True)
class Cost:
    """What a build takes on a profile's machines."""

    hours: Estimate
    price: Estimate


def load_profile(name: str, workers: int | None = None) -> Profile:
    """A profile of the package by name, or the one in a YAML file; `workers` replaces its number of machines.

    Raises:
        ManifestError: there is no such profile or file, or a field of it is wrong.
    """
    own = Path(name)
    if own.suffix in (".yaml", ".yml"):
        where, data = name, read_yaml(own, Profile)
    else:
        known = yaml.safe_load((files("pile_builder.planning") / "profiles.yaml").read_text(encoding="utf-8"))
        if name not in known:
            msg = f"--runner: {unknown_word('profile', name, known)}; or the name of a .yaml file with a profile"
            raise ManifestError(msg)
        where, data = f"profile {name}", known[name]
    try:
        profile = Profile.model_validate(data)
    except ValidationError as error:
        raise ManifestError("\n".join(explain(where, Profile, error))) from error
    return profile.model_copy(update={"workers": workers}) if workers else profile


def price_of(core_hours: Estimate, phases: int, profile: Profile) -> Cost:
    """Hours and price of a build.

    hours = core-hours / (workers vcpus vcpu_speed busy) + phases x phase_minutes; price = hours x workers x price of a
    machine's hour. The interval joins that of the core-hours with the profile's `spread`: logarithms squared and added.

    Args:
        core_hours: on the machine that measured the sample.
        phases: that run one after the other.
        profile: where it runs.
    """
    speed = profile.workers * profile.vcpus * profile.vcpu_speed * profile.busy
    fixed = phases * profile.phase_minutes * HOURS_PER_MINUTE
    spread = log(profile.spread)
    work = core_hours.value / speed
    down = sqrt(_ratio(core_hours.value, core_hours.low) ** 2 + spread**2)
    up = sqrt(_ratio(core_hours.high, core_hours.value) ** 2 + spread**2)
    hours = Estimate(work + fixed, work * exp(-down) + fixed, work * exp(up) + fixed)
    return Cost(hours, hours.scaled(profile.workers * profile.worker_hour))


def describe(profile: Profile) -> Mapping[str, object]:
    """A profile with the price of a machine's hour, for reports."""
    return {**profile.model_dump(mode="json"), "worker_hour": profile.worker_hour}


def _ratio(larger: float, smaller: float) -> float:
    return log(larger / smaller) if smaller > 0 else 0.0
