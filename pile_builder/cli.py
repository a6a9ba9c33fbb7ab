"""The `pile` command: build, look at and check corpora. Commands only; the work is done elsewhere."""

from __future__ import annotations

import atexit
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from pile_builder import __version__
from pile_builder.cli_dedup import dedup
from pile_builder.cli_review import review
from pile_builder.cli_takedown import takedown
from pile_builder.cli_tokenize import formats, parquet, tokenize
from pile_builder.cli_tokenizer import tokenizer
from pile_builder.errors import PileError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
manifests = typer.Typer(no_args_is_help=True, help="Look at what a manifest may say.")
sources = typer.Typer(no_args_is_help=True, help="Look at source plugins.")
rules = typer.Typer(no_args_is_help=True, help="Look at quality rules and try them.")
classifiers = typer.Typer(no_args_is_help=True, help="Train quality classifiers.")
decontaminations = typer.Typer(no_args_is_help=True, help="Try what decontamination catches, and index eval sets.")
app.add_typer(manifests, name="manifest")
app.add_typer(sources, name="sources")
app.add_typer(rules, name="rules")
app.add_typer(classifiers, name="classifier")
app.add_typer(decontaminations, name="decontaminate")
app.add_typer(dedup, name="dedup")
app.command()(tokenize)
app.command()(formats)
app.command()(parquet)
app.add_typer(tokenizer, name="tokenizer")
app.command("takedown")(takedown)
app.command("review")(review)

ManifestPath = Annotated[Path, typer.Argument(metavar="MANIFEST", help="a manifest (YAML)")]
EvalPaths = Annotated[
    list[Path], typer.Argument(metavar="EVALS", help="lists of eval sets (YAML as in manifests/evals)")
]
CorpusPath = Annotated[str, typer.Argument(metavar="DIR", help="folder of a build")]


def main() -> None:
    """Run the command line; errors that have a message for the user end it with status 1 and no traceback."""
    # Libraries warn through the root logger; what a user should know is said by this program.
    logging.basicConfig(level=logging.ERROR)
    try:
        app()
    except PileError as error:
        Console(stderr=True, soft_wrap=True).print(f"[bold red]error[/]: {_plain(str(error))}")
        _leave(1)
    except KeyboardInterrupt:
        Console(stderr=True).print("stopped; what is committed stays, run the same command to go on")
        _leave(130)
    except SystemExit as end:
        _leave(end.code if isinstance(end.code, int) else bool(end.code))


def _leave(status: int) -> None:
    """End the process without taking Beam's and numba's modules apart, which takes half a second."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="print the version")] = False) -> None:  # noqa: FBT002
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command()
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


@app.command()
def status(manifest: ManifestPath, out: Annotated[str, typer.Option("--out", help="folder of the build")]) -> None:
    """Say how far a build is, what the next `pile build` would do, and why."""
    from pile_builder.audit.status import build_status
    from pile_builder.manifest import load_manifest
    from pile_builder.storage import Store

    table = Table(box=None, pad_edge=False)
    for name in ("phase", "done", "of", "next build"):
        table.add_column(name, justify="right" if name in ("done", "of") else "left", overflow="fold")
    for row in build_status(load_manifest(manifest), Store(out)):
        table.add_row(row.phase, f"{row.done:,}", f"{row.total:,}" if row.known else "?", _plain(row.next))
    Console().print(table)


@app.command()
def verify(directory: CorpusPath) -> None:
    """Read every shard of a finished build or export and compare digests and counts with what was recorded.

    Exports below a build are read too. Token shards are read by their container's rules and must hold the recorded
    token stream; some documents of each shard are encoded again.
    """
    from pile_builder.audit.exports import exports_in, verify_any
    from pile_builder.audit.verify import recorded_digest, verify_corpus
    from pile_builder.storage import Store

    problems = 0
    store = Store(directory)
    exports = exports_in(store)
    digest = ""
    if exports != [""]:
        digest = recorded_digest(store)
        lines = size = 0
        for result in verify_corpus(store):
            problems += _say_problems(result.name, result.problems)
            lines += result.lines
            size += result.bytes
        typer.echo(f"{lines:,} documents, {size:,} bytes of text read")
    for name in exports:
        documents = tokens = 0
        for check in verify_any(Store(store.path(name)) if name else store, digest):
            problems += _say_problems(f"{name or directory}: {check.name}", check.problems)
            documents += check.documents
            tokens += check.tokens
        counted = f", {tokens:,} tokens" if tokens else ""
        typer.echo(f"{name or directory}: {documents:,} documents{counted} read")
    if problems:
        msg = f"{problems} problems found; remove the damaged files and run the same command again to rewrite them"
        raise PileError(msg)
    typer.echo("every shard readable, digests and counts as recorded")


def _say_problems(name: str, problems: Sequence[str]) -> int:
    for problem in problems:
        typer.echo(f"{name}: {problem}", err=True)
    return len(problems)


@app.command()
def explain(
    directory: CorpusPath,
    document: Annotated[str, typer.Argument(metavar="ID|URL", help="document id, or the upstream's key")],
) -> None:
    """Tell a document's whole story: where it came from, what was measured and decided, where it was written."""
    from pile_builder.audit.explain import explain_document
    from pile_builder.storage import Store

    stories = explain_document(Store(directory), document)
    typer.echo(orjson.dumps(stories, option=orjson.OPT_INDENT_2).decode())


