"""The profile of Prism, Beam's portable runner in one binary."""

from __future__ import annotations

from typing import Literal

from pile_builder.runners.portable import PortableProfile


class Prism(PortableProfile):
    """One machine, with the workers' protocol of a cluster."""

    runner: Literal["prism"] = "prism"
