"""Reads an export back, by its container's own rules, and holds it against the token stream that was recorded.

The stream's sha256 was taken as the tokenizer gave its ids. Here it is taken again from what lies in the files: windows
put back in the order of the stream, the dropped tail behind them.
"""

from __future__ import annotations

import hashlib
import itertools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pile_builder.blocks import open_parquet
from pile_builder.errors import PileError
from pile_builder.export.exported import EXPORT, load_export, shard_file
from pile_builder.export.format import ExportOptions, TokenFormat
from pile_builder.export.windows import window_order
from pile_builder.storage import Store, file_digest
from pile_builder.tokens import TokenBatch

HASH_TOKENS = 1 << 20


@dataclass
class TokenCheck:
    """One shard of an export: its documents and tokens, and what is wrong with it."""

    name: str
    documents: int = 0
    tokens: int = 0
    problems: list[str] = field(default_factory=list)


def exports_in(store: Store) -> list[str]:
    """Names of the exports below a build, or `[""]` if the folder is an export itself."""
    if store.exists(EXPORT):
        return [""]
    return [f"tokens/{name}" for name in store.folders("tokens") if store.exists(f"tokens/{name}/{EXPORT}")]


def verify_export(store: Store, corpus_digests: Sequence[str] = ()) -> Iterator[TokenCheck]:
    """Check every shard of an export; with the digests of a corpus and its subsets, that it was made of one of them.

    Raises:
        PileError: there is no finished export.
    """
    export, form = load_export(store)
    made_of = export["corpus"]["digest"]
    if corpus_digests and made_of not in corpus_digests:
        known = " or ".join(corpus_digests)
        problem = f"made of a corpus with digest {made_of}, this one's is {known}; run `pile tokenize` again"
        yield TokenCheck("corpus", problems=[problem])
    damaged = dict(_damaged_files(store, export))
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
                    _check_shard(store, export, entry, batches, check)
                except PileError as error:
                    check.problems.append(str(error))
                    wrong = [f"not reached, after a damaged part of {', '.join(names)}"]
            yield check
        if not wrong and batches.take(1) is not None:
            yield TokenCheck(", ".join(names), problems=["more sequences than the export records"])


def _damaged_files(store: Store, export: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    files = {file["name"]: file for shard in export["shards"] for file in shard["files"]}
    for name, file in files.items():
        if not store.exists(name):
            yield name, f"{name} is missing"
            continue
        with store.open(name) as stream:
            digest = file_digest(stream)
        if digest != file["sha256"]:
            yield name, f"{name}: sha256 is {digest}, export.json says {file['sha256']}"


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
    store: Store, export: Mapping[str, Any], entry: Mapping[str, Any], batches: _Batches, check: TokenCheck
) -> None:
    names = ExportOptions.model_fields
    options = ExportOptions.model_validate({name: export["options"][name] for name in names})
    with store.open(entry["provenance"]) as stream:
        sizes = open_parquet(stream).read(columns=["tokens"])["tokens"].to_numpy()
    ends = np.cumsum(sizes) - 1
    digest = hashlib.sha256()
    for tokens in itertools.chain(_stream(options, entry, batches), _tail(store, entry)):
        first, last = np.searchsorted(ends, [check.tokens, check.tokens + len(tokens)])
        closing = tokens[ends[first:last] - check.tokens]
        check.documents += len(closing)
        if not np.all(closing == export["tokenizer"]["end_id"]):
            check.problems.append("a document does not end with the end-of-document token")
        digest.update(np.ascontiguousarray(tokens, "<u4").data)
        check.tokens += len(tokens)
    for what, found, recorded in (
        ("documents", check.documents, entry["documents"]),
        ("tokens", check.tokens, entry["tokens"]),
        ("sha256 of the token stream", digest.hexdigest(), entry["digest"]),
    ):
        if found != recorded:
            check.problems.append(f"{what}: {found} in the files, export.json says {recorded}")


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


def _tail(store: Store, entry: Mapping[str, Any]) -> Iterator[NDArray[np.uint32]]:
    if entry["tail"]:
        yield np.frombuffer(store.read(entry["tail"]), "<u4").astype(np.uint32)
