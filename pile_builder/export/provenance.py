"""Which document lies where: a small Parquet file for each shard of an export."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.export.corpus import Documents
from pile_builder.export.format import ExportOptions, ShardFile
from pile_builder.export.windows import window_order

PROVENANCE = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("copy", pa.uint8(), nullable=False),
        pa.field("piece", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("file", pa.dictionary(pa.int32(), pa.string())),
        pa.field("sequence", pa.int64()),
        pa.field("position", pa.int64()),
    ]
)
"""One row per document in the order of the stream: id, source, copy and piece as the corpus counts them, offset of its
first token in the shard's stream, its tokens with the end token, and where the first lies: file, sequence within the
file, position within the sequence. These three are null where it lies in the dropped tail. (A merged format names the
file of the shard before the merge; `first_sequence` in export.json is where that begins.)"""


class Provenance:
    """Gathers the rows of a shard."""

    def __init__(self) -> None:
        self._rows: list[tuple[pa.Array, pa.Array, pa.Array, pa.Array]] = []
        self._sizes: list[NDArray[np.int64]] = []
        self.documents = 0
        self.tokens = 0
        self._by_source: Counter[tuple[str, int]] = Counter()

    def add(self, documents: Documents, sizes: NDArray[np.int64]) -> None:
        """Note documents and the tokens of each."""
        self._rows.append(
            (
                pa.array(documents.ids, pa.string()),
                pa.array(documents.sources, pa.string()),
                pa.array(documents.copies, pa.uint8()),
                pa.array(documents.pieces, pa.int32()),
            )
        )
        self._sizes.append(sizes)
        self.documents += len(sizes)
        self.tokens += int(sizes.sum())
        for source, copy, size in zip(documents.sources, documents.copies, sizes.tolist(), strict=True):
            self._by_source[source, copy] += size

    @property
    def sources(self) -> dict[str, dict[str, int]]:
        """Tokens by source and copy, end tokens included."""
        found: dict[str, dict[str, int]] = {}
        for (source, copy), tokens in sorted(self._by_source.items()):
            found.setdefault(source, {})[str(copy)] = tokens
        return found

    def table(self, options: ExportOptions, files: Sequence[ShardFile], stem: str) -> pa.Table:
        """All rows, with the place of each document in `files`."""
        sizes = np.concatenate([np.zeros(0, np.int64), *self._sizes])
        offsets = np.cumsum(sizes) - sizes
        sequence, position = self._places(options, files, stem, offsets)
        bounds = np.cumsum([file.sequences for file in files])
        total = int(bounds[-1]) if len(files) else 0
        lost = sequence >= total
        file = np.searchsorted(bounds, sequence, "right")
        first = np.concatenate([[0], bounds])[np.where(lost, 0, file)]
        names = pa.array([one.name for one in files], pa.string())
        merged = [pa.concat_arrays(column) for column in zip(*self._rows, strict=True)] if self._rows else None
        columns = merged or [pa.array([], PROVENANCE.field(name).type) for name in ("id", "source", "copy", "piece")]
        columns[1] = columns[1].cast(pa.string()).dictionary_encode()
        return pa.table(
            [
                *columns,
                pa.array(offsets),
                pa.array(sizes),
                pa.DictionaryArray.from_arrays(pa.array(file.astype(np.int32), mask=lost), names),
                pa.array(sequence - first, mask=lost),
                pa.array(position, mask=lost),
            ],
            schema=PROVENANCE,
        )

    def _places(
        self, options: ExportOptions, files: Sequence[ShardFile], stem: str, offsets: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if options.unit == "documents":
            return np.arange(len(offsets)), np.zeros(len(offsets), np.int64)
        sequence, position = offsets // options.window, offsets % options.window
        if options.shuffle:
            # Only whole windows were shuffled; a kept tail stays behind them.
            whole = sum(file.tokens for file in files) // options.window
            place = np.empty(whole, np.int64)
            place[window_order(whole, options.seed, stem)] = np.arange(whole)
            inside = sequence < whole
            sequence[inside] = place[sequence[inside]]
        return sequence, position
