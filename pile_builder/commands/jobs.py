"""Jobs on a service, seen from the command line: what a build would submit, and stopping what it has submitted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from pile_builder.errors import ManifestError
from pile_builder.terminal import Console, echo

if TYPE_CHECKING:
    from pile_builder.manifest import Manifest
    from pile_builder.pipelines.dry_run import Asked
    from pile_builder.pipelines.runners.dataflow_graph import Translated
    from pile_builder.planning.costs import Profile
    from pile_builder.runners.dataflow import Dataflow
    from pile_builder.runners.profile import RunnerProfile


def dry_run(manifest: Manifest, out: str, profile: RunnerProfile, flags: Sequence[str]) -> None:
    """Print every job that a build would submit and what it asks of quotas.

    Raises:
        ManifestError: a job would be refused, or its workers could not work; the message lists why.
    """
    import tempfile

    from pile_builder.planning.costs import load_profile
    from pile_builder.runners.dataflow_job import JobName, place_problems, problems

    dataflow = _dataflow(profile, "--dry-run")
    wrong = list(problems(dataflow))
    if not wrong:
        from pile_builder.pipelines.dry_run import graph_problems, translate_build

        prices = load_profile(dataflow.prices)
        with tempfile.TemporaryDirectory() as folder:
            jobs = translate_build(manifest, folder, dataflow, flags)
        console = Console()
        console.print(_sizes(jobs))
        console.print()
        console.print(_quotas(dict.fromkeys(job.phase for job in jobs), dataflow, prices))
        console.print()
        name = JobName.of(jobs[0].job["name"])
        splits = sum(1 for plugin in manifest.plugins.values() for _ in plugin.splits())
        echo(
            f"{splits:,} splits; graphs are the same for any number of them. Jobs are called {jobs[0].job['name']} "
            f"and so on, labelled {', '.join(f'{key}={value}' for key, value in name.labels(dataflow).items())}.\n"
            f"Compare vCPUs, disk and addresses with the quotas of {dataflow.project} in {dataflow.region} "
            "(`gcloud compute regions describe`): a job that meets one has fewer workers, and only its log says so. "
            f"Prices are of {prices.price_dates}.\n"
            "Not looked at: your account, the image, buckets, quotas. Nothing was sent."
        )
        wrong = list(graph_problems(jobs))
    wrong += place_problems(manifest, out)
    if wrong:
        raise ManifestError("\n".join(wrong))


def _sizes(jobs: Sequence[Translated]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("job", "request", "graph", "steps", "largest function"):
        table.add_column(name, justify="left" if name == "job" else "right")
    for job in jobs:
        table.add_row(
            job.phase, *(f"{one:,}" for one in (job.request_bytes, job.graph_bytes, job.steps, job.largest[0]))
        )
    return table


def _quotas(phases: Iterable[str], profile: Dataflow, prices: Profile) -> Table:
    from pile_builder.pipelines.dry_run import asked

    alike: dict[Asked, list[str]] = {}
    for phase in phases:
        alike.setdefault(asked(profile, phase, prices), []).append(phase)
    table = Table(box=None, pad_edge=False)
    numbers = ("workers", "vCPUs", "memory GB", "disk GB", "public IPs", f"{prices.currency}/h")
    for name in ("at most, for", "machine", *numbers):
        table.add_column(name, justify="right" if name in numbers else "left")
    for need, names in alike.items():
        wants = (need.workers, need.vcpus, round(need.memory_gb), need.disk_gb, need.addresses)
        table.add_row(", ".join(names), need.machine, *(f"{one:,}" for one in wants), f"{need.price:.2f}")
    return table


def stop(
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST", help="a manifest (YAML)")],
    out: Annotated[str, typer.Option("--out", help="folder of the build")],
    context: typer.Context,
    runner: Annotated[str, typer.Option(help="dataflow, or a profile of the manifest's runners")] = "dataflow",
) -> None:
    """Cancel the jobs of a build that are still at work. What is committed stays; `pile build` goes on from there."""
    from pile_builder.checked_yaml import absolute
    from pile_builder.manifest import load_manifest
    from pile_builder.runners.dataflow_job import problems
    from pile_builder.storage import Store

    loaded = load_manifest(manifest)
    profile = _dataflow(loaded.runner(runner), "pile stop")
    if wrong := list(problems(profile)):
        raise ManifestError("\n".join(wrong))
    from pile_builder.pipelines.engine import where_key
    from pile_builder.pipelines.runners.dataflow import active_jobs

    client, jobs = active_jobs(profile, context.args, loaded.name, where_key(Store(absolute(out, Path()))))
    for job in jobs:
        client.cancel(job.id)
        Console().print(f"{job.name}: cancelled, {client.console(job.id)}", soft_wrap=True, highlight=False)
    if not jobs:
        echo(f"no job of {loaded.name} in {out} is at work in {profile.project}, {profile.region}")


def _dataflow(profile: RunnerProfile, what: str) -> Dataflow:
    from pile_builder.runners.dataflow import Dataflow

    if not isinstance(profile, Dataflow):
        msg = f"{what}: expected a profile of the runner dataflow, got one of {type(profile).__name__.lower()}"
        raise ManifestError(msg)
    return profile
