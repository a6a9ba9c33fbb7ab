"""The second reading of `pile dedup`: what stays of each input and what was rejected, as the lines or rows it was."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from numpy.typing import NDArray

from pile_builder.dedup.file_inputs import Input, Portion, read_chunks, read_groups
from pile_builder.dedup.file_sketches import Corpus
from pile_builder.errors import InputError
from pile_builder.storage import HashingWriter, Store
from pile_builder.text.json_lines import BLANK, DOCUMENT, line_starts, select_lines
from pile_builder.threads import in_order

SUFFIXES = {"jsonl.zst": ".zst", "jsonl.gz": ".gz", "jsonl": ""}
"""Forms that JSON lines can be written in, with what is appended to the names of files."""
DUPLICATE = 255
"""What a line is, beside the kinds of `json_lines`: a document that lost to another."""
REJECTS = "rejects"
"""Folder of the lines and rows that are no documents."""
GZIP_LEVEL = 6

Pack = Callable[[Any], bytes]


@dataclass(frozen=True, slots=True)
class Written:
    """An output file: its sha256 and its size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class _Task:
    """A portion with what its lines are and, if that is known, where they start; `kinds` of a table may be longer."""

    portion: Portion
    starts: NDArray[np.int64] | None
    kinds: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Packed:
    """What is written of a portion, packed lines or tables: what stays and what was rejected; `None` for nothing."""

    kept: bytes | pa.Table | None
    rejected: bytes | pa.Table | None


def is_reject(kinds: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which lines are neither documents nor blank."""
    return (kinds != DOCUMENT) & (kinds != BLANK) & (kinds != DUPLICATE)


def write_outputs(
    inputs: Sequence[Input],
    corpus: Corpus,
    store: Store,
    form: str,
    level: int,
    workers: int,
    watch: Callable[[int], None],
) -> list[Written]:
    """Write what is left of every input, and its rejects; each file is put in place whole.

    Args:
        inputs: all inputs.
        corpus: what `read_corpus` found, duplicates marked in its `kinds`.
        store: where to write.
        form: of JSON lines, a key of `SUFFIXES`.
        level: of zstd's compression.
        workers: threads.
        watch: is told how many stored bytes are done with.

    Raises:
        InputError: `changed`: an input is not what it was at the first reading.
    """
    pack = _packer(form, level)
    bases = corpus.bases
    written = []
    done = 0
    packed = in_order(workers, lambda task: _pack(task, inputs[task.portion.input], pack), _tasks(inputs, corpus))
    for number, portions in itertools.groupby(packed, key=lambda one: one[0].portion.input):
        source = inputs[number]
        has_rejects = bool(is_reject(corpus.kinds[bases[number] : bases[number + 1]]).any())
        with ExitStack() as stack:
            kept = stack.enter_context(_open_sink(store, source.output, pack, level))
            rejects = f"{REJECTS}/{source.name}"
            rejected = stack.enter_context(_open_sink(store, rejects, bytes, level)) if has_rejects else None
            for task, result in portions:
                kept.write(result.kept)
                if rejected is not None:
                    rejected.write(result.rejected)
                watch(done + task.portion.position)
        written.append(Written(kept.file.digest, kept.file.size))
        done += source.file.size
    return written


def _tasks(inputs: Sequence[Input], corpus: Corpus) -> Iterator[_Task]:
    bases = corpus.bases
    for number, source in enumerate(inputs):
        row, end = bases[number], bases[number + 1]
        if source.is_table:
            for portion in read_groups(number, source.file):
                yield _Task(portion, None, corpus.kinds[row : min(row + portion.size, end)])
                row += portion.size
        elif number in corpus.kept:
            for portion, starts in corpus.kept.pop(number):
                yield _Task(portion, starts, corpus.kinds[row : row + len(starts) - 1])
                row += len(starts) - 1
        else:
            # The same file gives the same chunks again.
            rows = iter(corpus.portion_rows[number])
            for portion in read_chunks(number, source.file):
                count = next(rows, 0)
                yield _Task(portion, None, corpus.kinds[row : row + count])
                row += count
        if row != end:
            raise _changed(source)


def _pack(task: _Task, source: Input, pack: Pack) -> _Packed:
    portion, kinds = task.portion, task.kinds
    if source.is_table:
        if len(kinds) != portion.size:
            raise _changed(source)
        kept, rejected = (portion.content.filter(pa.array(rows)) for rows in (kinds == DOCUMENT, is_reject(kinds)))
        return _Packed(kept, rejected if len(rejected) else None)
    starts = line_starts(portion.content, portion.size) if task.starts is None else task.starts
    if len(kinds) != len(starts) - 1:
        raise _changed(source)
    lines = select_lines(portion.content, starts, kinds == DOCUMENT)
    rejects = select_lines(portion.content, starts, is_reject(kinds))
    return _Packed(pack(lines) if lines else None, bytes(rejects) if rejects else None)


def _changed(source: Input) -> InputError:
    return InputError("changed", f"{source.file.url}: expected the lines of the first reading; run it again")


def _packer(form: str, level: int) -> Pack:
    """A function that packs lines; what it returns may be written one after the other."""
    if form == "jsonl.gz":
        return lambda lines: gzip.compress(lines, GZIP_LEVEL, mtime=0)
    if form == "jsonl.zst":
        return lambda lines: zstandard.ZstdCompressor(level, write_checksum=True).compress(lines)
    return bytes


class _Sink:
    """Packed lines or tables into a file; of a table that is not empty a row group."""

    def __init__(self, file: HashingWriter, level: int) -> None:
        self.file = file
        self._level = level
        self._parquet: pq.ParquetWriter | None = None

    def write(self, part: bytes | pa.Table | None) -> None:
        if isinstance(part, bytes):
            self.file.write(part)
        elif part is not None:
            if self._parquet is None:
                level = self._level
                self._parquet = pq.ParquetWriter(self.file, part.schema, compression="zstd", compression_level=level)
            if len(part):
                self._parquet.write_table(part, row_group_size=len(part))

    def close(self, pack: Pack) -> None:
        if self._parquet is not None:
            self._parquet.close()
        elif self.file.size == 0:
            # A compressed file without a byte would not be one.
            self.file.write(pack(b""))


@contextmanager
def _open_sink(store: Store, name: str, pack: Pack, level: int) -> Iterator[_Sink]:
    with store.writing(lambda _: name) as file:
        sink = _Sink(file, level)
        yield sink
        sink.close(pack)
