"""The exports of a build: which there are, and bringing them up to date with their corpus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from pile_builder.export.config import Export
from pile_builder.export.corpus import SPLITS, open_corpus
from pile_builder.export.exported import EXPORT, TOKENIZER, Target, load_export
from pile_builder.manifest import Manifest
from pile_builder.pipelines.engine import RunOptions
from pile_builder.pipelines.text_parquet import run_text_parquet
from pile_builder.pipelines.tokenize import run_tokenize, tokenize_corpus
from pile_builder.storage import Store
from pile_builder.streams import is_remote
from pile_builder.tokenizer import load_tokenizer, open_tokenizer

KNOWN = "work/exports.json"
"""Folders of a build's exports: below the build by relative name, others in full."""


def export_tokens(directory: str, exports: Sequence[Export], options: RunOptions) -> list[tuple[str, dict[str, Any]]]:
    """Write exports of a corpus, and note them if it is a build; each one's folder and export.json.

    Raises:
        PileError: the corpus, a tokenizer, a format or a folder is not usable, or tasks failed.
    """
    done = tokenize_corpus(directory, exports, options)
    _note(Store(directory), [folder for folder, _ in done])
    return done


def export_changes(build: Store, manifest: Manifest) -> list[str]:
    """Exports that a manifest asks for and that lie in the build with another tokenizer, as lines for people.

    Raises:
        PileError: a tokenizer is not usable.
    """
    found = []
    for name in _known(build):
        store = _folder(build, name)
        written: dict[str, Any] = orjson.loads(store.read(EXPORT)) if store.exists(EXPORT) else {"format": "text"}
        for export in manifest.exports:
            if written["format"] != export.format or (export.out and export.out != name):
                continue
            tokenizer = load_tokenizer(export.tokenizer, export.end_token or None)
            before = written["tokenizer"]
            if before["name"] == tokenizer.name and before["digest"] != tokenizer.digest:
                short = f"{before['digest'][:12]} -> {tokenizer.digest[:12]}"
                found.append(f"tokenize: {name} is written anew: tokenizer {tokenizer.name} {short}")
    return found


def export_text(directory: str, out: str, splits: tuple[str, ...], options: RunOptions) -> dict[str, Any]:
    """Write the corpus's text as Parquet, and note that if it is a build; what its export.json says.

    Raises:
        PileError: the corpus or the folder is not usable, or tasks failed.
    """
    export = run_text_parquet(open_corpus(directory, splits), directory, out, options)
    _note(Store(directory), [out])
    return export


def refresh_exports(directory: str, options: RunOptions) -> list[str]:
    """Bring every finished export of a build up to date with its corpus; returns their folders.

    Of each only the shards are written anew whose own shard has changed. The tokenizer is the one in the export.

    Raises:
        PileError: an export is not usable, or tasks failed.
    """
    build = Store(directory)
    refreshed = []
    for name in _known(build):
        store = _folder(build, name)
        if not store.exists(EXPORT):
            continue
        export = orjson.loads(store.read(EXPORT))
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


def summarise_exports(build: Store, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Add a build's token exports to its summary, in report/summary.json too; returns that."""
    found = []
    for name in _known(build):
        store = _folder(build, name)
        export: dict[str, Any] = orjson.loads(store.read(EXPORT)) if store.exists(EXPORT) else {"format": "text"}
        if export["format"] != "text":
            tokens = {split: total["tokens"] for split, total in export["splits"].items()}
            kind = {"format": export["format"], "tokenizer": export["tokenizer"]["name"]}
            found.append({"folder": name, **kind, "digest": export["digest"], "tokens": tokens})
    if not found:
        return dict(summary)
    whole = {**summary, "exports": found}
    build.write("report/summary.json", orjson.dumps(whole, option=orjson.OPT_INDENT_2) + b"\n")
    return whole


def _folder(build: Store, name: str) -> Store:
    return Store(name if is_remote(name) or name.startswith("/") else build.path(name))


def _known(build: Store) -> list[str]:
    return list(orjson.loads(build.read(KNOWN))) if build.exists(KNOWN) else []


def _note(build: Store, folders: Sequence[str]) -> None:
    """Remember folders of exports; other folders than builds keep nothing."""
    if not build.exists("manifest.lock.yaml"):
        return
    below = f"{build.root.rstrip('/')}/"
    names = [folder.removeprefix(below) if folder.startswith(below) else _full(folder) for folder in folders]
    build.write(KNOWN, orjson.dumps(sorted({*_known(build), *names})))


def _full(folder: str) -> str:
    return folder if is_remote(folder) else str(Path(folder).absolute())
