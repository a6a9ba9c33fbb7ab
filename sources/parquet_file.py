"""Parquet files of others, opened and read with care: what a footer claims is checked before Arrow believes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pile_builder.errors import InputError
from pile_builder.input_files import InputFile
from pile_builder.source import Reject
from pile_builder.streams import MAX_RATIO, RATIO_FREE_BYTES

MAX_FOOTER_BYTES = 64 << 20
"""Largest footer (seen: some MiB, of files with thousands of columns)."""
BATCH_BYTES = 8 << 20
"""Values that are Python's at one time, about."""
MAX_THRIFT_ITEMS = 10_000_000
"""Most items of one list in a footer."""

_MAGIC = b"PAR1"
_TAIL = 8


def open_parquet(stored: BinaryIO, file: InputFile) -> Any:
    """The file's reader, after a look at what its last bytes claim.

    Raises:
        InputError: `truncated`, `damaged` or `bomb`.
    """
    stored.seek(0, 2)
    size = stored.tell()
    stored.seek(max(size - _TAIL, 0))
    tail = stored.read(_TAIL)
    stored.seek(0)
    if stored.read(4) != _MAGIC:
        raise InputError("damaged", f"{file.name}: expected a Parquet file, it does not begin with PAR1")
    if size < 4 + _TAIL or not tail.endswith(_MAGIC):
        raise InputError("truncated", f"{file.name}: expected PAR1 at the end of {size:,} bytes")
    footer = int.from_bytes(tail[:4], "little")
    if footer > min(MAX_FOOTER_BYTES, size - 4 - _TAIL):
        detail = f"{file.name}: a footer of {footer:,} bytes in a file of {size:,}, the limit is {MAX_FOOTER_BYTES:,}"
        raise InputError("damaged", detail)
    with arrow_errors(file.name):
        parquet = pq.ParquetFile(
            stored, buffer_size=1 << 20, thrift_string_size_limit=MAX_FOOTER_BYTES,
            thrift_container_size_limit=MAX_THRIFT_ITEMS,
        )  # fmt: skip
        texts = [field.name for field in parquet.schema_arrow if _is_text(field.type)]
        parquet = pq.ParquetFile(stored, metadata=parquet.metadata, buffer_size=1 << 20, read_dictionary=texts)
        expanded = sum(group_sizes(parquet))
    if expanded > RATIO_FREE_BYTES + MAX_RATIO * size:
        raise InputError("bomb", f"{file.name}: {size:,} bytes expand to {expanded:,}")
    return parquet


def group_sizes(parquet: Any) -> list[int]:
    """Bytes of each row group without compression, as the footer has it."""
    groups = (parquet.metadata.row_group(number) for number in range(parquet.metadata.num_row_groups))
    return [max(group.total_byte_size, 0) for group in groups]


def python_rows(batch: pa.RecordBatch) -> Iterator[Mapping[str, Any] | Reject]:
    """A batch's rows as Python's values, about `BATCH_BYTES` at a time; one that has none is rejected alone."""
    size = sum(map(_decoded_bytes, batch.columns))
    step = max(1, min(batch.num_rows, BATCH_BYTES * batch.num_rows // max(size, 1)))
    for start in range(0, batch.num_rows, step):
        yield from _rows(batch.slice(start, step))


def _is_text(kind: pa.DataType) -> bool:
    return any(is_of(kind) for is_of in (pa.types.is_string, pa.types.is_binary))


def _decoded_bytes(column: pa.Array) -> int:
    """Bytes of a column's values, those of a dictionary as often as rows refer to them."""
    if not isinstance(column, pa.DictionaryArray):
        return int(column.nbytes)
    return int(pc.sum(pc.take(pc.binary_length(column.dictionary), column.indices)).as_py() or 0)


def _rows(batch: pa.RecordBatch) -> Iterator[Mapping[str, Any] | Reject]:
    columns = [_plain(column) for column in batch.columns]
    batch = pa.RecordBatch.from_arrays(columns, batch.schema.names)
    try:
        yield from batch.to_pylist()
    except (ValueError, OverflowError):
        for number in range(batch.num_rows):
            try:
                yield from batch.slice(number, 1).to_pylist()
            except UnicodeDecodeError as error:
                yield Reject("undecodable", f"expected UTF-8: {error.reason}")
            except (ValueError, OverflowError) as error:
                yield Reject("damaged", str(error))


def _plain(column: pa.Array) -> pa.Array:
    """A column without a dictionary; times with nanoseconds cut to what Python's datetime holds."""
    if isinstance(column, pa.DictionaryArray):
        return column.dictionary_decode()
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        return column.cast(pa.timestamp("us", column.type.tz), safe=False)
    return column


@contextmanager
def arrow_errors(what: str) -> Iterator[None]:
    """Arrow's complaints of a file as errors of the input."""
    try:
        yield
    except (pa.ArrowException, OSError, OverflowError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise InputError("damaged", f"{what}: {error}") from error
