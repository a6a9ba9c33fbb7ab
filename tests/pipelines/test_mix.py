"""The plan that workers' histograms lead to is the one that all documents in one place do, in however many runs."""

from collections import Counter, defaultdict
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from pile_builder.commits import Commits
from pile_builder.manifest import Manifest
from pile_builder.mixing.holdout import HOLDOUT_PURPOSE, HoldoutSpec, draw_holdout, holdout_quotas, split_of
from pile_builder.mixing.keyed import HashHistogram, cut_for_quota, key, keyed_hash
from pile_builder.mixing.weights import MixtureSpec, exact_number, plan_mixture
from pile_builder.pipelines import kept
from pile_builder.pipelines.engine import RunOptions
from pile_builder.pipelines.mix import run_mix
from pile_builder.storage import Store
from pile_builder.work import Work, plan_work
from tests.test_build import run

Make = Callable[..., Manifest]
MIXTURES: list[dict[str, Any]] = [
    {},
    {"sources": {"right": {"plugin": "toy", "inputs": ["2.txt", "3.txt"], "epochs": 0.4}}},
    {"mix": {"validation": 0.0, "test": 0.1}},
]


def kept_by_source(store: Store, work: Work) -> dict[str, list[tuple[int, int, int, int]]]:
    """Every kept document as (id64, bytes, block, row group), from the verdicts alone."""
    found = defaultdict(list)
    for block in work.blocks:
        record = Commits(store, "settle").load(block.settle)
        groups = [number for number, rows in enumerate(record["row_groups"]) for _ in range(rows)]
        for row, group in zip(pq.read_table(store.path(record["verdicts"])).to_pylist(), groups, strict=True):
            if row["rule"] is None:
                found[block.source].append((row["id64"], row["bytes"], block.rank, group))
    return found


def brute_force(manifest: Manifest, documents: dict[str, list[tuple[int, int, int, int]]]) -> dict[str, Any]:
    """Cuts from sorted lists of all documents, and the bytes of every row group document by document."""
    seed, names = manifest.seed, sorted(manifest.sources)
    ids = {name: np.array([one[0] for one in documents[name]], np.uint64) for name in names}
    sizes = {name: np.array([one[1] for one in documents[name]], np.int64) for name in names}
    spec = MixtureSpec(epochs={n: one.epochs for n, one in manifest.sources.items() if one.epochs is not None})
    shares = HoldoutSpec(exact_number(manifest.mix.validation, "v"), exact_number(manifest.mix.test, "t"))
    hashes = {name: keyed_hash(key(seed, HOLDOUT_PURPOSE), ids[name]) for name in names}
    counted = {name: HashHistogram() for name in names}
    for name in names:
        counted[name].add(hashes[name], sizes[name])
    quotas = holdout_quotas(plan_mixture({n: int(sizes[n].sum()) for n in names}, spec), shares)
    cuts = draw_holdout(quotas, counted, {name: (hashes[name], sizes[name]) for name in names})
    split = {name: split_of(hashes[name], cuts[name]) for name in names}
    mixture = plan_mixture({name: int(sizes[name][split[name] == 0].sum()) for name in names}, spec)
    found: dict[str, Any] = {}
    for name in names:
        train = split[name] == 0
        own = keyed_hash(key(seed, f"epochs:{name}"), ids[name])
        extra = cut_for_quota(own[train], sizes[name][train], mixture.share(name).extra_quota)
        weights: dict[str, Counter[tuple[int, int, str]]] = defaultdict(Counter)
        for one, part, hashed in zip(documents[name], split[name].tolist(), own.tolist(), strict=True):
            weights["whole"][one[2], one[3], ("train", "validation", "test")[part]] += one[1]
            if part == 0 and hashed < int(extra):
                weights["extra"][one[2], one[3], "train"] += one[1]
        found[name] = {
            "extra_cut": str(extra),
            "validation_cut": str(cuts[name].validation_cut),
            "test_cut": str(cuts[name].test_cut),
            "weights": weights,
        }
    return found


@pytest.mark.parametrize("changes", MIXTURES)
def test_a_plan_by_scans_is_that_of_all_documents_at_once(
    changes: dict[str, Any], toy_manifest: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    manifest = toy_manifest(dedup=None, **changes)
    out = tmp_path / "out"
    run(manifest, out)
    store = Store(str(out))
    work = plan_work(manifest, store)
    commits = Commits(store, "mix")
    together = commits.load(work.mix)
    commits.forget(work.mix)
    monkeypatch.setattr(kept, "RUN_BLOCKS", 1)
    record = run_mix(store, work, manifest, RunOptions())
    assert record == together
    assert commits.done() == {work.mix}
    assert len(list((out / "work/mix/objects").iterdir())) == len({one["plan"] for one in record["splits"].values()})

    truth = brute_force(manifest, kept_by_source(store, work))
    for name, expected in truth.items():
        epochs = Fraction(record["sources"][name]["epochs"])
        for cut in ("extra_cut", "validation_cut", "test_cut"):
            assert record["sources"][name][cut] == expected[cut], (name, cut)
        planned: Counter[tuple[int, int, str]] = Counter()
        for split, plan in record["splits"].items():
            for row in pq.read_table(store.path(plan["plan"])).to_pylist():
                if sorted(manifest.sources)[row["source"]] == name:
                    planned[row["block"], row["row_group"], split] += row["bytes"]
        whole, extra = (expected["weights"][part] for part in ("whole", "extra"))
        wanted = Counter({at: size * (int(epochs) if at[2] == "train" else 1) for at, size in whole.items()})
        wanted.update(extra if epochs % 1 else {})
        assert planned == +wanted
