"""tokenize: shards of a corpus to token shards, one task a shard, several formats in one reading.

A task reads a shard's documents, encodes them on threads, and hands every format its sequences. Files are written in a
local folder and put in place when they are whole; then the shard's record is committed. Merged formats are put
together afterwards, one task a split.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow.parquet as pq

from pile_builder.commits import Commits
from pile_builder.errors import BuildError, ManifestError, PileError
from pile_builder.export.config import Export
from pile_builder.export.corpus import Corpus, CorpusShard, Documents, open_corpus, read_documents
from pile_builder.export.exported import (
    EXPORT,
    MERGES,
    SHARDS,
    TOKENIZER,
    Target,
    export_json,
    export_shards,
    file_names,
    note_files,
    noted_files,
    remove_strangers,
)
from pile_builder.export.format import MergedFormat, ShardFile, Vocabulary, make_format
from pile_builder.export.provenance import Provenance
from pile_builder.export.windows import WindowCutter
from pile_builder.mixing.subsets import parse_subset
from pile_builder.pipelines.engine import RunOptions, Task, TaskFunction, forget_run, run_tasks
from pile_builder.pipelines.repair import repair
from pile_builder.storage import Store, file_digest, fingerprint
from pile_builder.threads import in_order
from pile_builder.tokenizer import Tokenizer, load_tokenizer, open_tokenizer
from pile_builder.tokens import TokenBatch

PASSES = "tokenize"
"""Phase of the tasks that read a shard once for all formats."""
CLAIM = "work/claim"
"""Empty; says that the folder is an export's."""
EXTRAS = "extras"
"""Folder of the note of what a format writes beside its shards."""


def tokenize_corpus(directory: str, exports: Sequence[Export], options: RunOptions) -> list[tuple[str, dict[str, Any]]]:
    """Write exports of a corpus, those of one tokenizer and the same splits in one reading.

    Returns:
        The folder of each export and what its export.json says, in the order given.

    Raises:
        PileError: the corpus, a tokenizer, a format or a folder is not usable, or tasks failed.
    """
    done: dict[int, tuple[str, dict[str, Any]]] = {}
    folders: set[str] = set()
    groups: dict[tuple[str, str, tuple[str, ...], str], list[int]] = {}
    for number, export in enumerate(exports):
        groups.setdefault((export.tokenizer, export.end_token, export.splits, export.subset), []).append(number)
    for (spec, end_token, splits, subset), members in groups.items():
        tokenizer = load_tokenizer(spec, end_token or None)
        corpus = open_corpus(directory, splits, subset)
        of_subset = f"-{parse_subset(subset).name}" if subset else ""
        vocabulary = Vocabulary(tokenizer.name, tokenizer.vocabulary, tokenizer.end_id, tokenizer.end_token)
        targets = []
        for number in members:
            export = exports[number]
            form = make_format(export.format, export.options, vocabulary, f"{export.format}: options")
            out = export.out or f"{directory.rstrip('/')}/tokens/{tokenizer.name}-{export.format}{of_subset}"
            if out in folders:
                msg = f"{out}: expected a folder for each export, two go here; give one of them another `out`"
                raise ManifestError(msg)
            folders.add(out)
            targets.append(Target(Store(out, options.guard), form, tokenizer.digest))
        results = run_tokenize(directory, corpus, tokenizer, targets, options)
        for number, target, result in zip(members, targets, results, strict=True):
            done[number] = (target.store.root, result)
    return [done[number] for number in range(len(exports))]


