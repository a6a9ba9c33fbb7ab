"""Where every document goes: row groups dealt to segments, segments to shards, and the order inside a segment.

A segment is assembled in memory from parts of row groups that lie far apart, and its documents are written in keyed
order; a shard is a run of segments. Each copy of each source is laid over all segments evenly by bytes, so any stretch
of the corpus has the corpus's mixture. For that, a row group with more bytes than its copy has for one segment is dealt
in parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.mixing.keyed import key, keyed_hash
from pile_builder.mixing.weights import MAX_COPIES

SELECTIONS: Final = ("train", "extra", "validation", "test")
"""What a row of a plan takes of its row group: the training documents, those of them below the source's epochs cut (its
last, fractional copy), or the documents held out."""

MAX_PARTS: Final = 256
"""Parts of a row group at most: it is read once for each, so this bounds what a very small source costs to read."""

_ODD: Final = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio: multiples of it are distinct and far apart."""


@dataclass(frozen=True)
class RowGroups:
    """The row groups to deal, as columns of shape (n,), in any order.

    `source` indexes the plan's list of sources, `block` and `row_group` are the caller's numbers (together unique),
    `block_hash` is a stable hash of the block's name, on which the order depends. `whole_bytes` are the bytes of all
    documents of the split in the row group (one whole copy), `extra_bytes` those of the fractional copy's documents.
    """

    source: NDArray[np.int64]
    block: NDArray[np.int64]
    row_group: NDArray[np.int64]
    block_hash: NDArray[np.uint64]
    whole_bytes: NDArray[np.int64]
    extra_bytes: NDArray[np.int64]

    def __post_init__(self) -> None:
        shapes = {name: column.shape for name, column in vars(self).items()}
        if len(set(shapes.values())) > 1:
            msg = f"row groups: expected columns of one length, got {shapes}"
            raise ValueError(msg)
        wrong = np.flatnonzero((self.extra_bytes < 0) | (self.extra_bytes > self.whole_bytes))
        if len(wrong):
            at = int(wrong[0])
            msg = (
                f"row group {self.row_group[at]} of block {self.block[at]}: expected 0 <= extra_bytes <= whole_bytes, "
                f"got {self.extra_bytes[at]} and {self.whole_bytes[at]}"
            )
            raise ValueError(msg)


@dataclass(frozen=True)
class Layout:
    """Sizes in bytes of text. `shards` fixes their number (the Pile: 30), otherwise none holds more than `shard_bytes`.

    A segment is what one worker assembles in memory and one zstd frame holds. No part of a row group holds more than
    `part_bytes`: two neighbouring documents come from one part with a chance of about `part_bytes / segment_bytes`, and
    a row group is read once for each of its parts.
    """

    segment_bytes: int = 64 << 20
    part_bytes: int = 2 << 20
    shard_bytes: int = 2 << 30
    shards: int | None = None

    def __post_init__(self) -> None:
        if min(self.segment_bytes, self.part_bytes, self.shard_bytes, 1 if self.shards is None else self.shards) < 1:
            msg = f"layout: expected sizes and a number of shards above 0, got {self}"
            raise ValueError(msg)


@dataclass(frozen=True)
class Plan:
    """What every segment is made of.

    `table` has a row for each (segment, block, row_group, copy, part), sorted by these in this order, with columns
    segment int32, block int64, row_group int32, copy uint8, selection (one of `SELECTIONS`), part and parts uint16 (see
    `part_of`), source int32 and bytes int64. The bytes of a part are planned as an equal share of its row group's, so
    they are exact in their sum over parts. Shard i has the segments from `shards[i]` to below `shards[i + 1]`.
    """

    table: pa.Table
    segments: int
    shards: NDArray[np.int64]


def plan_training(
    row_groups: RowGroups, names: Sequence[str], epochs: Sequence[Fraction], seed: int, layout: Layout
) -> Plan:
    """Deal the training copies of all sources; `names[i]` and `epochs[i]` are those of source i.

    Raises:
        ValueError: a row group has a source or a pair of block and row group that it must not have.
    """
    return _deal(row_groups, names, epochs, seed, layout, ("train", "extra"))


