"""Runners behind a Beam job service: a server takes the jobs, worker pools on the runner's machines do the work."""

from __future__ import annotations

import sys
import tempfile
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions
from apache_beam.runners.portability import portable_runner

from pile_builder.errors import BuildError
from pile_builder.pipelines.runners.attended import Attended, free_port
from pile_builder.pipelines.runners.runner import Construct, Runner
from pile_builder.runners.portable import PortableProfile, is_endpoint

START_SECONDS = 120
"""A server that does not listen after this long is given up."""


class PortableRunner(Runner):
    """Starts what neither profile nor flags say is running: a job server, a worker pool. Both serve a whole build.

    Attributes:
        parallelism: tasks at a time, all machines together.
        program: the job server's jar or binary; Beam's own if empty.
    """

    def __init__(self, profile: PortableProfile, workers: int, flags: Sequence[str] = ()) -> None:
        super().__init__()
        self.parallelism = profile.parallelism or workers
        self.pool_processes = profile.cores if profile.worker_pool else profile.cores or workers
        self._flags = [
            # One process per machine, whose threads share models, kernels and the extraction pool.
            "--sdk_worker_parallelism=1",
            f"--parallelism={self.parallelism}",
            *([f"--job_endpoint={profile.job_server}"] if is_endpoint(profile.job_server) else []),
            *(_external(profile.worker_pool) if profile.worker_pool else []),
        ]
        self.program = "" if is_endpoint(profile.job_server) else profile.job_server
        self._given = [*profile.flags, *flags]
        self._servers: list[str] | None = None

    def own_flags(self) -> list[str]:
        """The profile as flags for Beam; those of the command come after them and win."""
        return self._flags

    @abstractmethod
    def server_command(self, options: PipelineOptions, port: int, folder: Path) -> list[str]:
        """The command that starts a job server on a port of this machine; it may write to a folder.

        Raises:
            BuildError: something that it needs is missing.
        """

    def run(self, construct: Construct, job: str) -> None:
        """Construct a pipeline, hand it to the job server and wait for its end; an interrupted wait cancels it."""
        if self._servers is None:
            self._servers = self._start()
        flags = [*self.own_flags(), *self._given, *self._servers, f"--job_name={job}"]
        pipeline = beam.Pipeline(runner=portable_runner.PortableRunner(), options=PipelineOptions(flags))
        construct(pipeline)
        result = pipeline.run()
        try:
            result.wait_until_finish()
        except KeyboardInterrupt:
            result.cancel()
            raise

    def _start(self) -> list[str]:
        """Start what is not running; returns the flags that say where it is."""
        options = PipelineOptions([*self.own_flags(), *self._given])
        portable = options.view_as(PortableOptions)
        folder = Path(self._started.enter_context(tempfile.TemporaryDirectory(prefix="pile-runner-")))
        starting: list[tuple[str, Attended, int]] = []
        flags = []
        if not portable.environment_type:
            port = free_port()
            command = [sys.executable, "-m", "pile_builder.cli", "worker-pool", f"--port={port}"]
            starting.append(("worker pool", self._attended(command, folder / "worker-pool.log"), port))
            flags += _external(f"localhost:{port}")
        if not portable.job_endpoint:
            port = free_port()
            command = self.server_command(options, port, folder)
            starting.append(("job server", self._attended(command, folder / "job-server.log"), port))
            flags.append(f"--job_endpoint=localhost:{port}")
        for name, process, port in starting:
            if not process.wait_for_port(port, START_SECONDS):
                msg = f"the {name} does not listen after {START_SECONDS} seconds; it said:\n{process.tail()}"
                raise BuildError(msg)
        return flags

    def _attended(self, command: Sequence[str], log: Path) -> Attended:
        process = Attended(command, log)
        self._started.callback(process.stop)
        return process


def _external(pool: str) -> list[str]:
    """Flags for workers from a pool at `host:port`."""
    return ["--environment_type=EXTERNAL", f"--environment_config={pool}"]
