"""The sketch annotation: through Arrow and back without a copy."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest

from pile_builder.annotate.sketch import SketchConfig, sketch_batch, sketch_schema, sketches_from
from pile_builder.text.column import from_strings
from pile_builder.text.minhash import sketch

CONFIG = SketchConfig(ngram=3, bands=4, rows=5, seed=2)
TEXTS = ["one two three four five", "", "short", "日本語のテキスト", "one two three four six"]


def assert_equal(found, expected):
    for name in ("content", "bands", "signature", "words"):
        assert getattr(found, name).tolist() == getattr(expected, name).tolist()
        assert getattr(found, name).dtype == getattr(expected, name).dtype


def test_batches_and_their_slices_come_back_as_they_were():
    column = from_strings(TEXTS)
    batch = sketch_batch(column, CONFIG)
    batch.validate(full=True)
    assert batch.schema == sketch_schema(CONFIG)
    whole = sketch(column, ngram=3, bands=4, rows=5, seed=2)
    assert_equal(sketches_from(batch), whole)
    assert_equal(sketches_from(batch.slice(1, 3)), sketch(from_strings(TEXTS[1:4]), ngram=3, bands=4, rows=5, seed=2))
    bands = sketches_from(batch).bands
    assert np.shares_memory(bands, batch.column("bands").values.to_numpy())


def test_a_batch_survives_a_file():
    batch = sketch_batch(from_strings(TEXTS), CONFIG)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch.slice(2))
    [read] = pa.ipc.open_stream(sink.getvalue())
    assert_equal(sketches_from(read), sketches_from(batch.slice(2)))


def test_an_empty_batch_is_a_batch():
    batch = sketch_batch(from_strings([]), CONFIG)
    assert batch.schema == sketch_schema(CONFIG)
    assert sketches_from(batch).bands.shape == (0, 4)


def test_nulls_are_refused():
    schema = pa.schema([field.with_nullable(True) for field in sketch_schema(CONFIG)])
    batch = pa.RecordBatch.from_pylist([{"words": 1}], schema=schema)
    with pytest.raises(ValueError, match="'content' without nulls"):
        sketches_from(batch)
