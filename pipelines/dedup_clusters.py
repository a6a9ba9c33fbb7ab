"""Clusters from links: one worker joins, blocks and hash ranges choose winners, each block writes its own ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.annotate.sketch import signature_bytes
from pile_builder.blocks import write_table
from pile_builder.commits import Commits
from pile_builder.dedup.clusters import (
    ClusterCounts,
    Members,
    Verdicts,
    best_dtype,
    best_of_block,
    count_clusters,
    losers_of_block,
    name_of,
    winner_of_each,
)
from pile_builder.dedup.components import ROW_BITS, UnionFind
from pile_builder.dedup.config import Dedup
from pile_builder.document import LEDGER
from pile_builder.pipelines.dedup_blocks import BlockRows, Sources
from pile_builder.pipelines.dedup_links import read_links, report
from pile_builder.pipelines.engine import Task
from pile_builder.pipelines.packing import Packed, pack, pack_by, unpack
from pile_builder.pipelines.stored import Stored
from pile_builder.storage import Store

MEMBER = np.dtype([("handle", "<u8"), ("component", "<u8")])
LEAST_GROUPS = 64
GROUP_BYTES = 8 << 20
"""Best members that a group of components aims at; runners hold a group in memory."""


@dataclass(frozen=True)
class ClusterPlan:
    """What the steps share: where data lies, the parameters, the corpus's sources, how many links there are."""

    store: Store
    config: Dedup
    stored: Stored[Sources]
    links: int

    @property
    def sources(self) -> Sources:
        """The corpus's sources."""
        return self.stored.value

    @property
    def groups(self) -> int:
        """In how many groups components choose their winners: a link adds one member, or two to a new component."""
        return max(LEAST_GROUPS, 1 << (2 * self.links * self.best.itemsize // GROUP_BYTES).bit_length())

    @property
    def best(self) -> np.dtype[Any]:
        """A block's best member of a component."""
        return best_dtype(signature_bytes(self.config.bands, self.config.rows))

    def members(self, task: Task, packed: Iterable[bytes]) -> Members:
        """The linked documents of a block, with what is compared of them."""
        rows = unpack(packed, MEMBER)
        block = BlockRows(self.store, task)
        at = block.at(rows["handle"])
        quality = block.quality(self.config.quality)[at] if self.config.quality else np.zeros(len(rows))
        priority = self.sources.priority[self.sources.of_rank[task["rank"]]]
        return Members(
            component=rows["component"],
            handle=rows["handle"],
            id=block.ids[at],
            order=block.orders[at],
            priority=np.full(len(rows), priority, np.int64),
            quality=quality,
            length=block.lengths[at],
            content=block.content[at],
            signature=block.signature[at],
        )


class JoinLinks(beam.DoFn):
    """Streams all links through a union-find, on one worker.

    Args:
        store: where they lie.
        rows: documents of each block, by rank.
        linked: the record of links.
    """

    def __init__(self, store: Store, rows: Stored[Sequence[int]], linked: Stored[Mapping[str, Any]]) -> None:
        self._store, self._rows, self._linked = store, rows, linked

    def process(self, _: object) -> Iterator[Packed]:
        """Yield (block rank, packed MEMBER) of all linked documents."""
        union_find = UnionFind(np.array(self._rows.value, np.int64))
        for name in self._linked.value["links"]:
            for a, b in read_links(self._store, name):
                union_find.add(a, b)
        for rank, (handles, components) in enumerate(union_find.components()):
            rows = np.empty(len(handles), MEMBER)
            rows["handle"], rows["component"] = handles, components
            yield from pack(rank, rows)


class FindBest(beam.DoFn):
    """Names the best member of each component in a block."""

    def __init__(self, plan: ClusterPlan) -> None:
        self._plan = plan

    def process(self, group: tuple[int, tuple[Any, Any]]) -> Iterator[Packed]:
        """Yield (group of components, packed `best_dtype`)."""
        tasks, packed = (list(each) for each in group[1])
        if not packed:
            return
        best = best_of_block(self._plan.members(tasks[0], packed), self._plan.config.prefer)
        # Multiplicative hashing: components are named by handles, whose lower bits are rows.
        mixed = best["component"] * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(32)
        yield from pack_by((mixed % np.uint64(self._plan.groups)).astype(np.int64), best)


class ChooseWinners(beam.DoFn):
    """Chooses among the best members of each block and tells all blocks that have members."""

    def __init__(self, plan: ClusterPlan) -> None:
        self._plan = plan

    def process(self, group: tuple[int, Iterable[bytes]]) -> Iterator[Any]:
        """Yield (block rank, packed `best_dtype` of winners)."""
        best = unpack(group[1], self._plan.best)
        rank = (best["handle"] >> np.uint64(ROW_BITS)).astype(np.int64)
        source = self._plan.sources.of_rank[rank]
        winner = winner_of_each(best, self._plan.sources.priority[source], self._plan.config.prefer)
        yield from pack_by(rank, best[winner])
        yield report(clusters=count_clusters(best, winner, source, self._plan.sources.names).to_json())


class WriteLedger(beam.DoFn):
    """Writes what a block lost."""

    def __init__(self, plan: ClusterPlan) -> None:
        self._plan = plan

    def process(self, group: tuple[int, tuple[Any, Any, Any]]) -> Iterator[Any]:
        """Write the block's ledger and report its counts."""
        tasks, packed, won = (list(each) for each in group[1])
        if not packed:
            return
        lost = losers_of_block(self._plan.members(tasks[0], packed), unpack(won, self._plan.best))
        if not len(lost.handle):
            return
        sources = self._plan.sources
        source_of_winner = sources.of_rank[(lost.winner >> np.uint64(ROW_BITS)).astype(np.int64)]
        rules = np.where(lost.is_exact, "exact", "near").tolist()
        with self._plan.store.writing(Commits(self._plan.store, "dedup").object_name) as stream:
            write_table(stream, self._ledger(lost, rules, source_of_winner))
        matrix = {}
        for number in np.unique(source_of_winner).tolist():
            there = source_of_winner == number
            matrix[sources.names[number]] = {"documents": int(there.sum()), "bytes": int(lost.length[there].sum())}
        yield report(
            block=tasks[0]["block"],
            source=tasks[0]["source"],
            ledger=stream.name,
            dropped=dict(sorted(Counter(rules).items())),
            matrix=matrix,
            chains=int((lost.jaccard < self._plan.config.threshold).sum()),
        )

    def _ledger(self, lost: Verdicts, rules: list[str], source_of_winner: NDArray[np.int64]) -> pa.Table:
        names = self._plan.sources.names
        winners = zip(source_of_winner.tolist(), lost.winner_id.tolist(), strict=True)
        columns = {
            "row": (lost.handle & np.uint64(2**ROW_BITS - 1)).astype(np.int32),
            "rule": rules,
            "value": lost.jaccard,
            "threshold": np.full(len(rules), self._plan.config.threshold),
            "detail": [name_of(names[source], number) for source, number in winners],
        }
        return pa.table(columns, schema=LEDGER)


class CommitClusters(beam.DoFn):
    """Commits the phase: every block's ledger, and the summary."""

    def __init__(self, plan: ClusterPlan, key: str, linked: Stored[Mapping[str, Any]]) -> None:
        self._plan, self._key, self._linked = plan, key, linked

    def process(self, group: tuple[int, Iterable[bytes]]) -> None:
        """Put everything that was reported together."""
        parts = [orjson.loads(one) for one in group[1] if one]
        linked = self._linked.value
        blocks = [part for part in parts if "ledger" in part]
        clusters = sum(
            (ClusterCounts.from_json(part["clusters"]) for part in parts if "clusters" in part), ClusterCounts()
        )
        record = {
            "action": self._plan.config.action,
            "ledgers": {part["block"]: part["ledger"] for part in blocks},
            "dropped": {part["block"]: part["dropped"] for part in blocks},
            "summary": summary_of(self._plan.config, linked, blocks, clusters),
            "largest": [self._place(handle) for *_, handle in clusters.largest],
            "sample": [[self._place(a), self._place(b), estimate] for _, a, b, estimate in linked["sample"]],
        }
        Commits(self._plan.store, "dedup").put(self._key, record)

    def _place(self, handle: int) -> list[Any]:
        """Ingest key and row of a document."""
        return [self._plan.sources.keys[handle >> ROW_BITS], handle & (2**ROW_BITS - 1)]


def summary_of(
    config: Dedup, linked: Mapping[str, Any], blocks: Sequence[Mapping[str, Any]], clusters: ClusterCounts
) -> dict[str, Any]:
    """What the report says about the phase.

    `pairs` counts pairs of documents that met in a bucket: candidates, verified, rejected, and `copies`, which a block
    linked by content hash without a bucket; a pair that meets in several passes counts in each. `matrix` has, by source
    of the loser and source of the winner, documents and bytes. `chains` are losers whose estimated similarity to their
    winner is below the threshold: others connect them. `largest` names clusters by beginnings of ids.
    """
    rules: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    matrix: dict[str, dict[str, Counter[str]]] = {}
    for block in blocks:
        rules.update(block["dropped"])
        lost[block["source"]] += sum(block["dropped"].values())
        row = matrix.setdefault(block["source"], {})
        for winner, counts in block["matrix"].items():
            row.setdefault(winner, Counter()).update(counts)
    documents = linked["documents"]
    return {
        "documents": dict(sorted(documents.items())),
        "lost": {source: lost[source] for source in sorted(documents)},
        "pairs": {name: linked[name] for name in ("copies", "candidates", "verified", "rejected")},
        "clusters": clusters.sizes.total(),
        "sizes": {str(size): number for size, number in sorted(clusters.sizes.items())},
        "exact": rules["exact"],
        "near": rules["near"],
        "chains": sum(block["chains"] for block in blocks),
        "matrix": {
            loser: {winner: dict(counts) for winner, counts in sorted(row.items())}
            for loser, row in sorted(matrix.items())
        },
        "largest": [
            {"size": size, "winner": winner, "members": members} for size, winner, members, _ in clusters.largest
        ],
        "alarms": list(_alarms(config, documents, lost)),
    }


def _alarms(config: Dedup, documents: Mapping[str, int], lost: Mapping[str, int]) -> Iterator[str]:
    for source, (low, high) in sorted(config.expected.items()):
        share = lost.get(source, 0) / max(documents.get(source, 0), 1)
        if not low <= share <= high:
            yield (
                f"{source} lost {lost.get(source, 0):,} of {documents.get(source, 0):,} documents to duplicates, "
                f"{share:.2%}; expected {low:.2%} to {high:.2%}"
            )