@manifests.command("schema")
def schema() -> None:
    """Print the JSON schema of manifests."""
    from pile_builder.manifest import manifest_schema

    typer.echo(orjson.dumps(manifest_schema(), option=orjson.OPT_INDENT_2).decode())


@manifests.command("check")
def check(manifest: ManifestPath) -> None:
    """Check a manifest and that its inputs exist."""
    from pile_builder.manifest import load_manifest

    loaded = load_manifest(manifest)
    splits = {name: len(list(plugin.splits())) for name, plugin in loaded.plugins.items()}
    typer.echo(f"{manifest}: valid; " + ", ".join(f"{name}: {count} splits" for name, count in splits.items()))


@sources.command("list")
def list_sources() -> None:
    """List the installed source plugins."""
    from pile_builder.source import find_sources

    table = Table(box=None, pad_edge=False)
    for name in ("source", "pile_set_name", "what it is"):
        table.add_column(name)
    for name, plugin in find_sources().items():
        table.add_row(name, plugin.pile_set_name, (plugin.__doc__ or "").strip().splitlines()[0])
    Console().print(table)


@sources.command("show")
def show_source(name: Annotated[str, typer.Argument(help="a source, see `pile sources list`")]) -> None:
    """Show a source's documentation and options."""
    from inspect import cleandoc

    from pile_builder.source import load_source

    plugin = load_source(name)
    typer.echo(f"{name} (version {plugin.version}), pile_set_name {plugin.pile_set_name!r}\n")
    typer.echo(f"{cleandoc(plugin.__doc__ or '')}\n\nOptions:")
    for option, field in plugin.Config.model_fields.items():
        if option not in ("inputs", "root"):
            kind = field.annotation
            shown = kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")
            default = "" if field.is_required() else f" = {_short(field.default)}"
            typer.echo(f"  {option}: {shown}{default}\n      {field.description or ''}")


@rules.command("list")
def list_rules() -> None:
    """List every recipe and its rules with their thresholds and where they come from."""
    from pile_builder.recipes import RECIPES

    for recipe in RECIPES.values():
        typer.echo(f"{recipe.name}: {recipe.source}")
        for rule in recipe.rules:
            typer.echo(f"    {rule.name:<26} drops {rule.condition:<50} {rule.source}")


@rules.command("presets")
def list_presets() -> None:
    """List every preset: what it follows, its recipes and rules, what it needs and what it leaves out."""
    from pile_builder.presets import PRESETS
    from pile_builder.recipes import RECIPES

    for preset in PRESETS.values():
        typer.echo(f"{preset.name}: {preset.description}\n    source: {preset.source}")
        if preset.language:
            typer.echo(f"    language: {', '.join(preset.language['keep'])}, score {preset.language['min_score']}")
        if preset.licences:
            typer.echo(f"    licences: {', '.join(preset.licences['allow'])}; unknown: {preset.licences['unknown']}")
        for name in preset.recipes:
            typer.echo(f"    {name}")
            for rule in RECIPES[name].rules:
                typer.echo(f"        {rule.name:<28} drops {rule.condition}")
        for need in preset.needs:
            typer.echo(f"    needs {need.name}: {need.what} ({' or '.join(need.fields)})")
        if preset.left_out:
            typer.echo(f"    not done: {preset.left_out}")
        typer.echo("")


