"""The commands around one build: make it, see how far it is, check it, ask it about a document."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pile_builder.errors import PileError
from pile_builder.shipped import shipped

ManifestPath = Annotated[Path, typer.Argument(metavar="MANIFEST", help="a manifest (YAML)")]
CorpusPath = Annotated[str, typer.Argument(metavar="DIR", help="folder of a build")]


def build(
    manifest: ManifestPath,
    out: Annotated[str, typer.Option("--out", help="folder of the build: local path or fsspec URL")],
    workers: Annotated[int, typer.Option(min=1, help="threads, and extraction processes")] = os.cpu_count() or 1,
    mode: Annotated[str, typer.Option(help="in_memory (threads) or multi_processing")] = "in_memory",
    base: Annotated[Path | None, typer.Option(help="what relative roots are relative to, instead of MANIFEST")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask before much is read again")] = False,  # noqa: FBT002
    task: Annotated[
        str, typer.Option(metavar="PHASE:NAME", help="run only this task, in this process, to see how it fails")
    ] = "",
) -> None:
    """Build a corpus, or go on with a build: only what is missing or has changed is done.

    MANIFEST may be the manifest.lock.yaml of another build, to build the same corpus again.
    """
    from pile_builder.allocator import return_freed_memory
    from pile_builder.forkserver import start_fork_server

    return_freed_memory()
    start_fork_server()
    from pile_builder.console import PhaseProgress, print_summary
    from pile_builder.manifest import load_manifest
    from pile_builder.pipelines.build import build as run
    from pile_builder.pipelines.engine import RunOptions

    if mode not in ("in_memory", "multi_processing"):
        msg = f"--mode: expected in_memory or multi_processing, got {mode!r}"
        raise PileError(msg)
    console = Console(stderr=True)
    loaded = load_manifest(manifest, base=base)
    with PhaseProgress(console) as progress:
        options = RunOptions(
            workers=workers,
            mode=mode,
            command=f"pile build {shlex.quote(str(manifest))} --out {shlex.quote(out)}",
            task=task,
            watch=progress,
            say=progress.say,
            **({} if yes or not sys.stdin.isatty() else {"confirm": progress.confirm}),
        )
        summary = run(loaded, out, options)
    print_summary(summary, out, Console())


def quickstart(
    out: Annotated[str, typer.Option("--out", help="folder of the build: local path or fsspec URL")] = "quickstart",
) -> None:
    """Build the sample corpus that comes with the program: four sources, every phase, half a minute."""
    manifest = shipped("quickstart.yaml")
    typer.echo(f"pile build {shlex.quote(str(manifest))} --out {shlex.quote(out)}", err=True)
    build(manifest, out, workers=os.cpu_count() or 1, mode="in_memory", base=None, yes=True, task="")


def status(manifest: ManifestPath, out: Annotated[str, typer.Option("--out", help="folder of the build")]) -> None:
    """Say how far a build is, what the next `pile build` would do, and why."""
    from pile_builder.audit.status import build_status
    from pile_builder.manifest import load_manifest
    from pile_builder.storage import Store

    table = Table(box=None, pad_edge=False)
    for name in ("phase", "done", "of", "next build"):
        table.add_column(name, justify="right" if name in ("done", "of") else "left", overflow="fold")
    for row in build_status(load_manifest(manifest), Store(out)):
        table.add_row(row.phase, f"{row.done:,}", f"{row.total:,}" if row.known else "?", escape(row.next))
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
        typer.echo(f"{lines:,} documents, {size:,} bytes of text read")
        problems += sum(_say_problems(check.name, check.problems) for check in verify_work(store))
        for folder, checks in groupby(verify_subsets(store), key=itemgetter(0)):
            of_subset = [check for _, check in checks]
            problems += sum(_say_problems(check.name, check.problems) for check in of_subset)
            lines, size = (sum(getattr(check, what) for check in of_subset) for what in ("lines", "bytes"))
            typer.echo(f"{folder}: {lines:,} documents, {size:,} bytes of text read")
    for name in exports:
        documents = tokens = 0
        for check in verify_any(*([Store(store.path(name)), store] if name else [store])):
            problems += _say_problems(f"{name or directory}: {check.name}", check.problems)
            documents += check.documents
            tokens += check.tokens
        counted = f", {tokens:,} tokens" if tokens else ""
        typer.echo(f"{name or directory}: {documents:,} documents{counted} read")
    if problems:
        msg = f"{problems} problems found; remove the damaged shards and run the build or export again to rewrite them"
        raise PileError(msg)
    typer.echo("every shard readable, digests and counts as recorded")


def explain(
    directory: CorpusPath,
    document: Annotated[str, typer.Argument(metavar="ID|URL", help="document id, or the upstream's key")],
) -> None:
    """Tell a document's whole story: where it came from, what was measured and decided, where it was written."""
    from pile_builder.audit.explain import explain_document
    from pile_builder.storage import Store

    stories = explain_document(Store(directory), document)
    typer.echo(orjson.dumps(stories, option=orjson.OPT_INDENT_2).decode())


def _say_problems(name: str, problems: Sequence[str]) -> int:
    for problem in problems:
        typer.echo(f"{name}: {problem}", err=True)
    return len(problems)
