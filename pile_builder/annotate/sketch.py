"""The sketch annotation: one row per document with everything that deduplication needs to know about its text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.text.column import TextColumn
from pile_builder.text.minhash import Sketches, sketch

CONTENT_BYTES = 16


@dataclass(frozen=True, slots=True)
class SketchConfig:
    """Parameters of `minhash.sketch`; the defaults are FineWeb's."""

    ngram: int = 5
    bands: int = 14
    rows: int = 8
    seed: int = 1


def sketch_schema(config: SketchConfig) -> pa.Schema:
    """The columns of the annotation.

    `content` fixed_size_binary[16], the content hash as two little-endian uint64; `bands`
    fixed_size_list<uint64>[bands], all 0 for documents with fewer than `ngram` words; `signature`
    fixed_size_binary[bands * rows]; `words` int64.
    """
    return pa.schema(
        [
            pa.field("content", pa.binary(CONTENT_BYTES), nullable=False),
            pa.field("bands", pa.list_(pa.field("item", pa.uint64(), nullable=False), config.bands), nullable=False),
            pa.field("signature", pa.binary(config.bands * config.rows), nullable=False),
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
    signature = pa.FixedSizeBinaryArray.from_buffers(
        schema.field("signature").type, count, _buffers(sketches.signature)
    )
    return pa.RecordBatch.from_arrays([content, bands, signature, pa.array(sketches.words)], schema=schema)


def sketches_from(batch: pa.RecordBatch) -> Sketches:
    """View a batch of `sketch_schema`, slices included, as the arrays it was made from, without a copy.

    Raises:
        ValueError: a column has nulls, so it was not written by `sketch_batch`.
    """
    for name in ("content", "bands", "signature", "words"):
        nulls = batch.column(name).null_count
        if nulls:
            msg = f"expected a sketch column {name!r} without nulls, got {nulls} in {len(batch)} rows"
            raise ValueError(msg)
    bands = batch.column("bands")
    values = bands.values.to_numpy(zero_copy_only=True)
    width = bands.type.list_size
    return Sketches(
        content=_fixed_binary(batch.column("content")).view(np.uint64),
        bands=values.reshape(-1, width)[bands.offset : bands.offset + len(bands)],
        signature=_fixed_binary(batch.column("signature")),
        words=batch.column("words").to_numpy(zero_copy_only=True),
    )


def _buffers(values: NDArray[np.generic]) -> list[pa.Buffer | None]:
    return [None, pa.py_buffer(values)]


def _fixed_binary(column: pa.FixedSizeBinaryArray) -> NDArray[np.uint8]:
    """The bytes of a fixed_size_binary[w] column as uint8[n, w]."""
    width = column.type.byte_width
    data = np.frombuffer(column.buffers()[1], np.uint8, len(column) * width, column.offset * width)
    return data.reshape(len(column), width)
