"""`parquet`: lists of ids as Hugging Face datasets keep them, with a dataset card that tells load_dataset the splits.

The only column is `input_ids`, a list of int32, the name and type that Hugging Face tokenizers give it. Files lie in
`data/` and hold up to 500 MB before compression, as those that datasets writes itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from pydantic import Field

from pile_builder.errors import ManifestError, PileError
from pile_builder.export.format import ExportOptions, ExportShard, ShardFile, ShardName, ShardWriter, TokenFormat
from pile_builder.export.windows import windows_to_take
from pile_builder.storage import Store
from pile_builder.tokens import TokenBatch

COLUMN = "input_ids"
SCHEMA = pa.schema([pa.field(COLUMN, pa.list_(pa.int32()))])
LARGEST_ID = (1 << 31) - 1
LONGEST = (1 << 31) - 1
"""Tokens of a row: Arrow's offsets into a list have 31 bits."""
GROUP_BYTES = 1 << 24
"""Of a row group before compression, unless a row has more."""
READ_ROWS = 1 << 12
LEVEL = 1
"""zstd's. Ids are dictionary-encoded first, so higher levels cost time and save nothing."""


class ParquetOptions(ExportOptions):
    """Documents by default, which datasets can pack or cut by itself."""

    file_bytes: int = Field(
        500_000_000, ge=1 << 10, le=1 << 40, description="largest size of a file's lists before compression"
    )


class Parquet(TokenFormat):
    """Parquet files of input_ids, with a dataset card."""

    name = "parquet"
    trainers = "Hugging Face datasets, MaxText (grain_file_type: parquet)"
    Options = ParquetOptions
    options: ParquetOptions

    def check(self) -> None:
        """Ids have to fit int32."""
        if self.vocabulary.size - 1 > LARGEST_ID:
            msg = f"parquet: expected ids of at most {LARGEST_ID:,}, got a vocabulary of {self.vocabulary.size:,}"
            raise ManifestError(msg)

    def shard(self, folder: Path, shard: ShardName) -> ShardWriter:
        """Write `data/SPLIT-NUMBER-of-COUNT-FILE.parquet`."""
        stem = f"data/{shard.split}-{shard.number:05}-of-{shard.count:05}"
        return _Writer(folder, stem, self.options.file_bytes, self.options.multiple)

    def read(self, store: Store, file: ShardFile) -> Iterator[TokenBatch]:
        """Rows of a file, a row group at a time."""
        with store.open(file.name) as stream:
            try:
                table = pq.ParquetFile(stream, page_checksum_verification=True)
                found = table.schema_arrow
                if found.names != [COLUMN] or found.types != SCHEMA.types:
                    msg = f"{file.name}: expected one column {COLUMN}: list<int32>, got {found.to_string()!r}"
                    raise PileError(msg)
                for number in range(table.num_row_groups):
                    for batch in table.iter_batches(READ_ROWS, row_groups=[number]):
                        yield _tokens(batch.column(0), file.name)
            except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
                msg = f"{file.name}: not a whole Parquet file: {error}; remove it and run again"
                raise PileError(msg) from error

    def extras(self, store: Store, shards: Sequence[ExportShard]) -> Mapping[str, bytes]:
        """README.md: a dataset card whose YAML says where the splits are and how many rows they have."""
        files, splits = [], []
        for split in dict.fromkeys(shard.split for shard in shards if shard.written):
            rows = sum(file.sequences for shard in shards if shard.split == split for file in shard.files)
            tokens = sum(file.tokens for shard in shards if shard.split == split for file in shard.files)
            files.append({"split": split, "path": f"data/{split}-[0-9]*.parquet"})
            splits.append({"name": split, "num_bytes": _size(rows, tokens), "num_examples": rows})
        unit = "a document" if self.options.unit == "documents" else f"a window of {self.options.window} tokens"
        head = {
            "configs": [{"config_name": "default", "data_files": files}],
            "dataset_info": {"features": [{"name": COLUMN, "sequence": "int32"}], "splits": splits},
        }
        card = _CARD.format(
            head=yaml.safe_dump(head, sort_keys=False),
            unit=unit,
            column=COLUMN,
            name=self.vocabulary.name,
            size=self.vocabulary.size,
            end_id=self.vocabulary.end_id,
            end_token=self.vocabulary.end_token,
        )
        return {"README.md": card.encode()}


