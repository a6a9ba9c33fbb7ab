"""Parquet files: a row a record, row groups in ranges of bytes, only the columns that are needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from pile_builder.errors import InputError
from pile_builder.input_files import InputFile, open_input
from pile_builder.source import Raw, Reject, Skipped, Split, pack_or_cut
from pile_builder.sources.parquet_file import BATCH_BYTES, arrow_errors, group_sizes, open_parquet, python_rows
from pile_builder.sources.records import Keys, RecordSource
from pile_builder.streams import MAX_RATIO, RATIO_FREE_BYTES

RANGE_BYTES = 256 << 20
"""Bytes of a large file whose row groups one split reads."""
MAX_BATCH_ROWS = 512
"""Rows are decoded in batches of about so many bytes, as the footer has it, and of at most so many rows."""


class Parquet(RecordSource):
    """Parquet files, or folders of them: exports of the Hugging Face Hub, of Spark, of BigQuery.

    Upstream: none of its own; whatever has been prepared already (FineWeb, RefinedWeb, The Stack v2,
    wikimedia/wikipedia, ...). Licence: each dataset's own.

    Comes out: the column `text`, or the columns that the manifest names, joined; lists of strings as paragraphs. Dots
    lead into structs. Metadata: title, url, date, language, license, authors where the row, its `meta` or its
    `metadata` has them; all other columns with `metadata: true`, which are not read otherwise.

    The key is the column `id`, or where there is none `FILE#ROW`, counted from 0. Of rows that share an id in a split,
    later ones add their place to it. What partitions say in names of folders (`year=2020/`) is no column.

    Files above 512 MiB are read in ranges of 256 MiB, a row group by the range in which it begins, as far as the sizes
    of the row groups before it tell.

    Dropped: columns that nothing names. Skipped: nothing.

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
            parquet = open_parquet(stored, file)
            with arrow_errors(file.name):
                available = parquet.schema_arrow.names
            for name in self.config.text_fields:
                if name not in available and name.partition(".")[0] not in available:
                    shown = ", ".join(available[:30]) or "none"
                    detail = f"{file.name}: expected a column {name!r}; there are {shown}. Name the text's by `text`"
                    raise InputError("no_column", detail)
            columns = self.columns(available)
            sizes = group_sizes(parquet)
            expanded, size = sum(sizes), stored.seek(0, 2)
            row = at = held = 0
            for number, group_size in enumerate(sizes):
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
                row += parquet.metadata.row_group(number).num_rows
                at += group_size

    def _read_group(
        self, parquet: Any, number: int, columns: list[str], known: Keys, prefix: str, row: int
    ) -> Iterator[Raw | Reject]:
        group = parquet.metadata.row_group(number)
        rows = max(1, min(MAX_BATCH_ROWS, BATCH_BYTES * max(group.num_rows, 0) // max(group.total_byte_size, 1)))
        with arrow_errors(f"row group {number}"):
            for batch in parquet.iter_batches(rows, row_groups=[number], columns=columns, use_threads=False):
                for record in python_rows(batch):
                    place = f"{prefix}{row}"
                    row += 1
                    if isinstance(record, Reject):
                        yield Reject(record.rule, record.detail, key=place)
                    else:
                        yield self.offered(record, place, known)
