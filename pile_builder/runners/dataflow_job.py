"""One phase as a Dataflow job: its name, its labels, Beam's options, and what is wrong with a profile for it.

Names: `[a-z]([-a-z0-9]*[a-z0-9])?`, at most 63 here, of which virtual machines get their names. Labels: keys of 1 to
63 and values of up to 63 lower-case letters, digits, `_` and `-`, keys beginning with a letter, 64 of them
(cloud.google.com/dataflow/docs/guides/setting-pipeline-options).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pile_builder.checked_yaml import unknown_word
from pile_builder.errors import ManifestError
from pile_builder.input_files import is_remote, resolve
from pile_builder.manifest import Manifest
from pile_builder.runners.dataflow import Dataflow
from pile_builder.work import PHASES

NAME_LENGTH = 63
MOST_LABELS = 64
OTHER_PHASES = ("subsets", "takedown", "tokenize", "shards", "merges", "check")
"""Phases of commands around a build."""
_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_FOLDER = re.compile(r"gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]/.+")
_PROJECT = re.compile(r"([a-z][-a-z0-9.]*:)?[a-z][-a-z0-9]{4,28}[a-z0-9]")
_REGION = re.compile(r"[a-z]+-[a-z]+\d+")


@dataclass(frozen=True)
class JobName:
    """A job of the engine, `corpus-phase-fingerprint`, as Dataflow can call it."""

    corpus: str
    phase: str
    fingerprint: str

    @classmethod
    def of(cls, job: str) -> JobName:
        """From the engine's name; phases and fingerprints have no hyphen."""
        corpus, phase, key = job.rsplit("-", 2)
        return cls(corpus, phase, key)

    @property
    def name(self) -> str:
        """Dataflow's name. A long corpus is cut: the fingerprint tells jobs apart."""
        rest = f"-{self.phase}-{self.fingerprint}"
        return f"{corpus_word(self.corpus)[: NAME_LENGTH - len(rest)].rstrip('-')}{rest}"

    def labels(self, profile: Dataflow) -> dict[str, str]:
        """The job's labels, by which bills and `pile stop` find it."""
        own = {"corpus": corpus_word(self.corpus)[:63], "phase": self.phase, "fingerprint": self.fingerprint}
        return {**profile.labels, **own}


def corpus_word(corpus: str) -> str:
    """The corpus's name in names and labels: a letter first, hyphens for `.` and `_`."""
    word = re.sub("[^a-z0-9-]", "-", corpus.lower()).strip("-")
    return word if word[:1].isalpha() else f"corpus-{word}"


def flags(profile: Dataflow, job: JobName) -> list[str]:
    """Options for Beam that make the job what the profile says."""
    workers, machine = profile.workers(job.phase), profile.machine(job.phase)
    labels = [f"--labels={key}={value}" for key, value in job.labels(profile).items()]
    optional = {
        "--subnetwork": profile.subnetwork,
        "--service_account_email": profile.service_account,
    }
    return [
        f"--project={profile.project}",
        f"--region={profile.region}",
        f"--temp_location={profile.temp_location}",
        f"--staging_location={profile.staging_location or profile.temp_location}",
        f"--job_name={job.name}",
        f"--sdk_container_image={profile.image}",
        "--sdk_location=container",
        f"--machine_type={workers.machine_type}",
        f"--num_workers={min(profile.num_workers, workers.max_workers or 1)}",
        f"--max_num_workers={workers.max_workers}",
        "--autoscaling_algorithm=THROUGHPUT_BASED",
        f"--disk_size_gb={workers.disk_gb}",
        # One SDK process with a thread a core, and so one extraction pool of as many processes, on each machine. A
        # process a core would start a pool each.
        "--experiments=no_use_multiple_sdk_containers",
        f"--number_of_worker_harness_threads={machine.vcpus}",
        # Shuffled data lies with the service: workers need no disk for it, and may come and go.
        "--experiments=shuffle_mode=service",
        *([] if profile.public_ips else ["--no_use_public_ips"]),
        *(f"{name}={value}" for name, value in optional.items() if value),
        *labels,
        *profile.flags,
    ]


def problems(profile: Dataflow) -> Iterator[str]:
    """What is wrong with a profile, a line each: field, what was expected, what came, the fix."""
    needed = {
        "project": (_PROJECT, "the id of your Google Cloud project, such as my-project-1"),
        "region": (_REGION, "a region such as us-central1, that of your buckets"),
        "temp_location": (_FOLDER, "a folder in a bucket of that region, such as gs://my-bucket/tmp"),
    }
    for field, (pattern, what) in needed.items():
        value = getattr(profile, field)
        if not pattern.fullmatch(value):
            yield f"{field}: expected {what}; got {value!r}" if value else f"{field}: expected {what}; it is not given"
    if profile.staging_location and not _FOLDER.fullmatch(profile.staging_location):
        yield f"staging_location: expected a folder such as gs://my-bucket/staging; got {profile.staging_location!r}"
    yield from _image_problems(profile.image)
    yield from _label_problems(profile)
    for phase in profile.phases:
        if phase not in (*PHASES, *OTHER_PHASES):
            yield f"phases: {unknown_word('phase', phase, (*PHASES, *OTHER_PHASES))}"
    for phase in ("ingest", *profile.phases):
        try:
            profile.machine(phase)
        except ManifestError as error:
            yield str(error)
    if profile.num_workers > profile.max_workers:
        yield f"num_workers: expected at most max_workers, {profile.max_workers}; got {profile.num_workers}"


def place_problems(manifest: Manifest, out: str) -> Iterator[str]:
    """What workers could not reach: inputs or the build's folder on the machine that starts the build."""
    if not is_remote(out):
        yield f"--out: expected a folder in a bucket, such as gs://my-bucket/corpora/mine; workers do not see {out!r}"
    for name, plugin in manifest.plugins.items():
        for path in plugin.config.inputs:
            if not is_remote(where := resolve(path, plugin.config.root)):
                yield f"sources.{name}.inputs: expected URLs such as gs://my-bucket/dumps; workers do not see {where!r}"
                break


def _image_problems(image: str) -> Iterator[str]:
    fix = "build deploy/Dockerfile, push it, and give its name with a digest (@sha256:...) or a tag of its own"
    if not image:
        yield f"image: expected the worker image; it is not given: {fix}"
        return
    if "@sha256:" in image:
        if not re.fullmatch(r"[^@\s]+@sha256:[0-9a-f]{64}", image):
            yield f"image: expected 64 hexadecimal digits after @sha256:; got {image!r}"
        return
    _, _, tag = image.rpartition("/")[2].partition(":")
    if not tag or tag == "latest":
        yield f"image: expected a pinned one, as {tag or 'no tag'} moves while workers start; got {image!r}: {fix}"


def _label_problems(profile: Dataflow) -> Iterator[str]:
    for key, value in profile.labels.items():
        if not _LABEL_KEY.fullmatch(key):
            yield f"labels: expected keys of lower-case letters, digits, _ and -, a letter first; got {key!r}"
        elif key in ("corpus", "phase", "fingerprint"):
            yield f"labels: {key!r} is set by the build; take another key"
        if not _LABEL_VALUE.fullmatch(value):
            yield f"labels.{key}: expected up to 63 lower-case letters, digits, _ and -; got {value!r}"
    if len(profile.labels) + 3 > MOST_LABELS:
        yield f"labels: expected at most {MOST_LABELS - 3}, got {len(profile.labels)}"
