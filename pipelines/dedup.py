"""dedup: sketches of the selected documents to a ledger of those that lost to another.

Only hashes, keys and the sketches of candidates are shuffled, in packed elements of at most 1 MiB. Blocks send one row
per distinct text and band; buckets are grouped by hash range and link to their smallest member; candidate links travel
with one sketch to the other member's block, where they are verified, and are written down. One worker joins them; each
block names the best of its members, the best of a cluster wins, and each block writes its own ledger.

The same documents give the same clusters, winners and ledgers whatever the number of workers and passes, the order and
ranks of sources and inputs, and the splits in which documents lie: buckets, smallest members, candidates and winners
are functions of texts, sources and ids alone (see `dedup.links`). Only `pairs` in the summary counts what blocks
compared, copies of one text in several blocks included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import apache_beam as beam
import orjson

from pile_builder.commits import Commits
from pile_builder.dedup.components import union_find_bytes
from pile_builder.dedup.config import Dedup
from pile_builder.pipelines.dedup_blocks import Sources
from pile_builder.pipelines.dedup_clusters import (
    ChooseWinners,
    ClusterPlan,
    CommitClusters,
    FindBest,
    JoinLinks,
    WriteLedger,
)
from pile_builder.pipelines.dedup_links import (
    BUCKET,
    COUNTS,
    AddShingles,
    AddSketches,
    CheckShingles,
    FindBuckets,
    LinkPlan,
    VerifyLinks,
    link_buckets,
    merge_samples,
)
from pile_builder.pipelines.engine import RunOptions, Task, forget_run, run_phase, single
from pile_builder.pipelines.stored import stored
from pile_builder.storage import Store, fingerprint
from pile_builder.work import Work

LEAST_RANGE_BITS = 6
TOLD_BYTES = 16 << 20
"""Memory of one worker from which on it is told in advance."""
GROUP_BYTES = 8 << 20
"""Bucket rows that a range of hashes aims at; runners hold a group in memory."""


def run_dedup(store: Store, work: Work, config: Dedup, order: Sequence[str], options: RunOptions) -> None:
    """Run the phase over all blocks, unless it is committed. Says how much memory joining the links takes.

    The record has `action`; by block's ingest key `ledgers` (object names) and `dropped` (documents by rule); `summary`
    (see `dedup_clusters.summary_of`); and places to look at (see `dedup_check`): `largest`, the winners of the largest
    clusters, and `sample`, candidates.

    Raises:
        BuildError: it failed.
    """
    commits = Commits(store, "dedup")
    # What a stop just after a commit left is not met by a run of the phase any more.
    forget_run(commits, options)
    if commits.has(work.dedup):
        return
    ingested = Commits(store, "ingest").load_all(block.ingest for block in work.blocks)
    rows = [sum(record["row_groups"]) for record in ingested]
    tasks = [
        block.task(work.dedup)
        | {"block": block.ingest, "select": block.select, "sets": dict(block.sets)}
        | {"spans": block.spans}
        for block, count in zip(work.blocks, rows, strict=True)
        if count
    ]
    bits = range_bits(sum(rows), config.bands)
    linked = merge_links(
        [
            _link(commits, work.dedup, tasks, LinkPlan(store, config, bits, number), options)
            for number in range(config.passes)
        ]
    )
    memory = union_find_bytes(sum(rows))
    if memory >= TOLD_BYTES:
        options.say(f"dedup: joining links of {sum(rows):,} documents takes {memory / 2**20:,.0f} MiB on one worker")
    sources = Sources.of([(block.source, block.ingest) for block in work.blocks], order)
    with stored(commits, sources) as kept, stored(commits, rows) as kept_rows, stored(commits, linked) as kept_links:
        plan = ClusterPlan(store, config, kept, linked["verified"] + linked["copies"])
        commit = CommitClusters(plan, work.dedup, kept_links)

        def construct(elements: beam.PCollection[Task]) -> None:
            by_rank = elements | "ByRank" >> beam.Map(_with_rank)
            once = elements.pipeline | single(None)
            members = once | "Join" >> beam.ParDo(JoinLinks(store, kept_rows, kept_links))
            best = (by_rank, members) | "Members" >> beam.CoGroupByKey() | "Best" >> beam.ParDo(FindBest(plan))
            grouped = best | "Components" >> beam.GroupByKey()
            chosen = grouped | beam.ParDo(ChooseWinners(plan)).with_outputs(COUNTS, main="winners")
            told = (by_rank, members, chosen.winners) | "Losers" >> beam.CoGroupByKey()
            counts = told | beam.ParDo(WriteLedger(plan)).with_outputs(COUNTS, main="nothing")
            _ = _all_counts(elements, chosen[COUNTS], counts[COUNTS]) | "Commit" >> beam.ParDo(commit)

        if tasks:
            run_phase(commits, tasks, construct, options, [work.dedup])
        else:
            commit.process((0, []))


def range_bits(documents: int, bands: int) -> int:
    """The number of bits of a hash that name its range, so that the rows of one are about `GROUP_BYTES` at most."""
    groups = documents * (bands + 1) * BUCKET.itemsize // GROUP_BYTES
    return max(LEAST_RANGE_BITS, groups.bit_length())


def merge_links(passes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One record of links from those of all passes."""
    totals = Counter({"candidates": 0, "verified": 0, "copies": 0})
    documents: Counter[str] = Counter()
    for one in passes:
        totals.update({name: one[name] for name in totals})
        documents.update(one["documents"])
    return {
        **totals,
        "rejected": totals["candidates"] - totals["verified"],
        "links": sorted(name for one in passes for name in one["links"]),
        "documents": dict(documents),
        "sample": merge_samples([one["sample"] for one in passes]),
    }


