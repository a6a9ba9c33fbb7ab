"""The commands of source plugins: `pile sources list|show|test|try|new|doctor|splits`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pile_builder.terminal import Console, echo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pile_builder.source import Source

sources = typer.Typer(no_args_is_help=True, help="Look at source plugins, try, test and write them.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="a source, see `pile sources list`")]
Options = Annotated[
    list[str] | None, typer.Option("--option", "-o", metavar="KEY=VALUE", help="of the source, see `pile sources show`")
]


@sources.command("list")
def list_sources() -> None:
    """List the installed source plugins: component, licence, whether they have read what the upstream published."""
    from rich.table import Table

    from pile_builder.source import find_sources

    table = Table(box=None, pad_edge=False)
    for name in ("source", "component", "licence", "tried on", "what it is"):
        table.add_column(name, overflow="fold")
    for name, plugin in find_sources().items():
        first = (plugin.__doc__ or "").strip().splitlines()[:1]
        tried = "upstream bytes" if plugin.tried == "upstream" else "samples only"
        table.add_row(name, plugin.pile_set_name, plugin.licence, tried, *first)
    Console().print(table)


@sources.command("show")
def show_source(name: Name) -> None:
    """Show a source's documentation and options."""
    from inspect import cleandoc

    from pile_builder.source import load_source

    plugin = load_source(name)
    echo(f"{name} (version {plugin.version}), pile_set_name {plugin.pile_set_name!r}\n")
    echo(cleandoc(plugin.__doc__ or ""))
    if plugin.compat:
        echo(f"\nWith compat pile-2020: {plugin.compat}")
    echo("\nOptions:")
    for option, field in plugin.Config.model_fields.items():
        if option not in ("inputs", "root", "compat"):
            kind = field.annotation
            shown = kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")
            default = "" if field.is_required() else f" = {_short(field.default)}"
            echo(f"  {option}: {shown}{default}\n      {field.description or ''}")


@sources.command("test")
def test_source(
    name: Name,
    inputs: Annotated[
        list[str] | None, typer.Argument(metavar="INPUT", help="its samples/NAME if none is given")
    ] = None,
    option: Options = None,
    root: Annotated[str, typer.Option(help="what inputs are relative to")] = "",
) -> None:
    """Check that a source keeps its contract, on a small sample and on damage made of it.

    Deterministic, streaming, unique keys, every failure a Reject: docs/new-source.md. Status 1 if a check fails.
    """
    from rich.table import Table

    from pile_builder.source import load_source
    from pile_builder.source_contract import examine, sample_config

    given = {"inputs": inputs, "root": root} if inputs else sample_config(load_source(name), name)
    source = _configured(name, given, option or [])
    table = Table(box=None, pad_edge=False)
    for column in ("check", "", "what was tried, and what failed"):
        table.add_column(column, overflow="fold")
    failed = 0
    with Console(stderr=True).status("") as status:
        for finding in examine(source, say=status.update):
            failed += bool(finding.problems)
            lines = [finding.tried]
            if finding.problems:
                lines += [f"expected {finding.expected}", *(f"  {problem}" for problem in finding.problems)]
            table.add_row(finding.check, "FAILED" if finding.problems else "ok", "\n".join(lines))
    Console().print(table)
    if failed:
        echo(f"{name}: {failed} checks failed")
        raise typer.Exit(1)
    echo(f"{name}: keeps the contract")


@sources.command("try")
def try_source(
    name: Name,
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT")],
    count: Annotated[int, typer.Option("-n", min=1, help="records to show")] = 10,
    seed: Annotated[int | None, typer.Option(help="a random choice of records; the first ones unless given")] = None,
    lines: Annotated[int, typer.Option(min=1, help="of each record")] = 40,
    option: Options = None,
    root: Annotated[str, typer.Option(help="what inputs are relative to")] = "",
) -> None:
    """Show records beside the documents that a source makes of them, and rejects with their rule."""
    from pile_builder.contract.side_by_side import print_trials

    source = _configured(name, {"inputs": inputs, "root": root}, option or [])
    print_trials(Console(), source, count, seed, lines)


