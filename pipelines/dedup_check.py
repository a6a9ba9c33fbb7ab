"""What the dedup report reads of texts: a sample of candidates compared by them, and the largest clusters."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pile_builder.commits import Commits
from pile_builder.dedup.config import Dedup
from pile_builder.dedup.exact import common, jaccard, shingle_sets
from pile_builder.dedup.presets import probability
from pile_builder.pipelines.dedup_blocks import BlockRows
from pile_builder.storage import Store
from pile_builder.takedown.state import taken_of
from pile_builder.work import BlockWork, Work

EXCERPT = 300
"""Characters of a cluster's winner that the report shows."""
TOLERANCE = 0.05
"""A link whose true similarity is lower than the threshold by no more counts as right."""


def check_sample(store: Store, work: Work, config: Dedup, limit: int = 100) -> dict[str, Any]:
    """Compare sampled candidates of the committed phase by the n-grams of their texts; see `rate_sample`.

    Reads a row group of text per sampled document, at most twice `limit` of them. Documents that are taken down have
    no text to be compared.
    """
    tasks = {block.ingest: _task(work, block) for block in work.blocks}
    gone = taken_places(store, work)
    drawn = Commits(store, "dedup").load(work.dedup)["sample"]
    sample = [one for one in drawn if not gone.intersection(map(tuple, one[:2]))][:limit]
    wanted: dict[str, set[int]] = {}
    for *places, _ in sample:
        for key, row in places:
            wanted.setdefault(key, set()).add(row)
    sets: dict[tuple[str, int], NDArray[np.uint64]] = {}
    for key, rows in sorted(wanted.items()):
        block = BlockRows(store, tasks[key])
        ordered = sorted(rows)
        texts = block.texts(np.searchsorted(block.rows, ordered))
        for row, own in zip(ordered, shingle_sets(texts, config.ngram), strict=True):
            sets[key, row] = own
    true, estimate = [], []
    for (a_key, a_row), (b_key, b_row), estimated in sample:
        a, b = sets[a_key, a_row], sets[b_key, b_row]
        true.append(jaccard(common(a, b), len(a), len(b)))
        estimate.append(estimated)
    return rate_sample(np.array(true), np.array(estimate), config)


def rate_sample(true: NDArray[np.float64], estimate: NDArray[np.float64], config: Dedup) -> dict[str, Any]:
    """Precision and recall of links from candidates of known similarity, float64[n] each.

    `precision` is the share of links whose true similarity reaches the threshold less `TOLERANCE`. `recall` says of
    pairs of at least a similarity which share is linked: a candidate of similarity s stands for 1 / P(s) pairs, since
    only that share of them meets in a band (Horvitz & Thompson 1952). Candidates are pairs with the smallest member of
    a bucket, exact copies left out. None stands where nothing was sampled to tell from.
    """
    linked = (true if config.verify == "exact" else estimate) >= config.threshold
    right = int((linked & (true >= config.threshold - TOLERANCE)).sum())
    recall: dict[str, float | None] = {}
    for level in sorted({config.threshold, 0.8, 0.9}):
        alike = true >= level
        expected = sum(1 / probability(similarity, config.bands, config.rows) for similarity in true[alike].tolist())
        recall[f"{level:g}"] = round(int((linked & alike).sum()) / expected, 4) if expected else None
    return {
        "candidates": len(true),
        "links": int(linked.sum()),
        "precision": round(right / int(linked.sum()), 4) if linked.any() else None,
        "recall": recall,
        "mean_error": round(float((estimate - true).mean()), 4) if len(true) else None,
    }


def largest_excerpts(store: Store, work: Work) -> list[str]:
    """The beginnings of the winners of the largest clusters, in the order of the summary's `largest`.

    That of a document that is taken down is empty.
    """
    tasks = {block.ingest: block for block in work.blocks}
    gone = taken_places(store, work)
    found = []
    for key, row in Commits(store, "dedup").load(work.dedup)["largest"]:
        if (key, row) in gone:
            found.append("")
            continue
        block = BlockRows(store, _task(work, tasks[key]))
        text = block.texts(np.searchsorted(block.rows, [row])).to_arrow()[0].as_py()
        found.append(text if len(text) <= EXCERPT else f"{text[:EXCERPT]}...")
    return found


def taken_places(store: Store, work: Work) -> set[tuple[str, int]]:
    """Documents that are taken down, as ingest key and row."""
    ingest = Commits(store, "ingest")
    return {
        (block.ingest, row)
        for block, record in zip(work.blocks, ingest.load_all(block.ingest for block in work.blocks), strict=True)
        for row in taken_of(record)
    }


def _task(work: Work, block: BlockWork) -> dict[str, Any]:
    sets = {"block": block.ingest, "select": block.select, "sets": dict(block.sets), "spans": block.spans}
    return block.task(work.dedup) | sets
