"""Beam's own local runner, without a job server: FnApiRunner, constructed explicitly.

DirectRunner may try to fetch another engine.
"""

from __future__ import annotations

from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import fn_runner

from pile_builder.pipelines.runners.runner import Construct, Runner
from pile_builder.pipelines.worker_processes import run_watched, worker_environment
from pile_builder.runners.profile import Direct

THREADS = 6
"""Workers that one process can keep busy: with the default extractor it feeds four to six extraction processes before
its threads wait for the interpreter's lock (`python -m benchmarks busy`)."""
ROUNDS = 2
"""Tasks for each worker from which on processes are worth their start, and share the work evenly."""
POOL_PROCESSES = 1
"""Extraction processes beside each worker process, which waits for it most of the time."""


class DirectRunner(Runner):
    """Runs bundles on `workers` threads of this process, or in as many processes."""

    def __init__(self, profile: Direct, workers: int, flags: Sequence[str] = ()) -> None:
        super().__init__()
        self.in_process = profile.mode != "multi_processing"
        self.pool_processes = workers if self.in_process else POOL_PROCESSES
        self._given = (profile, workers, flags)
        # Processes are ours to start: Beam's would outlive this one, and it would wait for one that is gone.
        self._flags = [f"--direct_num_workers={workers}", "--direct_running_mode=in_memory"]
        self._flags += [*profile.flags, *flags]

    def for_tasks(self, count: int) -> Runner:
        """With the mode `auto`, processes for many workers with enough to do, else threads."""
        profile, workers, flags = self._given
        if profile.mode != "auto":
            return self
        are_many = workers > THREADS and count >= ROUNDS * workers
        mode = "multi_processing" if are_many else "in_memory"
        return DirectRunner(profile.model_copy(update={"mode": mode}), workers, flags)

    def run(self, construct: Construct, job: str) -> None:
        """Construct a pipeline and run it to its end.

        Raises:
            WorkerLostError: a process ended before its work was done.
        """
        options = PipelineOptions([*self._flags, f"--job_name={job}"])
        runner = fn_runner.FnApiRunner(default_environment=None if self.in_process else worker_environment())
        pipeline = beam.Pipeline(runner=runner, options=options)
        construct(pipeline)
        if self.in_process:
            pipeline.run().wait_until_finish()
        else:
            run_watched(lambda: pipeline.run().wait_until_finish())
