"""The commands of `pile dedup`: duplicates among any files, and the presets of MinHash parameters."""

from __future__ import annotations

from typing import Annotated

import typer

from pile_builder.commands.group import RunByDefault
from pile_builder.errors import PileError
from pile_builder.terminal import echo
from pile_builder.threads import cores

dedup = typer.Typer(cls=RunByDefault, no_args_is_help=True, help="Remove exact and near-duplicates from any files.")


@dedup.command("run", epilog="`pile dedup FILES ...` is short for `pile dedup run FILES ...`.")
def deduplicate(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILES", help="jsonl (plain, .gz, .zst) or Parquet; folders, globs, URLs too"),
    ],
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="folder of the outputs: local path or fsspec URL")],
    field: Annotated[str, typer.Option(help="key or column of the text; meta.text leads into an object")] = "text",
    threshold: Annotated[float, typer.Option(help="least estimated Jaccard similarity of near-duplicates")] = 0.7,
    preset: Annotated[str, typer.Option(help="n-gram, bands and rows, see `pile dedup presets`")] = "fineweb",
    ngram: Annotated[
        int | None, typer.Option(help="words of a shingle; shorter documents are compared as a whole")
    ] = None,
    bands: Annotated[int | None, typer.Option(help="bands of a sketch")] = None,
    rows: Annotated[int | None, typer.Option(help="rows of a band")] = None,
    exact_only: Annotated[bool, typer.Option("--exact-only", help="leave near-duplicates alone")] = False,  # noqa: FBT002
    prefer: Annotated[str, typer.Option(help="who stays: the first in order of input, or the longest")] = "first",
    form: Annotated[
        str, typer.Option("--format", help="of jsonl: jsonl.zst, jsonl.gz or jsonl; Parquet stays Parquet")
    ] = "jsonl.zst",
    level: Annotated[int, typer.Option(min=1, max=22, help="level of zstd")] = 3,
    workers: Annotated[int, typer.Option(min=1, help="threads; the result is the same")] = cores(),
) -> None:
    """Write the documents of FILES to DIR without exact and near-duplicates, as the lines or rows that they were.

    DIR gets a file for each input, under its name; duplicates.parquet, which says who lost to whom; report.json; and
    rejects/ with the lines that are no documents. Words are compared without case, punctuation and white space.
    """
    from pile_builder.dedup.files import Options
    from pile_builder.dedup.files_command import run
    from pile_builder.dedup.presets import preset_of

    base = preset_of(preset)
    shape = (ngram or base.ngram, bands or base.bands, rows or base.rows)
    run(files, out, Options(field, threshold, *shape, exact_only, prefer, workers, form, level))


@dedup.command("presets")
def dedup_presets(
    threshold: Annotated[float | None, typer.Option(help="solve bands and rows for this similarity instead")] = None,
    permutations: Annotated[int, typer.Option(min=2, help="of the sketch, with --threshold")] = 128,
) -> None:
    """Show published choices of n-gram, bands and rows, and how likely each finds a pair, by similarity."""
    from pile_builder.dedup.presets import PRESETS, curve, probability, solve

    if threshold is not None and not 0 < threshold < 1:
        msg = f"--threshold: expected a similarity between 0 and 1, got {threshold:g}"
        raise PileError(msg)
    if threshold is None:
        rows = [(name, str(preset.ngram), preset.bands, preset.rows) for name, preset in PRESETS.items()]
    else:
        rows = [(f"{permutations} at {threshold:g}", "", *solve(threshold, permutations))]
    echo(f"{'preset':<16} words bands rows  P(.5) P(.6) P(.7) P(.8) P(.9)  P(s), 0 to 1")
    for name, words, bands, per_band in rows:
        chances = " ".join(f"{probability(one, bands, per_band):5.3f}" for one in (0.5, 0.6, 0.7, 0.8, 0.9))
        echo(f"{name:<16} {words:>5} {bands:>5} {per_band:>4}  {chances}  {curve(bands, per_band, 21)}")
    for name, preset in PRESETS.items() if threshold is None else ():
        echo(f"{name}: {preset.source}")
