"""Google Cloud Dataflow: a job a phase, that outlives its driver, and a budget.

A job's name is made of corpus, phase and fingerprint. So a driver that is started again finds the job that is still at
work and waits for it. Commit records say what is done, whatever became of driver or job.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner as BeamRunner
from apache_beam.runners.dataflow.internal.apiclient import DataflowJobAlreadyExistsError
from google.api_core.exceptions import AlreadyExists

from pile_builder.errors import BudgetError, BuildError, ManifestError
from pile_builder.pipelines.runners.dataflow_api import JobsClient, named
from pile_builder.pipelines.runners.runner import Construct, Runner
from pile_builder.planning.costs import load_profile
from pile_builder.runners.dataflow import Dataflow, worker_hour
from pile_builder.runners.dataflow_job import JobName, flags, problems

POLL_SECONDS = 10.0
ENDED = ("JOB_STATE_DONE", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_UPDATED", "JOB_STATE_DRAINED")


class DataflowRunner(Runner):
    """Runs every pipeline as a Dataflow job.

    Raises:
        ManifestError: the profile cannot work; a line for each thing that is wrong.

    Attributes:
        spent: price of the workers of the jobs that this runner has waited for.
    """

    outlives_driver = True

    def __init__(self, profile: Dataflow, given: Sequence[str] = ()) -> None:
        super().__init__()
        if wrong := list(problems(profile)):
            raise ManifestError("runners: " + "\nrunners: ".join(wrong))
        self.spent = 0.0
        self._profile, self._given = profile, given
        self._prices = load_profile(profile.prices)

    def run(self, construct: Construct, job: str) -> None:
        """Submit a job, or find the one of that name that is at work, and wait for its end.

        Raises:
            BudgetError: the budget is spent; the job, if there is one, was cancelled.
            BuildError: the job failed or was cancelled.
        """
        wanted = JobName.of(job)
        self._check_budget(wanted, self.spent)
        options = PipelineOptions([*flags(self._profile, wanted), *self._given])
        client = JobsClient(options)
        found = next(named(client.active(), wanted.name), None)
        if found:
            self.say(f"{wanted.phase}: found its job at work, {client.console(found.id)}")
        identity = found.id if found else self._submit(construct, options, client, wanted)
        try:
            self._wait(client, identity, wanted)
        except KeyboardInterrupt:
            self.say(f"{wanted.phase}: job {wanted.name} goes on without this command: the same command waits for it")
            self.say("again, `pile stop` cancels it")
            raise

    def _submit(self, construct: Construct, options: PipelineOptions, client: JobsClient, wanted: JobName) -> str:
        pipeline = beam.Pipeline(runner=BeamRunner(), options=options)
        construct(pipeline)
        try:
            identity = str(pipeline.run().job_id())
        except (DataflowJobAlreadyExistsError, AlreadyExists):
            # Another driver was faster.
            return str(next(named(client.active(), wanted.name)).id)
        self.say(f"{wanted.phase}: {client.console(identity)}")
        return identity

    def _wait(self, client: JobsClient, identity: str, wanted: JobName) -> None:
        is_over_budget = False
        while True:
            job = client.get(identity)
            cost = self._cost(client, job, wanted)
            if job.current_state.name in ENDED:
                break
            if not is_over_budget and self._profile.budget and self.spent + cost >= self._profile.budget:
                is_over_budget = True
                client.cancel(identity)
            time.sleep(POLL_SECONDS)
        self.spent += cost
        if is_over_budget:
            self._check_budget(wanted, self.spent)
        if job.current_state.name != "JOB_STATE_DONE":
            state = job.current_state.name.removeprefix("JOB_STATE_").lower()
            told = "".join(f"\n  {text}" for text in client.errors(identity))
            msg = f"job {wanted.name} ended {state}: {client.console(identity)}{told}"
            raise BuildError(msg)

    def _cost(self, client: JobsClient, job: Any, wanted: JobName) -> float:
        """Price of a job's workers so far; as long as the service does not say, as many as there may be."""
        workers = self._profile.workers(wanted.phase)
        vcpu_hours = client.vcpu_hours(job.id)
        if vcpu_hours is not None:
            hours = vcpu_hours / self._profile.machine(wanted.phase).vcpus
        else:
            started = job.start_time or job.create_time
            since = datetime.now(UTC) - started if started and started.timestamp() > 0 else None
            hours = max(since.total_seconds(), 0) / 3600 * (workers.max_workers or 1) if since else 0.0
        return hours * worker_hour(self._profile, wanted.phase, self._prices)

    def _check_budget(self, wanted: JobName, spent: float) -> None:
        budget, prices = self._profile.budget, self._prices
        if budget and spent >= budget:
            msg = (
                f"budget: {spent:.2f} of {budget:g} {prices.currency} are spent on workers; job {wanted.name} was "
                "stopped (batch jobs are not drained: what workers had begun, they begin again). "
                f"Prices are of {prices.price_dates}."
            )
            raise BudgetError(msg)


def active_jobs(profile: Dataflow, given: Sequence[str], corpus: str, where: str) -> tuple[JobsClient, list[Any]]:
    """The jobs of a corpus in one folder that have not ended, with the client that knows them.

    Args:
        profile: with project and region.
        given: flags for Beam.
        corpus: as labels say it.
        where: what fingerprints of jobs of the folder begin with.
    """
    probe = JobName(corpus, "ingest", where)
    client = JobsClient(PipelineOptions([*flags(profile, probe), *given]))
    label = probe.labels(profile)["corpus"]
    jobs = [job for job in client.active() if _label(job, "corpus") == label]
    return client, [job for job in jobs if _label(job, "fingerprint").startswith(where)]


def _label(job: Any, name: str) -> str:
    return str(dict(job.labels or {}).get(name, ""))
