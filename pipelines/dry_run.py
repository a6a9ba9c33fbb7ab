"""What a build would ask of Dataflow: every phase's job, translated by Beam and checked, without a network.

Phases are constructed from what earlier ones recorded. So two made-up blocks of each source stand in for what ingest
would write, select keeps all of them, and everything else runs here, in a temporary folder: each job is the one that
`pile build` would submit, but for the folder's name. Graphs do not grow with the number of splits, as tasks are read
from a file, and what else grows lies in the store (`pipelines.stored`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from pile_builder.blocks import RowGroupWriter
from pile_builder.commits import Commits
from pile_builder.document import BLOCK, REJECTS
from pile_builder.manifest import Manifest
from pile_builder.pipelines.build import run_phases
from pile_builder.pipelines.engine import RunOptions
from pile_builder.pipelines.ingest import Counts, batches
from pile_builder.pipelines.runners.dataflow_graph import REQUEST_LIMIT, Translated, translate
from pile_builder.pipelines.runners.direct import DirectRunner
from pile_builder.pipelines.runners.runner import Construct, Runner
from pile_builder.pipelines.tokenize import tokenize_corpus
from pile_builder.planning.costs import Profile as Prices
from pile_builder.runners.dataflow import Dataflow, worker_hour
from pile_builder.runners.dataflow_job import JobName
from pile_builder.runners.profile import Direct
from pile_builder.source import Document
from pile_builder.storage import Store
from pile_builder.takedown.listing import all_entries, write_list
from pile_builder.work import BlockWork, Work, plan_work

BLOCKS = 2
"""Made-up blocks of each source."""
DOCUMENTS = 40
_TEXT = "Line {} of a text that stands in for a document of {} while jobs are looked at, number {} of its block.\n"


@dataclass
class Translator(Runner):
    """Translates every pipeline for Dataflow, then runs it here, or makes up what it would have written."""

    profile: Dataflow
    given: Sequence[str]
    store: Store
    work: Work
    jobs: list[Translated] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._here = DirectRunner(Direct(), 1)

    def run(self, construct: Construct, job: str) -> None:
        """Translate a job, and see to it that the next can be constructed."""
        self.jobs.append(translate(construct, self.profile, job, self.given))
        phase = JobName.of(job).phase
        if phase == "ingest":
            for block in self.work.blocks:
                make_up_block(self.store, block)
        elif phase == "select":
            for block in self.work.blocks:
                keep_all(self.store, block)
        else:
            self._here.run(construct, job)


def translate_build(manifest: Manifest, folder: str, profile: Dataflow, given: Sequence[str] = ()) -> list[Translated]:
    """Every job of a build, in order.

    Args:
        manifest: of the corpus; its inputs are listed, not read, but for digests of those on this machine.
        folder: new or empty folder on this machine.
        profile: of the runner.
        given: further flags for Beam.

    Raises:
        PileError: an input is missing, or something else that a build needs.
        ValueError: Beam refuses the options.
    """
    store = Store(folder)
    work = few_blocks(plan_work(manifest, store))
    takedown = write_list(store, all_entries(store, manifest))
    runner = Translator(profile, given, store, work)
    options = RunOptions(1, runner=runner, corpus=manifest.name)
    run_phases(store, work, manifest, takedown, options)
    # Shards are tokenized as any folder's are: there is no lock, and a subset's job is that of the whole.
    exports = [
        export.model_copy(update={"out": f"{folder}/exports/{number}", "subset": ""})
        for number, export in enumerate(manifest.exports)
    ]
    tokenize_corpus(f"{folder}/corpus", exports, options)
    return runner.jobs


def few_blocks(work: Work) -> Work:
    """The same work over the first blocks of each source, numbered anew."""
    seen: Counter[str] = Counter()
    kept: list[BlockWork] = []
    for block in work.blocks:
        seen[block.source] += 1
        if seen[block.source] <= BLOCKS:
            kept.append(replace(block, rank=len(kept)))
    return replace(work, blocks=tuple(kept))


def make_up_block(store: Store, block: BlockWork) -> None:
    """Write and commit a block of made-up documents."""
    counts, commits = Counts(block.source), Commits(store, "ingest")
    with ExitStack() as stack:
        file = stack.enter_context(store.writing(commits.object_name))
        writer = RowGroupWriter(file, BLOCK)
        for documents, _ in batches(_documents(block), block.source, counts):
            writer.write(documents, documents.column("bytes").to_numpy())
        writer.close()
        rejects = stack.enter_context(store.writing(commits.object_name))
        RowGroupWriter(rejects, REJECTS).close()
    record = {
        "block": file.name,
        "bytes": counts.bytes,
        "dropped": {},
        "kept": counts.kept,
        "name": block.name,
        "read": counts.read,
        "rejects": rejects.name,
        "row_groups": writer.rows,
        "sidecars": {},
        "size": file.size,
        "skipped": {},
        "source": block.source,
        "time_limited": [],
    }
    commits.put(block.ingest, record)


def keep_all(store: Store, block: BlockWork) -> None:
    """Commit that select drops nothing of a block."""
    record = {"ledger": "", "dropped": {}, "name": block.name, "block": block.ingest, "rules": {}}
    Commits(store, "select").put(block.select, record)


def _documents(block: BlockWork) -> Iterator[tuple[str, Mapping[str, Any], Document]]:
    for number in range(DOCUMENTS):
        lines = "".join(_TEXT.format(line, block.name, number * 100 + line) for line in range(20))
        yield f"{block.name}#{number}", {}, Document(lines)


@dataclass(frozen=True)
class Asked:
    """What a job asks of a project's quotas when it has grown to its most workers, and what an hour of it costs."""

    machine: str
    workers: int
    vcpus: int
    memory_gb: float
    disk_gb: int
    addresses: int
    price: float


def asked(profile: Dataflow, phase: str, prices: Prices) -> Asked:
    """The quotas that a phase's job needs; each worker needs an address of the subnetwork besides."""
    workers, machine = profile.workers(phase), profile.machine(phase)
    count = workers.max_workers or 1
    return Asked(
        machine=workers.machine_type,
        workers=count,
        vcpus=count * machine.vcpus,
        memory_gb=count * machine.memory_gb,
        disk_gb=count * (workers.disk_gb or 0),
        addresses=count if profile.public_ips else 0,
        price=count * worker_hour(profile, phase, prices),
    )


def graph_problems(jobs: Sequence[Translated]) -> Iterator[str]:
    """Jobs that Dataflow would refuse for their size."""
    for job in jobs:
        for what, size in (("request", job.request_bytes), ("graph", job.graph_bytes)):
            if size > REQUEST_LIMIT:
                yield (
                    f"{job.phase}: expected a {what} of at most {REQUEST_LIMIT:,} bytes, got {size:,}; its largest "
                    f"function has {job.largest[0]:,} ({job.largest[1]})"
                )
