"""The command `pile review`: a page on which people label random documents of a build, and the rates of each source."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from pile_builder.commands.takedown import login
from pile_builder.errors import PileError
from pile_builder.terminal import Console

_LABELS = "keep,boilerplate,machine-made,wrong language,adult,other"


def review(
    directory: Annotated[str, typer.Argument(metavar="DIR", help="folder of a finished build")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="of the page, on this machine only; 0: any free")] = 0,
    sample: Annotated[int, typer.Option(min=1, help="documents of each source")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="of the draw")] = 1,
    source: Annotated[list[str] | None, typer.Option(metavar="NAME", help="only this source; may be repeated")] = None,
    labels: Annotated[str, typer.Option(help="what a document can be called, by number key")] = _LABELS,
    by: Annotated[str, typer.Option(metavar="NAME", help="who labels; your login name if empty")] = "",
    only_report: Annotated[bool, typer.Option("--report", help="only count what was labelled")] = False,  # noqa: FBT002
) -> None:
    """Label random documents of a build on a local web page; Ctrl-C ends it with each source's rates.

    Every decision is a line of DIR/review/labels.jsonl at once, so that the same command goes on where it was. Rates
    with 95 % intervals, and how far reviewers agree, are written to DIR/report/review.json.
    """
    from pile_builder.audit.verify import recorded_digest
    from pile_builder.holding import holding
    from pile_builder.review.draw import draw
    from pile_builder.review.labels import Labels, parse_labels
    from pile_builder.review.rates import REPORT, write_report
    from pile_builder.review.server import ReviewServer
    from pile_builder.review.texts import Texts
    from pile_builder.storage import Store

    store, names = Store(directory), parse_labels(labels)
    recorded_digest(store)
    decisions = Labels(store)
    console = Console(soft_wrap=True)
    # Several may label at once; what they look at must not be built anew under their eyes.
    with holding(directory, "pile review", shared=True):
        if not only_report:
            drawn = draw(store, sample, seed, source or ())
            reviewer = by.strip() or login()
            if not reviewer:
                msg = "--by: expected the reviewer's name, there is no login name to take instead"
                raise PileError(msg)
            title = Path(directory).absolute().name
            with ReviewServer(title, drawn, Texts(store), decisions, names, reviewer, seed, port) as server:
                sources = len({one.source for one in drawn})
                counts = f"{len(drawn):,} documents of {sources:,} sources, labelled by {reviewer}"
                console.print(f"{counts}\n{server.url}\nCtrl-C ends it", highlight=False, markup=False)
                try:
                    server.serve_forever()
                except KeyboardInterrupt:
                    console.print("")
        report = write_report(store, decisions, names)
    _show(report, console)
    console.print(store.path(REPORT), highlight=False, markup=False)


def _show(report: Mapping[str, Any], console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("source", "documents", "label", "share", "95 % interval"):
        table.add_column(name, justify="left" if name in ("source", "label") else "right")
    for source, found in report["sources"].items():
        head = [source, f"{found['documents']:,}"]
        for label, rate in found["rates"].items():
            if rate["count"]:
                share = (f"{rate['share']:.1%}", f"{rate['low']:.1%} to {rate['high']:.1%}")
                table.add_row(*head, label.replace("[", "\\["), *share)
                head = ["", ""]
    console.print(table if report["sources"] else "nothing labelled yet")
    for name, reviewer in report["reviewers"].items():
        for other, both in reviewer["agreement"].items():
            if name < other:
                beyond = "not defined" if both["kappa"] is None else f"{both['kappa']:.2f}"
                line = f"{name} and {other}: {both['same']:,} of {both['documents']:,} alike, Cohen's kappa {beyond}"
                console.print(line, highlight=False, markup=False)
    left_out = report["left_out"]
    if left_out["not_in_corpus"]:
        line = f"{left_out['not_in_corpus']:,} decisions on documents that the corpus does not hold (any more) left out"
        console.print(line, highlight=False)
    if left_out["damaged_lines"]:
        console.print(f"{left_out['damaged_lines']:,} unreadable lines of the labels left out", highlight=False)
