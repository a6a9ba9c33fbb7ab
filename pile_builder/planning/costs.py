"""From core-hours to hours and money: runner profiles, by default those of profiles.yaml beside this module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from math import exp, log, sqrt
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import BeforeValidator, Field, ValidationError

from pile_builder.checked_yaml import Model, explain, read_yaml, unknown_word
from pile_builder.errors import ManifestError
from pile_builder.planning.estimates import Estimate
from pile_builder.threads import cores

HOURS_PER_MINUTE = 1 / 60
NO_HOURS: Final = Estimate(0.0, 0.0, 0.0)


class Price(Model):
    """A price, when it was that, and who said so. Where a number is wanted, the number alone will do."""

    price: float = Field(ge=0, description="in the profile's currency")
    as_of: str = Field("", description="date of the price; the profile's `priced` if empty")
    source: str = Field("", description="where it was read")


def _as_price(given: Any) -> Any:
    if isinstance(given, dict) and isinstance(given.get("as_of"), date):
        # YAML reads a date as one.
        return {**given, "as_of": given["as_of"].isoformat()}
    return {"price": given} if isinstance(given, int | float | str) else given


Priced = Annotated[Price, BeforeValidator(_as_price)]
NOTHING: Final = Price(price=0)


class Profile(Model):
    """A kind of machine, how many of them, and their prices."""

    like: str = Field("", description="a profile of the package, whose values stand for what is not given")
    description: str = ""
    workers: int = Field(ge=1, description="machines")
    vcpus: int = Field(
        default_factory=cores,
        ge=1,
        description="virtual CPUs of a machine; this one's if not given",
    )
    memory_gb: float = Field(gt=0, description="memory of a machine")
    disk_gb: float = Field(0, ge=0, description="disk of a machine")
    vcpu_hour: Priced = Field(description="price of a virtual CPU for an hour")
    memory_gb_hour: Priced = Field(NOTHING, description="price of a gigabyte of memory for an hour")
    disk_gb_hour: Priced = Field(NOTHING, description="price of a gigabyte of disk for an hour")
    currency: str = "USD"
    priced: str = Field("", description="date and source of the prices that don't say their own")
    vcpu_speed: float = Field(gt=0, description="speed of a virtual CPU; 1 is the core that measured the sample")
    busy: float = Field(0.9, gt=0, le=1, description="share of paid time in which workers work")
    phase_minutes: float = Field(0, ge=0, description="minutes that each phase takes whatever its size")
    spread: float = Field(1.2, ge=1, description="factor either way that vcpu_speed may be wrong by")

    @property
    def worker_hour(self) -> float:
        """Price of one machine for an hour."""
        amounts = (self.vcpus, self.memory_gb, self.disk_gb)
        return sum(amount * one.price for amount, one in zip(amounts, self.prices.values(), strict=True))

    @property
    def prices(self) -> dict[str, Price]:
        """What is paid for: a virtual CPU, a gigabyte of memory, one of disk, each for an hour."""
        return {"vCPU": self.vcpu_hour, "GB of memory": self.memory_gb_hour, "GB of disk": self.disk_gb_hour}

    def said(self, price: Price) -> str:
        """Date and source of one of its prices."""
        return ", ".join(part for part in (price.as_of, price.source) if part) or self.priced or "nobody says"

    @property
    def price_dates(self) -> str:
        """Dates and sources of its prices, and what the profile says of them."""
        said = dict.fromkeys(self.said(price) for price in self.prices.values())
        return "; ".join(dict.fromkeys([*said, *([self.priced] if self.priced else [])]))


@dataclass(frozen=True)
class Cost:
    """What a build takes on a profile's machines."""

    hours: Estimate
    price: Estimate


def load_profile(name: str, workers: int | None = None) -> Profile:
    """A profile of the package by name, or the one in a YAML file; `workers` replaces its number of machines.

    A file that says `like: dataflow` gives what it changes of that profile, prices for instance.

    Raises:
        ManifestError: there is no such profile or file, or a field of it is wrong.
    """
    own = Path(name)
    if own.suffix in (".yaml", ".yml"):
        where, data = name, read_yaml(own, Profile)
        if data.get("like"):
            data = {**_known_profile(str(data["like"]), f"{name}: like"), **data}
    else:
        where, data = f"profile {name}", _known_profile(name, "--runner")
    try:
        profile = Profile.model_validate(data)
    except ValidationError as error:
        raise ManifestError("\n".join(explain(where, Profile, error))) from error
    return profile.model_copy(update={"workers": workers}) if workers else profile


def price_of(core_hours: Estimate, phases: int, profile: Profile, driver: Estimate = NO_HOURS) -> Cost:
    """Hours and price of a build.

    hours = core-hours / (workers vcpus vcpu_speed busy) + driver / vcpu_speed + phases x phase_minutes; price = hours x
    workers x price of a machine's hour, as if workers waited for the driver. The interval joins that of the core-hours
    with the profile's `spread`: logarithms squared and added.

    Args:
        core_hours: of work that workers share, on the machine that measured the sample.
        phases: that run one after the other.
        profile: where it runs.
        driver: core-hours of work that one core does while nobody else works.
    """
    shared = core_hours.scaled(1 / (profile.workers * profile.vcpus * profile.vcpu_speed * profile.busy))
    alone = driver.scaled(1 / profile.vcpu_speed)
    work = Estimate(*(getattr(shared, end) + getattr(alone, end) for end in ("value", "low", "high")))
    fixed = phases * profile.phase_minutes * HOURS_PER_MINUTE
    spread = log(profile.spread)
    down = sqrt(_ratio(work.value, work.low) ** 2 + spread**2)
    up = sqrt(_ratio(work.high, work.value) ** 2 + spread**2)
    hours = Estimate(work.value + fixed, work.value * exp(-down) + fixed, work.value * exp(up) + fixed)
    return Cost(hours, hours.scaled(profile.workers * profile.worker_hour))


def describe(profile: Profile) -> Mapping[str, object]:
    """A profile with the price of a machine's hour, and of each price what it is and who said so, for reports."""
    prices = {name: {"price": one.price, "said": profile.said(one)} for name, one in profile.prices.items()}
    return {**profile.model_dump(mode="json"), "worker_hour": profile.worker_hour, "prices": prices}


def _known_profile(name: str, where: str) -> dict[str, Any]:
    known = yaml.safe_load((files("pile_builder.planning") / "profiles.yaml").read_text(encoding="utf-8"))
    if name not in known:
        msg = f"{where}: {unknown_word('profile', name, known)}; or the name of a .yaml file with a profile"
        raise ManifestError(msg)
    found: dict[str, Any] = known[name]
    return found


def _ratio(larger: float, smaller: float) -> float:
    return log(larger / smaller) if smaller > 0 else 0.0
