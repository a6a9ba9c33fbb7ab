"""The input files of `pile dedup`: which they are, what their outputs are called, their lines or rows in portions."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pile_builder.errors import InputError, ManifestError, PileError
from pile_builder.input_files import InputFile, is_remote, list_files, open_input
from pile_builder.text.column import PADDING

CHUNK_BYTES = 4 << 20
"""Bytes of lines that are worked on at once, and that go into one zstd frame of the output."""
MAX_LINE_BYTES = 1 << 30
"""A file without a line end for so long is not JSON lines."""
BATCH_ROWS = 4096
"""Parquet rows that are worked on at once."""

_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PACKED = (".gz", ".zst", ".zstd")
_LISTED = (".jsonl", ".ndjson", ".json", ".parquet")


@dataclass(frozen=True, slots=True)
class Input:
    """A file; whether it is Parquet (else JSON lines); its name in the report; the name of its output."""

    file: InputFile
    is_table: bool
    name: str
    output: str


@dataclass(frozen=True, slots=True)
class Portion:
    """Lines or rows of input number `input`, in order.

    `content` is whole lines, uint8 with `PADDING` bytes behind the first `size`, or an Arrow column or table of `size`
    rows. `position` says how many bytes of the stored file have been read with it.
    """

    input: int
    content: Any
    size: int
    position: int


def list_inputs(patterns: Sequence[str]) -> list[InputFile]:
    """The files that paths, folders, globs and URLs name, in that order, each once; a folder's are sorted by path.

    Raises:
        PileError: one names nothing; of a folder's files those count whose names end like JSON lines or Parquet.
    """
    found: dict[str, InputFile] = {}
    for pattern in patterns:
        expected = f"{pattern}: expected a file, a glob, or a folder with *.jsonl, *.jsonl.gz, *.jsonl.zst or *.parquet"
        try:
            files = list_files(pattern, "")
        except ManifestError as error:
            raise PileError(f"{expected}; there is none") from error
        files = [file for file in files if not file.listed or _plain_name(file).endswith(_LISTED)]
        if not files:
            raise PileError(f"{expected}; no file in it has such a name")
        for file in files:
            found.setdefault(file.url, file)
    return list(found.values())


def name_inputs(files: Sequence[InputFile], suffix: str, reserved: Sequence[str]) -> list[Input]:
    """What each file is, and what its output is called.

    An output keeps its input's name; that of JSON lines has `suffix` in the place of a compression's. Where two would
    be equal, all keep the folders below the deepest one that holds every input.

    Raises:
        PileError: two names are still equal, or one is among `reserved`, which belong to the report.
    """
    is_table = [_is_parquet(file) for file in files]
    names = [
        file.url.rpartition("/")[2] if table else _plain_name(file) for file, table in zip(files, is_table, strict=True)
    ]
    if len(set(names)) < len(names):
        folders = [file.url.split("://", 1)[-1].rpartition("/")[0].lstrip("/") for file in files]
        top = len(os.path.commonpath(folders))
        names = [f"{folder[top:]}/{name}".lstrip("/") for folder, name in zip(folders, names, strict=True)]
    owners = dict.fromkeys(reserved, "the report")
    result = []
    for file, table, name in zip(files, is_table, names, strict=True):
        output = name if table else name + suffix
        for taken in (output, name.partition("/")[0]):
            if taken in owners:
                msg = f"{file.url}: expected a name of its own for its output, {output!r} is taken by {owners[taken]}"
                raise PileError(f"{msg}; rename the file, or run it apart")
        owners[output] = file.url
        result.append(Input(file, table, name, output))
    return result


def read_chunks(number: int, file: InputFile) -> Iterator[Portion]:
    """The lines of a plain, gzip or zstd file in chunks of about `CHUNK_BYTES`; one empty chunk if there are none.

    Raises:
        InputError: the file is `truncated` or `damaged`, or a line is `too_large`.
        PileError: its server sends whole files only.
    """
    with open_input(file) as stored, _range_errors(file):
        stream = _expanded(stored, file)
        rest = np.empty(0, np.uint8)
        is_first, is_last = True, False
        while not is_last:
            # A line that is longer than all that was read so far doubles it.
            buffer = np.empty(len(rest) + max(len(rest), CHUNK_BYTES) + PADDING, np.uint8)
            buffer[: len(rest)] = rest
            filled = len(rest) + _fill(stream, buffer[len(rest) : -PADDING], file)
            is_last = filled < len(buffer) - PADDING
            if is_first and buffer[:filled][:3].tobytes() == _BYTE_ORDER_MARK:
                buffer, filled = buffer[3:], filled - 3
            size = filled if is_last else buffer[:filled].tobytes().rfind(b"\n") + 1
            rest = buffer[size:filled].copy()
            if len(rest) > MAX_LINE_BYTES:
                detail = f"{file.url}: no line end within {MAX_LINE_BYTES:,} bytes; expected one JSON object a line"
                raise InputError("too_large", detail)
            if size or (is_first and is_last):
                buffer[size : size + PADDING] = 0
                yield Portion(number, buffer, size, stored.tell())
                is_first = False


def read_column(number: int, file: InputFile, field: str) -> Iterator[Portion]:
    """The text column of a Parquet file in pieces of `BATCH_ROWS` rows, as large_string.

    Raises:
        PileError: there is no such column, or it is no text; or its server sends whole files only.
        InputError: the file is `damaged`.
    """
    with open_input(file) as stored, _range_errors(file), _parquet_errors(file):
        parquet = pq.ParquetFile(stored)
        path = [field] if field in parquet.schema_arrow.names else field.split(".")
        _check_column(parquet.schema_arrow, path, file)
        if parquet.metadata.num_rows == 0:
            yield Portion(number, pa.array([], pa.large_string()), 0, file.size)
        rows = 0
        for batch in parquet.iter_batches(BATCH_ROWS, columns=[field]):
            column = batch.column(path[0])
            for name in path[1:]:
                # Flattening makes a field null where its struct is.
                column = column.flatten()[column.type.get_field_index(name)]
            rows += len(batch)
            position = file.size * rows // parquet.metadata.num_rows
            yield Portion(number, column.cast(pa.large_string()), len(batch), position)


def read_groups(number: int, file: InputFile) -> Iterator[Portion]:
    """The row groups of a Parquet file as tables with all columns; an empty one if there are none."""
    with open_input(file) as stored, _range_errors(file), _parquet_errors(file):
        parquet = pq.ParquetFile(stored)
        if parquet.num_row_groups == 0:
            yield Portion(number, parquet.schema_arrow.empty_table(), 0, file.size)
        for group in range(parquet.num_row_groups):
            table = parquet.read_row_group(group)
            yield Portion(number, table, len(table), file.size * (group + 1) // parquet.num_row_groups)


def _check_column(schema: pa.Schema, path: Sequence[str], file: InputFile) -> None:
    """Make sure that a path of names leads to text."""
    kind = pa.struct(schema)
    for name in path:
        fields = [field.name for field in kind] if pa.types.is_struct(kind) else []
        if name not in fields:
            msg = f"{file.url}: expected a column {'.'.join(path)!r}, there is no {name!r} among {', '.join(fields)}"
            raise PileError(f"{msg}; name the column of the text with --field")
        kind = kind.field(name).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not any(fits(kind) for fits in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)):
        msg = f"{file.url}: expected text in column {'.'.join(path)!r}, got {kind}"
        raise PileError(msg)


@contextmanager
def _parquet_errors(file: InputFile) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise InputError("damaged", f"{file.url}: {error}") from error


@contextmanager
def _range_errors(file: InputFile) -> Iterator[None]:
    """Where a server sends no ranges, fsspec says so by a ValueError: at the first seek, or at the second block."""
    try:
        yield
    except ValueError as error:
        if not is_remote(file.url):
            raise
        msg = f"{file.url}: expected a server that answers range requests, or a local copy of the file; {error}"
        raise PileError(msg) from error


def _expanded(stored: BinaryIO, file: InputFile) -> Any:
    """A stream of an input's bytes as they were before gzip or zstd."""
    head = stored.read(4)
    stored.seek(0)
    for magic, codec in _MAGIC.items():
        if head.startswith(magic):
            return pa.CompressedInputStream(stored, codec)
    if len(head) < 4 and file.url.endswith(_PACKED):
        raise InputError("truncated", f"{file.url}: expected a compressed file, it ends after {len(head)} bytes")
    return stored


def _fill(stream: Any, buffer: NDArray[np.uint8], file: InputFile) -> int:
    """Read until the buffer is full or the stream ends; the number of bytes."""
    filled = 0
    view = buffer.data
    try:
        while filled < len(buffer) and (count := stream.readinto(view[filled:])):
            filled += count
    except OSError as error:
        if error.errno is not None:
            raise
        rule = "truncated" if str(error).startswith("Truncated") else "damaged"
        raise InputError(rule, f"{file.url}: {error}") from error
    return filled


def _is_parquet(file: InputFile) -> bool:
    with open_input(file) as stored:
        return stored.read(4) == b"PAR1"


def _plain_name(file: InputFile) -> str:
    """A file's own name without a compression's suffix."""
    name = file.url.rpartition("/")[2]
    for suffix in _PACKED:
        name = name.removesuffix(suffix)
    return name
