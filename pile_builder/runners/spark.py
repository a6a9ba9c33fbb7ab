"""The profile of Apache Spark."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pile_builder.runners.portable import PortableProfile


class Spark(PortableProfile):
    """A Spark cluster, or the one inside Beam's job server."""

    runner: Literal["spark"] = "spark"
    master: str = Field("", description="Spark's master URL; Spark in the job server if empty")
    jvm: tuple[str, ...] = Field(("-Xmx2g",), description="options of the Java machine that the job server runs in")
