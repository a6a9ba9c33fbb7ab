"""paragraphs: spans that remove repeated paragraphs from all places but the first; see `dedup.paragraphs`.

Blocks are read twice. The first time each block hashes the paragraphs of its survivors' text, as it would be written,
and keeps them sorted by hash. Then first places meet, one of each block and paragraph, by hash range, and what lost is
told to its block, which adds its own repeats. The second time a block reads the documents that lost any, and makes row-
aligned spans of them. A document of which nothing is left is dropped by settle. What stays, stays in a survivor of
deduplication: a later phase may drop that one, and the paragraph with it.

The same documents give the same spans whatever the number of workers and passes, the order and ranks of sources and
inputs, and the splits in which documents lie.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam
import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.audit.summary import count_paragraphs
from pile_builder.blocks import open_parquet, write_table
from pile_builder.commits import Commits
from pile_builder.dedup.clusters import name_of
from pile_builder.dedup.config import Dedup, Paragraphs
from pile_builder.dedup.paragraphs import BEATEN, PLACE, beaten_places, firsts_of_sorted
from pile_builder.document import SPAN, id64
from pile_builder.pipelines.dedup_blocks import Sources, source_salt
from pile_builder.pipelines.engine import RunOptions, Task, TaskFunction, forget_run, run_phase, run_tasks
from pile_builder.pipelines.ledgers import dedup_ledgers
from pile_builder.pipelines.packing import Packed, pack_by, unpack
from pile_builder.pipelines.stored import Stored, stored
from pile_builder.pipelines.survivors import FoundSpans, Survivors, read_survivors
from pile_builder.storage import Store, fingerprint
from pile_builder.text.paragraphs import find_paragraphs, hash_paragraphs, removals
from pile_builder.work import Work

PHASE = "paragraphs"
RULE = "dedup.paragraph"
LEAST_RANGE_BITS = 6
GROUP_BYTES = 8 << 20
"""Places that a range of hashes aims at; runners hold a group in memory."""
HASHED = pa.schema(
    [
        pa.field("high", pa.uint64(), nullable=False),
        pa.field("low", pa.uint64(), nullable=False),
        pa.field("order", pa.uint64(), nullable=False),
        pa.field("row", pa.int32(), nullable=False),
        pa.field("number", pa.int32(), nullable=False),
    ]
)
"""One row per paragraph that is long enough: its hash, the order key and row of its document, its number in it. Sorted
by hash, order and number."""
REMOVED = pa.schema(
    [
        pa.field("row", pa.int32(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("kept_in", pa.string(), nullable=False),
    ]
)
"""One row per removed paragraph: row of its document, bytes of the block's text that go, and the document in which it
stays, named by the beginning of its id."""
_LOST = pa.schema([HASHED.field("row"), HASHED.field("number"), REMOVED.field("kept_in")])


@dataclass
class HashParagraphs(TaskFunction):
    """Hashes the paragraphs of one block's survivors."""

    store: Store
    config: Dedup
    paragraphs: Paragraphs

    def __call__(self, task: Task) -> Mapping[str, Any]:
        """Write the block's paragraphs; returns how many there are."""
        parts = [self._hashed(group, task["source"]) for group in read_survivors(self.store, task)]
        table = pa.concat_tables([HASHED.empty_table(), *parts])
        ranked = np.lexsort([table[name].to_numpy() for name in ("number", "row", "order", "low", "high")])
        with self.store.writing(Commits(self.store, PHASE).object_name) as out:
            write_table(out, table.take(pa.array(ranked)))
        return {"paragraphs": table.num_rows, "hashed": out.name}

    def _hashed(self, group: Survivors, source: str) -> pa.Table:
        found = find_paragraphs(group.edited, lines=self.paragraphs.unit == "line")
        document = np.repeat(np.arange(len(group.rows)), np.diff(found.offsets))
        # A character takes a byte at least, so most short ones need no hash.
        chosen = np.flatnonzero(found.ends - found.starts >= self.paragraphs.min_characters)
        hashes, characters = hash_paragraphs(group.edited, found.starts[chosen], found.ends[chosen])
        is_long = characters >= self.paragraphs.min_characters
        chosen, hashes = chosen[is_long], hashes[is_long]
        if self.config.scope == "source":
            hashes ^= source_salt(source)
        orders = id64(pa.array(group.ids)) ^ source_salt(source)
        columns = {
            "high": hashes[:, 0],
            "low": hashes[:, 1],
            "order": orders[document[chosen]],
            "row": group.rows[document[chosen]].astype(np.int32),
            "number": (chosen - found.offsets[document[chosen]]).astype(np.int32),
        }
        return pa.table(columns, schema=HASHED)


