"""The commands around one build: make it, see how far it is, check it, ask it about a document."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.markup import escape
from rich.table import Table

from pile_builder.errors import PileError
from pile_builder.terminal import Console, echo

ManifestPath = Annotated[Path, typer.Argument(metavar="MANIFEST", help="a manifest (YAML)")]
CorpusPath = Annotated[str, typer.Argument(metavar="DIR", help="folder of a build")]


def build(
    manifest: ManifestPath,
    out: Annotated[str, typer.Option("--out", help="folder of the build: local path or fsspec URL")],
    workers: Annotated[int, typer.Option(min=1, help="threads, and extraction processes")] = os.cpu_count() or 1,
    mode: Annotated[str, typer.Option(help="in_memory (threads) or multi_processing")] = "in_memory",
    base: Annotated[Path | None, typer.Option(help="what relative roots are relative to, instead of MANIFEST")] = None,
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
        summary = run(loaded, out, RunOptions(workers=workers, mode=mode, watch=progress, say=progress.say))
    print_summary(summary, out, Console())


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

    Exports below a build are read too. Token shards are read by their container's rules and must hold the recorded
    token stream; some documents of each shard are encoded again.
    """
    from pile_builder.audit.exports import exports_in, verify_any
    from pile_builder.audit.subsets import verify_subsets
    from pile_builder.audit.verify import verify_corpus
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
        msg = f"{problems} problems found; remove the damaged files and run the same command again to rewrite them"
        raise PileError(msg)
    echo("every shard readable, digests and counts as recorded")


def explain(
    directory: CorpusPath,
    document: Annotated[str, typer.Argument(metavar="ID|URL", help="document id, or the upstream's key")],
) -> None:
    """Tell a document's whole story: where it came from, what was measured and decided, where it was written."""
    from pile_builder.audit.explain import explain_document
    from pile_builder.storage import Store

    stories = explain_document(Store(directory), document)
    echo(orjson.dumps(stories, option=orjson.OPT_INDENT_2).decode())


def _say_problems(name: str, problems: Sequence[str]) -> int:
    for problem in problems:
        echo(f"{name}: {problem}", err=True)
    return len(problems)
