"""Job servers that are a jar: Flink's and Spark's."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from apache_beam.options.pipeline_options import JobServerOptions, PipelineOptions
from apache_beam.runners.portability.job_server import JavaJarJobServer
from apache_beam.version import __version__ as beam_version

from pile_builder.errors import BuildError


def jar_command(
    options: PipelineOptions,
    jvm: Sequence[str],
    jar: str,
    gradle_target: str,
    arguments: Sequence[str],
    port: int,
    folder: Path,
) -> list[str]:
    """The command that starts a job server.

    Args:
        options: Beam's, for what they say of Java.
        jvm: options of the Java machine.
        jar: path or URL; if empty, Beam fetches the jar of its own version that `gradle_target` makes.
        gradle_target: Beam's name for the jar.
        arguments: of the runner's own.
        port: to listen on.
        folder: for what jobs bring along.

    Raises:
        BuildError: there is no Java here, or the jar cannot be had.
    """
    asked = options.view_as(JobServerOptions)
    java = shutil.which(asked.job_server_java_launcher)
    if not java:
        msg = (
            f"Flink's and Spark's job servers need Java 11 or 17; there is no {asked.job_server_java_launcher!r} here. "
            "Install it, or name a job server that runs: `job_server: HOST:PORT` in the runner's profile"
        )
        raise BuildError(msg)
    return [
        java,
        *jvm,
        *asked.job_server_jvm_properties,
        "-jar",
        _local(jar, gradle_target, asked.jar_cache_dir),
        *arguments,
        f"--job-port={port}",
        f"--artifact-port={asked.artifact_port}",
        f"--expansion-port={asked.expansion_port}",
        f"--artifacts-dir={asked.artifacts_dir or folder / 'artifacts'}",
    ]


def _local(jar: str, gradle_target: str, cache: str | None) -> str:
    if jar and "://" not in jar:
        if not Path(jar).is_file():
            msg = f"job_server: expected a jar or HOST:PORT, got {jar!r}, and there is no such file"
            raise BuildError(msg)
        return jar
    wanted = jar or JavaJarJobServer.path_to_beam_jar(gradle_target)
    try:
        return str(JavaJarJobServer.local_jar(wanted, cache))
    except Exception as error:  # Beam raises whatever its HTTP client did.
        name = wanted.rsplit("/", 1)[-1]
        msg = (
            f"Beam {beam_version} could not fetch its job server {name} ({error}); get that file, or make another with "
            "`make flink-jar` or `make spark-jar`, and name it in the runner's profile: `job_server: PATH`"
        )
        raise BuildError(msg) from error
