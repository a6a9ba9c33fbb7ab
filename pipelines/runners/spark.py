"""Apache Spark, through Beam's job server for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from apache_beam.options.pipeline_options import PipelineOptions, SparkRunnerOptions
from apache_beam.runners.portability.spark_runner import SPARK_JAR_JOB_SERVER_JVM_ARGS

from pile_builder.pipelines.runners.jar import jar_command
from pile_builder.pipelines.runners.portable import PortableRunner
from pile_builder.runners.spark import Spark


class SparkRunner(PortableRunner):
    """Runs each phase as a job of a Spark cluster, or of the one inside the job server."""

    def __init__(self, profile: Spark, workers: int, flags: Sequence[str] = ()) -> None:
        super().__init__(profile, workers, flags)
        self._profile = profile

    def own_flags(self) -> list[str]:
        """The profile as flags."""
        master = self._profile.master or f"local[{self.parallelism}]"
        jar = [f"--spark_job_server_jar={self.program}"] if self.program else []
        return [*super().own_flags(), f"--spark_master_url={master}", *jar]

    def server_command(self, options: PipelineOptions, port: int, folder: Path) -> list[str]:
        """Java, the job server's jar and where Spark is."""
        spark = options.view_as(SparkRunnerOptions)
        # What Spark 3 reaches into, Java 17 has closed.
        jvm = [*self._profile.jvm, *SPARK_JAR_JOB_SERVER_JVM_ARGS]
        target = ":runners:spark:3:job-server:shadowJar"
        arguments = [f"--spark-master-url={spark.spark_master_url}"]
        return jar_command(options, jvm, spark.spark_job_server_jar, target, arguments, port, folder)
