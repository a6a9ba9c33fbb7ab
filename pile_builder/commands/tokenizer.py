"""The commands of `pile tokenizer`: train one on a corpus, and look at one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pile_builder.terminal import echo

tokenizer = typer.Typer(no_args_is_help=True, help="Train tokenizers and look at them.")


@tokenizer.command("train")
def train(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="DIR|FILES", help="folder of a build, or text files and jsonl[.gz|.zst], globs, folders"
        ),
    ],
    vocabulary: Annotated[int, typer.Option(help="number of ids, with the 256 bytes and the end token")],
    out: Annotated[Path, typer.Option("--out", dir_okay=False, help="the tokenizer.json to write")],
    most_bytes: Annotated[
        int, typer.Option("--bytes", min=1, max=1 << 30, help="of text to train on, chosen by hash")
    ] = 1 << 28,
    seed: Annotated[int, typer.Option(min=0, help="of that choice")] = 1,
) -> None:
    """Train a byte-level BPE: any text has ids, <|endoftext|> has id 0. The same documents give the same file."""
    from pile_builder.tokenizer.train import train_tokenizer

    done = train_tokenizer(inputs, vocabulary, out, most_bytes, seed)
    sampled = f"{done.sampled:,} of {done.read:,} documents, {done.sampled_bytes:,} bytes"
    echo(f"{out}: {done.vocabulary:,} ids, from {sampled}")
    if done.vocabulary < vocabulary:
        echo(f"{vocabulary:,} were asked for: this text has no more to merge; give it more with --bytes", err=True)


@tokenizer.command("show")
def show(
    spec: Annotated[
        str, typer.Argument(metavar="SPEC", help="tokenizer.json, a folder, a name on the hub, or tiktoken:NAME")
    ],
    end_token: Annotated[str | None, typer.Option(help="the token that ends documents, if there are several")] = None,
    text: Annotated[str | None, typer.Option(help="show this text's tokens")] = None,
) -> None:
    """Show a tokenizer's size and end token, which engine encodes with it and why, and the tokens of a text."""
    from pile_builder.tokenizer import load_tokenizer

    found = load_tokenizer(spec, end_token)
    for name, value in (
        ("name", found.name),
        ("digest", found.digest),
        ("vocabulary", f"{found.vocabulary:,}"),
        ("end token", f"{found.end_token} ({found.end_id})"),
        ("engine", f"{found.engine}, because {found.why_not}" if found.why_not else found.engine),
    ):
        echo(f"{name:<11} {value}")
    if text is not None:
        ids = found.encode([text]).tokens.tolist()
        echo(f"{'text':<11} {len(ids):,} tokens with the end token")
        for number, spelled in zip(ids, found.spell(ids), strict=True):
            echo(f"{number:>11} {spelled}")
