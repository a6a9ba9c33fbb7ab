"""`pile extract try`: what each main-content extractor keeps and loses of a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pile_builder.terminal import Console, echo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pile_builder.extraction.console import Trials
    from pile_builder.main_content import Block

extract = typer.Typer(no_args_is_help=True, help="Judge what main-content extractors make of web pages.")


@extract.callback()
def _group() -> None:
    """Keep `try` a word of its own while it is the only command."""


@extract.command("try")
def try_page(
    where: Annotated[
        str,
        typer.Argument(
            metavar="URL|FILE",
            help="an http(s) URL, an HTML file, - for standard input, or FILE#N: the N-th page of a WARC",
        ),
    ],
    extractor: Annotated[
        list[str] | None,
        typer.Option(
            "--extractor",
            "-e",
            metavar="NAME[:SETTING]",
            help="again for more; trafilatura:precision,fast; all unless given",
        ),
    ] = None,
    url: Annotated[str, typer.Option(metavar="URL", help="of the page, in a WARC file")] = "",
    marks: Annotated[bool, typer.Option("--marks", help="the page's lines with marks, for two too")] = False,  # noqa: FBT002
    diff: Annotated[bool, typer.Option("--diff", help="only the lines that one extractor alone kept")] = False,  # noqa: FBT002
    blocks: Annotated[bool, typer.Option("--blocks", help="what the extractor `blocks` thinks of each block")] = False,  # noqa: FBT002
    lines: Annotated[int, typer.Option(min=1, help="most that are shown")] = 60,
    json: Annotated[bool, typer.Option("--json", help="everything as JSON, for programs")] = False,  # noqa: FBT002
) -> None:
    """Show what extractors keep and lose of one HTML page, and what each takes.

    Two extractors side by side, else the page's visible lines with a mark for each: kept, in part, lost. Texts and
    rejects are those of a build. "of page": share of the visible words kept; "as X": share of the words of both that
    the other has too; ms: CPU time of the extractor alone, its first run left out.
    """
    from pile_builder.extraction.console import (
        Trials,
        print_blocks,
        print_columns,
        print_marks,
        print_only,
        print_overview,
    )
    from pile_builder.extraction.pages import open_page
    from pile_builder.extraction.trials import Confined, installed_choices, parse_choice

    choices = list(dict.fromkeys(map(parse_choice, extractor))) if extractor else installed_choices()
    raw = open_page(where, url, typer.get_binary_stream("stdin"))
    with Console(stderr=True).status("the page") as status, Confined() as confined:
        page = confined.look(raw)
        trials = []
        for choice in choices:
            status.update(choice.label)
            trials.append(confined.try_extractor(raw, choice))
        favor = next((choice.favor for choice in choices if choice.extractor == "blocks"), "balanced")
        judged = confined.explain(raw, favor) if blocks else []
    found = Trials(page, trials)
    if json:
        echo(_json(found, judged))
        return
    console = Console()
    print_overview(console, found)
    console.print()
    if blocks:
        print_blocks(console, judged, lines)
    elif diff:
        print_only(console, found, lines)
    elif marks or len(trials) != 2:
        print_marks(console, found, lines)
    else:
        print_columns(console, found, 0, 1, lines)


def _json(found: Trials, judged: Sequence[Block]) -> str:
    """The page and the trials; ASCII alone, so that nothing of the page has to be changed for the terminal."""
    import json
    from dataclasses import asdict

    trials = [
        {
            "extractor": trial.choice.label,
            "text": trial.text,
            "words": found.texts[number].word_count,
            "kept_share": found.kept_share(number),
            "seconds": trial.seconds,
            "reject": {"rule": trial.rule, "detail": trial.detail} if trial.rule else None,
            "meta": trial.meta,
            "agreement": {
                other.choice.label: found.agreement(number, at) for at, other in enumerate(found.trials) if at != number
            },
            "only": found.only(number),
        }
        for number, trial in enumerate(found.trials)
    ]
    whole = {"page": asdict(found.page), "trials": trials, "blocks": [asdict(block) for block in judged]}
    return json.dumps(whole, indent=2, default=str)
