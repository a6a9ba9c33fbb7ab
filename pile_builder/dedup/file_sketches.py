"""The first reading of `pile dedup`: what each line is, and a sketch of each document."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.dedup.file_inputs import Input, Portion, read_chunks, read_column
from pile_builder.text.column import TextColumn, from_arrow
from pile_builder.text.json_lines import BLANK, DOCUMENT, NOT_TEXT, REASONS, read_json_lines
from pile_builder.text.json_strings import NOT_UTF8
from pile_builder.text.minhash import Sketches
from pile_builder.threads import in_order

KEPT_BYTES = 1 << 30
"""Bytes of lines that stay in memory for the second reading."""
EXAMPLES = 3
"""Rejects of a portion that are remembered."""
EXCERPT_BYTES = 80

SketchOf = Callable[[TextColumn], Sketches]
Watch = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Reject:
    """A line or row that is no document: its input's number, its own from 0 in there, why, how it begins."""

    input: int
    row: int
    reason: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """What is known of n lines and rows, m documents among them, all inputs in order.

    `kinds` is uint8[n], as in `json_lines`; `portion_rows` has the lines of each portion by input; `sketches` has m
    rows; `lengths` is int64[m], bytes of text. `kept` has all portions of some inputs by their number, with the starts
    of their lines.
    """

    kinds: NDArray[np.uint8]
    portion_rows: list[list[int]]
    sketches: Sketches
    lengths: NDArray[np.int64]
    rejects: list[Reject]
    kept: dict[int, list[tuple[Portion, NDArray[np.int64]]]]

    @property
    def bases(self) -> NDArray[np.int64]:
        """int64[inputs + 1], the first line of each input."""
        return np.cumsum([0, *map(sum, self.portion_rows)])


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is known of a portion; `starts` is `None` for Parquet; `rejects` are (row, excerpt)."""

    kinds: NDArray[np.uint8]
    starts: NDArray[np.int64] | None
    sketches: Sketches
    lengths: NDArray[np.int64]
    rejects: list[tuple[int, str]]


def read_corpus(inputs: Sequence[Input], field: str, sketch_of: SketchOf, workers: int, watch: Watch) -> Corpus:
    """Read all inputs; `watch` is told how many stored bytes and documents have been read."""
    portion_rows: list[list[int]] = [[] for _ in inputs]
    kept: dict[int, list[tuple[Portion, NDArray[np.int64]]]] = {}
    rejects: list[Reject] = []
    columns: tuple[list[NDArray[Any]], ...] = ([], [], [], [], [], [])
    room, documents, rows = KEPT_BYTES, 0, 0
    before = np.cumsum([0, *(source.file.size for source in inputs)])
    for portion, seen in in_order(workers, lambda portion: _see(portion, field, sketch_of), _portions(inputs, field)):
        number, sketches = portion.input, seen.sketches
        rows = rows if portion_rows[number] else 0
        rejects += [Reject(number, rows + row, REASONS[int(seen.kinds[row])], start) for row, start in seen.rejects]
        rows += len(seen.kinds)
        portion_rows[number].append(len(seen.kinds))
        if seen.starts is not None and room >= 0:
            kept.setdefault(number, []).append((portion, seen.starts))
            room -= portion.size
            if room < 0:
                # Only whole inputs, since a second reading of a compressed one begins at its start.
                del kept[number]
        known: tuple[NDArray[Any], ...] = (
            seen.kinds,
            seen.lengths,
            sketches.content,
            sketches.bands,
            sketches.signature,
            sketches.words,
        )
        for column, part in zip(columns, known, strict=True):
            column.append(part)
        documents += len(seen.lengths)
        watch(int(before[number]) + portion.position, documents)
    kinds, lengths, content, bands, signature, words = map(_joined, columns)
    return Corpus(kinds, portion_rows, Sketches(content, bands, signature, words), lengths, rejects, kept)


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    """The parts as one array; they are forgotten, so that only one column is in memory twice."""
    result = np.concatenate(parts)
    parts.clear()
    return result


def _portions(inputs: Sequence[Input], field: str) -> Iterator[Portion]:
    for number, source in enumerate(inputs):
        yield from read_column(number, source.file, field) if source.is_table else read_chunks(number, source.file)


def _see(portion: Portion, field: str, sketch_of: SketchOf) -> _Seen:
    if isinstance(portion.content, np.ndarray):
        read = read_json_lines(portion.content, portion.size, field)
        kinds, texts, starts = read.kinds, read.texts, read.starts
        bad = np.flatnonzero(kinds > BLANK)[:EXAMPLES]
        rejects = [(int(row), _excerpt(portion.content[starts[row] : starts[row + 1]])) for row in bad]
        return _Seen(kinds, starts, sketch_of(texts), np.diff(texts.offsets), rejects)
    kinds = _row_kinds(portion.content)
    texts = from_arrow(portion.content.filter(pa.array(kinds == DOCUMENT)))
    rejects = [(int(row), "") for row in np.flatnonzero(kinds > BLANK)[:EXAMPLES]]
    return _Seen(kinds, None, sketch_of(texts), np.diff(texts.offsets), rejects)


def _row_kinds(column: pa.LargeStringArray) -> NDArray[np.uint8]:
    """What the rows of a text column are; Parquet does not promise that text is UTF-8."""
    kinds = np.where(column.is_valid().to_numpy(zero_copy_only=False), DOCUMENT, NOT_TEXT).astype(np.uint8)
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        for row, value in enumerate(column.cast(pa.large_binary()).to_pylist()):
            if value is not None and not _is_utf8(value):
                kinds[row] = NOT_UTF8
    return kinds


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _excerpt(line: NDArray[np.uint8]) -> str:
    return line[:EXCERPT_BYTES].tobytes().decode(errors="replace").rstrip("\r\n")
