"""`pile extractor`: train the classifier behind `extractor: blocks`, and judge extractors by labelled pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pile_builder.terminal import Console

extractors = typer.Typer(no_args_is_help=True, help="Train and judge extractors of main content.")

Labels = Annotated[
    list[str], typer.Argument(metavar="LABELS...", help="labelled pages; PATH:odd or :even takes a half")
]


@extractors.command("train")
def train_extractor(
    labels: Labels,
    out: Annotated[Path, typer.Option("--out", help="the model's file; its card is written beside it")],
    silver: Annotated[list[str] | None, typer.Option("--silver", help="labels that count half (repeatable)")] = None,
) -> None:
    """Train the block classifier, judge it on hosts left out, and write it with its card."""
    from pile_builder.main_content.build_model import build_model
    from pile_builder.main_content.model_card import write_model

    console = Console(stderr=True)
    built = build_model(labels, silver or [], lambda line: console.print(line, highlight=False, markup=False))
    write_model(built, out)
    shown = Console()
    for source, found in built.agreements.items():
        line = f"{source}, cross-validated by host: F1 {found.f1:.4f}, precision {found.precision:.4f}, "
        shown.print(f"{line}recall {found.recall:.4f} ({found.pages:,} pages)", highlight=False, markup=False)
    shown.print(f"{out}: {len(built.data):,} bytes, sha256 {built.digest}", highlight=False, soft_wrap=True)


@extractors.command("silver")
def silver_extractor(
    archives: Annotated[list[str], typer.Argument(metavar="WARC...", help="WARC files, folders or URLs")],
    out: Annotated[Path, typer.Option("--out", help="*.jsonl or *.jsonl.gz of url, html and text")],
    without: Annotated[list[str] | None, typer.Option("--without", help="labels whose hosts are left out")] = None,
) -> None:
    """Label pages of web archives, one a host, where two modes of trafilatura agree."""
    from collections import Counter

    from pile_builder.main_content.labels import read_labels
    from pile_builder.main_content.silver import silver_labels, write_labels

    console = Console(stderr=True)
    hosts = {page.host for source in without or [] for page in read_labels(source)}
    seen: Counter[str] = Counter()

    def watch(what: str) -> None:
        seen[what] += 1
        if sum(seen.values()) % 100 == 0:
            console.print(", ".join(f"{count:,} {name}" for name, count in sorted(seen.items())), highlight=False)

    counts = write_labels(out, silver_labels(archives, hosts, watch))
    line = f"{out}: {counts['labelled']:,} labelled pages, {counts['unlabelled']:,} on which the modes differ"
    Console().print(line, highlight=False, soft_wrap=True)


@extractors.command("evaluate")
def evaluate_extractor(
    labels: Labels,
    extractor: Annotated[
        list[str] | None, typer.Option("--extractor", help="one of those that are shown by default (repeatable)")
    ] = None,
    model: Annotated[Path | None, typer.Option("--model", help="a model for blocks; default: the package's")] = None,
) -> None:
    """Compare extractors with the true text of labelled pages: shingles of four words, as article-extraction-benchmark.

    Times are CPU time on one core.
    """
    from rich.table import Table

    from pile_builder.main_content.evaluate import EXTRACTORS, evaluate
    from pile_builder.main_content.labels import read_labels

    pages = [page for source in labels for page in read_labels(source)]
    table = Table(box=None, pad_edge=False)
    for name in ("extractor", "F1", "precision", "recall", "pages", "pages/s"):
        table.add_column(name, justify="left" if name == "extractor" else "right", no_wrap=True)
    for name in extractor or EXTRACTORS:
        found = evaluate(pages, name, model)
        shares = found.agreement.f1, found.agreement.precision, found.agreement.recall
        speed = f"{found.pages_per_second:.0f}"
        table.add_row(name, *(f"{share:.4f}" for share in shares), f"{found.agreement.pages:,}", speed)
    Console().print(table)