@sources.command("new")
def new_source(
    name: Annotated[str, typer.Argument(metavar="NAME", help="of the source: lower case, digits, _")],
    joins: Annotated[bool, typer.Option("--joins", help="parts of a document lie apart in the upstream")] = False,  # noqa: FBT002
) -> None:
    """Write the skeleton of a source, with a sample and a test that passes.

    Inside this project's repository it becomes one of its sources, elsewhere a small package in a folder of its own.
    """
    from pile_builder.contract.skeleton import write_skeleton

    for line in write_skeleton(name, Path.cwd(), joins=joins):
        echo(line)


@sources.command("doctor")
def doctor(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="all sources if none is given")] = None,
    file: Annotated[Path, typer.Option(help="what was recorded of upstreams")] = Path("upstreams.json"),
    record: Annotated[bool, typer.Option("--record", help="write what is seen now to the file")] = False,  # noqa: FBT002
) -> None:
    """Ask each upstream whether it is alive, how big it is, and whether it changed since it was recorded.

    One request to each. Status 1 if one is gone or changed.
    """
    from rich.table import Table

    from pile_builder.source import find_sources, load_source
    from pile_builder.upstreams.doctor import look, read_record, write_record

    plugins = {name: load_source(name) for name in names} if names else find_sources()
    recorded, seen, wrong = read_record(file), [], 0
    table = Table(box=None, pad_edge=False)
    for column in ("source", "upstream", "state", "size", "changed"):
        table.add_column(column, overflow="fold")
    for name, plugin in plugins.items():
        for upstream in plugin.upstreams:
            found = look(upstream.url)
            seen.append(found)
            changes = found.changes(recorded.get(upstream.url, {}))
            wrong += bool(changes) or found.state == "gone"
            size = f"{found.size:,}" if found.size is not None else f"about {upstream.size:,}"
            state = f"{found.state} ({found.detail})" if found.detail else found.state
            table.add_row(name, upstream.url, state, size, "\n".join(changes))
    Console().print(table)
    if seen and all(one.state == "unreachable" for one in seen):
        echo("no upstream can be reached: this machine is offline, or a proxy is missing (HTTPS_PROXY)")
        raise typer.Exit(1)
    if record:
        write_record(file, seen)
        echo(f"{file}: {sum(one.state == 'alive' for one in seen)} upstreams recorded")
    elif wrong:
        raise typer.Exit(1)


@sources.command("splits")
def splits(workers: Annotated[int, typer.Option(min=1, help="that read at once")] = 1_000) -> None:
    """Count on paper the splits of every upstream's full dump, and how busy they keep workers."""
    from rich.filesize import decimal
    from rich.table import Table

    from pile_builder.source import find_sources
    from pile_builder.upstreams.parts import busy_share, splits_of

    table = Table(box=None, pad_edge=False)
    table.add_column("source")
    for column in ("dump", "files", "read alone", "splits", f"busy of {workers:,}"):
        table.add_column(column, justify="right")
    table.add_column("upstream", overflow="fold")
    for name, plugin in find_sources().items():
        for one in plugin.upstreams:
            count = splits_of(one)
            numbers = (decimal(one.size), f"{one.files:,}", decimal(one.unit), f"{count:,}")
            table.add_row(name, *numbers, f"{busy_share(count, workers):.0%}", one.url)
    Console().print(table)


def _configured(name: str, given: Mapping[str, Any], option: list[str]) -> Source:
    from pydantic import ValidationError

    from pile_builder.checked_yaml import explain
    from pile_builder.commands.options import parse_options
    from pile_builder.errors import ManifestError
    from pile_builder.source import SourceConfig, load_source

    plugin = load_source(name)
    try:
        return plugin(plugin.Config.model_validate({**given, **parse_options(option)}))
    except ValidationError as error:
        shown = explain(
            f"{name}: --option", plugin.Config, error, leave_out=set(SourceConfig.model_fields) - {"compat"}
        )
        raise ManifestError("\n".join(shown)) from error


def _short(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
