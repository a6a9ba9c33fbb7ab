"""The profile of Google Cloud Dataflow: one place for what is learnt the hard way."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pile_builder.checked_yaml import Model
from pile_builder.planning.costs import Profile as Prices
from pile_builder.runners.machines import Machine, machine_of
from pile_builder.runners.profile import RunnerProfile


class PhaseWorkers(Model):
    """What the workers of one phase have that others have not; what is not given is the profile's."""

    machine_type: str = ""
    max_workers: int | None = Field(None, ge=1)
    disk_gb: int | None = Field(None, ge=30)


class Dataflow(RunnerProfile):
    """Google Cloud Dataflow, batch jobs on Runner v2, one a phase."""

    runner: Literal["dataflow"] = "dataflow"
    project: str = Field("", description="Google Cloud project that is billed")
    region: str = Field("", description="region of jobs and workers; that of the buckets, or egress is paid for")
    temp_location: str = Field("", description="gs:// folder for temporary files of jobs")
    staging_location: str = Field("", description="gs:// folder for what jobs start with; temp_location if empty")
    image: str = Field("", description="worker image, built from deploy/Dockerfile, with a tag or digest")
    machine_type: str = Field("n2-standard-8", description="of every phase that `phases` says nothing of")
    num_workers: int = Field(2, ge=1, description="workers that a job starts with")
    max_workers: int = Field(50, ge=1, description="workers that a job may grow to")
    disk_gb: int = Field(100, ge=30, description="disk of a worker: the image, and blocks on their way to the store")
    phases: dict[str, PhaseWorkers] = Field(
        {"dedup": PhaseWorkers(machine_type="n2-highmem-8"), "paragraphs": PhaseWorkers(machine_type="n2-highmem-8")},
        description="other workers for some phases: joining links holds 8 bytes a document in one worker's memory",
    )
    subnetwork: str = Field("", description="regions/REGION/subnetworks/NAME, with Private Google Access")
    service_account: str = Field("", description="e-mail of the workers' account; the project's default if empty")
    public_ips: bool = Field(default=False, description="give workers public addresses; quotas of them are small")
    labels: dict[str, str] = Field(
        default_factory=dict, description="labels of jobs, beside corpus, phase, fingerprint"
    )
    budget: float | None = Field(
        None, gt=0, description="what one `pile build` may spend on workers; a job that reaches it is cancelled"
    )
    prices: str = Field("dataflow", description="profile of `pile plan` with prices, or a .yaml file with one")

    def workers(self, phase: str) -> PhaseWorkers:
        """What the workers of a phase have, all fields given."""
        own = self.phases.get(phase, PhaseWorkers())
        return PhaseWorkers(
            machine_type=own.machine_type or self.machine_type,
            max_workers=own.max_workers or self.max_workers,
            disk_gb=own.disk_gb or self.disk_gb,
        )

    def machine(self, phase: str) -> Machine:
        """The machine type of a phase's workers.

        Raises:
            ManifestError: its name says nothing, or the worker image does not run on it.
        """
        own = self.phases.get(phase)
        field = f"phases.{phase}.machine_type" if own and own.machine_type else "machine_type"
        return machine_of(self.workers(phase).machine_type, field)


def worker_hour(profile: Dataflow, phase: str, prices: Prices) -> float:
    """Price of one of a phase's workers for an hour: what it has, at the prices of vCPU, memory and disk."""
    machine, disk = profile.machine(phase), profile.workers(phase).disk_gb or 0
    has = {"vcpus": machine.vcpus, "memory_gb": machine.memory_gb, "disk_gb": disk}
    return prices.model_copy(update=has).worker_hour
