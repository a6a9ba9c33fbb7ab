"""The profile of Apache Flink."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pile_builder.runners.portable import PortableProfile


class Flink(PortableProfile):
    """A Flink cluster, or the one inside Beam's job server."""

    runner: Literal["flink"] = "flink"
    master: str = Field(
        "[local]", description="host:port of the JobManager's REST service; [local] is Flink in the job server"
    )
    jvm: tuple[str, ...] = Field(("-Xmx2g",), description="options of the Java machine that the job server runs in")
