"""mix: verdicts to a plan of what every shard is made of. Runs in the driver, streams over blocks, holds no text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.blocks import open_parquet, write_table
from pile_builder.errors import BuildError
from pile_builder.manifest import Manifest
from pile_builder.mixing.holdout import (
    HOLDOUT_PURPOSE,
    TEST,
    TRAIN,
    VALIDATION,
    HoldoutCut,
    HoldoutSpec,
    candidate_bin,
    draw_holdout,
    holdout_quotas,
    split_of,
)
from pile_builder.mixing.keyed import HashHistogram, bins_of, key, keyed_hash
from pile_builder.mixing.plan import Layout, Plan, RowGroups, plan_holdout, plan_training
from pile_builder.mixing.weights import Mixture, MixtureSpec, exact_number, plan_mixture
from pile_builder.storage import Commits, Store
from pile_builder.work import BlockWork, Work

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Kept:
    """The kept documents of one block: row, id64, bytes as written, row group."""

    block: BlockWork
    rows: NDArray[np.int64]
    ids: NDArray[np.uint64]
    sizes: NDArray[np.int64]
    group: NDArray[np.int64]

    @property
    def block_hash(self) -> int:
        """64-bit hash of the block's name, on which orders depend."""
        return int.from_bytes(blake2b(self.block.name.encode(), digest_size=8).digest(), "little")


def kept_documents(store: Store, block: BlockWork) -> Kept:
    """What settle kept of a block."""
    record = Commits(store, "settle").load(block.settle)
    with store.open(record["verdicts"]) as stream:
        table = open_parquet(stream).read()
    rows = np.flatnonzero(table["rule"].is_null().to_numpy())
    group = np.repeat(np.arange(len(record["row_groups"])), record["row_groups"])
    return Kept(block, rows, table["id64"].to_numpy()[rows], table["bytes"].to_numpy()[rows], group[rows])


def run_mix(store: Store, work: Work, manifest: Manifest) -> dict[str, Any]:
    """Plan the corpus, unless that is committed; returns the phase's record.

    Raises:
        BuildError: nothing survived to be planned, or the mixture cannot be made of it.
    """
    commits = Commits(store, "mix")
    if not commits.has(work.mix):
        try:
            commits.put(work.mix, _plan(store, work, manifest))
        except ValueError as error:
            raise BuildError(str(error)) from error
    return commits.load(work.mix)


def _plan(store: Store, work: Work, manifest: Manifest) -> dict[str, Any]:
    names = sorted(manifest.sources)
    seed = manifest.seed

    def blocks() -> Iterator[Kept]:
        for _, kept in store.each(lambda block: kept_documents(store, block), work.blocks):
            yield kept

    available = dict.fromkeys(names, 0)
    settled = Commits(store, "settle").load_all(block.settle for block in work.blocks)
    for block, record in zip(work.blocks, settled, strict=True):
        available[block.source] += record["kept_bytes"]
    if not any(available.values()):
        msg = "no document survived; `pile status` and report/summary.json say which rules dropped them"
        raise BuildError(msg)
    asked = mixture_spec(manifest)
    cuts = _hold_out(manifest, plan_mixture(available, asked), blocks)
    holdout_key = key(seed, HOLDOUT_PURPOSE)
    held = {name: cuts[name].validation_bytes + cuts[name].test_bytes for name in names}
    mixture = plan_mixture({name: available[name] - held[name] for name in names}, asked)
    extra = _extra_cuts(
        mixture, seed, blocks, lambda kept: split_of(keyed_hash(holdout_key, kept.ids), cuts[kept.block.source])
    )
    groups, left_out = _row_groups(mixture, cuts, extra, seed, blocks, names)
    sizes = {"segment_bytes": manifest.output.segment_bytes, "shard_bytes": manifest.output.shard_bytes}
    layout = Layout(**sizes, shards=manifest.output.shards)
    epochs = [mixture.share(name).epochs for name in names]
    plans = {"train": plan_training(groups["train"], names, epochs, seed, layout)}
    for split in ("validation", "test"):
        plans[split] = plan_holdout(groups[split], names, split, seed, Layout(**sizes))
    return {
        "splits": {split: write_plan(store, plan) for split, plan in plans.items()},
        "sources": {
            name: {
                "available": available[name],
                "left_out": left_out[name],
                "epochs": str(mixture.share(name).epochs),
                "weight": float(mixture.share(name).weight),
                "target": mixture.share(name).target,
                "capped": mixture.share(name).capped,
                "extra_cut": str(extra[name]),
                "validation_cut": str(cuts[name].validation_cut),
                "test_cut": str(cuts[name].test_cut),
                "limited": list(cuts[name].limited),
                "forced": list(cuts[name].forced),
            }
            for name in names
        },
        "total": mixture.total,
        "shortfall": mixture.shortfall,
    }


def mixture_spec(manifest: Manifest) -> MixtureSpec:
    """The mixture that a manifest asks for."""
    entries = manifest.sources
    return MixtureSpec(
        epochs={name: one.epochs for name, one in entries.items() if one.epochs is not None},
        weights={name: one.weight for name, one in entries.items() if one.weight is not None},
        total=manifest.mix.total,
        max_epochs_by_source={name: one.max_epochs for name, one in entries.items() if one.max_epochs is not None},
    )


