"""Reads an export back, by its container's own rules, and holds it against the token stream that was recorded.

The stream's sha256 was taken as the tokenizer gave its ids. Here it is taken again from what lies in the files: windows
put back in the order of the stream, the dropped tail behind them. Where the corpus is at hand, the export must be of
it, and some documents of each shard are encoded again, by the library that defines the ids.
"""

from __future__ import annotations

import hashlib
import itertools
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.audit.verify import recorded_digest
from pile_builder.blocks import open_parquet
from pile_builder.errors import PileError
from pile_builder.export.corpus import open_corpus, read_documents
from pile_builder.export.exported import TOKENIZER, load_export, shard_file
from pile_builder.export.format import ExportOptions, TokenFormat
from pile_builder.export.windows import window_order
from pile_builder.mixing.keyed import key, keyed_hash
from pile_builder.storage import Store, file_digest
from pile_builder.tokenizer import Tokenizer, open_tokenizer
from pile_builder.tokens import TokenBatch

HASH_TOKENS = 1 << 20
SAMPLE = 16
"""Documents of each shard that are encoded again."""


@dataclass
class TokenCheck:
    """One shard of an export: its documents and tokens, and what is wrong with it."""

    name: str
    documents: int = 0
    tokens: int = 0
    problems: list[str] = field(default_factory=list)


def verify_export(store: Store, build: Store | None = None) -> Iterator[TokenCheck]:
    """Check every shard of an export, and with a build, that it was made of its corpus.

    Raises:
        PileError: there is no finished export.
    """
    export, form = load_export(store)
    again = None
    if build:
        yield from verify_corpus_digest(export, build)
        again = Sample(build, store, export)
    damaged = dict(damaged_files(store, export))
    for names, shards in itertools.groupby(
        export["shards"], key=lambda shard: tuple(file["name"] for file in shard["files"])
    ):
        entries = list(shards)
        wrong = [damaged[name] for name in names if name in damaged]
        batches = _Batches(_sequences(store, form, entries[0]))
        for entry in entries:
            check = TokenCheck(entry["name"], problems=list(wrong))
            if not wrong:
                try:
                    _check_shard(store, export, entry, batches, check, again)
                except PileError as error:
                    check.problems.append(str(error))
                    wrong = [f"not reached, after a damaged part of {', '.join(names)}"]
            yield check
        if not wrong and batches.take(1) is not None:
            yield TokenCheck(", ".join(names), problems=["more sequences than the export records"])


def verify_corpus_digest(export: Mapping[str, Any], build: Store) -> Iterator[TokenCheck]:
    """A problem if an export was made of another corpus than a build's."""
    made_of, digest = export["corpus"]["digest"], recorded_digest(build, export["corpus"].get("subset", ""))
    if made_of != digest:
        problem = f"made of a corpus with digest {made_of}, this one's is {digest}; export again"
        yield TokenCheck("corpus", problems=[problem])


