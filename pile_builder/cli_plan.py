"""The commands around a build: `pile plan` before it, `pile select` for other thresholds after it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import orjson
import typer

from pile_builder.errors import PileError


def select(
    directory: Annotated[str, typer.Argument(metavar="DIR", help="folder of a finished build")],
    trial: Annotated[
        list[str] | None,
        typer.Option("--try", metavar="RULE=VALUE", help="a rule's other threshold; language.min_score=0.5 too"),
    ] = None,
    source: Annotated[str, typer.Option(help="only this source; all that have the rules unless given")] = "",
    json: Annotated[Path | None, typer.Option(dir_okay=False, help="file for all numbers, ids and keys")] = None,
    workers: Annotated[int, typer.Option(min=1, help="threads; the result is the same")] = os.cpu_count() or 1,
) -> None:
    """Show what other thresholds would change in a finished build, without building.

    The rules run again over what was measured, which takes seconds. It says how many documents would come in or go
    out, shows some of them, and which lines to put into the manifest.
    """
    from rich.console import Console

    from pile_builder.console import PhaseProgress
    from pile_builder.planning.trial_thresholds import parse_trials
    from pile_builder.planning.what_if import what_if
    from pile_builder.planning.what_if_tables import print_what_if, what_if_json
    from pile_builder.storage import Store

    _check_folder(json)
    trials = parse_trials(trial or ())
    with PhaseProgress(Console(stderr=True)) as progress:
        result = what_if(Store(directory), trials, source, workers, lambda done, total: progress("select", done, total))
    print_what_if(result, Console())
    if json:
        json.write_bytes(orjson.dumps(what_if_json(result), option=orjson.OPT_INDENT_2) + b"\n")


def _check_folder(json: Path | None) -> None:
    if json and not json.absolute().parent.is_dir():
        msg = f"--json: there is no folder {json.parent}; make it first"
        raise PileError(msg)
