"""The sample of a block: beginnings of the documents with the smallest keyed hashes, kept so that nobody reads blocks.

Which documents are drawn depends on their ids alone, so a sample stands whatever the seed of the corpus is, and the
samples of some blocks together are those of their documents.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.document import id64
from pile_builder.mixing.keyed import key, keyed_hash
from pile_builder.text.column import TextColumn

DOCUMENTS = 256
"""Documents of a block's sample: what is near a threshold is looked for among them."""
CHARACTERS = 600
"""Code points of an excerpt at most."""
KEY_CHARACTERS = 300
SCHEMA = pa.schema(
    [
        pa.field("hash", pa.uint64(), nullable=False),
        pa.field("row", pa.int32(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("key", pa.string(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("excerpt", pa.string(), nullable=False),
    ]
)
"""One row per sampled document, by ascending hash: row in the block, id, upstream's key, bytes as extracted, excerpt of
the text with the declared spans applied."""
_KEY = key(0, "sample")


def excerpts(column: TextColumn, rows: NDArray[np.int64]) -> pa.RecordBatch:
    """The beginnings of the texts at `rows`: at most `CHARACTERS` code points each."""
    found = []
    for row in rows.tolist():
        start = int(column.offsets[row])
        stop = min(int(column.offsets[row + 1]), start + 4 * CHARACTERS)
        # A code point that the byte limit cuts lies beyond the characters that are kept.
        found.append(column.data[start:stop].tobytes().decode(errors="ignore")[:CHARACTERS])
    return pa.record_batch({"excerpt": pa.array(found, pa.string())})


class Sampler:
    """Draws the `DOCUMENTS` documents with the smallest hashes as batches of a block pass by, holding no others."""

    def __init__(self) -> None:
        self._drawn = SCHEMA.empty_table()
        self._rows = 0

    def candidates(self, ids: pa.Array) -> NDArray[np.int64]:
        """Which rows of the next batch may belong to the sample; give them to `add`."""
        hashes = keyed_hash(_KEY, id64(ids))
        if self._drawn.num_rows == DOCUMENTS:
            return np.flatnonzero(hashes <= self._drawn["hash"][DOCUMENTS - 1].as_py())
        return np.sort(np.argsort(hashes, kind="stable")[:DOCUMENTS])

    def add(self, batch: pa.RecordBatch, rows: NDArray[np.int64], found: pa.RecordBatch) -> None:
        """Take the candidates of a batch with columns id, key and bytes, and their excerpts."""
        start = self._rows
        self._rows += batch.num_rows
        if not len(rows):
            return
        chosen = batch.select(["id", "key", "bytes"]).take(pa.array(rows))
        drawn = pa.table(
            {
                "hash": keyed_hash(_KEY, id64(chosen["id"])),
                "row": (rows + start).astype(np.int32),
                "id": chosen["id"],
                "key": pa.compute.utf8_slice_codeunits(chosen["key"], 0, KEY_CHARACTERS),
                "bytes": chosen["bytes"],
                "excerpt": found["excerpt"],
            },
            schema=SCHEMA,
        )
        both = pa.concat_tables([self._drawn, drawn])
        self._drawn = both.sort_by([("hash", "ascending"), ("id", "ascending")]).slice(0, DOCUMENTS).combine_chunks()

    def table(self) -> pa.Table:
        """The sample so far, by `SCHEMA`."""
        return self._drawn
