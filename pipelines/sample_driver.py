"""What the driver's own phase costs: mix, measured on generated documents and row groups, in memory."""

from __future__ import annotations

import io
import time
from fractions import Fraction

import numpy as np
import pyarrow as pa

from pile_builder.blocks import open_parquet, write_table
from pile_builder.mixing.keyed import HashHistogram, key, keyed_hash
from pile_builder.mixing.plan import Layout, RowGroups, plan_training
from pile_builder.pipelines.settle import VERDICTS
from pile_builder.storage import HashingWriter

DOCUMENTS = 1 << 16
GROUPS = 1 << 11
PASSES = 5
"""Readings of all verdicts: two to hold out, two to cut fractions of an epoch, one to sum up row groups."""
GROUP_BYTES = 4 << 20
"""Text of a row group."""


def measure_mix() -> dict[str, float]:
    """Core-seconds of mix for a document that is kept (`mix_document`) and for a row group to deal (`mix_group`)."""
    randomness = np.random.default_rng(1)
    columns = {
        "id64": randomness.integers(0, 1 << 63, DOCUMENTS, np.uint64),
        "bytes": randomness.integers(1, 10_000, DOCUMENTS),
        "pieces": np.ones(DOCUMENTS, np.int32),
        "rule": pa.nulls(DOCUMENTS, pa.string()),
    }
    verdicts = io.BytesIO()
    write_table(HashingWriter(verdicts), pa.table(columns, schema=VERDICTS))
    numbers = np.arange(GROUPS)
    sizes = np.full(GROUPS, GROUP_BYTES, np.int64)
    zeros = np.zeros(GROUPS, np.int64)
    groups = RowGroups(zeros, numbers, zeros, keyed_hash(key(1, "plan"), numbers.astype(np.uint64)), sizes, zeros)
    layout = Layout(segment_bytes=64 << 20, shard_bytes=2 << 30)
    rates = {}
    # The first time loads and compiles.
    for _ in range(2):
        started = time.thread_time()
        table = open_parquet(io.BytesIO(verdicts.getvalue())).read()
        rows = np.flatnonzero(table["rule"].is_null().to_numpy())
        hashes = keyed_hash(key(1, "plan"), table["id64"].to_numpy()[rows])
        HashHistogram().add(hashes, table["bytes"].to_numpy()[rows])
        rates["mix_document"] = PASSES * (time.thread_time() - started) / DOCUMENTS
        started = time.thread_time()
        plan_training(groups, ["plan"], [Fraction(1)], 1, layout)
        rates["mix_group"] = (time.thread_time() - started) / GROUPS
    return rates