def plan_holdout(row_groups: RowGroups, names: Sequence[str], split: str, seed: int, layout: Layout) -> Plan:
    """Deal one copy of what a split, "validation" or "test", holds out; `whole_bytes` count its documents only.

    Raises:
        ValueError: as for `plan_training`, or the split is another.
    """
    if split not in ("validation", "test"):
        msg = f"expected the split validation or test, got {split!r}"
        raise ValueError(msg)
    return _deal(row_groups, names, [Fraction(1)] * len(names), seed, layout, (split, split))


def part_of(sizes: NDArray[np.int64], parts: int) -> NDArray[np.int64]:
    """The part, from 0 to `parts - 1`, of every document of a row group: runs of documents with about equal bytes.

    `sizes` of shape (n,) are the bytes of the row group's rows in their order, 0 for rows outside the split. The
    fractional copy uses the sizes of all training documents too, so a document is in the same part of every copy. A
    document belongs where its middle byte falls.
    """
    ends: NDArray[np.int64] = np.cumsum(sizes)
    if not len(ends) or not ends[-1]:
        return np.zeros(len(sizes), np.int64)
    part: NDArray[np.int64] = (2 * ends - sizes) * parts // (2 * ends[-1])
    return part.clip(max=parts - 1)


def segment_order(ids: NDArray[np.uint64], copies: NDArray[np.uint8], key: np.uint64) -> NDArray[np.int64]:
    """The permutation that puts a segment's lines, of shape (n,), in the order of the hash of (id64, copy).

    The key's purpose is "segment". Lines of one id and copy, the pieces of a cut document, stay in the order given.
    """
    return np.lexsort((copies, ids, keyed_hash(key, ids + copies.astype(np.uint64) * _ODD)))


@dataclass(frozen=True)
class _Items:
    """Rows of a plan as columns: the index of the row group, which part of it, and where one copy of that goes."""

    index: NDArray[np.int64]
    part: NDArray[np.int64]
    parts: NDArray[np.int64]
    copy: NDArray[np.int64]
    selection: NDArray[np.int64]
    nbytes: NDArray[np.int64]
    segment: NDArray[np.int64]


