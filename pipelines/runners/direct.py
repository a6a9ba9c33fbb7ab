"""Beam's own local runner, without a job server: FnApiRunner, constructed explicitly.

DirectRunner may try to fetch another engine.
"""

from __future__ import annotations

from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import fn_runner

from pile_builder.pipelines.runners.runner import Construct, Runner
from pile_builder.runners.profile import Direct


class DirectRunner(Runner):
    """Runs bundles on `workers` threads of this process, or in as many processes."""

    def __init__(self, profile: Direct, workers: int, flags: Sequence[str] = ()) -> None:
        super().__init__()
        self.in_process = profile.mode == "in_memory"
        self.pool_processes = workers
        self._flags = [f"--direct_num_workers={workers}", f"--direct_running_mode={profile.mode}"]
        self._flags += [*profile.flags, *flags]

    def run(self, construct: Construct, job: str) -> None:
        """Construct a pipeline and run it to its end."""
        options = PipelineOptions([*self._flags, f"--job_name={job}"])
        pipeline = beam.Pipeline(runner=fn_runner.FnApiRunner(), options=options)
        construct(pipeline)
        pipeline.run().wait_until_finish()