@dataclass(frozen=True)
class PlacePlan:
    """What the steps share: where data lies, the sources, and which part of the hash ranges this pass takes."""

    store: Store
    stored: Stored[Sources]
    range_bits: int
    passes: int
    number: int

    @property
    def sources(self) -> Sources:
        """The corpus's sources."""
        return self.stored.value

    def hashed(self, task: Task) -> pa.Table:
        """The paragraphs of a block whose hashes this pass takes."""
        with self.store.open(Commits(self.store, PHASE).load(task["hashed"])["hashed"]) as stream:
            table = open_parquet(stream).read().combine_chunks()
        taken = np.flatnonzero(self.ranges(table) * self.passes >> self.range_bits == self.number)
        return table.slice(int(taken[0]), len(taken)) if len(taken) else table.slice(0, 0)

    def ranges(self, table: pa.Table) -> NDArray[np.int64]:
        """The range of each paragraph's hash, int64[n], ascending."""
        high: NDArray[np.uint64] = table["high"].to_numpy()
        return (high >> np.uint64(64 - self.range_bits)).astype(np.int64)


class SendFirsts(beam.DoFn):
    """A block's first places, one for all its repeats of a paragraph."""

    def __init__(self, plan: PlacePlan) -> None:
        self._plan = plan

    def process(self, task: Task) -> Iterator[Packed]:
        """Yield (range, packed PLACE)."""
        table = self._plan.hashed(task)
        at = np.flatnonzero(_is_first(table))
        places = np.empty(len(at), PLACE)
        for name in ("high", "low", "order"):
            places[name] = table[name].to_numpy()[at]
        places["place"] = np.uint64(task["rank"] << 32) | at.astype(np.uint64)
        yield from pack_by(self._plan.ranges(table)[at], places)


class TellLosers(beam.DoFn):
    """Lets the places of each paragraph in a range of hashes compete."""

    def __init__(self, plan: PlacePlan) -> None:
        self._plan = plan

    def process(self, group: tuple[int, Iterable[bytes]]) -> Iterator[Packed]:
        """Yield (block rank, packed BEATEN)."""
        places = unpack(group[1], PLACE)
        sources = self._plan.sources
        beaten = beaten_places(places, sources.priority[sources.of_rank[_rank(places)]])
        yield from pack_by(_rank(beaten), beaten)


class WriteLost(beam.DoFn):
    """Writes which paragraphs a block lost, to another block or to itself."""

    def __init__(self, plan: PlacePlan) -> None:
        self._plan = plan

    def process(self, group: tuple[int, tuple[Any, Any]]) -> Iterator[tuple[int, bytes]]:
        """Write the block's losses of this pass, and report the object's name."""
        tasks, packed = (list(each) for each in group[1])
        task, beaten = tasks[0], unpack(packed, BEATEN)
        table = self._plan.hashed(task)
        is_first = _is_first(table)
        # Order key and source of the document in which each paragraph stays: the block's first unless it was beaten.
        kept, source = (
            table["order"].to_numpy().copy(),
            np.full(len(is_first), self._plan.sources.of_rank[task["rank"]]),
        )
        at = (beaten["place"] & np.uint64(2**32 - 1)).astype(np.int64)
        kept[at], source[at] = beaten["order"], self._plan.sources.of_rank[beaten["rank"].astype(np.int64)]
        first = np.flatnonzero(is_first)[np.cumsum(is_first) - 1]
        is_lost = ~is_first
        is_lost[at] = True
        lost = np.flatnonzero(is_lost)
        if not len(lost):
            return
        salts = np.array([source_salt(name) for name in self._plan.sources.names], np.uint64)
        kept, source = kept[first[lost]], source[first[lost]]
        named = zip(source.tolist(), (kept ^ salts[source]).tolist(), strict=True)
        columns = {
            "row": table["row"].to_numpy()[lost],
            "number": table["number"].to_numpy()[lost],
            "kept_in": [name_of(self._plan.sources.names[where], number) for where, number in named],
        }
        with self._plan.store.writing(Commits(self._plan.store, PHASE).object_name) as out:
            write_table(out, pa.table(columns, schema=_LOST))
        yield 0, orjson.dumps([task["block"], out.name])


