"""The command `pile takedown`: documents and their copies leave a finished build."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from pile_builder.errors import PileError
from pile_builder.terminal import Console
from pile_builder.threads import cores

if TYPE_CHECKING:
    from pile_builder.pipelines.takedown import Proposal
    from pile_builder.storage import Store
    from pile_builder.takedown.look_up import Wanted

_SHOWN = 20
"""Words that are named of those that lead to nothing new."""


def takedown(
    directory: Annotated[str, typer.Argument(metavar="DIR", help="folder of a finished build")],
    ids: Annotated[Path | None, typer.Option(metavar="FILE", help="ids, one a line, or a takedown.jsonl")] = None,
    urls: Annotated[Path | None, typer.Option(metavar="FILE", help="upstream keys (URLs, paths), one a line")] = None,
    domains: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="domains, one a line: all documents from there and below"),
    ] = None,
    by: Annotated[str, typer.Option(metavar="WHO", help="who asks; your login name if empty")] = "",
    why: Annotated[str, typer.Option(metavar="TEXT", help="the reason, for the record")] = "",
    only_listed: Annotated[bool, typer.Option("--only-listed", help="leave copies of the documents alone")] = False,  # noqa: FBT002
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,  # noqa: FBT002
    workers: Annotated[int, typer.Option(min=1, help="threads")] = cores(),
) -> None:
    """Remove documents and their near-duplicates from all that a build keeps, rewriting only what holds them.

    DIR/takedown.jsonl records who, when and why, by id. Needs no raw dumps and no manifest; killed and run again, it
    goes on. Ends with status 1 if none of the documents was found.
    """
    from pile_builder.holding import holding
    from pile_builder.pipelines.takedown import propose
    from pile_builder.storage import Store
    from pile_builder.story import read_story

    wanted = _wanted(ids, urls, domains)
    console = Console(soft_wrap=True)
    if not yes and not sys.stdin.isatty():
        msg = "there is no terminal to ask whether documents may be removed; look at DIR, then give --yes"
        raise PileError(msg)
    read_story(Store(directory))
    with holding(directory, "pile takedown") as store:
        proposal = propose(store, wanted, only_listed=only_listed)
        _show(proposal, console)
        has_work = proposal.new or proposal.blocks or proposal.shards or proposal.pending
        if not has_work:
            console.print("nothing to do" if proposal.asked or proposal.known else "none was found", highlight=False)
        elif yes or typer.confirm("Remove them?"):
            _apply(store, proposal, by or login(), why, workers, console)
        else:
            console.print("nothing was changed")
    raise typer.Exit(0 if proposal.asked or proposal.known else 1)


def _wanted(ids: Path | None, urls: Path | None, domains: Path | None) -> Wanted:
    from pile_builder.domains import parse_domain
    from pile_builder.takedown.listing import read_entries
    from pile_builder.takedown.look_up import Wanted

    if not (ids or urls or domains):
        msg = "expected --ids FILE, --urls FILE or --domains FILE: which documents are to go?"
        raise PileError(msg)
    listed: list[str] = []
    if ids:
        with _opened("--ids", ids).open("rb") as stream:
            listed = [one for batch in read_entries(stream, str(ids)) for one in batch.column("id").to_pylist()]
    return Wanted(
        frozenset(listed),
        frozenset(_lines("--urls", urls)),
        frozenset(parse_domain(line) for line in _lines("--domains", domains)),
    )


def _lines(option: str, path: Path | None) -> Iterator[str]:
    """Lines of a list; blank ones and those that begin with # are left out."""
    if path:
        text = _opened(option, path).read_text(encoding="utf-8", errors="replace")
        yield from (word for line in text.splitlines() if (word := line.strip()) and not word.startswith("#"))


def _opened(option: str, path: Path) -> Path:
    if not path.is_file():
        msg = f"{option}: expected a file with one entry a line, there is none at {path}"
        raise PileError(msg)
    return path


def _show(proposal: Proposal, console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("source", "documents", "copies of them"):
        table.add_column(name, justify="left" if name == "source" else "right")
    for source, (asked, copies) in proposal.by_source().items():
        table.add_row(source, f"{asked:,}", f"{copies:,}")
    if proposal.asked:
        console.print(table)
    for word, (when, count) in list(proposal.known.items())[:_SHOWN]:
        date = f" on {when[:10]}" if when else ""
        said = f"already taken down{date} ({count:,} document{'s' if count != 1 else ''}): {word}"
        console.print(said, highlight=False, markup=False)
    if len(proposal.known) > _SHOWN:
        console.print(f"and {len(proposal.known) - _SHOWN:,} more are taken down already", highlight=False)
    for word in proposal.not_found:
        console.print(f"not found: {word}", highlight=False, markup=False)
    console.print(
        f"{proposal.new:,} documents to list, copies in {proposal.clusters:,} clusters; {proposal.blocks:,} blocks and "
        f"{proposal.shards:,} shards to rewrite",
        highlight=False,
    )


def _apply(store: Store, proposal: Proposal, by: str, why: str, workers: int, console: Console) -> None:
    from pile_builder.console import PhaseProgress
    from pile_builder.pipelines.engine import RunOptions
    from pile_builder.pipelines.takedown import take_down

    with PhaseProgress(Console(stderr=True)) as progress:
        options = RunOptions(workers, watch=progress, say=progress.say, guard=store.guard)
        summary = take_down(store, proposal, by, why, options)
    removed = sum(source["dropped"].get("takedown", 0) for source in summary["sources"].values())
    path = store.path("takedown.jsonl")
    console.print(
        f"{summary['takedown']['listed']:,} documents are listed in all, {removed:,} of which the shards would hold "
        f"otherwise; digest {summary['digest']}\n"
        f"for rebuilds in other folders, put a copy of {path} beside the manifest and add\n"
        "    takedowns: [takedown.jsonl]\n"
        f"to it; {store.path('manifest.lock.yaml')} has the ids already",
        highlight=False,
        markup=False,
    )


def login() -> str:
    """The name of who runs this, empty if it has none."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may have no name for its user.
        return ""
