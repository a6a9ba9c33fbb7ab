"""`pile classifier`: quality models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pile_builder.terminal import Console

classifiers = typer.Typer(no_args_is_help=True, help="Train quality classifiers.")


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
