"""The sketch annotation: through Arrow and back without a copy."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest

from pile_builder.annotate.sketch import SketchConfig, column_values, sketch_batch, sketch_schema
from pile_builder.text.column import from_strings
from pile_builder.text.minhash import sketch

CONFIG = SketchConfig(ngram=3, bands=4, rows=5, seed=2)
TEXTS = ["one two three four five", "", "short", "日本語のテキスト", "one two three four six"]


def assert_equal(batch, expected):
    assert column_values(batch.column("content")).view(np.uint64).tolist() == expected.content.tolist()
    assert column_values(batch.column("bands")).tolist() == expected.bands.tolist()
    assert column_values(batch.column("signature")).tolist() == expected.signature.tolist()
    assert batch.column("words").to_pylist() == expected.words.tolist()


def test_batches_and_their_slices_come_back_as_they_were():
    column = from_strings(TEXTS)
    batch = sketch_batch(column, CONFIG)
    batch.validate(full=True)
    assert batch.schema == sketch_schema(CONFIG)
    whole = sketch(column, ngram=3, bands=4, rows=5, seed=2)
    assert_equal(batch, whole)
    assert_equal(batch.slice(1, 3), sketch(from_strings(TEXTS[1:4]), ngram=3, bands=4, rows=5, seed=2))
    bands = column_values(batch.column("bands"))
    assert np.shares_memory(bands, batch.column("bands").values.to_numpy())


def test_a_batch_survives_a_file():
    batch = sketch_batch(from_strings(TEXTS), CONFIG)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch.slice(2))
    [read] = pa.ipc.open_stream(sink.getvalue())
    assert_equal(read, sketch(from_strings(TEXTS[2:]), ngram=3, bands=4, rows=5, seed=2))


def test_an_empty_batch_is_a_batch():
    batch = sketch_batch(from_strings([]), CONFIG)
    assert batch.schema == sketch_schema(CONFIG)
    assert column_values(batch.column("bands")).shape == (0, 4)


def test_nulls_are_refused():
    schema = pa.schema([field.with_nullable(True) for field in sketch_schema(CONFIG)])
    batch = pa.RecordBatch.from_pylist([{"words": 1}], schema=schema)
    with pytest.raises(ValueError, match="without nulls, got 1 in 1 rows"):
        column_values(batch.column("content"))


def test_a_signature_is_capped_where_bands_are_not():
    config = SketchConfig(bands=40, rows=20)
    batch = sketch_batch(from_strings(TEXTS), config)
    whole = sketch(from_strings(TEXTS), bands=40, rows=20)
    assert column_values(batch.column("bands")).tolist() == whole.bands.tolist()
    assert column_values(batch.column("signature")).tolist() == whole.signature[:, :256].tolist()
