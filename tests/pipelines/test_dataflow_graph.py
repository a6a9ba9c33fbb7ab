"""What Dataflow would get of each phase: small whatever the number of splits, named and labelled as it wants it."""

import re
from collections import Counter
from dataclasses import replace

import pytest

pytest.importorskip("google.cloud.dataflow")

from pile_builder.commits import Commits
from pile_builder.errors import BuildError
from pile_builder.pipelines import build, dedup, paragraphs
from pile_builder.pipelines.dry_run import translate_build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.pipelines.runners.dataflow_graph import translate
from pile_builder.pipelines.runners.runner import Runner
from pile_builder.runners.dataflow import Dataflow
from pile_builder.storage import Store, fingerprint
from pile_builder.takedown.listing import Takedown
from pile_builder.work import plan_work
from tests.tokenizer.made import byte_level

IMAGE = "us-docker.pkg.dev/my-project/images/pile-builder:1"
PROFILE = Dataflow(project="my-project", region="us-central1", temp_location="gs://my-bucket/tmp", image=IMAGE)


class Translate(Runner):
    """Translates jobs and runs none."""

    def __init__(self):
        super().__init__()
        self.jobs = []

    def run(self, construct, job):
        self.jobs.append(translate(construct, PROFILE, job))


def test_every_job_of_a_build_is_translated(toy_manifest, tmp_path):
    words = tmp_path / "tokenizer.json"
    byte_level().save(str(words))
    exports = [{"format": name, "tokenizer": str(words)} for name in ("nanogpt", "parquet")]
    manifest = toy_manifest(name="toy.corpus_1", dedup={"paragraphs": {}}, exports=exports)
    jobs = translate_build(manifest, str(tmp_path / "work"), PROFILE)
    phases = Counter(job.phase for job in jobs)
    once = dict.fromkeys(("ingest", "annotate", "select", "settle", "locate", "assemble", "tokenize", "merges"), 1)
    assert phases == Counter(once, dedup=2, paragraphs=3)
    for job in jobs:
        assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", job.job["name"])
        assert len(job.job["name"]) <= 63
        assert job.job["labels"]["corpus"] == "toy-corpus-1"
        assert job.job["type_"] == "JOB_TYPE_BATCH"
        (pool,) = job.job["environment"]["worker_pools"]
        assert pool["worker_harness_container_image"] == IMAGE
        assert pool["autoscaling_settings"]["max_num_workers"] == 50
        assert pool["machine_type"] == ("n2-highmem-8" if job.phase in ("dedup", "paragraphs") else "n2-standard-8")
        assert job.largest[0] < 100_000


def sizes(manifest, real, store, count, monkeypatch):
    """Phase, request, graph and largest function of every job of a build with so many blocks."""
    blocks = []
    for rank in range(count):
        keys = {name: fingerprint([name, rank]) for name in ("ingest", "select", "paragraphs", "settle")}
        blocks.append(replace(real.blocks[rank % 4], rank=rank, **keys))
    work, runner = replace(real, blocks=tuple(blocks)), Translate()
    names = [f"work/dedup/objects/{block.ingest}.parquet" for block in blocks]
    counted = {"documents": {}, "sample": [], **dict.fromkeys(("candidates", "verified", "rejected", "copies"), 0)}
    options = RunOptions(1, runner=runner)
    bounds = range(count // 10 + 1)
    mix = {"splits": {split: {"shards": bounds} for split in ("train", "validation", "test")}}

    def joining():
        with monkeypatch.context() as patched:
            patched.setattr(dedup, "_link", lambda *_: {**counted, "links": names})
            dedup.run_dedup(store, work, manifest.dedup, (), options)

    def competing():
        with monkeypatch.context() as patched:
            patched.setattr(paragraphs, "run_tasks", lambda *_: None)
            paragraphs.run_paragraphs(store, work, manifest.dedup, (), options)

    steps = [
        lambda: build.run_ingest(store, work, manifest, options),
        lambda: build.run_annotate(store, work, options),
        lambda: build.run_select(store, work, manifest, options),
        lambda: dedup.run_dedup(store, work, manifest.dedup, (), options),
        joining,
        lambda: paragraphs.run_paragraphs(store, work, manifest.dedup, (), options),
        competing,
        lambda: build.run_settle(store, work, options),
        lambda: build.run_assemble(store, work, manifest, mix, Takedown.of([]), options),
    ]
    for step in steps:
        # Nothing was run, so nothing is done.
        with pytest.raises(BuildError, match="tasks failed"):
            step()
    return [(job.phase, job.request_bytes, job.graph_bytes, job.largest[0]) for job in runner.jobs]


def test_graphs_are_as_small_for_100_000_splits_as_for_10(toy_manifest, tmp_path, monkeypatch):
    # What phases would have recorded of each block.
    monkeypatch.setattr(
        Commits, "load", lambda *_: {"row_groups": [10], "paragraphs": 100, "action": "drop", "ledgers": {}}
    )
    manifest = toy_manifest(dedup={"paragraphs": {}})
    real = plan_work(manifest, Store(str(tmp_path / "plan")))
    few = sizes(manifest, real, Store(str(tmp_path / "000010")), 10, monkeypatch)
    many = sizes(manifest, real, Store(str(tmp_path / "100000")), 100_000, monkeypatch)
    print(*zip(few, many, strict=True), sep="\n")
    assert [phase for phase, *_ in few] == [phase for phase, *_ in many]
    assert len(few) == 9
    for before, after in zip(few, many, strict=True):
        # A few bytes are compressed names, and digits of numbers.
        assert max(after[1] - before[1], after[2] - before[2]) < 200, (before, after)


def test_a_profile_says_what_is_wrong_with_it():
    from pile_builder.runners.dataflow_job import problems

    bad = Dataflow(
        project="My Project",
        temp_location="gs://bucket",
        image="images/pile-builder:latest",
        machine_type="n1-standard-4",
        phases={"dedupe": {"machine_type": "huge"}},
        labels={"Team": "x", "phase": "y", "note": "Two words"},
    )
    text = "\n".join(problems(bad))
    for expected in (
        "project: expected the id",
        "region: expected a region such as us-central1, that of your buckets; it is not given",
        "temp_location: expected a folder in a bucket of that region, such as gs://my-bucket/tmp; got 'gs://bucket'",
        "image: expected a pinned one, as latest moves",
        "machine_type: expected machines that have AVX2",
        "phases: unknown phase 'dedupe'; did you mean 'dedup'?",
        "phases.dedupe.machine_type: expected a machine type such as n2-standard-8",
        "labels: expected keys of lower-case letters, digits, _ and -, a letter first; got 'Team'",
        "labels: 'phase' is set by the build",
        "labels.note: expected up to 63 lower-case letters, digits, _ and -; got 'Two words'",
    ):
        assert expected in text, text
    assert not list(problems(PROFILE))
