"""Apache Flink, through Beam's job server for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from apache_beam.options.pipeline_options import FlinkRunnerOptions, PipelineOptions

from pile_builder.pipelines.runners.jar import jar_command
from pile_builder.pipelines.runners.portable import PortableRunner
from pile_builder.runners.flink import Flink


class FlinkRunner(PortableRunner):
    """Runs each phase as a batch job of a Flink cluster, or of the one inside the job server."""

    def __init__(self, profile: Flink, workers: int, flags: Sequence[str] = ()) -> None:
        super().__init__(profile, workers, flags)
        self._profile = profile

    def own_flags(self) -> list[str]:
        """The profile as flags."""
        jar = [f"--flink_job_server_jar={self.program}"] if self.program else []
        return [*super().own_flags(), f"--flink_master={self._profile.master}", *jar]

    def server_command(self, options: PipelineOptions, port: int, folder: Path) -> list[str]:
        """Java, the job server's jar and where Flink is."""
        flink = options.view_as(FlinkRunnerOptions)
        target = f":runners:flink:{flink.flink_version}:job-server:shadowJar"
        arguments = [f"--flink-master={flink.flink_master}"]
        return jar_command(options, self._profile.jvm, flink.flink_job_server_jar, target, arguments, port, folder)
