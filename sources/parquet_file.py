"""Parquet files of others, opened and read with care: what a footer claims is checked before Arrow believes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from pile_builder.errors import InputError
from pile_builder.source import Reject
from pile_builder.streams import MAX_RATIO, RATIO_FREE_BYTES, InputFile

MAX_FOOTER_BYTES = 64 << 20
"""Largest footer (seen: some MiB, of files with thousands of columns)."""
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
        expanded = sum(group_sizes(parquet))
    if expanded > RATIO_FREE_BYTES + MAX_RATIO * size:
        raise InputError("bomb", f"{file.name}: {size:,} bytes expand to {expanded:,}")
    return parquet


def group_sizes(parquet: Any) -> list[int]:
    """Bytes of each row group without compression, as the footer has it."""
    groups = (parquet.metadata.row_group(number) for number in range(parquet.metadata.num_row_groups))
    return [max(group.total_byte_size, 0) for group in groups]


def python_rows(batch: pa.RecordBatch) -> Iterator[Mapping[str, Any] | Reject]:
    """A batch's rows as Python's values; one that has none is rejected alone."""
    columns = [_in_microseconds(column) for column in batch.columns]
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


def _in_microseconds(column: pa.Array) -> pa.Array:
    """Times with nanoseconds cut to what Python's datetime holds."""
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
