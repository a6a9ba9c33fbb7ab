"""Dataflow without Google: jobs, attaching, budget and stop against a fake of its API."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("google.cloud.dataflow")

from pile_builder.commits import Commits
from pile_builder.errors import BudgetError, BuildError
from pile_builder.manifest import Manifest
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions, where_key
from pile_builder.pipelines.runners import dataflow as runner_module
from pile_builder.pipelines.runners.dataflow import DataflowRunner, active_jobs
from pile_builder.runners.dataflow import Dataflow
from pile_builder.storage import Store
from tests.pipelines.fake_dataflow import FakeDataflow, fake_dataflow

IMAGE = "us-docker.pkg.dev/my-project/images/pile-builder@sha256:" + "0" * 64


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[FakeDataflow, Callable[..., Dataflow]]]:
    monkeypatch.setattr(runner_module, "POLL_SECONDS", 0.05)
    with fake_dataflow() as (fake, address):
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)

        def profile(**changes: Any) -> Dataflow:
            place = {"project": "my-project", "region": "us-central1", "temp_location": "gs://my-bucket/tmp"}
            flags = (f"--dataflow_endpoint={address}", "--no_auth")
            return Dataflow(**{**place, "image": IMAGE, "flags": flags, "machine_type": "n2-standard-2", **changes})

        yield fake, profile


def run(manifest: Manifest, out: Path, profile: Dataflow, said: list[str] | None = None) -> dict[str, Any]:
    say = said.append if said is not None else print
    with DataflowRunner(profile) as runner:
        return build(manifest, str(out), RunOptions(2, say=say, runner=runner))


def in_background(*arguments: Any) -> tuple[threading.Thread, list[BaseException]]:
    errors: list[BaseException] = []

    def target() -> None:
        try:
            run(*arguments)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    return thread, errors


def wait_for(what: Callable[[], Any]) -> Any:
    for _ in range(2400):
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError("nothing came")


def test_every_phase_is_a_job_and_the_corpus_is_the_same(toy_manifest, tmp_path, service):
    fake, profile = service
    manifest = toy_manifest()
    here = build(manifest, str(tmp_path / "here"), RunOptions(2))
    there = run(manifest, tmp_path / "there", profile())
    assert there["digest"] == here["digest"]
    jobs = list(fake.jobs.values())
    assert {job["labels"]["phase"] for job in jobs} >= {"ingest", "select", "dedup", "settle", "assemble"}
    for job in jobs:
        (pool,) = job["environment"]["workerPools"]
        assert job["name"] == f"toy-{job['labels']['phase']}-{job['labels']['fingerprint']}"
        assert "no_use_multiple_sdk_containers" in job["environment"]["experiments"]
        assert "use_multiple_sdk_containers" not in job["environment"]["experiments"]
        vcpus = 8 if job["labels"]["phase"] == "dedup" else 2
        assert (pool["numThreadsPerWorker"], pool["machineType"].rsplit("-", 1)[1]) == (vcpus, str(vcpus))
        assert pool["workerHarnessContainerImage"] == IMAGE
        assert pool["ipConfiguration"] in (2, "WORKER_IP_PRIVATE")


def test_a_second_driver_waits_for_the_job_of_the_first(toy_manifest, tmp_path, service):
    fake, profile = service
    manifest = toy_manifest()
    fake.go_on.clear()
    first, refused = in_background(manifest, tmp_path / "out", profile())
    wait_for(lambda: fake.jobs)
    said: list[str] = []
    second, errors = in_background(manifest, tmp_path / "out", profile(), said)
    wait_for(lambda: any("at work" in line for line in said))
    (job,) = fake.jobs.values()
    job["currentState"] = "JOB_STATE_CANCELLED"
    first.join()
    second.join()
    assert fake.created == 1
    assert "ended cancelled" in str(refused[0])
    assert "ended cancelled" in str(errors[0])


def test_the_same_manifest_in_another_folder_is_another_job(toy_manifest, tmp_path, service):
    fake, profile = service
    fake.go_on.clear()
    both = [in_background(toy_manifest(), tmp_path / name, profile())[0] for name in ("one", "two")]
    wait_for(lambda: fake.created == 2)
    for job in fake.jobs.values():
        job["currentState"] = "JOB_STATE_CANCELLED"
    for thread in both:
        thread.join()


def test_budget_cancels_the_job_says_what_remains_and_the_next_build_goes_on(toy_manifest, tmp_path, service):
    fake, profile = service
    manifest = toy_manifest()
    # 100 hours of workers with 2 vCPUs, 8 GB and a disk of 100 GB, at 0.1459 an hour.
    fake.vcpu_seconds = 2 * 3600 * 100
    fake.go_on.clear()
    with pytest.raises(BudgetError, match=r"14.59 of 10 USD are spent.*ingest: 0 of 4 tasks are committed, 4 remain"):
        run(manifest, tmp_path / "out", profile(budget=10))
    (job,) = fake.jobs.values()
    assert job["currentState"] == "JOB_STATE_CANCELLED"
    fake.vcpu_seconds = 0
    fake.go_on.set()
    assert run(manifest, tmp_path / "out", profile(budget=10))["written"]["train"]["documents"]


def test_stop_finds_the_jobs_of_a_corpus_and_a_folder(toy_manifest, tmp_path, service):
    fake, profile = service
    fake.go_on.clear()
    thread, errors = in_background(toy_manifest(), tmp_path / "out", profile())
    wait_for(lambda: fake.jobs)
    elsewhere = where_key(Store(str(tmp_path / "other")))
    assert active_jobs(profile(), (), "toy", elsewhere)[1] == []
    client, (job,) = active_jobs(profile(), (), "toy", where_key(Store(str(tmp_path / "out"))))
    client.cancel(job.id)
    thread.join()
    assert isinstance(errors[0], BuildError)
    assert "ended cancelled" in str(errors[0])


def test_a_job_that_fails_says_where_to_look_and_what_it_said(toy_manifest, tmp_path, service):
    fake, profile = service
    fake._work = lambda identity: fake.jobs[identity].update(currentState="JOB_STATE_FAILED", error="no quota: CPUS")
    with pytest.raises(BuildError, match=r"ended failed: https://console.*\n  no quota: CPUS"):
        run(toy_manifest(), tmp_path / "out", profile())
    assert not Commits(Store(str(tmp_path / "out")), "ingest").done()