class CommitLost(beam.DoFn):
    """Commits a pass: what each block lost."""

    def __init__(self, commits: Commits, key: str) -> None:
        self._commits, self._key = commits, key

    def process(self, group: tuple[int, Iterable[bytes]]) -> None:
        """Put everything that was reported together."""
        self._commits.put(self._key, {"lost": dict(orjson.loads(one) for one in group[1] if one)})


@dataclass
class RemoveParagraphs(TaskFunction):
    """Makes spans of what one block lost."""

    store: Store
    paragraphs: Paragraphs

    def __call__(self, task: Task) -> Mapping[str, Any]:
        """Write the block's spans, and where each paragraph stays; returns its counts, in bytes of text as written."""
        block = Commits(self.store, "ingest").load(task["block"])
        lost = self._lost(task["lost"])
        found = FoundSpans(sum(block["row_groups"]))
        counts = {"compared": task["compared"], "removed": lost.num_rows, "documents": 0, "emptied": 0, "bytes": 0}
        parts: list[pa.Table] = []
        rows = lost["row"].to_numpy()
        for group in read_survivors(self.store, task, np.unique(rows)):
            here = lost.slice(int(np.searchsorted(rows, group.rows[0])))
            here = here.slice(0, int(np.searchsorted(here["row"].to_numpy(), group.rows[-1], "right")))
            sizes = np.zeros(len(group.rows), np.int64)
            spans = self._spans(group, here, sizes)
            flat = found.add(group, spans)
            columns = [here["row"], flat.field("start"), flat.field("end"), here["kept_in"]]
            parts.append(pa.table(columns, schema=REMOVED))
            counts["documents"] += len(group.rows)
            counts["emptied"] += int((sizes == np.diff(group.edited.offsets)).sum())
            counts["bytes"] += int(sizes.sum())
        names = {"spans": found.write(self.store, PHASE, block["block"]), "places": ""}
        if parts:
            with self.store.writing(Commits(self.store, PHASE).object_name) as out:
                write_table(out, pa.concat_tables(parts))
            names["places"] = out.name
        return names | counts

    def _lost(self, names: Sequence[str]) -> pa.Table:
        parts = [_LOST.empty_table()]
        for name in names:
            with self.store.open(name) as stream:
                parts.append(open_parquet(stream).read())
        return pa.concat_tables(parts).sort_by([("row", "ascending"), ("number", "ascending")]).combine_chunks()

    def _spans(self, group: Survivors, lost: pa.Table, sizes: NDArray[np.int64]) -> pa.ListArray:
        """Spans on a group's edited text; `sizes` becomes the bytes that each document loses."""
        paragraphs = find_paragraphs(group.edited, lines=self.paragraphs.unit == "line")
        document = np.searchsorted(group.rows, lost["row"].to_numpy())
        is_lost = np.zeros(len(paragraphs.starts), np.bool_)
        is_lost[paragraphs.offsets[document] + lost["number"].to_numpy()] = True
        starts, ends = removals(group.edited, paragraphs, is_lost)
        np.add.at(sizes, document, ends - starts)
        offsets = np.searchsorted(document, np.arange(len(group.rows) + 1)).astype(np.int32)
        texts = [pa.repeat(pa.scalar(word), len(starts)) for word in ("", RULE)]
        flat = pa.StructArray.from_arrays([pa.array(starts), pa.array(ends), *texts], fields=list(SPAN))
        return pa.ListArray.from_arrays(pa.array(offsets), flat)


