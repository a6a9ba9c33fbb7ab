"""The sketch annotation: one row per document with everything that deduplication needs to know about its text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.text.column import TextColumn
from pile_builder.text.minhash import sketch

CONTENT_BYTES = 16
SIGNATURE_BYTES = 256
"""The signature keeps the first of that many permutations, which estimates Jaccard to 0.03 (one standard deviation):
of the 9,000 that some presets band, more would cost a sidecar 35 times the size and buy nothing at a threshold."""


@dataclass(frozen=True, slots=True)
class SketchConfig:
    """Parameters of `minhash.sketch`; the defaults are FineWeb's."""

    ngram: int = 5
    bands: int = 14
    rows: int = 8
    seed: int = 1


def signature_bytes(bands: int, rows: int) -> int:
    """Bytes of a document's signature in the sidecar."""
    return min(bands * rows, SIGNATURE_BYTES)


def sketch_schema(config: SketchConfig) -> pa.Schema:
    """The columns of the annotation.

    `content` fixed_size_binary[16], the content hash as two little-endian uint64; `bands`
    fixed_size_list<uint64>[bands], all 0 for documents with fewer than `ngram` words; `signature`
    fixed_size_binary[signature_bytes]; `words` int64.
    """
    return pa.schema(
        [
            pa.field("content", pa.binary(CONTENT_BYTES), nullable=False),
            pa.field("bands", pa.list_(pa.field("item", pa.uint64(), nullable=False), config.bands), nullable=False),
            pa.field("signature", pa.binary(signature_bytes(config.bands, config.rows)), nullable=False),
            pa.field("words", pa.int64(), nullable=False),
        ]
    )


def sketch_batch(column: TextColumn, config: SketchConfig) -> pa.RecordBatch:
    """Sketch a column of text into a batch of `sketch_schema`, one row per document."""
    sketches = sketch(column, ngram=config.ngram, bands=config.bands, rows=config.rows, seed=config.seed)
    schema = sketch_schema(config)
    count = len(sketches)
    content = pa.FixedSizeBinaryArray.from_buffers(schema.field("content").type, count, _buffers(sketches.content))
    bands = pa.FixedSizeListArray.from_arrays(pa.array(sketches.bands.reshape(-1)), type=schema.field("bands").type)
    kept = np.ascontiguousarray(sketches.signature[:, : schema.field("signature").type.byte_width])
    signature = pa.FixedSizeBinaryArray.from_buffers(schema.field("signature").type, count, _buffers(kept))
    return pa.RecordBatch.from_arrays([content, bands, signature, pa.array(sketches.words)], schema=schema)


def column_values(column: pa.Array) -> NDArray[Any]:
    """View one fixed-width column of the annotation, slices included, as a matrix of n rows, without a copy.

    `content` and `signature` give uint8[n, bytes], `bands` uint64[n, bands].

    Raises:
        ValueError: the column has nulls, so it was not written by `sketch_batch`.
    """
    if column.null_count:
        msg = f"expected a sketch column without nulls, got {column.null_count} in {len(column)} rows"
        raise ValueError(msg)
    if pa.types.is_fixed_size_list(column.type):
        width = column.type.list_size
        values = column.values.to_numpy(zero_copy_only=True).reshape(-1, width)
        return np.asarray(values[column.offset : column.offset + len(column)])
    width = column.type.byte_width
    data = np.frombuffer(column.buffers()[1], np.uint8, len(column) * width, column.offset * width)
    return data.reshape(len(column), width)


def _buffers(values: NDArray[np.generic]) -> list[pa.Buffer | None]:
    return [None, pa.py_buffer(values)]
