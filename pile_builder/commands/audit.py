"""The commands of `pile audit`: what a corpus holds and why, and what moved between two."""

from __future__ import annotations

from typing import Annotated

import orjson
import typer

from pile_builder.commands.group import RunByDefault
from pile_builder.terminal import Console, echo

audit = typer.Typer(
    cls=RunByDefault, no_args_is_help=True, help="Report what a corpus holds, why, and what was thrown away."
)


@audit.command(
    "run", epilog="`pile audit DIR` is short for `pile audit run DIR`; `pile audit diff A B` compares two builds."
)
def write_report(
    directory: Annotated[str, typer.Argument(metavar="DIR", help="folder of a finished build: local path or URL")],
) -> None:
    """Write DIR/report/index.html and audit.json again from what the build counted, and print the core of it.

    Reads records, counts and token exports, never the text: it takes seconds.
    """
    from pile_builder.audit.console import print_audit
    from pile_builder.audit.report import write_audit
    from pile_builder.holding import holding
    from pile_builder.storage import Store
    from pile_builder.story import read_story

    read_story(Store(directory))
    with holding(directory, "pile audit") as store:
        written = write_audit(store)
    print_audit(written, directory, Console())


@audit.command("diff")
def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="folder of a finished build")],
    second: Annotated[str, typer.Argument(metavar="B", help="folder of another, or of the same later")],
    json: Annotated[bool, typer.Option("--json", help="print everything as JSON")] = False,  # noqa: FBT002
) -> None:
    """Say what moved from build A to build B: manifest, counts by source and rule, mixture, tokens, documents by id."""
    from pile_builder.audit.console import print_differences
    from pile_builder.audit.diff import compare_builds
    from pile_builder.storage import Store

    found = compare_builds(Store(first), Store(second))
    if json:
        echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    else:
        print_differences(found, Console())
