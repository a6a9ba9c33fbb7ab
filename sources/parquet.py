"""Parquet files: a row a record, row groups in ranges of bytes, only the columns that are needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pile_builder.errors import InputError
from pile_builder.source import Raw, Reject, Skipped, Split, pack_or_cut
from pile_builder.sources.records import Keys, RecordSource
from pile_builder.streams import MAX_RATIO, RATIO_FREE_BYTES, InputFile, open_input

RANGE_BYTES = 256 << 20
"""Bytes of a large file whose row groups one split reads."""
MAX_FOOTER_BYTES = 64 << 20
"""Largest footer (seen: some MiB, of files with thousands of columns)."""
MAX_THRIFT_ITEMS = 10_000_000
"""Most items of one list in a footer."""
BATCH_BYTES = 8 << 20
MAX_BATCH_ROWS = 512
"""Rows are decoded in batches of about so many bytes, as the footer has it, and of at most so many rows."""

_MAGIC = b"PAR1"
_TAIL = 8


class Parquet(RecordSource):
    """Parquet files, or folders of them: exports of the Hugging Face Hub, of Spark, of BigQuery.

    Upstream: whatever has been prepared already (FineWeb, RefinedWeb, The Stack v2, wikimedia/wikipedia, ...). Licence:
    each dataset's own.

    Comes out: the column `text`, or the columns that the manifest names, joined; lists of strings as paragraphs. Dots
    lead into structs. Metadata: title, url, date, language, license, authors where the row, its `meta` or its
    `metadata` has them; all other columns with `metadata: true`, which are not read otherwise.

    The key is the column `id`, or where there is none `FILE#ROW`, counted from 0. Of rows that share an id in a split,
    later ones add their place to it. What partitions say in names of folders (`year=2020/`) is no column.

    Files above 512 MiB are read in ranges of 256 MiB, a row group by the range in which it begins, as far as the sizes
    of the row groups before it tell.

    Rejects: `damaged` (the footer, a row group, or a row of it), `truncated` (no footer), `no_column` (no such column;
    the message lists those there are), `bomb`, `undecodable` (not UTF-8), `wrong_type`, `no_text`, `too_large`.
    """

    pile_set_name: ClassVar[str] = "parquet"
    libraries: ClassVar[tuple[str, ...]] = ("pyarrow",)
    licence: ClassVar[str] = "each dataset's own"
    patterns: ClassVar[tuple[str, ...]] = ("*.parquet", "*.parq")

    def splits(self) -> Iterable[Split]:
        """Packs of files, and ranges of the large ones."""
        return pack_or_cut(self.input_files(), RANGE_BYTES)

    def read(self, split: Split) -> Iterator[Raw | Reject | Skipped]:
        """The rows of the split's files, or of the row groups in its range."""
        known = Keys()
        start, end = split.params.get("start", 0), split.params.get("end")
        for file in split.files:
            try:
                yield from self._read_file(file, known, start, end)
            except InputError as error:
                # Every range of a file reads its footer; the first tells of it.
                if start == 0:
                    yield Reject(error.rule, error.detail, key=file.name)

    def _read_file(self, file: InputFile, known: Keys, start: int, end: int | None) -> Iterator[Raw | Reject]:
        with open_input(file) as stored:
            parquet = checked_file(stored, file)
            with parquet_errors(file.name):
                available = parquet.schema_arrow.names
            for name in self.config.text_fields:
                if name not in available and name.partition(".")[0] not in available:
                    shown = ", ".join(available[:30]) or "none"
                    detail = f"{file.name}: expected a column {name!r}; there are {shown}. Name the text's by `text`"
                    raise InputError("no_column", detail)
            columns = self.columns(available)
            groups = [parquet.metadata.row_group(number) for number in range(parquet.metadata.num_row_groups)]
            sizes = group_sizes(parquet)
            expanded, size = sum(sizes), stored.seek(0, 2)
            row = at = held = 0
            for number, group in enumerate(groups):
                # Where it begins is in the footer too, but of a damaged one Arrow's reader of that aborts the process.
                begin = min(size * at // max(expanded, 1), size - 1)
                if start <= begin and (end is None or begin < end):
                    try:
                        for item in self._read_group(parquet, number, columns, known, f"{file.name}#", row):
                            held += item.size if isinstance(item, Raw) else 0
                            # A dictionary's values count once in the footer, however many rows refer to them.
                            if held > RATIO_FREE_BYTES + MAX_RATIO * size:
                                detail = f"{file.name}: {size:,} bytes expand to more than {held:,}"
                                yield Reject("bomb", detail, key=file.name)
                                return
                            yield item
                    except InputError as error:
                        yield Reject(error.rule, error.detail, key=f"{file.name}, row group {number}")
                row += group.num_rows
                at += sizes[number]

    def _read_group(
        self, parquet: Any, number: int, columns: list[str], known: Keys, prefix: str, row: int
    ) -> Iterator[Raw | Reject]:
        group = parquet.metadata.row_group(number)
        rows = max(1, min(MAX_BATCH_ROWS, BATCH_BYTES * max(group.num_rows, 0) // max(group.total_byte_size, 1)))
        with parquet_errors(f"row group {number}"):
            for batch in parquet.iter_batches(rows, row_groups=[number], columns=columns, use_threads=False):
                for record in batch_rows(batch):
                    place = f"{prefix}{row}"
                    row += 1
                    if isinstance(record, Reject):
                        yield Reject(record.rule, record.detail, key=place)
                    else:
                        yield self.offered(record, place, known)


def checked_file(stored: BinaryIO, file: InputFile) -> Any:
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
    with parquet_errors(file.name):
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
    groups = range(parquet.metadata.num_row_groups)
    return [max(parquet.metadata.row_group(number).total_byte_size, 0) for number in groups]


def batch_rows(batch: pa.RecordBatch) -> Iterator[Mapping[str, Any] | Reject]:
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
def parquet_errors(what: str) -> Iterator[None]:
    """Arrow's complaints of a file as errors of the input."""
    try:
        yield
    except (pa.ArrowException, OSError, OverflowError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise InputError("damaged", f"{what}: {error}") from error
