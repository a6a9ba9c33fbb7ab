"""The calls to Dataflow that Beam's runner does not make: which jobs are there, how one is, what it took, cancel it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import google.auth
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions
from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import GoogleAPICallError, Unauthenticated
from google.api_core.retry import Retry
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud import dataflow

from pile_builder.errors import PileError

RETRY_SECONDS = 600
"""A job goes on while its driver cannot reach the service; so long the driver tries again."""
VCPU_SECONDS = "TotalVcpuTime"
"""Dataflow's metric of a job: seconds that its workers existed, times their vCPUs."""
ERRORS = 5
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_LOCAL = re.compile(r"https?://(localhost|127\.0\.0\.1)\b")
_RETRY = Retry(timeout=RETRY_SECONDS)


class JobsClient:
    """Jobs of one project and region."""

    def __init__(self, options: PipelineOptions) -> None:
        self._cloud = options.view_as(GoogleCloudOptions)
        endpoint = (self._cloud.dataflow_endpoint or "").strip().rstrip("/")
        is_local = bool(_LOCAL.match(endpoint))
        credentials = AnonymousCredentials() if self._cloud.no_auth else _credentials()  # type: ignore[no-untyped-call]
        how: dict[str, Any] = {
            "credentials": credentials,
            "client_options": ClientOptions(api_endpoint=endpoint if is_local else re.sub("^https?://", "", endpoint)),
            "transport": "rest" if is_local else None,
        }
        self._jobs = dataflow.JobsV1Beta3Client(**how)
        self._metrics = dataflow.MetricsV1Beta3Client(**how)
        self._messages = dataflow.MessagesV1Beta3Client(**how)

    def active(self) -> list[Any]:
        """The jobs that have not ended: messages with `id`, `name`, `labels` and `current_state`.

        Raises:
            PileError: the service refuses.
        """
        wanted = dataflow.ListJobsRequest(**self._place, filter=dataflow.ListJobsRequest.Filter.ACTIVE)
        try:
            return list(self._jobs.list_jobs(wanted, retry=_RETRY))
        except (GoogleAPICallError, GoogleAuthError) as error:
            raise self._refused(error) from error

    def get(self, job: str) -> Any:
        """A job by its id."""
        request = dataflow.GetJobRequest(**self._place, job_id=job)
        try:
            return self._jobs.get_job(request, retry=_RETRY)
        except (GoogleAPICallError, GoogleAuthError) as error:
            raise self._refused(error) from error

    def cancel(self, job: str) -> None:
        """Ask for a job to be cancelled."""
        wanted = dataflow.Job(requested_state=dataflow.JobState.JOB_STATE_CANCELLED)
        request = dataflow.UpdateJobRequest(**self._place, job_id=job, job=wanted)
        try:
            self._jobs.update_job(request, retry=_RETRY)
        except (GoogleAPICallError, GoogleAuthError) as error:
            raise self._refused(error) from error

    def vcpu_hours(self, job: str) -> float | None:
        """Hours that vCPUs have worked for a job so far, None if the service does not say yet."""
        request = dataflow.GetJobMetricsRequest(**self._place, job_id=job)
        found = self._metrics.get_job_metrics(request, retry=_RETRY)
        values = [float(one.scalar) for one in found.metrics if one.name.name == VCPU_SECONDS and one.scalar]
        return max(values) / 3600 if values else None

    def errors(self, job: str) -> Sequence[str]:
        """The last error messages of a job, oldest first."""
        request = dataflow.ListJobMessagesRequest(
            **self._place, job_id=job, minimum_importance=dataflow.JobMessageImportance.JOB_MESSAGE_ERROR
        )
        return [one.message_text for one in self._messages.list_job_messages(request, retry=_RETRY)][-ERRORS:]

    def console(self, job: str) -> str:
        """Where a job can be looked at."""
        return (
            f"https://console.cloud.google.com/dataflow/jobs/{self._cloud.region}/{job}?project={self._cloud.project}"
        )

    @property
    def _place(self) -> dict[str, str]:
        return {"project_id": self._cloud.project, "location": self._cloud.region}

    def _refused(self, error: Exception) -> PileError:
        is_login = isinstance(error, (Unauthenticated, GoogleAuthError))
        fix = (
            "log in with `gcloud auth application-default login`"
            if is_login
            else "check project, region, that the Dataflow API is enabled, and your role (roles/dataflow.developer)"
        )
        return PileError(f"Dataflow in {self._cloud.project}, {self._cloud.region}: {error}; {fix}")


def named(jobs: Sequence[Any], name: str) -> Iterator[Any]:
    """Those of some jobs that have a name."""
    return (job for job in jobs if job.name == name)


def _credentials() -> Any:
    try:
        return google.auth.default(scopes=[_SCOPE])[0]
    except GoogleAuthError as error:
        msg = f"no credentials for Google Cloud: {error} Log in with `gcloud auth application-default login`"
        raise PileError(msg) from error