def _deal(
    groups: RowGroups,
    names: Sequence[str],
    epochs: Sequence[Fraction],
    seed: int,
    layout: Layout,
    selections: tuple[str, str],
) -> Plan:
    _check(groups, names, epochs)
    # Blocks are numbered by the caller, so they settle only what their hashes leave open.
    canonical = np.lexsort((groups.block, groups.row_group, groups.block_hash, groups.source))
    bounds = np.searchsorted(groups.source[canonical], np.arange(len(names) + 1))
    of_source = [canonical[start:end] for start, end in pairwise(bounds)]
    total = 0
    for rows, e in zip(of_source, epochs, strict=True):
        total += floor(e) * int(groups.whole_bytes[rows].sum())
        total += int(groups.extra_bytes[rows].sum()) if e % 1 else 0
    segments = max(-(-total // layout.segment_bytes), layout.shards or 1) if total else 0
    dealt = [
        items
        for rows, name, e in zip(of_source, names, epochs, strict=True)
        for items in _deal_source(groups, rows, e, key(seed, f"deal:{name}"), segments, layout.part_bytes, selections)
    ]
    return _to_plan(groups, dealt, segments, layout)


def _deal_source(
    groups: RowGroups,
    rows: NDArray[np.int64],
    epochs: Fraction,
    deal_key: np.uint64,
    segments: int,
    part_bytes: int,
    selections: tuple[str, str],
) -> Iterator[_Items]:
    """Deal the copies of one source, all in the same keyed order, copy c of C moved on by c/C of the corpus."""
    rows = rows[groups.whole_bytes[rows] > 0]
    whole = groups.whole_bytes[rows]
    if not len(rows):
        return
    n_parts = np.maximum(-(-whole * segments // whole.sum()), -(-whole // part_bytes)).clip(1, MAX_PARTS)
    index = np.repeat(rows, n_parts)
    part = np.arange(len(index)) - np.repeat(np.cumsum(n_parts) - n_parts, n_parts)
    parts = np.repeat(n_parts, n_parts)
    item = (groups.row_group[index] * MAX_PARTS + part).astype(np.uint64)
    order = np.argsort(keyed_hash(deal_key, groups.block_hash[index] + item * _ODD), kind="stable")
    index, part, parts = index[order], part[order], parts[order]
    copies = ceil(epochs)
    for copy in range(copies):
        is_extra = copy == floor(epochs)
        group_bytes = (groups.extra_bytes if is_extra else groups.whole_bytes)[index]
        there = group_bytes > 0
        nbytes = (group_bytes * (part + 1) // parts - group_bytes * part // parts)[there]
        yield _Items(
            index=index[there],
            part=part[there],
            parts=parts[there],
            copy=np.full(len(nbytes), copy),
            selection=np.full(len(nbytes), SELECTIONS.index(selections[is_extra])),
            nbytes=nbytes,
            segment=_segments_of(nbytes, Fraction(copy, copies), segments),
        )


def _segments_of(nbytes: NDArray[np.int64], shift: Fraction, segments: int) -> NDArray[np.int64]:
    """Lay items end to end over a circle of equal segments, `shift` of it on; where each one's middle falls."""
    total = int(nbytes.sum())
    circle = 2 * total * shift.denominator
    at = ((2 * np.cumsum(nbytes) - nbytes) * shift.denominator + 2 * total * shift.numerator) % max(circle, 1)
    number = np.arange(segments + 1)
    starts = circle // segments * number - (-(circle % segments) * number // segments)
    return np.searchsorted(starts, at, side="right") - 1


def _to_plan(groups: RowGroups, dealt: list[_Items], segments: int, layout: Layout) -> Plan:
    def column(name: str) -> NDArray[np.int64]:
        return np.concatenate([np.zeros(0, np.int64), *(getattr(items, name) for items in dealt)])

    index, segment, copy, part, nbytes = (column(name) for name in ("index", "segment", "copy", "part", "nbytes"))
    order = np.lexsort((part, copy, groups.row_group[index], groups.block[index], segment))
    index = index[order]
    selection = pa.DictionaryArray.from_arrays(
        pa.array(column("selection")[order].astype(np.int8)), pa.array(SELECTIONS, pa.string())
    )
    table = pa.table(
        {
            "segment": segment[order].astype(np.int32),
            "block": groups.block[index],
            "row_group": groups.row_group[index].astype(np.int32),
            "copy": copy[order].astype(np.uint8),
            "selection": selection,
            "part": part[order].astype(np.uint16),
            "parts": column("parts")[order].astype(np.uint16),
            "source": groups.source[index].astype(np.int32),
            "bytes": nbytes[order],
        }
    )
    segment_bytes = np.zeros(segments, np.int64)
    np.add.at(segment_bytes, segment, nbytes)
    return Plan(table, segments, _shard_bounds(segment_bytes, layout))


def _shard_bounds(segment_bytes: NDArray[np.int64], layout: Layout) -> NDArray[np.int64]:
    """Runs of segments, even in number: as many as the layout fixes or the fewest within its size."""
    segments = len(segment_bytes)
    if not segments:
        return np.zeros(1, np.int64)
    shards = layout.shards or min(-(-int(segment_bytes.sum()) // layout.shard_bytes), segments)
    while True:
        bounds = np.arange(shards + 1) * segments // shards
        largest = int(np.add.reduceat(segment_bytes, bounds[:-1]).max())
        if layout.shards or largest <= layout.shard_bytes or shards == segments:
            return bounds
        shards += 1


def _check(groups: RowGroups, names: Sequence[str], epochs: Sequence[Fraction]) -> None:
    if len(names) != len(epochs) or len(set(names)) != len(names):
        msg = f"expected distinct source names, each with its epochs, got {list(names)} and {len(epochs)} epochs"
        raise ValueError(msg)
    if any(not 0 <= e <= MAX_COPIES for e in epochs):
        msg = f"expected epochs from 0 to {MAX_COPIES}, got {[str(e) for e in epochs]}"
        raise ValueError(msg)
    wrong = np.flatnonzero((groups.source < 0) | (groups.source >= len(names)))
    if len(wrong):
        msg = f"row groups: expected sources from 0 to {len(names) - 1}, got {groups.source[wrong[0]]}"
        raise ValueError(msg)
    order = np.lexsort((groups.row_group, groups.block))
    block, row_group = groups.block[order], groups.row_group[order]
    twice = np.flatnonzero((block[1:] == block[:-1]) & (row_group[1:] == row_group[:-1]))
    if len(twice):
        msg = f"row groups: expected each once, got row group {row_group[twice[0]]} of block {block[twice[0]]} twice"
        raise ValueError(msg)
