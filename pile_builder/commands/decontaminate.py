"""`pile decontaminate`: what decontamination catches, and the index of eval sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from pile_builder.errors import PileError
from pile_builder.terminal import Console

decontaminations = typer.Typer(no_args_is_help=True, help="Try what decontamination catches, and index eval sets.")
EvalPaths = Annotated[
    list[Path], typer.Argument(metavar="EVALS", help="lists of eval sets (YAML as in manifests/evals)")
]


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