@rules.command("try")
def try_rules(
    name: Annotated[str, typer.Argument(metavar="RECIPE", help="a recipe, see `pile rules list`")],
    files: Annotated[
        list[Path], typer.Argument(metavar="FILES", help="text files, or .jsonl[.zst|.gz] with a text field")
    ],
) -> None:
    """Apply a recipe to documents and show what it measures, drops and why."""
    from pile_builder.audit.trial import try_recipe

    console = Console()
    table = Table(box=None, pad_edge=False)
    for column in ("document", "verdict", "value", "threshold"):
        table.add_column(column, overflow="fold")
    dropped = total = 0
    for row in try_recipe(name, files):
        total += 1
        dropped += bool(row.rule)
        table.add_row(_plain(row.name), row.rule or "kept", _number(row.value), _number(row.threshold))
    console.print(table)
    console.print(f"{total - dropped:,} of {total:,} kept", highlight=False)


@classifiers.command("train")
def train_classifier(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="what to train on and how (YAML)")],
    out: Annotated[str, typer.Option("--out", help="folder for model, report, curve and lock")],
) -> None:
    """Train a quality classifier, judge it on held-out documents, and write it with its report."""
    from pile_builder.classifier.config import load_config
    from pile_builder.classifier.console import Reading, print_report
    from pile_builder.classifier.train import train_classifier as run

    with Reading(Console(stderr=True)) as watch:
        report = run(load_config(config), out, watch, watch.say)
    print_report(report, out, Console())


@decontaminations.command("probe")
def probe_decontamination(
    evals: EvalPaths,
    text: Annotated[
        list[str] | None,
        typer.Option(help="text files or .jsonl[.zst|.gz] to plant items in, instead of a page of prose"),
    ] = None,
    items: Annotated[int, typer.Option(min=1, help="items of each set to plant")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="of the choice of items")] = 1,
    json: Annotated[Path | None, typer.Option(dir_okay=False, help="file for all numbers and ids")] = None,
) -> None:
    """Plant eval items in text, in disguises, and say how many a build would catch and cut out.

    Ends with status 1 if an item was missed that should be caught, or not cut out whole. Relative files of the eval
    sets are looked for in the current folder.
    """
    from dataclasses import asdict

    from pile_builder.classifier.config import Input
    from pile_builder.classifier.documents import texts
    from pile_builder.decontamination.console import Steps, print_probe
    from pile_builder.decontamination.evals import load_eval_lists
    from pile_builder.decontamination.probe import built_in_text, probe

    if json and not json.absolute().parent.is_dir():
        msg = f"--json: there is no folder {json.parent}; make it first"
        raise PileError(msg)
    sets = load_eval_lists(evals)
    planted_in = texts(Input(files=tuple(text)), ".") if text else [built_in_text()]
    with Steps(Console(stderr=True)) as steps:
        report = probe(
            steps.items(sets),
            planted_in,
            seed,
            items,
            {one.name: one.action for one in sets},
            lambda done, total: steps.show("planting and searching", done, total, "documents"),
        )
    print_probe(report, Console())
    if json:
        json.write_bytes(orjson.dumps(asdict(report), option=orjson.OPT_INDENT_2))
    raise typer.Exit(0 if report.is_good else 1)


@decontaminations.command("index")
def index_evals(
    evals: EvalPaths, out: Annotated[Path, typer.Option("--out", help="folder of the index; new or empty")]
) -> None:
    """Build the index of eval sets alone, as a build would, and say how large it is and what it cannot protect."""
    from collections import Counter

    from pile_builder.decontamination.console import Steps, print_index
    from pile_builder.decontamination.evals import load_eval_lists
    from pile_builder.decontamination.index import build_index, write_index

    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        msg = f"--out: expected a new or an empty folder, there is something at {out}"
        raise PileError(msg)
    sets = load_eval_lists(evals)
    counts = Counter({one.name: 0 for one in sets})
    with Steps(Console(stderr=True)) as steps:
        items = list(steps.items(sets))
    counts.update(item.eval for item in items)
    index = build_index(items)
    write_index(index, out)
    print_index(index, counts, str(out), Console())


def _plain(text: str) -> str:
    return text.replace("[", "\\[")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _short(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


if __name__ == "__main__":
    main()