_CARD = """\
---
{head}---

# Token ids

Every row is {unit}: `{column}`, ids of the vocabulary {name} ({size} ids). Every document ends with {end_id}
(`{end_token}`).

    import datasets

    data = datasets.load_dataset("PATH OF THIS FOLDER")
"""


def _size(rows: int, tokens: int) -> int:
    """Bytes of lists in Arrow: ids and offsets of 32 bits."""
    return 4 * tokens + 4 * rows


def _tokens(column: pa.ListArray, name: str) -> TokenBatch:
    values = column.flatten()
    if column.null_count or values.null_count:
        msg = f"{name}: expected lists of ids, got an empty field among them"
        raise PileError(msg)
    ends = np.cumsum(column.value_lengths().to_numpy(), dtype=np.int64)
    return TokenBatch(values.to_numpy().view(np.uint32), ends)


class _Writer(ShardWriter):
    """Collects rows until a row group is full, and row groups until a file is."""

    def __init__(self, folder: Path, stem: str, file_bytes: int, multiple: int) -> None:
        self._folder, self._stem, self._limit, self._multiple = folder, stem, file_bytes, multiple
        (folder / stem).parent.mkdir(parents=True, exist_ok=True)
        self._files: list[ShardFile] = []
        self._start_file()

    def write(self, batch: TokenBatch) -> None:
        if len(batch) and int(batch.sizes.max()) > LONGEST:
            msg = (
                f"{self._name}: a document of {int(batch.sizes.max()):,} tokens; a list in Parquet holds {LONGEST:,}: "
                "say `unit: windows`, or leave such documents out of the corpus"
            )
            raise PileError(msg)
        costs = np.cumsum(4 * batch.sizes + 4)
        start = done = 0
        while start < len(batch):
            room = self._limit - self._written - self._held
            fit = max(int(np.searchsorted(costs, done + room, "right")) - start, 0)
            take = windows_to_take(fit, self._count, len(batch) - start, self._multiple)
            if take == 0:
                self._end_file()
                continue
            stop = int(np.searchsorted(costs, done + GROUP_BYTES - self._held, "right"))
            if stop <= start and self._held:
                self._end_group()
                continue
            stop = min(max(stop, start + 1), start + take)
            self._waiting.append(batch.slice(start, stop))
            self._count += stop - start
            self._held += int(costs[stop - 1]) - done
            start, done = stop, int(costs[stop - 1])

    def close(self) -> list[ShardFile]:
        if self._held or self._written or not self._files:
            self._end_file()
        return self._files

    @property
    def _name(self) -> str:
        return f"{self._stem}-{len(self._files):05}.parquet"

    def _start_file(self) -> None:
        self._table: pq.ParquetWriter | None = None
        self._waiting: list[TokenBatch] = []
        self._rows = self._tokens = self._count = self._held = self._written = 0

    def _open(self) -> pq.ParquetWriter:
        return pq.ParquetWriter(
            self._folder / self._name,
            SCHEMA,
            compression="zstd",
            compression_level=LEVEL,
            write_page_index=True,
            write_page_checksum=True,
        )

    def _end_group(self) -> None:
        tokens = np.concatenate([np.zeros(0, np.uint32), *[batch.tokens for batch in self._waiting]])
        sizes = np.concatenate([np.zeros(1, np.int64), *[batch.sizes for batch in self._waiting]])
        ends = pa.array(np.cumsum(sizes), pa.int32())
        lists = pa.ListArray.from_arrays(ends, pa.array(tokens.view(np.int32)))
        self._table = self._table or self._open()
        self._table.write_table(pa.table([lists], SCHEMA), row_group_size=max(len(lists), 1))
        self._rows += len(lists)
        self._tokens += len(tokens)
        self._written += self._held
        self._waiting, self._held = [], 0

    def _end_file(self) -> None:
        if self._held:
            self._end_group()
        table = self._table or self._open()
        table.close()
        self._files.append(ShardFile(self._name, self._rows, self._tokens))
        self._start_file()
