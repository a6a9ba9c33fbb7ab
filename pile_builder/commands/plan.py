"""The commands around a build: `pile plan` before it, `pile select` for other thresholds after it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from pile_builder.errors import PileError
from pile_builder.threads import cores

if TYPE_CHECKING:
    from pile_builder.manifest import Manifest
    from pile_builder.tokenizer import Tokenizer

WIDTH = 130
"""Columns that the tables need."""


def select(
    directory: Annotated[str, typer.Argument(metavar="DIR", help="folder of a finished build")],
    trial: Annotated[
        list[str] | None,
        typer.Option("--try", metavar="RULE=VALUE", help="a rule's other threshold; language.min_score=0.5 too"),
    ] = None,
    source: Annotated[str, typer.Option(help="only this source; all that have the rules unless given")] = "",
    json: Annotated[Path | None, typer.Option(dir_okay=False, help="file for all numbers, ids and keys")] = None,
    workers: Annotated[int, typer.Option(min=1, help="threads; the result is the same")] = cores(),
) -> None:
    """Show what other thresholds would change in a finished build, without building.

    The rules run again over what was measured, which takes seconds. It says how many documents would come in or go
    out, shows some of them, and which lines to put into the manifest.
    """
    from pile_builder.console import PhaseProgress
    from pile_builder.planning.trial_thresholds import parse_trials
    from pile_builder.planning.what_if import what_if
    from pile_builder.planning.what_if_tables import print_what_if, what_if_json
    from pile_builder.storage import Store
    from pile_builder.terminal import Console

    _check_folder(json)
    trials = parse_trials(trial or ())
    with PhaseProgress(Console(stderr=True)) as progress:
        result = what_if(Store(directory), trials, source, workers, lambda done, total: progress("select", done, total))
    if json:
        json.write_bytes(orjson.dumps(what_if_json(result), option=orjson.OPT_INDENT_2) + b"\n")
    print_what_if(result, _wide_console())


def plan(
    manifest: Annotated[Path | None, typer.Argument(metavar="MANIFEST", help="a manifest (YAML)")] = None,
    sample: Annotated[int, typer.Option(min=2, help="records to draw of each source")] = 200,
    seed: Annotated[int | None, typer.Option(min=0, help="of the choice; the manifest's unless given")] = None,
    runner: Annotated[str, typer.Option(help="dataflow, cloud-vm, machine, or a .yaml file with your own")] = "machine",
    workers: Annotated[int | None, typer.Option(min=1, help="machines; the profile's unless given")] = None,
    compute: Annotated[str, typer.Option(help="floating-point operations to train with, such as 1e22")] = "",
    parameters: Annotated[str, typer.Option(help="size of the model to train, such as 6.7B")] = "",
    tokenizer: Annotated[str, typer.Option(help="to count tokens with; that of the first export unless given")] = "",
    out: Annotated[str, typer.Option(help="folder of the build; it keeps the plan, for --against")] = "",
    json: Annotated[Path | None, typer.Option(dir_okay=False, help="file for all numbers")] = None,
    against: Annotated[str, typer.Option(metavar="DIR", help="compare the plan in DIR with its finished build")] = "",
) -> None:
    """Say what a build would give and cost, from a small sample of every source; or compare a plan with its build.

    The sample goes through extraction, annotation and selection as in the build: what survives, how many tokens that
    is, how many core-hours, and on a runner's machines how long and for how much money. Every estimate has its 90 %
    interval, what is assumed is said. With --compute or --parameters also how many tokens such a model wants and how
    often that repeats each source.
    """
    from pile_builder.terminal import Console

    _check_folder(json)
    if against:
        _compare(against, json)
        return
    if manifest is None:
        msg = "expected MANIFEST, or --against DIR"
        raise PileError(msg)
    from pile_builder.forkserver import start_fork_server

    start_fork_server()
    from pile_builder.console import PhaseProgress
    from pile_builder.manifest import load_manifest
    from pile_builder.pipelines.plan import PlanOptions, plan_build
    from pile_builder.planning.costs import load_profile
    from pile_builder.planning.plan_json import PLAN, plan_json
    from pile_builder.planning.plan_tables import print_plan
    from pile_builder.planning.scaling import allocations, parse_number
    from pile_builder.storage import Store

    asked = {"compute": compute, "parameters": parameters}
    given = {name: parse_number(value, f"--{name}") for name, value in asked.items() if value}
    laws = allocations(**given) if given else []
    profile, loaded = load_profile(runner, workers), load_manifest(manifest)
    with PhaseProgress(Console(stderr=True)) as progress:
        options = PlanOptions(
            records=sample,
            seed=seed,
            workers=cores(),
            profile=profile,
            laws=laws,
            tokenizer=_tokenizer(tokenizer, loaded, progress.say),
            watch=progress,
            say=progress.say,
        )
        made = plan_build(loaded, options)
    data = orjson.dumps(plan_json(made), option=orjson.OPT_INDENT_2) + b"\n"
    if json:
        json.write_bytes(data)
    if out:
        Store(out).write(PLAN, data)
    print_plan(made, _wide_console())


def _tokenizer(name: str, manifest: Manifest, say: Callable[[str], None]) -> Tokenizer | None:
    """The tokenizer that is asked for, or else that of the manifest's first export, if it can be had."""
    from pile_builder.tokenizer import load_tokenizer

    if name:
        return load_tokenizer(name)
    if not manifest.exports:
        return None
    export = manifest.exports[0]
    try:
        return load_tokenizer(export.tokenizer, export.end_token or None)
    except PileError as error:
        say(f"tokens are assumed, since the tokenizer of the manifest's first export can't be read here: {error}")
        return None


def _compare(directory: str, json: Path | None) -> None:
    from pile_builder.planning.compare import compare_build
    from pile_builder.planning.plan_tables import print_comparison
    from pile_builder.storage import Store

    comparisons = compare_build(Store(directory))
    if json:
        data = [one.as_json() for one in comparisons]
        json.write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2) + b"\n")
    print_comparison(comparisons, _wide_console())


def _wide_console() -> Any:
    """Standard output, never so narrow that a table loses numbers: a pipe counts as 80 columns."""
    from pile_builder.terminal import Console

    return Console(width=max(Console().width, WIDTH))


def _check_folder(json: Path | None) -> None:
    if json and not json.absolute().parent.is_dir():
        msg = f"--json: there is no folder {json.parent}; make it first"
        raise PileError(msg)
