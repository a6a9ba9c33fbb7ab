"""Exact and near-duplicates among the documents of any files of JSON lines or Parquet, without a build.

The files are read twice, in chunks: once for a sketch of each document, once more to write those that stay, as the
lines (bytes) or rows that they were. Up to `KEPT_BYTES` of lines stay in memory in between and are not read again; the
rest of the memory goes with the number of documents, see `memory_bytes`. The result is a pure function of the files,
their order and the options: threads share the work but do not influence it.

What is compared are words v2, so documents that differ in case, punctuation or white space alone are exact duplicates.
Documents of fewer words than an n-gram take part in exact deduplication only. Clusters do not depend on the order of
the inputs; who stays of a cluster does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pile_builder.dedup.components import components
from pile_builder.dedup.file_inputs import Input, list_inputs, name_inputs
from pile_builder.dedup.file_outputs import DUPLICATE, SUFFIXES, write_outputs
from pile_builder.dedup.file_report import (
    RESERVED,
    Losers,
    Places,
    check_folder,
    claim_folder,
    finish,
    summarise,
    write_duplicates,
)
from pile_builder.dedup.file_sketches import Corpus, read_corpus
from pile_builder.dedup.links import estimate_of_pairs, near_links
from pile_builder.dedup.winners import Linked, winners
from pile_builder.errors import PileError
from pile_builder.storage import Store
from pile_builder.text.column import TextColumn
from pile_builder.text.json_lines import DOCUMENT
from pile_builder.text.minhash import Sketches, sketch
from pile_builder.text.normalise import hash_words

TOLD_BYTES = 1 << 30
"""Memory from which on it is told in advance."""
PREFERENCES = {"first": ("id",), "longest": ("length", "id")}
"""Who of a cluster stays, as `winners` orders it; `id` is the order of the inputs."""

Watch = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What counts as a duplicate, who stays, and how the outputs are written.

    Attributes:
        field: where the text is: a key or column, or several with dots between them.
        threshold: least estimated Jaccard similarity of a link between near-duplicates, above 0, at most 1.
        ngram: words of a shingle; with `bands` and `rows` as in `minhash.sketch`.
        bands: bands of a sketch.
        rows: rows of a band.
        exact_only: leave near-duplicates alone.
        prefer: who of a cluster stays: the `first` in the order of the inputs, or the `longest` in bytes of text.
        workers: threads.
        form: of JSON lines' outputs, a key of `SUFFIXES`; Parquet stays Parquet.
        level: of zstd's compression.
    """

    field: str = "text"
    threshold: float = 0.7
    ngram: int = 5
    bands: int = 14
    rows: int = 8
    exact_only: bool = False
    prefer: str = "first"
    workers: int = 2
    form: str = "jsonl.zst"
    level: int = 3

    def sketch(self, column: TextColumn) -> Sketches:
        """Sketch documents; without bands if only exact duplicates are wanted."""
        if not self.exact_only:
            return sketch(column, ngram=self.ngram, bands=self.bands, rows=self.rows)
        words = hash_words(column)
        nothing = (len(column), 0)
        return Sketches(
            words.content, np.empty(nothing, np.uint64), np.empty(nothing, np.uint8), np.diff(words.offsets)
        )


def memory_bytes(documents: int, options: Options) -> int:
    """Memory that so many documents need beside the lines that are kept.

    A content hash, bands, signature, number of words, length and kind of each (257 bytes by default), twice while the
    portions' are joined; and what a band takes while it is sorted and linked, measured at 250 bytes.
    """
    held = 16 + 8 + 8 + 1 + (0 if options.exact_only else (8 + options.rows) * options.bands)
    return documents * (2 * held + 250)