def damaged_files(store: Store, export: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Files of an export that are missing or changed, each with what is the matter."""
    files = {file["name"]: file for shard in export["shards"] for file in shard["files"]}
    for name, file in files.items():
        if not store.exists(name):
            yield name, f"{name} is missing; export again"
            continue
        with store.open(name) as stream:
            digest = file_digest(stream)
        if digest != file["sha256"]:
            yield name, f"{name}: sha256 is {digest}, export.json says {file['sha256']}; remove it and export again"


def _sequences(store: Store, form: TokenFormat, entry: Mapping[str, Any]) -> Iterator[TokenBatch]:
    for file in entry["files"]:
        if file["sequences"]:
            yield from form.read(store, shard_file(file))


class _Batches:
    """Sequences of some files, taken in portions."""

    def __init__(self, batches: Iterator[TokenBatch]) -> None:
        self._batches = batches
        self._left: TokenBatch | None = None

    def take(self, sequences: int) -> TokenBatch | None:
        """At most so many of the next sequences; None at the end."""
        while self._left is None or len(self._left) == 0:
            self._left = next(self._batches, None)
            if self._left is None:
                return None
        count = min(sequences, len(self._left))
        taken, self._left = self._left.slice(0, count), self._left.slice(count, len(self._left))
        return taken

    def exactly(self, sequences: int, sizes: int) -> Iterator[TokenBatch]:
        """The next sequences, each of `sizes` tokens unless that is 0.

        Raises:
            PileError: there are fewer, or one is of another size.
        """
        left = sequences
        while left:
            batch = self.take(left)
            if batch is None:
                msg = f"{left} of {sequences} sequences are missing"
                raise PileError(msg)
            if sizes and not np.all(batch.sizes == sizes):
                msg = f"expected windows of {sizes} tokens, got sequences of {batch.sizes.min()} to {batch.sizes.max()}"
                raise PileError(msg)
            left -= len(batch)
            yield batch


def _check_shard(
    store: Store,
    export: Mapping[str, Any],
    entry: Mapping[str, Any],
    batches: _Batches,
    check: TokenCheck,
    again: Sample | None,
) -> None:
    names = ExportOptions.model_fields
    options = ExportOptions.model_validate({name: export["options"][name] for name in names})
    sizes, tail = _beside(store, entry)
    ends = np.cumsum(sizes) - 1
    rows = again.rows(entry["stem"], len(sizes)) if again else np.zeros(0, np.int64)
    excerpts: dict[int, list[NDArray[np.uint32]]] = {int(row): [] for row in rows}
    digest = hashlib.sha256()
    for tokens in itertools.chain(_stream(options, entry, batches), [tail]):
        first, last = np.searchsorted(ends, [check.tokens, check.tokens + len(tokens)])
        closing = tokens[ends[first:last] - check.tokens]
        check.documents += len(closing)
        if not np.all(closing == export["tokenizer"]["end_id"]):
            check.problems.append("a document does not end with the end-of-document token")
        for row, excerpt in excerpts.items():
            start = int(ends[row] - sizes[row]) + 1 - check.tokens
            excerpt.append(tokens[max(start, 0) : max(start + int(sizes[row]), 0)])
        digest.update(np.ascontiguousarray(tokens, "<u4").data)
        check.tokens += len(tokens)
    for what, found, recorded in (
        ("documents", check.documents, entry["documents"]),
        ("tokens", check.tokens, entry["tokens"]),
        ("sha256 of the token stream", digest.hexdigest(), entry["digest"]),
    ):
        if found != recorded:
            check.problems.append(f"{what}: {found} in the files, export.json says {recorded}")
    if again and not check.problems:
        check.problems += again.problems(entry["name"], {row: np.concatenate(one) for row, one in excerpts.items()})


class Sample:
    """Encodes some documents of a corpus again."""

    def __init__(self, build: Store, store: Store, export: Mapping[str, Any]) -> None:
        self._build, self._store = build, store
        subset = export["corpus"].get("subset", "")
        self._same = export["corpus"]["digest"] == recorded_digest(build, subset)
        self._shards = {one.name: one for one in open_corpus(build.root, subset=subset).shards} if self._same else {}

    def rows(self, stem: str, documents: int) -> NDArray[np.int64]:
        """Which documents of a shard to compare: those whose numbers have the smallest keyed hashes, sorted."""
        if not self._same:
            return np.zeros(0, np.int64)
        hashes = keyed_hash(key(0, f"verify:{stem}"), np.arange(documents, dtype=np.uint64))
        return np.sort(np.argsort(hashes)[:SAMPLE])

    def problems(self, name: str, found: Mapping[int, NDArray[np.uint32]]) -> Iterator[str]:
        """Compare the tokens of documents, by their numbers in a shard, with what the definition gives."""
        number = 0
        if not found:
            return
        for batch in read_documents(self._build, self._shards[name]):
            for text in batch.texts:
                if number in found and found[number].tolist() != self._ids(text):
                    yield f"document {number} ({batch.ids[0]} and after): other tokens than the tokenizer gives"
                number += 1

    def _ids(self, text: str) -> list[int]:
        return [*self._tokenizer.reference(text), self._tokenizer.end_id]

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return open_tokenizer(self._store, TOKENIZER)


def _stream(options: ExportOptions, entry: Mapping[str, Any], batches: _Batches) -> Iterator[NDArray[np.uint32]]:
    """What was written of a shard, in the order of its token stream."""
    if options.unit == "documents":
        for batch in batches.exactly(entry["sequences"], 0):
            yield batch.tokens
        return
    windows = entry["written"] // options.window
    whole = batches.exactly(windows, options.window)
    if options.shuffle:
        yield from _unshuffled(options, entry["stem"], windows, whole)
    else:
        for batch in whole:
            yield batch.tokens
    for batch in batches.exactly(entry["sequences"] - windows, entry["written"] % options.window):
        yield batch.tokens


def _unshuffled(
    options: ExportOptions, stem: str, windows: int, batches: Iterator[TokenBatch]
) -> Iterator[NDArray[np.uint32]]:
    place = np.argsort(window_order(windows, options.seed, stem))
    with tempfile.NamedTemporaryFile() as spool:
        for batch in batches:
            spool.write(batch.tokens.tobytes())
        spool.flush()
        if windows:
            shuffled = np.memmap(spool.name, np.uint32, "r", shape=(windows, options.window))
            step = max(HASH_TOKENS // options.window, 1)
            for start in range(0, windows, step):
                yield shuffled[place[start : start + step]].reshape(-1)


def _beside(store: Store, entry: Mapping[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """What lies beside a shard's files: the size of each document in tokens, and the tokens that were dropped.

    Raises:
        PileError: one of them is damaged or missing.
    """
    name = entry["provenance"]
    try:
        with store.open(name) as stream:
            sizes = open_parquet(stream).read(columns=["tokens"])["tokens"].to_numpy()
        name = entry["tail"]
        tail = np.frombuffer(store.read(name) if name else b"", "<u4").astype(np.uint32)
    except (OSError, ValueError, pa.ArrowException) as error:
        msg = f"{name} is damaged or missing ({error}); remove what is left of it and export again"
        raise PileError(msg) from error
    return sizes, tail