def _link(commits: Commits, key: str, tasks: Sequence[Task], plan: LinkPlan, options: RunOptions) -> dict[str, Any]:
    """Find and verify the links of one pass, unless it is committed; returns its record."""
    own_key = fingerprint([key, "links", plan.number])

    def construct(elements: beam.PCollection[Task]) -> None:
        by_rank = elements | "ByRank" >> beam.Map(_with_rank)
        found = elements | "Find" >> beam.ParDo(FindBuckets(plan)).with_outputs(COUNTS, main="buckets")
        pairs = found.buckets | "Range" >> beam.GroupByKey() | beam.FlatMap(link_buckets)
        candidates = (by_rank, pairs) | "FirstBlock" >> beam.CoGroupByKey() | beam.ParDo(AddSketches(plan))
        verified = (by_rank, candidates) | "SecondBlock" >> beam.CoGroupByKey()
        verified |= "Verify" >> beam.ParDo(VerifyLinks(plan)).with_outputs(COUNTS, main="pairs")
        counts = [found[COUNTS], verified[COUNTS]]
        if plan.config.verify == "exact":
            shingles = (by_rank, verified.pairs) | "FirstText" >> beam.CoGroupByKey() | beam.ParDo(AddShingles(plan))
            checked = (by_rank, shingles) | "SecondText" >> beam.CoGroupByKey()
            checked |= "Check" >> beam.ParDo(CheckShingles(plan)).with_outputs(COUNTS, main="nothing")
            counts.append(checked[COUNTS])
        _ = _all_counts(elements, *counts) | "Commit" >> beam.ParDo(_CommitLinks(commits, own_key))

    if not tasks:
        return merge_parts([])
    if not commits.has(own_key):
        # The phase is done only once its own record stands, so that links show no progress.
        waiting = replace(options, watch=lambda phase, *_: options.watch(phase, 0, 1, 0))
        run_phase(commits, tasks, construct, waiting, [own_key])
    return commits.load(own_key)


def merge_parts(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The record of a pass from what its steps reported."""
    parts = list(parts)
    documents: Counter[str] = Counter()
    for part in parts:
        documents.update(part.get("documents", {}))
    return {
        "links": sorted(part["links"] for part in parts if part["links"]),
        "documents": dict(sorted(documents.items())),
        "sample": merge_samples([part["sample"] for part in parts if "sample" in part]),
        **{name: sum(part.get(name, 0) for part in parts) for name in ("copies", "candidates", "verified")},
    }


class _CommitLinks(beam.DoFn):
    def __init__(self, commits: Commits, key: str) -> None:
        self._commits, self._key = commits, key

    def process(self, group: tuple[int, Iterable[bytes]]) -> None:
        """Put everything that was reported together."""
        self._commits.put(self._key, merge_parts(orjson.loads(one) for one in group[1] if one))


def _with_rank(task: Task) -> tuple[int, Task]:
    return task["rank"], task


def _all_counts(elements: Any, *counts: Any) -> Any:
    # An empty element: the commit follows even when nothing was counted.
    anything = elements.pipeline | "Anything" >> single((0, b""))
    return (*counts, anything) | beam.Flatten() | "Counts" >> beam.GroupByKey()