def deduplicate(
    patterns: Sequence[str],
    out: str,
    options: Options,
    watch: Watch = lambda phase, done, total: None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Write what is left of the inputs to a folder, with `duplicates.parquet` and `report.json`.

    Args:
        patterns: files, folders, globs or URLs.
        out: folder, new or of an earlier run, whose files are then removed; a path or fsspec URL.
        options: see there.
        watch: is called as (phase, done, total), in MiB of stored input.
        say: is called with a line that the user should see.

    Returns:
        What report.json says.

    Raises:
        PileError: an option, an input or the folder is not as expected; nothing was written.
        InputError: an input is damaged.
    """
    _check(options)
    clock = [time.perf_counter()]
    inputs = name_inputs(list_inputs(patterns), SUFFIXES[options.form], RESERVED)
    store = Store(out.removeprefix("file://"))
    check_folder(store, inputs)
    total = sum(source.file.size for source in inputs)
    told = False

    def reading(done: int, documents: int) -> None:
        nonlocal told
        if not told and done:
            told = True
            expected = documents * total // done
            if memory_bytes(expected, options) > TOLD_BYTES:
                need = memory_bytes(expected, options) / 2**30
                say(f"about {expected:,} documents: {need:.1f} GiB of memory, and up to 1 GiB for lines, are needed")
        watch("read", done >> 20, total >> 20)

    corpus = read_corpus(inputs, options.field, options.sketch, options.workers, reading)
    _check_documents(inputs, corpus, options.field)
    clock.append(time.perf_counter())
    losers = find_losers(corpus.sketches, corpus.lengths, options)
    document_rows = np.flatnonzero(corpus.kinds == DOCUMENT)
    corpus.kinds[document_rows[losers.documents]] = DUPLICATE
    clock.append(time.perf_counter())
    claim_folder(store, inputs)
    written = write_outputs(
        inputs,
        corpus,
        store,
        options.form,
        options.level,
        options.workers,
        lambda done: watch("write", done >> 20, total >> 20),
    )
    clock.append(time.perf_counter())
    places = Places(inputs, corpus.bases, document_rows)
    write_duplicates(store, places, losers)
    report = summarise(places, corpus, losers, written, options.threshold)
    report |= {
        "options": asdict(options),
        "seconds": dict(zip(("read", "link", "write"), np.diff(clock).tolist(), strict=True)),
    }
    finish(store, inputs, report)
    return report


def find_losers(sketches: Sketches, lengths: NDArray[np.int64], options: Options) -> Losers:
    """Which of n documents lose to which; `lengths` is int64[n], in bytes, and their order is the tie break."""
    small, large = near_links(sketches, options.threshold)
    handles, component = components(small, large)
    nothing = np.zeros(len(handles))
    linked = Linked(handles, component, nothing.astype(np.int64), nothing, lengths[handles.astype(np.int64)], handles)
    best = winners(linked, PREFERENCES[options.prefer])
    lost = np.flatnonzero(best != np.arange(len(handles)))
    losers, to = handles[lost].astype(np.int64), handles[best[lost]].astype(np.int64)
    is_exact = (sketches.content[losers] == sketches.content[to]).all(axis=1)
    jaccard = np.ones(len(losers))
    jaccard[~is_exact] = estimate_of_pairs(sketches.signature, losers[~is_exact], to[~is_exact])
    return Losers(losers, to, is_exact, jaccard)


def _check(options: Options) -> None:
    wrong = {
        "threshold": not 0 < options.threshold <= 1 and "a number above 0 and up to 1",
        "ngram, bands, rows": min(options.ngram, options.bands, options.rows) < 1 and "numbers of 1 or more",
        "prefer": options.prefer not in PREFERENCES and f"one of {', '.join(PREFERENCES)}",
        "form": options.form not in SUFFIXES and f"one of {', '.join(SUFFIXES)}",
        "workers": options.workers < 1 and "1 or more",
        "field": not all(options.field.split(".")) and "a name, or names with dots between them",
    }
    for name, expected in wrong.items():
        if expected:
            given = ", ".join(repr(getattr(options, part)) for part in name.split(", "))
            msg = f"{name}: expected {expected}, got {given}"
            raise PileError(msg)


def _check_documents(inputs: Sequence[Input], corpus: Corpus, field: str) -> None:
    """Refuse inputs without a single document: the field is another, or they are no JSON lines."""
    if corpus.rejects and not len(corpus.lengths):
        first = corpus.rejects[0]
        where = f"{inputs[first.input].file.url}, line {first.row + 1}"
        msg = f"expected documents with text in the field {field!r}, found none in {len(corpus.kinds):,} lines; {where}"
        raise PileError(f"{msg}: {first.reason}: {first.excerpt}")
