"""mix: verdicts to a plan of what every shard is made of.

Workers read the verdicts, as often as there are questions (see `mix_scans`); the driver sees histograms of hashes, the
few documents near a cut, and what every row group weighs. It holds no text and no list of all documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from pile_builder.blocks import open_parquet, write_table
from pile_builder.commits import Commits
from pile_builder.errors import BuildError
from pile_builder.manifest import Manifest
from pile_builder.mixing.holdout import (
    TRAIN,
    HoldoutCut,
    HoldoutSpec,
    candidate_bin,
    draw_holdout,
    holdout_quotas,
    split_of,
)
from pile_builder.mixing.plan import Layout, Plan, plan_holdout, plan_training
from pile_builder.mixing.weights import Mixture, MixtureSpec, exact_number, plan_mixture
from pile_builder.pipelines.engine import RunOptions
from pile_builder.pipelines.kept import Gathered, Histograms, Scanner, without
from pile_builder.pipelines.mix_scans import (
    HELD_OUT,
    NEAR,
    SPLITS,
    CountHashes,
    FindExtra,
    FindHeldOut,
    SumRowGroups,
    histograms,
    row_groups_of,
)
from pile_builder.storage import Store
from pile_builder.work import Work

_SCANS = ("count", "held out", "extra", "row groups")


def run_mix(store: Store, work: Work, manifest: Manifest, options: RunOptions) -> dict[str, Any]:
    """Plan the corpus, unless that is committed; returns the phase's record.

    Raises:
        BuildError: nothing survived to be planned, the mixture cannot be made of it, or tasks failed.
    """
    commits = Commits(store, "mix")
    if not commits.has(work.mix):
        scanner = Scanner(store, work, work.mix, options)
        try:
            commits.put(work.mix, _plan(store, scanner, manifest))
        except ValueError as error:
            raise BuildError(str(error)) from error
        scanner.forget(_SCANS)
    return commits.load(work.mix)


def _plan(store: Store, scanner: Scanner, manifest: Manifest) -> dict[str, Any]:
    names, seed = sorted(manifest.sources), manifest.seed
    counted = histograms(names)
    for table, _ in scanner.run("count", CountHashes(store, names, seed)):
        counted.merge(table)
    available = {name: counted.by_name[f"holdout:{name}"].total for name in names}
    if not any(available.values()):
        msg = "no document survived; `pile status` and report/summary.json say which rules dropped them"
        raise BuildError(msg)
    asked = mixture_spec(manifest)
    cuts, held_out = _hold_out(scanner, manifest, plan_mixture(available, asked), counted)
    held = {name: cuts[name].validation_bytes + cuts[name].test_bytes for name in names}
    mixture = plan_mixture({name: available[name] - held[name] for name in names}, asked)
    extra = _extra_cuts(scanner, manifest, mixture, cuts, counted, held_out)
    partial = frozenset(name for name in names if not mixture.share(name).whole_copies)
    summed = scanner.run("row groups", SumRowGroups(store, names, seed, cuts, extra, partial))
    groups = [row_groups_of([table for table, _ in summed], number) for number in range(len(SPLITS))]
    left_out = {
        name: {what: sum(one[name][what] for _, one in summed) for what in ("documents", "bytes")} for name in names
    }
    sizes = {"segment_bytes": manifest.output.segment_bytes, "shard_bytes": manifest.output.shard_bytes}
    layout = Layout(**sizes, shards=manifest.output.shards)
    epochs = [mixture.share(name).epochs for name in names]
    plans = {"train": plan_training(groups[TRAIN], names, epochs, seed, layout)}
    for number, split in enumerate(SPLITS):
        if number != TRAIN:
            plans[split] = plan_holdout(groups[number], names, split, seed, Layout(**sizes))
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


def _hold_out(
    scanner: Scanner, manifest: Manifest, mixture: Mixture, counted: Histograms
) -> tuple[dict[str, HoldoutCut], Gathered]:
    """The cuts of validation and test, and the documents (columns of `HELD_OUT`) near them."""
    spec = HoldoutSpec(
        exact_number(manifest.mix.validation, "mix.validation"), exact_number(manifest.mix.test, "mix.test")
    )
    quotas = holdout_quotas(mixture, spec)
    names = sorted(quotas)
    by_hash = {name: counted.by_name[f"holdout:{name}"] for name in names}
    last = {name: candidate_bin(by_hash[name], quotas[name]) for name in names}
    near = Gathered(names, HELD_OUT)
    if max(last.values()) >= 0:
        for table, _ in scanner.run("held out", FindHeldOut(scanner.store, names, manifest.seed, last)):
            near.merge(table)
    candidates = {}
    for name in names:
        hashes, _, sizes = near.of(name)
        candidates[name] = hashes, sizes
    return draw_holdout(quotas, by_hash, candidates), near


def _extra_cuts(
    scanner: Scanner,
    manifest: Manifest,
    mixture: Mixture,
    cuts: Mapping[str, HoldoutCut],
    counted: Histograms,
    held_out: Gathered,
) -> dict[str, np.uint64]:
    """Per source, below which hash a training document gets the fractional copy."""
    quotas = {share.name: share.extra_quota for share in mixture.sources}
    training = {}
    for name in quotas:
        holdout, hashes, sizes = held_out.of(name)
        gone = split_of(holdout, cuts[name]) != TRAIN
        training[name] = without(counted.by_name[f"epochs:{name}"], hashes[gone], sizes[gone])
    wanted = {name: training[name].bin_of(quota) for name, quota in quotas.items()}
    near = Gathered(list(quotas), NEAR)
    if max(wanted.values()) >= 0:
        scan = FindExtra(scanner.store, list(quotas), manifest.seed, cuts, wanted)
        for table, _ in scanner.run("extra", scan):
            near.merge(table)
    cut = {}
    for name, quota in quotas.items():
        hashes, sizes = near.of(name)
        cut[name] = training[name].cut_in_bin(quota, hashes, sizes)
    return cut


def write_plan(store: Store, plan: Plan) -> dict[str, Any]:
    """Write a plan's table; returns what the record says of it."""
    with store.writing(Commits(store, "mix").object_name) as stream:
        write_table(stream, plan.table)
    return {"plan": stream.name, "segments": plan.segments, "shards": plan.shards.tolist()}


def load_plan(store: Store, record: Mapping[str, Any], split: str) -> pa.Table:
    """The plan of one split."""
    with store.open(record["splits"][split]["plan"]) as stream:
        return open_parquet(stream).read()