def run_tokenize(
    directory: str, corpus: Corpus, tokenizer: Tokenizer, targets: Sequence[Target], options: RunOptions
) -> list[dict[str, Any]]:
    """Write every target, redoing only what is missing or has changed; returns what their export.json say.

    Raises:
        PileError: a folder holds something else.
        BuildError: tasks failed.
    """
    for target in targets:
        _claim(target, corpus, options)
        tokenizer.save(target.store, TOKENIZER)
    missing = [{shard.name for shard in target.missing(corpus)} for target in targets]
    passes = Commits(targets[0].store, PASSES)
    forget_run(passes, options)
    tasks = []
    for shard in corpus.shards:
        wanted = [number for number, names in enumerate(missing) if shard.name in names]
        if wanted:
            key = fingerprint([targets[number].key(shard) for number in wanted])
            passes.forget(key)
            tasks.append({"key": key, "name": shard.name, "shard": asdict(shard), "targets": wanted})
    if tasks:
        # Few large shards leave threads over; they encode one shard's documents together.
        threads = max(1, options.workers // len(tasks))
        function = TokenizeShard(Store(directory), tuple(targets), threads)
        run_tasks(passes, [str(task["key"]) for task in tasks], tasks, function, options)
    return [_finish(target, corpus, tokenizer, options) for target in targets]


@dataclass
class TokenizeShard(TaskFunction):
    """Writes one shard in every format that lacks it."""

    corpus: Store
    targets: tuple[Target, ...]
    threads: int

    def setup(self) -> None:
        """Load the tokenizer."""
        self._tokenizer = open_tokenizer(self.targets[0].store, TOKENIZER)

    def __call__(self, task: Task) -> Mapping[str, Any]:
        """Encode the shard and commit its record in each target; returns their keys."""
        shard = CorpusShard.of(task["shard"])
        provenance, digest = Provenance(), hashlib.sha256()
        passes = Commits(self.targets[0].store, PASSES)
        note = passes.noting(task["key"])
        keys = []
        with ExitStack() as stack:
            written = [
                _Written(self.targets[number], shard, stack.enter_context(self.targets[number].store.staging()))
                for number in task["targets"]
            ]
            for documents, batch in self._encoded(shard):
                provenance.add(documents, batch.sizes)
                digest.update(batch.tokens.astype("<u4", copy=False).data)
                for one in written:
                    one.write(batch)
                note(provenance.documents)
            for one in written:
                keys.append(one.finish(provenance, digest.hexdigest()))
        return {"keys": keys}

    def _encoded(self, shard: CorpusShard) -> Iterator[tuple[Documents, TokenBatch]]:
        read = read_documents(self.corpus, shard)
        return in_order(self.threads, lambda documents: self._tokenizer.encode(documents.texts), read)


class _Written:
    """A shard on its way into one target."""

    def __init__(self, target: Target, shard: CorpusShard, folder: Path) -> None:
        self._target, self._shard, self._folder = target, shard, folder
        options = target.format.options
        self._writer = target.format.shard(folder, shard.shard)
        self._cutter = (
            WindowCutter(options, self._writer.write, folder / ".spool", shard.shard.stem)
            if options.unit == "windows"
            else None
        )

    def write(self, batch: TokenBatch) -> None:
        if self._cutter:
            self._cutter.write(batch)
        else:
            self._writer.write(batch)

    def finish(self, provenance: Provenance, digest: str) -> str:
        """Put the files in place and commit; returns the key."""
        stem, store = self._shard.shard.stem, self._target.store
        if self._cutter:
            self._cutter.close()
        files = self._writer.close()
        side = f"provenance/{stem}.parquet"
        tail = self._cutter.tail if self._cutter else np.zeros(0, np.uint32)
        tail_name = f"provenance/{stem}.tail" if len(tail) else ""
        written = sum(file.tokens for file in files)
        if written + len(tail) != provenance.tokens:
            msg = f"{stem}: {provenance.tokens} tokens became {written} in files and a tail of {len(tail)}"
            raise BuildError(msg)
        (self._folder / "provenance").mkdir()
        counted = [file for file in files if file.sequences]
        table = provenance.table(self._target.format.options, counted, stem)
        pq.write_table(table, self._folder / side, compression="zstd")
        if tail_name:
            (self._folder / tail_name).write_bytes(tail.astype("<u4").tobytes())
        key = self._target.key(self._shard)
        record: dict[str, Any] = {
            "key": key,
            "name": self._shard.name,
            "stem": stem,
            "split": self._shard.shard.split,
            "documents": provenance.documents,
            "tokens": provenance.tokens,
            "digest": digest,
            "sequences": sum(file.sequences for file in files),
            "written": written,
            "files": _described(self._folder, files),
            "provenance": side,
            "tail": tail_name,
            "sources": provenance.sources,
        }
        commits = Commits(store, SHARDS)
        _put_in_place(commits, key, self._folder, file_names(record))
        commits.put(key, record)
        return key


def _described(folder: Path, files: Sequence[ShardFile]) -> list[dict[str, Any]]:
    described = []
    for file in files:
        path = folder / file.name
        with path.open("rb") as stream:
            described.append({**asdict(file), "size": path.stat().st_size, "sha256": file_digest(stream)})
    return described


def _put_in_place(commits: Commits, key: str, folder: Path, names: set[str]) -> None:
    note_files(commits, key, names)
    for name in sorted(names):
        commits.store.adopt(folder / name, name)


@dataclass
class MergeSplit(TaskFunction):
    """Puts the shards of one split one behind the other."""

    target: Target

    def __call__(self, task: Task) -> Mapping[str, Any]:
        """Write the merged files; the split's earlier merges stop counting just before their files are replaced."""
        store, form = self.target.store, self.target.format
        if not isinstance(form, MergedFormat):
            msg = f"{form.name} merges nothing"
            raise TypeError(msg)
        # Of this split alone: the records of others go while their tasks run beside this one.
        parts = self.target.parts(task["parts"], self.target.merges(task["earlier"]))
        commits = Commits(store, MERGES)
        with store.staging() as folder:
            files = _described(folder, form.merge(folder, task["split"], parts))
            for key in task["earlier"]:
                commits.forget(key)
            _put_in_place(commits, task["key"], folder, {file["name"] for file in files})
        described = [
            {"key": key, "sequences": part.sequences, "tokens": part.tokens}
            for key, part in zip(task["parts"], parts, strict=True)
        ]
        return {"key": task["key"], "split": task["split"], "files": files, "parts": described}


def _claim(target: Target, corpus: Corpus, options: RunOptions) -> None:
    """Make sure that a folder is ours, and that nothing in it vouches for what is damaged or this run may replace."""
    store = target.store
    if not store.exists(EXPORT) and not store.exists("work"):
        if store.holds_anything():
            msg = f"{store.root}: expected a new or empty folder, or an earlier export; there is something else in it"
            raise PileError(msg)
        # Before all else, so that a run that is stopped right away leaves a folder that is known for an export's.
        store.write(CLAIM, b"")
        return
    repair(store, options.say)
    commits = Commits(store, SHARDS)
    wanted = {target.key(shard) for shard in corpus.shards}
    stale = commits.done() - wanted
    for key in stale:
        commits.forget(key)
    if stale or target.missing(corpus):
        # What says that an export is whole goes first: our own word, and what trainers look for.
        for name in (EXPORT, *noted_files(Commits(store, EXTRAS), EXTRAS)):
            store.remove(name)


def _finish(target: Target, corpus: Corpus, tokenizer: Tokenizer, options: RunOptions) -> dict[str, Any]:
    store = target.store
    of_split = target.split_keys(corpus)
    keys = {SHARDS: {key for split in of_split.values() for key in split}, MERGES: set[str](), PASSES: set[str]()}
    keys[EXTRAS] = {EXTRAS}
    merged: set[str] = set()
    if isinstance(target.format, MergedFormat):
        commits, merges = Commits(store, MERGES), target.merges()
        for key in commits.done().difference(record["key"] for record in merges):
            commits.forget(key)
        tasks = [
            {
                "key": fingerprint([split, parts]),
                "name": split,
                "split": split,
                "parts": parts,
                "earlier": [record["key"] for record in merges if record["split"] == split],
            }
            for split, parts in of_split.items()
        ]
        run_tasks(commits, [str(task["key"]) for task in tasks], tasks, MergeSplit(target), options)
        keys[MERGES] = {str(task["key"]) for task in tasks}
        merged = {file["name"] for record in target.merges() for file in record["files"]}
    described = {
        **{name: getattr(tokenizer, name) for name in ("name", "digest", "vocabulary", "end_id", "end_token")},
        "engine": tokenizer.engine,
    }
    export = export_json(target, corpus, described)
    extras = target.format.extras(store, export_shards(export))
    wanted = {name for shard in export["shards"] for name in file_names(shard)} | merged | set(extras)
    note_files(Commits(store, EXTRAS), EXTRAS, extras)
    for name, data in extras.items():
        store.write(name, data)
    store.write(EXPORT, orjson.dumps(export, option=orjson.OPT_INDENT_2) + b"\n")
    remove_strangers(store, wanted, keys)
    store.sweep_temporaries()
    return export
