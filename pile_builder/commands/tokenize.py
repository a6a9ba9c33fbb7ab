"""The commands of token exports: `pile tokenize` and `pile formats`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pile_builder.commands.options import parse_options
from pile_builder.terminal import echo
from pile_builder.threads import cores

if TYPE_CHECKING:
    from pile_builder.storage import Store


def tokenize(
    directory: Annotated[str, typer.Argument(metavar="DIR", help="a build, or a folder of *.jsonl[.gz|.zst]")],
    form: Annotated[list[str], typer.Option("--format", help="see `pile formats`; several in one reading")],
    tokenizer: Annotated[
        str,
        typer.Option(
            help="tokenizer.json, a folder with one or with vocab.json and merges.txt, hub name, tiktoken:NAME"
        ),
    ],
    out: Annotated[str, typer.Option(help="folder of the export; DIR/tokens/TOKENIZER-FORMAT unless given")] = "",
    end_token: Annotated[str, typer.Option(help="end-of-document token, if the tokenizer leaves a choice")] = "",
    split: Annotated[list[str] | None, typer.Option(help="train, validation or test; all unless given")] = None,
    subset: Annotated[str, typer.Option(help="one of the build's subsets, such as 1/2, in place of train")] = "",
    window: Annotated[int | None, typer.Option(min=2, help="tokens of a window, where the format has windows")] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", metavar="KEY=VALUE", help="of the format, see `pile formats`")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="threads; the result is the same")] = cores(),
) -> None:
    """Write the corpus as token shards that trainers read as they are, or go on with an export.

    Every document is followed by the end-of-document token; text never yields a special token. `pile verify` on the
    export proves that its files hold that stream.
    """
    from pile_builder.console import PhaseProgress
    from pile_builder.export.command import print_exports
    from pile_builder.export.config import Export
    from pile_builder.pipelines.engine import RunOptions
    from pile_builder.pipelines.exports import export_tokens
    from pile_builder.terminal import Console

    options = parse_options(option or ())
    if window is not None:
        options["window"] = window
    exports = []
    for name in form:
        given: dict[str, Any] = {"format": name, "tokenizer": tokenizer, "end_token": end_token, "subset": subset}
        given["options"] = options
        folder = f"{out.rstrip('/')}/{name}" if out and len(form) > 1 else out
        exports.append(Export.model_validate({**given, "out": folder, **({"splits": split} if split else {})}))
    with _holding(directory, out, "pile tokenize") as store, PhaseProgress(Console(stderr=True)) as progress:
        run = RunOptions(workers=workers, watch=progress, say=progress.say, guard=store.guard)
        done = export_tokens(directory, exports, run)
    print_exports(done, Console())


def formats() -> None:
    """List the token formats: who reads them, and their options with defaults."""
    from pile_builder.export.format import ExportOptions, find_formats

    for name, form in find_formats().items():
        echo(f"{name}: {(form.__doc__ or '').strip().splitlines()[0]}\n    read by {form.trainers}")
        for field, info in form.Options.model_fields.items():
            common = ExportOptions.model_fields.get(field)
            if common is None or common.default != info.default:
                echo(f"    {field} = {info.default}: {info.description or (common and common.description) or ''}")
    echo("\nall formats:")
    for field, info in ExportOptions.model_fields.items():
        echo(f"    {field} = {info.default}: {info.description}")


def parquet(
    directory: Annotated[str, typer.Argument(metavar="DIR", help="a build, or a folder of *.jsonl[.gz|.zst]")],
    out: Annotated[str, typer.Option(help="folder of the export; DIR/tokens/text[-SUBSET] unless given")] = "",
    split: Annotated[list[str] | None, typer.Option(help="train, validation or test; all unless given")] = None,
    subset: Annotated[str, typer.Option(help="one of the build's subsets, such as 1/2, in place of train")] = "",
    workers: Annotated[int, typer.Option(min=1, help="threads; the result is the same")] = cores(),
) -> None:
    """Write the corpus's text as Parquet with a dataset card, as the Hugging Face Hub shows it, or go on with that.

    `datasets.load_dataset` loads the folder; columns are text, id, source and meta.
    """
    from pile_builder.console import PhaseProgress
    from pile_builder.export.corpus import SPLITS
    from pile_builder.pipelines.engine import RunOptions
    from pile_builder.pipelines.exports import export_text
    from pile_builder.terminal import Console

    with _holding(directory, out, "pile parquet") as store, PhaseProgress(Console(stderr=True)) as progress:
        options = RunOptions(workers=workers, watch=progress, say=progress.say, guard=store.guard)
        folder, export = export_text(directory, out, tuple(split or SPLITS), options, subset)
    files = sum(len(shard["files"]) for shard in export["shards"])
    documents = sum(shard["documents"] for shard in export["shards"])
    echo(f"{folder}: {documents:,} documents in {files} files")


@contextmanager
def _holding(directory: str, out: str, command: str) -> Iterator[Store]:
    """Hold the build that notes its exports, and the folder of an export that lies elsewhere; gives the latter."""
    from pile_builder.holding import holding
    from pile_builder.storage import Store

    is_inside = not out or f"{out.rstrip('/')}/".startswith(f"{directory.rstrip('/')}/")
    with ExitStack() as stack:
        if is_inside or Store(directory).exists("manifest.lock.yaml"):
            store = stack.enter_context(holding(directory, command))
        if not is_inside:
            store = stack.enter_context(holding(out, command))
        yield store