def run_paragraphs(store: Store, work: Work, config: Dedup, order: Sequence[str], options: RunOptions) -> None:
    """Run the phase over all blocks. Each block's record has `spans`, `places` (as REMOVED) and counts.

    Raises:
        BuildError: tasks failed.
    """
    commits = Commits(store, PHASE)
    keys = work.keys(PHASE)
    # What a stop just after a commit left is not met by a run of the phase any more.
    forget_run(commits, options)
    if config.paragraphs is None or set(keys) <= commits.done():
        return
    ledgers = dedup_ledgers(store, work)
    tasks = [
        block.task(block.paragraphs)
        | {"block": block.ingest, "select": block.select, "spans": block.spans}
        | {"dedup": ledgers.get(block.ingest, "")}
        | {"hashed": fingerprint([block.paragraphs, "hashed"])}
        for block in work.blocks
    ]
    # Blocks are read twice: the bar is half full when all are hashed.
    hashing = replace(options, watch=lambda phase, done, total, _: options.watch(phase, done, 2 * total, 0))
    hashed = [task["hashed"] for task in tasks]
    todo = [task | {"key": task["hashed"]} for task in tasks]
    run_tasks(commits, hashed, todo, HashParagraphs(store, config, config.paragraphs), hashing)
    counts = [record["paragraphs"] for record in commits.load_all(hashed)]
    bits = max(LEAST_RANGE_BITS, (sum(counts) * PLACE.itemsize // GROUP_BYTES).bit_length())
    sources = Sources.of([(block.source, block.ingest) for block in work.blocks], order)
    between = replace(options, watch=lambda phase, *_: options.watch(phase, len(tasks), 2 * len(tasks), 0))
    with stored(commits, sources) as kept:
        plans = [PlacePlan(store, kept, bits, config.passes, number) for number in range(config.passes)]
        lost = [_compete(commits, tasks, plan, between) for plan in plans]
    todo = [
        task | {"compared": count, "lost": [one[task["block"]] for one in lost if task["block"] in one]}
        for task, count in zip(tasks, counts, strict=True)
    ]
    removing = replace(options, watch=lambda phase, done, total, _: options.watch(phase, total + done, 2 * total, 0))
    run_tasks(commits, keys, todo, RemoveParagraphs(store, config.paragraphs), removing)
    for source, found in count_paragraphs(store, work).items():
        options.say(
            f"paragraphs: {source} lost {found['removed']:,} of {found['compared']:,} that were compared, "
            f"{found['bytes']:,} bytes"
        )


def _compete(commits: Commits, tasks: Sequence[Task], plan: PlacePlan, options: RunOptions) -> dict[str, str]:
    """Find what was lost in one pass, unless it is committed: object names by block."""
    key = fingerprint([[task["key"] for task in tasks], plan.number])

    def construct(elements: beam.PCollection[Task]) -> None:
        by_rank = elements | "ByRank" >> beam.Map(lambda task: (task["rank"], task))
        told = elements | beam.ParDo(SendFirsts(plan)) | "Range" >> beam.GroupByKey() | beam.ParDo(TellLosers(plan))
        lost = (by_rank, told) | "Block" >> beam.CoGroupByKey() | beam.ParDo(WriteLost(plan))
        # An empty element: the commit follows even when nothing was lost.
        anything = elements.pipeline | "Anything" >> beam.Create([(0, b"")])
        _ = (lost, anything) | beam.Flatten() | "All" >> beam.GroupByKey() | beam.ParDo(CommitLost(commits, key))

    if not commits.has(key):
        run_phase(commits, tasks, construct, options, [key])
    record: dict[str, str] = commits.load(key)["lost"]
    return record


def _is_first(table: pa.Table) -> NDArray[np.bool_]:
    return firsts_of_sorted(table["high"].to_numpy(), table["low"].to_numpy())


def _rank(rows: NDArray[Any]) -> NDArray[np.int64]:
    return (rows["place"] >> np.uint64(32)).astype(np.int64)
