"""What the profiles of runners behind a Beam job service share: Flink's, Spark's and Prism's."""

from __future__ import annotations

from pydantic import Field

from pile_builder.runners.profile import RunnerProfile


class PortableProfile(RunnerProfile):
    """A runner that takes jobs through a job service and has them worked on by worker pools."""

    job_server: str = Field(
        "", description="a job server's jar or binary to start, or host:port of one that runs; Beam's own if empty"
    )
    worker_pool: str = Field(
        "",
        description="host:port of `pile worker-pool`, as each of the runner's machines sees it; "
        "if empty, one is started on this machine",
    )
    parallelism: int = Field(0, ge=0, description="tasks at a time, all machines together; --workers if 0")
    cores: int = Field(
        0,
        ge=0,
        description="extraction processes of a machine; its cores if 0, --workers where the pool is started here",
    )


def is_endpoint(text: str) -> bool:
    """Whether text is `host:port` rather than a path."""
    host, _, port = text.rpartition(":")
    return bool(host) and port.isdigit() and "/" not in text