def _hold_out(manifest: Manifest, mixture: Mixture, blocks: Callable[[], Iterator[Kept]]) -> dict[str, HoldoutCut]:
    """Two passes: count every document by hash, then gather those near the cuts."""
    spec = HoldoutSpec(
        exact_number(manifest.mix.validation, "mix.validation"), exact_number(manifest.mix.test, "mix.test")
    )
    quotas = holdout_quotas(mixture, spec)
    holdout_key = key(manifest.seed, HOLDOUT_PURPOSE)
    histograms = {name: HashHistogram() for name in quotas}
    for kept in blocks():
        # A kept document is its cluster's winner or alone, so its own id stands for its cluster.
        histograms[kept.block.source].add(keyed_hash(holdout_key, kept.ids), kept.sizes)
    last = {name: candidate_bin(histograms[name], quotas[name]) for name in quotas}
    near: dict[str, list[tuple[NDArray[np.uint64], NDArray[np.int64]]]] = {name: [] for name in quotas}
    for kept in blocks():
        hashes = keyed_hash(holdout_key, kept.ids)
        taken = bins_of(hashes) <= last[kept.block.source]
        near[kept.block.source].append((hashes[taken], kept.sizes[taken]))
    return draw_holdout(quotas, histograms, {name: _joined(parts) for name, parts in near.items() if parts})


def _extra_cuts(
    mixture: Mixture, seed: int, blocks: Callable[[], Iterator[Kept]], split: Callable[[Kept], NDArray[np.uint8]]
) -> dict[str, np.uint64]:
    """Per source, below which hash a training document gets the fractional copy."""
    keys = {share.name: key(seed, f"epochs:{share.name}") for share in mixture.sources}
    histograms = {share.name: HashHistogram() for share in mixture.sources}
    for kept in blocks():
        train = split(kept) == TRAIN
        name = kept.block.source
        histograms[name].add(keyed_hash(keys[name], kept.ids[train]), kept.sizes[train])
    quotas = {share.name: share.extra_quota for share in mixture.sources}
    wanted = {name: histograms[name].bin_of(quota) for name, quota in quotas.items()}
    near: dict[str, list[tuple[NDArray[np.uint64], NDArray[np.int64]]]] = {name: [] for name in quotas}
    for kept in blocks():
        name = kept.block.source
        train = split(kept) == TRAIN
        hashes = keyed_hash(keys[name], kept.ids[train])
        there = bins_of(hashes) == wanted[name]
        near[name].append((hashes[there], kept.sizes[train][there]))
    return {name: histograms[name].cut_in_bin(quota, *_joined(near[name])) for name, quota in quotas.items()}


def _row_groups(
    mixture: Mixture,
    cuts: Mapping[str, HoldoutCut],
    extra: Mapping[str, np.uint64],
    seed: int,
    blocks: Callable[[], Iterator[Kept]],
    names: list[str],
) -> tuple[dict[str, RowGroups], dict[str, dict[str, int]]]:
    """Bytes of every row group in each split, as the planner takes them; per source what under one epoch omits."""
    holdout_key = key(seed, HOLDOUT_PURPOSE)
    columns: dict[str, list[list[Any]]] = {split: [] for split in SPLITS}
    left_out = {name: {"documents": 0, "bytes": 0} for name in names}
    for kept in blocks():
        name = kept.block.source
        split = split_of(keyed_hash(holdout_key, kept.ids), cuts[name])
        is_extra = keyed_hash(key(seed, f"epochs:{name}"), kept.ids) < extra[name]
        if not mixture.share(name).whole_copies:
            omitted = (split == TRAIN) & ~is_extra
            left_out[name]["documents"] += int(omitted.sum())
            left_out[name]["bytes"] += int(kept.sizes[omitted].sum())
        head = [names.index(name), kept.block.rank, kept.block_hash]
        for number, which in ((TRAIN, "train"), (VALIDATION, "validation"), (TEST, "test")):
            inside = split == number
            columns[which] += row_group_sums(head, kept.group[inside], kept.sizes[inside], is_extra[inside])
    return {split: to_row_groups(rows) for split, rows in columns.items()}, left_out


def to_row_groups(rows: list[list[Any]]) -> RowGroups:
    """The rows that `row_group_sums` gave, as columns."""
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * 6
    source, block, group, block_hash, whole, extra = columns
    return RowGroups(
        np.array(source, np.int64),
        np.array(block, np.int64),
        np.array(group, np.int64),
        np.array(block_hash, np.uint64),
        np.array(whole, np.int64),
        np.array(extra, np.int64),
    )


def row_group_sums(
    head: Sequence[int], group: NDArray[np.int64], sizes: NDArray[np.int64], is_extra: NDArray[np.bool_]
) -> list[list[Any]]:
    """Rows of `RowGroups` of one block: what some of its documents weigh in each row group that has any of them.

    Args:
        head: number of the source, of the block, and the block's hash.
        group: row group of each document.
        sizes: bytes of each document.
        is_extra: which documents get the fractional copy.
    """
    source, block, block_hash = head
    count = int(group.max()) + 1 if len(group) else 0
    whole, extra = np.zeros(count, np.int64), np.zeros(count, np.int64)
    np.add.at(whole, group, sizes)
    np.add.at(extra, group[is_extra], sizes[is_extra])
    return [[source, block, at, block_hash, whole[at], extra[at]] for at in np.flatnonzero(whole).tolist()]


def _joined(parts: list[tuple[NDArray[np.uint64], NDArray[np.int64]]]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    return (
        np.concatenate([np.zeros(0, np.uint64), *(hashes for hashes, _ in parts)]),
        np.concatenate([np.zeros(0, np.int64), *(sizes for _, sizes in parts)]),
    )


def write_plan(store: Store, plan: Plan) -> dict[str, Any]:
    """Write a plan's table; returns what the record says of it."""
    with store.writing(Commits(store, "mix").object_name) as stream:
        write_table(stream, plan.table)
    return {"plan": stream.name, "segments": plan.segments, "shards": plan.shards.tolist()}


def load_plan(store: Store, record: Mapping[str, Any], split: str) -> pa.Table:
    """The plan of one split."""
    with store.open(record["splits"][split]["plan"]) as stream:
        return open_parquet(stream).read()
