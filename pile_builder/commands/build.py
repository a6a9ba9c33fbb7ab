"""The commands around one build: make it, see how far it is, check it, ask it about a document."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import orjson
import typer
from rich.table import Table

from pile_builder.commands import jobs
from pile_builder.errors import ManifestError, PileError
from pile_builder.shipped import shipped
from pile_builder.startup import importing
from pile_builder.terminal import Console, echo
from pile_builder.threads import cores

if TYPE_CHECKING:
    from pile_builder.manifest import Manifest
    from pile_builder.runners.profile import RunnerProfile

ManifestPath = Annotated[Path, typer.Argument(metavar="MANIFEST", help="a manifest (YAML)")]
CorpusPath = Annotated[str, typer.Argument(metavar="DIR", help="folder of a build")]


def build(
    context: typer.Context,
    manifest: ManifestPath,
    out: Annotated[str, typer.Option("--out", help="folder of the build: local path or fsspec URL")],
    workers: Annotated[int, typer.Option(min=1, help="threads, and extraction processes")] = cores(),
    runner: Annotated[
        str, typer.Option(help="direct, flink, spark, prism, dataflow, or a profile of the manifest's runners")
    ] = "direct",
    mode: Annotated[
        str | None,
        typer.Option(help="of the direct runner: in_memory (threads), multi_processing, or auto: which is the better"),
    ] = None,
    take_over: Annotated[  # noqa: FBT002
        bool, typer.Option("--take-over", help="take an object store's folder from another builder that works there")
    ] = False,
    base: Annotated[Path | None, typer.Option(help="what relative roots are relative to, instead of MANIFEST")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask before much is read again")] = False,  # noqa: FBT002
    task: Annotated[
        str, typer.Option(metavar="PHASE:NAME", help="run only this task, in this process, to see how it fails")
    ] = "",
    only: Annotated[str, typer.Option(metavar="PHASES", help="stop after these, as ingest,annotate")] = "",
    part: Annotated[
        str, typer.Option("--slice", metavar="I/N", help="every N-th split from the I-th on, for jobs side by side")
    ] = "",
    wait: Annotated[  # noqa: FBT002
        bool, typer.Option("--wait", help="with --only: wait for earlier phases that other jobs do")
    ] = False,
    dry_run: Annotated[  # noqa: FBT002
        bool, typer.Option("--dry-run", help="show and check the jobs that would be submitted (runner dataflow)")
    ] = False,
) -> None:
    """Build a corpus, or go on with a build: only what is missing or has changed is done.

    MANIFEST may be the manifest.lock.yaml of another build, to build the same corpus again. Many machines share the
    work by --only and --slice (docs/slurm.md); a build without them goes on from what they did. What follows -- goes
    to Beam as it is.
    """
    from pile_builder.allocator import return_freed_memory
    from pile_builder.forkserver import start_fork_server

    return_freed_memory()
    start_fork_server()
    with importing():
        from pile_builder.console import PhaseProgress, print_summary
        from pile_builder.holding import holding
        from pile_builder.manifest import load_manifest
        from pile_builder.pipelines.build import build as run
        from pile_builder.pipelines.engine import RunOptions
        from pile_builder.pipelines.partial import Part, build_part
        from pile_builder.pipelines.runners.choice import make_runner

    wanted = Part.parse(only, part)
    if wait and not only:
        msg = "--wait: expected --only with the phases to wait for, there is none"
        raise PileError(msg)
    console = Console(stderr=True)
    loaded = load_manifest(manifest, base=base)
    profile = _with_mode(loaded.runner(runner), mode)
    flags = _beam_flags(context.args)
    if dry_run:
        jobs.dry_run(loaded, out, profile, flags)
        return
    _check_place(profile, loaded, out)
    with (
        holding(out, "pile build", take_over=take_over, shared=bool(wanted.phases)) as store,
        PhaseProgress(console) as progress,
        make_runner(profile, workers, flags) as chosen,
    ):
        # A job that goes on without this command commits for whoever builds here next.
        guard = None if chosen.outlives_driver else store.guard
        options = RunOptions(
            workers,
            progress,
            progress.say,
            _yes if yes or not sys.stdin.isatty() else progress.confirm,
            command=f"pile build {shlex.quote(str(manifest))} --out {shlex.quote(out)}",
            task=task,
            guard=guard,
            runner=chosen,
        )
        if wanted.phases:
            lines = build_part(loaded, store.root, wanted, options, wait=wait)
        else:
            summary = run(loaded, store.root, options)
    if wanted.phases:
        head = f"slice {wanted.slice}: " if wanted.is_sliced else ""
        echo(f"{head}{'; '.join(lines)}; `pile build` without --only goes on from here")
        return
    print_summary(summary, out, Console())


def quickstart(
    context: typer.Context,
    out: Annotated[str, typer.Option("--out", help="folder of the build: local path or fsspec URL")] = "quickstart",
) -> None:
    """Build the sample corpus that comes with the program: four sources, every phase, half a minute."""
    manifest = shipped("quickstart.yaml")
    echo(f"pile build {shlex.quote(str(manifest))} --out {shlex.quote(out)}", err=True)
    build(context, manifest, out, yes=True)


def _yes(question: str) -> bool:
    return True


def _check_place(profile: RunnerProfile, manifest: Manifest, out: str) -> None:
    from pile_builder.runners.dataflow import Dataflow
    from pile_builder.runners.dataflow_job import place_problems

    if isinstance(profile, Dataflow) and (wrong := list(place_problems(manifest, out))):
        raise ManifestError("\n".join(wrong))


def _with_mode(profile: RunnerProfile, mode: str | None) -> RunnerProfile:
    from pile_builder.runners.profile import Direct

    if mode is None:
        return profile
    if not isinstance(profile, Direct):
        msg = f"--mode: belongs to the direct runner, not to {type(profile).__name__}; leave it out"
        raise PileError(msg)
    if mode not in (known := get_args(Direct.model_fields["mode"].annotation)):
        msg = f"--mode: expected {', '.join(known[:-1])} or {known[-1]}, got {mode!r}"
        raise PileError(msg)
    return profile.model_copy(update={"mode": mode})


def _beam_flags(given: Sequence[str]) -> Sequence[str]:
    if given and not given[0].startswith("-"):
        msg = f"expected one MANIFEST, and after -- flags for Beam that begin with -; got {given[0]!r} too"
        raise PileError(msg)
    return given


def status(manifest: ManifestPath, out: Annotated[str, typer.Option("--out", help="folder of the build")]) -> None:
    """Say how far a build is, what the next `pile build` would do, and why."""
    from pile_builder.audit.status import build_status
    from pile_builder.manifest import load_manifest
    from pile_builder.storage import Store

    table = Table(box=None, pad_edge=False)
    for name in ("phase", "done", "of", "next build"):
        table.add_column(name, justify="right" if name in ("done", "of") else "left", overflow="fold")
    for row in build_status(load_manifest(manifest), Store(out)):
        table.add_row(row.phase, f"{row.done:,}", f"{row.total:,}" if row.known else "?", row.next)
    Console().print(table)


def verify(directory: CorpusPath) -> None:
    """Read every shard of a finished build or export and compare digests and counts with what was recorded.

    So are all that the build keeps of its work, and exports below it. Token shards are read by their container's rules
    and must hold the recorded token stream; some documents of each shard are encoded again.
    """
    from pile_builder.audit.exports import exports_in, verify_any
    from pile_builder.audit.subsets import verify_subsets
    from pile_builder.audit.verify import verify_corpus, verify_work
    from pile_builder.storage import Store

    problems = 0
    store = Store(directory)
    exports = exports_in(store)
    if exports != [""]:
        lines = size = 0
        for result in verify_corpus(store):
            problems += _say_problems(result.name, result.problems)
            lines += result.lines
            size += result.bytes
        echo(f"{lines:,} documents, {size:,} bytes of text read")
        problems += sum(_say_problems(check.name, check.problems) for check in verify_work(store))
        for folder, checks in groupby(verify_subsets(store), key=itemgetter(0)):
            of_subset = [check for _, check in checks]
            problems += sum(_say_problems(check.name, check.problems) for check in of_subset)
            lines, size = (sum(getattr(check, what) for check in of_subset) for what in ("lines", "bytes"))
            echo(f"{folder}: {lines:,} documents, {size:,} bytes of text read")
    for name in exports:
        documents = tokens = 0
        for check in verify_any(*([Store(store.path(name)), store] if name else [store])):
            problems += _say_problems(f"{name or directory}: {check.name}", check.problems)
            documents += check.documents
            tokens += check.tokens
        counted = f", {tokens:,} tokens" if tokens else ""
        echo(f"{name or directory}: {documents:,} documents{counted} read")
    if problems:
        msg = f"{problems} problems found; remove the damaged shards and run the build or export again to rewrite them"
        raise PileError(msg)
    echo("every shard readable, digests and counts as recorded")


def explain(
    directory: CorpusPath,
    document: Annotated[str, typer.Argument(metavar="[ID|URL]", help="document id, or the upstream's key")] = "",
    domain: Annotated[str, typer.Option(metavar="HOST", help="in place of a document: all from there and below")] = "",
    limit: Annotated[int, typer.Option(min=0, max=50, help="documents of a domain that are listed")] = 20,
    json: Annotated[bool, typer.Option("--json", help="print everything as JSON")] = False,  # noqa: FBT002
) -> None:
    """Tell a document's whole story: where it came from, what was measured and decided, where it was written.

    With --domain, what became of all documents of a host and of the names below it, and the first of them by id.
    """
    from pile_builder.audit.explain import explain_document
    from pile_builder.audit.explain_domain import explain_domain
    from pile_builder.audit.explained import print_domain, print_story
    from pile_builder.storage import Store

    if bool(document) == bool(domain):
        msg = f"expected a document's id or key, or --domain HOST, got {'both' if document else 'neither'}"
        raise PileError(msg)
    console = Console()
    if domain:
        found = explain_domain(Store(directory), domain, limit)
        if json:
            echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
        else:
            print_domain(found, console)
        return
    stories = explain_document(Store(directory), document)
    if json:
        echo(orjson.dumps(stories, option=orjson.OPT_INDENT_2).decode())
        return
    for number, story in enumerate(stories):
        if number:
            console.rule()
        print_story(story, console)


def _say_problems(name: str, problems: Sequence[str]) -> int:
    for problem in problems:
        echo(f"{name}: {problem}", err=True)
    return len(problems)
