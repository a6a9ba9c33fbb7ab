"""A phase's pipeline as the job message that Dataflow would get, made by Beam's own translation without a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner as BeamRunner
from apache_beam.runners.dataflow.internal.apiclient import DataflowApplicationClient
from google.cloud import dataflow

from pile_builder.pipelines.runners.runner import Construct
from pile_builder.runners.dataflow import Dataflow
from pile_builder.runners.dataflow_job import JobName, flags

REQUEST_LIMIT = 10 << 20
"""Bytes of a request that creates a job (cloud.google.com/dataflow/quotas); the graph is held to the same."""


@dataclass(frozen=True)
class Translated:
    """A job as Dataflow would get it.

    Attributes:
        job: the message of API v1b3, as JSON-able data.
        phase: of the build.
        request_bytes: of the request that creates the job, as JSON.
        graph_bytes: of the pipeline that is staged beside it.
        steps: transforms of the graph that work, those made of others left out.
        largest: bytes of the largest serialized function, and the step that has it.
    """

    job: dict[str, Any]
    phase: str
    request_bytes: int
    graph_bytes: int
    steps: int
    largest: tuple[int, str]


class _Unstaged(DataflowApplicationClient):
    """Describes jobs as Beam's client does; what it would upload goes nowhere."""

    def stage_file_with_retry(self, *_: Any, **__: Any) -> None:
        """Upload nothing."""


def translate(construct: Construct, profile: Dataflow, job: str, given: Sequence[str] = ()) -> Translated:
    """The job that a runner with this profile would submit.

    Args:
        construct: called once with the empty pipeline.
        profile: of the runner.
        job: the engine's name of it.
        given: further flags for Beam.

    Raises:
        ValueError: Beam refuses the options.
    """
    wanted = JobName.of(job)
    options = PipelineOptions([*flags(profile, wanted), *given, "--dry_run=True", "--no_auth"])
    runner = BeamRunner()
    pipeline = beam.Pipeline(runner=runner, options=options)
    construct(pipeline)
    pipeline.run()
    described = runner.job
    _Unstaged(options).create_job_description(described)
    request = dataflow.CreateJobRequest(project_id=profile.project, location=profile.region, job=described.proto)
    graph = described.proto_pipeline
    return Translated(
        job=dataflow.Job.to_dict(described.proto, use_integers_for_enums=False),
        phase=wanted.phase,
        request_bytes=len(dataflow.CreateJobRequest.to_json(request, indent=None)),
        graph_bytes=graph.ByteSize(),
        steps=sum(not transform.subtransforms for transform in graph.components.transforms.values()),
        largest=max(_functions(graph), default=(0, "")),
    )


def _functions(graph: beam_runner_api_pb2.Pipeline) -> list[tuple[int, str]]:
    """Bytes of each serialized function, and the step that has it."""
    found = []
    for transform in graph.components.transforms.values():
        if transform.spec.urn == common_urns.primitives.PAR_DO.urn:
            payload = beam_runner_api_pb2.ParDoPayload.FromString(transform.spec.payload)
            found.append((len(payload.do_fn.payload), transform.unique_name))
    return found
