"""Which rules apply to a source, in order, and which documents each of them drops."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.annotate.keep import PRESETS, chances, draws, keep
from pile_builder.annotate.set_names import WITHOUT_SIGNALS
from pile_builder.blocks import open_parquet
from pile_builder.commits import Commits
from pile_builder.document import id64
from pile_builder.recipes import Rule
from pile_builder.rows import read_row
from pile_builder.selection import Quality, Select
from pile_builder.storage import Store


@dataclass(frozen=True)
class Test:
    """One rule as it applies to a source: its full name, the values it looks at, and which rows fail.

    `threshold` is one for all rows, or where chance decides one for each.
    """

    name: str
    threshold: float | NDArray[np.float64]
    values: NDArray[np.float64]
    fails: NDArray[np.bool_]
    detail: pa.Array | None = None
    drop: Literal["below", "above"] = "below"


def load_columns(store: Store, block: str, sets: Mapping[str, str], select: Select) -> dict[str, pa.Array]:
    """What the rules of `select` look at, row-aligned with a block.

    Args:
        store: the build.
        block: object of the block.
        sets: keys of its annotation sets.
        select: what applies to it.
    """
    columns = load_sidecars(store, sets)
    if select.licences:
        columns["licence"] = _licences(store, block)
    if select.quality:
        with store.open(block) as stream:
            columns["id"] = open_parquet(stream).read(columns=["id"])["id"].combine_chunks()
    return columns


def row_columns(
    store: Store, document: pa.Table, sets: Mapping[str, str], row: int, select: Select
) -> dict[str, pa.Array]:
    """What the rules of `select` look at of one document: as `load_columns`, of one row.

    Args:
        store: the build.
        document: its row of the block, with `id` and `meta`.
        sets: keys of the block's annotation sets.
        row: the document's row in the block.
        select: what applies to it.
    """
    columns = {"id": document["id"].combine_chunks()}
    if select.licences:
        columns["licence"] = licences_of(document["meta"].combine_chunks())
    for name, key in sets.items():
        where = Commits(store, "annotate").load(key)["object"] if name not in WITHOUT_SIGNALS else ""
        if where:
            table, _ = read_row(store, where, row)
            columns |= {name: table[name].combine_chunks() for name in table.column_names if name != "spans"}
    return columns


def load_sidecars(store: Store, sets: Mapping[str, str]) -> dict[str, pa.Array]:
    """The columns of a block's sidecars (spans and sketches left out), by name."""
    columns: dict[str, pa.Array] = {}
    for name, key in sets.items():
        if name in WITHOUT_SIGNALS:
            continue
        where = Commits(store, "annotate").load(key)["object"]
        if not where:
            continue
        with store.open(where) as stream:
            file = open_parquet(stream)
            wanted = [field for field in file.schema_arrow.names if field != "spans"]
            table = file.read(columns=wanted)
        columns |= {field: table[field].combine_chunks() for field in wanted}
    return columns


def tests(columns: Mapping[str, pa.Array], select: Select, source: str, seed: int) -> Iterator[Test]:
    """Every rule of a source over a block's signals, in the order in which they apply.

    The value of `licence` is 1 if the policy keeps it and 0 if not; of `quality` the chance to be kept, against a draw
    by keyed hash, or the score against a threshold.
    """
    if select.licences:
        licences = columns["licence"].dictionary_encode()
        kept = np.array([select.licences.keeps(name) for name in [*licences.dictionary.to_pylist(), None]], np.float64)
        values = kept[licences.indices.fill_null(len(kept) - 1).to_numpy()]
        yield Test("licence", 1.0, values, values < 1, columns["licence"].fill_null("unknown"))
    if select.language and select.language.keep:
        labels, scores = columns["language"], columns["language_score"].to_numpy().astype(np.float64)
        wrong = ~pa.compute.is_in(labels.cast(pa.string()), pa.array(select.language.keep)).to_numpy(
            zero_copy_only=False
        )
        fails = wrong | (scores < select.language.min_score)
        yield Test("language", select.language.min_score, scores, fails, labels)
    for name, rule, threshold in select.all_rules():
        yield _test(name, rule, columns, threshold)
    if select.quality:
        yield _quality_test(columns, select.quality, source, seed)


def first_failures(count: int, applied: Iterable[Test]) -> Iterator[tuple[Test, NDArray[np.int64]]]:
    """Each test with the rows that it is the first to drop, of a block's `count` rows."""
    open_rows = np.ones(count, np.bool_)
    for test in applied if count else ():
        rows = np.flatnonzero(open_rows & test.fails)
        open_rows[rows] = False
        yield test, rows


def _quality_test(columns: Mapping[str, pa.Array], quality: Quality, source: str, seed: int) -> Test:
    preset = PRESETS[quality.keep]
    scores, ids, purpose = columns["quality.score"].to_numpy(), id64(columns["id"]), f"quality:{source}"
    if quality.threshold is not None:
        return Test("quality", quality.threshold, scores, scores <= quality.threshold)
    fails = ~keep(preset, scores, ids, seed, purpose)
    if preset.alpha is None:
        return Test("quality", preset.threshold, scores, fails)
    return Test("quality", draws(ids, seed, purpose), chances(scores, preset.alpha), fails)


def _test(name: str, rule: Rule, columns: Mapping[str, pa.Array], threshold: float) -> Test:
    values = columns[rule.signal].to_numpy(zero_copy_only=False).astype(np.float64)
    return Test(name, threshold, values, rule.fails(values, threshold), drop=rule.drop)


def _licences(store: Store, block: str) -> pa.Array:
    with store.open(block) as stream:
        batches = open_parquet(stream).iter_batches(4_096, columns=["meta"])
        return pa.concat_arrays([pa.nulls(0, pa.string()), *(licences_of(batch.column("meta")) for batch in batches)])


def licences_of(metas: pa.Array) -> pa.Array:
    """What each document's metadata say under `license`, null where they don't."""
    values = (orjson.loads(meta).get("license") for meta in metas.to_pylist())
    return pa.array([value if isinstance(value, str) else None for value in values], pa.string())
