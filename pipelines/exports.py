"""The exports of a build: which there are, and bringing them up to date with their corpus."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from pile_builder.export.config import Export
from pile_builder.export.corpus import SPLITS, open_corpus
from pile_builder.export.exported import TOKENIZER, Target, load_export
from pile_builder.export.known import KNOWN, known_exports, known_names
from pile_builder.input_files import is_remote
from pile_builder.manifest import Manifest
from pile_builder.mixing.subsets import parse_subset
from pile_builder.pipelines.engine import RunOptions
from pile_builder.pipelines.text_parquet import run_text_parquet
from pile_builder.pipelines.tokenize import run_tokenize, tokenize_corpus
from pile_builder.storage import Store
from pile_builder.tokenizer import load_tokenizer, open_tokenizer


def export_tokens(directory: str, exports: Sequence[Export], options: RunOptions) -> list[tuple[str, dict[str, Any]]]:
    """Write exports of a corpus, and note them if it is a build; each one's folder and export.json.

    Raises:
        PileError: the corpus, a tokenizer, a format or a folder is not usable, or tasks failed.
    """
    done = tokenize_corpus(directory, exports, options)
    _note(Store(directory, options.guard), [folder for folder, _ in done])
    return done


def export_changes(build: Store, manifest: Manifest) -> list[str]:
    """Exports that a manifest asks for and that lie in the build with another tokenizer, as lines for people.

    Raises:
        PileError: a tokenizer is not usable.
    """
    found = []
    for name, _, written in known_exports(build):
        for export in manifest.exports:
            if written["format"] != export.format or (export.out and export.out != name):
                continue
            tokenizer = load_tokenizer(export.tokenizer, export.end_token or None)
            before = written["tokenizer"]
            if before["name"] == tokenizer.name and before["digest"] != tokenizer.digest:
                short = f"{before['digest'][:12]} -> {tokenizer.digest[:12]}"
                found.append(f"tokenize: {name} is written anew: tokenizer {tokenizer.name} {short}")
    return found


def export_text(
    directory: str, out: str, splits: tuple[str, ...], options: RunOptions, subset: str = ""
) -> tuple[str, dict[str, Any]]:
    """Write the text of a corpus, or of one of its subsets, as Parquet, and note that if it is a build.

    Returns:
        The folder, `tokens/text` or `tokens/text-SUBSET` below the corpus unless `out` is given, and its export.json.

    Raises:
        PileError: the corpus, the subset or the folder is not usable, or tasks failed.
    """
    corpus = open_corpus(directory, splits, subset)
    of_subset = f"-{parse_subset(corpus.subset).name}" if corpus.subset else ""
    folder = out or f"{directory.rstrip('/')}/tokens/text{of_subset}"
    export = run_text_parquet(corpus, directory, folder, options)
    _note(Store(directory, options.guard), [folder])
    return folder, export


def refresh_exports(directory: str, options: RunOptions) -> list[str]:
    """Bring every finished export of a build up to date with its corpus; returns their folders.

    Of each only the shards are written anew whose own shard has changed. The tokenizer is the one in the export.

    Raises:
        PileError: an export is not usable, or tasks failed.
    """
    build = Store(directory, options.guard)
    refreshed = []
    for name, store, export in known_exports(build):
        splits = tuple(split for split in SPLITS if any(shard["split"] == split for shard in export["shards"]))
        corpus = open_corpus(directory, splits, export["corpus"].get("subset", ""))
        if export["format"] == "text":
            run_text_parquet(corpus, directory, store.root, options)
        else:
            _, form = load_export(store)
            tokenizer = open_tokenizer(store, TOKENIZER)
            run_tokenize(directory, corpus, tokenizer, [Target(store, form, tokenizer.digest)], options)
        refreshed.append(name)
    return refreshed


def _note(build: Store, folders: Sequence[str]) -> None:
    """Remember folders of exports; other folders than builds keep nothing."""
    if not build.exists("manifest.lock.yaml"):
        return
    below = f"{build.root.rstrip('/')}/"
    names = [folder.removeprefix(below) if folder.startswith(below) else _full(folder) for folder in folders]
    build.write(KNOWN, orjson.dumps(sorted({*known_names(build), *names})))


def _full(folder: str) -> str:
    return folder if is_remote(folder) else str(Path(folder).absolute())
