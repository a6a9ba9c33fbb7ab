"""The command that a cluster's machines run beside Flink's or Spark's own processes."""

from __future__ import annotations

from typing import Annotated

import typer


def worker_pool(
    port: Annotated[int, typer.Option(help="port to listen on; a runner profile's worker_pool names it")] = 50000,
    host: Annotated[
        str, typer.Option(help="address to listen on; the runner's own process on the same machine is who asks")
    ] = "localhost",
) -> None:
    """Serve workers to Flink, Spark or Prism on this machine, until it is told to stop."""
    from pile_builder.allocator import return_freed_memory

    return_freed_memory()
    from pile_builder.pipelines.runners.worker_pool import serve

    serve(port, host)
