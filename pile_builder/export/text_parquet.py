"""A corpus's text as Parquet for the Hugging Face Hub: columns text, id, source and meta, and the dataset card.

Files are called `data/train-00003-00000.parquet`, the number of the shard and of its file: names that a shard's writer
knows by itself, and that the card's patterns find.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import yaml
from numpy.typing import NDArray

from pile_builder.blocks import RowGroupWriter
from pile_builder.export.format import ShardName

TEXTS = pa.schema([("id", pa.string()), ("source", pa.string()), ("copy", pa.int32()), ("text", pa.large_string())])
"""What a writer takes: a row a document, `source` as in `pile_set_name`, `copy` from 0."""
COLUMNS = pa.schema([("text", pa.string()), ("id", pa.string()), ("source", pa.string()), ("meta", pa.string())])
"""What it writes; `meta` is JSON with `pile_set_name` and `copy`."""
FILE_BYTES = 500_000_000
"""Bytes of text of a file at most, as `datasets` cuts them; a longer document has a file of its own."""
ROW_GROUP_BYTES = 32 << 20
SETTINGS: Mapping[str, Any] = {
    "compression": "zstd",
    "compression_level": 3,
    "use_dictionary": ["source", "meta"],
    "write_statistics": ["id", "source"],
    "write_page_index": True,
}


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file that was written: its name, its documents, bytes of their text in UTF-8, bytes of the file."""

    name: str
    rows: int
    text_bytes: int
    file_bytes: int


class TextParquetWriter:
    """Writes the documents of one shard into a local folder; the same documents make the same files."""

    def __init__(
        self, folder: Path, shard: ShardName, file_bytes: int = FILE_BYTES, row_group_bytes: int = ROW_GROUP_BYTES
    ) -> None:
        self._folder, self._stem = folder, shard.stem
        self._file_bytes, self._row_group_bytes = file_bytes, row_group_bytes
        self._open: RowGroupWriter | None = None
        self._path = folder
        self._rows = self._bytes = 0
        self._done: list[TextFile] = []

    def write(self, batch: pa.RecordBatch) -> None:
        """Append documents, a batch of `TEXTS`."""
        sizes = pc.binary_length(batch["text"]).to_numpy(zero_copy_only=False).astype(np.int64)
        ends = np.cumsum(sizes)
        start = done = 0
        while start < len(ends):
            stop = int(np.searchsorted(ends, done + self._file_bytes - self._bytes, "right"))
            if stop <= start:
                if self._open:
                    self._finish()
                    continue
                stop = start + 1
            self._append(batch.slice(start, stop - start), sizes[start:stop])
            start, done = stop, int(ends[stop - 1])

    def close(self) -> list[TextFile]:
        """Finish; the files in order. A shard without documents has none."""
        self._finish()
        return self._done

    def _append(self, batch: pa.RecordBatch, sizes: NDArray[np.int64]) -> None:
        if self._open is None:
            self._path = self._folder / f"data/{self._stem}-{len(self._done):05}.parquet"
            self._path.parent.mkdir(exist_ok=True)
            self._stream = self._path.open("wb")
            self._open = RowGroupWriter(self._stream, COLUMNS, self._row_group_bytes, SETTINGS)
        begin = 0
        for end in _runs(sizes, self._row_group_bytes):
            self._open.write(_columns(batch.slice(begin, end - begin)), sizes[begin:end])
            begin = end
        self._rows += batch.num_rows
        self._bytes += int(sizes.sum())

    def _finish(self) -> None:
        if self._open is None:
            return
        self._open.close()
        self._stream.close()
        self._done.append(TextFile(f"data/{self._path.name}", self._rows, self._bytes, self._path.stat().st_size))
        self._open, self._rows, self._bytes = None, 0, 0


def text_card(name: str, about: str, files: Mapping[str, Sequence[TextFile]]) -> str:
    """The card as Markdown with its YAML head; `files` by split. `load_dataset` checks the numbers of documents."""
    splits = {split: written for split, written in files.items() if written}
    data_files = [{"split": split, "path": f"data/{split}-*.parquet"} for split in splits]
    counts = [
        {
            "name": split,
            "num_bytes": sum(one.text_bytes for one in written),
            "num_examples": sum(one.rows for one in written),
        }
        for split, written in splits.items()
    ]
    info = {
        "features": [{"name": column, "dtype": "string"} for column in COLUMNS.names],
        "splits": counts,
        "download_size": sum(one.file_bytes for written in splits.values() for one in written),
        "dataset_size": sum(one.text_bytes for written in splits.values() for one in written),
    }
    configs = [{"config_name": "default", "data_files": data_files, "default": True}]
    head = yaml.safe_dump({"pretty_name": name, "configs": configs, "dataset_info": info}, sort_keys=False)
    rows = "\n".join(
        f"| {split} | {one['num_examples']:,} | {one['num_bytes']:,} | {len(splits[split])} |"
        for split, one in zip(splits, counts, strict=True)
    )
    paragraph = f"{about.strip()}\n\n" if about.strip() else ""
    return f"""---
{head}---

# {name}

{paragraph}| split | documents, with copies | bytes of text | files |
|---|---:|---:|---:|
{rows}

`text` is the document, `id` its identity, `source` the component it is from, `meta` JSON with `pile_set_name` (the
source again) and `copy`, which tells the repetitions of a document apart. To load one source:

    from datasets import load_dataset
    load_dataset("path/to/this/folder", split="train", filters=[("source", "==", "NAME")])
"""


def _columns(batch: pa.RecordBatch) -> pa.RecordBatch:
    source = batch["source"].dictionary_encode()
    copies = batch["copy"].to_numpy(zero_copy_only=False).astype(np.int64)
    pairs, which = np.unique(
        np.stack([source.indices.to_numpy(zero_copy_only=False), copies]), axis=1, return_inverse=True
    )
    names = source.dictionary.to_pylist()
    metas = [orjson.dumps({"pile_set_name": names[one], "copy": copy}).decode() for one, copy in pairs.T.tolist()]
    meta = pa.array(metas, pa.string()).take(pa.array(which.reshape(-1)))
    columns = [batch["text"].cast(pa.string()), batch["id"], batch["source"], meta]
    return pa.RecordBatch.from_arrays(columns, schema=COLUMNS)


def _runs(sizes: NDArray[np.int64], most: int) -> list[int]:
    """Ends of runs of rows of about `most` bytes, few enough that 32-bit offsets hold them."""
    ends = np.cumsum(sizes)
    marks = np.searchsorted(ends, np.arange(most, int(ends[-1]) + most, most), "left") + 1
    return sorted({min(int(mark), len(sizes)) for mark in marks} | {len(sizes)})
