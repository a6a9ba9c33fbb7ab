"""`pile check-worker`: whether a machine or a container image can do a worker's job."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.table import Table
from rich.text import Text

from pile_builder.checked_yaml import unknown_word
from pile_builder.errors import ManifestError
from pile_builder.terminal import Console, echo


def check_worker(
    out: Annotated[
        str, typer.Option("--out", metavar="URL", help="a build's folder: is it there, writable, safe?")
    ] = "",
    lock: Annotated[
        Path | None, typer.Option(help="manifest.lock.yaml of a build that versions must agree with")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="threads to work with; as many as cores if not given")
    ] = None,
    trial: Annotated[bool, typer.Option(help="build a small corpus, which compiles kernels or finds them")] = True,  # noqa: FBT002
    ignore: Annotated[list[str] | None, typer.Option(metavar="CHECK", help="failures of it do not count")] = None,
    json: Annotated[bool, typer.Option("--json", help="print everything as JSON")] = False,  # noqa: FBT002
) -> None:
    """Check that this machine or image can do a worker's job: what is installed, what it has, what it reaches.

    Ends with status 1 if something failed. Run it in the image, and in a shell of the machine that starts builds.
    """
    from pile_builder.allocator import return_freed_memory
    from pile_builder.forkserver import start_fork_server

    return_freed_memory()
    start_fork_server()
    from pile_builder.audit.lock import read_lock
    from pile_builder.pipelines.check_worker import CheckPlan
    from pile_builder.threads import cores
    from pile_builder.worker_check.finding import run_checks

    plan = CheckPlan(threads or cores(), out, read_lock(lock) if lock else None, trial=trial)
    findings = list(run_checks(plan.checks()))
    ignored = set(ignore or ())
    if unknown := ignored - {one.check for one in findings}:
        msg = f"--ignore: {unknown_word('check', unknown.pop(), {one.check for one in findings})}"
        raise ManifestError(msg)
    if json:
        echo(orjson.dumps([asdict(one) for one in findings], option=orjson.OPT_INDENT_2).decode())
    else:
        table = Table(box=None, pad_edge=False)
        for name in ("check", "", "found", "fix"):
            table.add_column(name, overflow="fold")
        for one in findings:
            state = "ok" if one.ok else "ignored" if one.check in ignored else Text("failed", "bold red")
            table.add_row(one.check, state, one.found, one.fix)
        Console().print(table)
    raise typer.Exit(1 if any(not one.ok and one.check not in ignored for one in findings) else 0)
