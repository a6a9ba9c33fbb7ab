"""Which documents of a finished build are to be labelled: the same number of every source, by keyed hash.

A source's documents with the smallest hashes are a simple random sample of it. Only they are kept while the indexes of
the train shards stream by, so memory does not grow with the corpus.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pile_builder.blocks import open_parquet
from pile_builder.commits import Commits
from pile_builder.document import ID_BYTES, id64
from pile_builder.errors import PileError
from pile_builder.mixing.keyed import key, keyed_hash
from pile_builder.storage import Store
from pile_builder.story import read_story
from pile_builder.takedown.listing import takedown_of
from pile_builder.takedown.state import applied_entries, read_ids

PURPOSE = "review"
"""The purpose of the keys: `review:SOURCE` for the draw, `review` for the order of sources in each round."""
_COLUMNS = ("id", "copy", "piece", "segment", "offset", "bytes")


@dataclass(slots=True)
class Drawn:
    """A drawn document and where its first copy lies.

    Attributes:
        identity: its id.
        source: the source it is of.
        number: its keyed hash, by which it was drawn.
        shard: key of the record of the shard that holds it.
        copy: which copy that is.
        segment: of the plan of training.
        offset: of its first line in the uncompressed shard.
        sizes: UTF-8 bytes of the text of each of its pieces, which are lines that follow one another.
    """

    identity: str
    source: str
    number: int
    shard: str
    copy: int
    segment: int
    offset: int
    sizes: list[int]

    @property
    def rank(self) -> tuple[int, str]:
        """What is smallest in the documents that are drawn."""
        return self.number, self.identity


@dataclass
class Sample:
    """The `size` documents of one source with the smallest hashes, of those that were offered."""

    size: int
    documents: dict[str, Drawn] = field(default_factory=dict)
    limit: int = (1 << 64) - 1

    def offer(self, one: Drawn) -> None:
        """Take a line of the corpus: a document, another copy of it, or another piece of the line before."""
        known = self.documents.get(one.identity)
        if known is None or one.copy < known.copy:
            self.documents[one.identity] = one
        elif (one.copy, one.shard, one.segment) == (known.copy, known.shard, known.segment):
            known.sizes += one.sizes

    def trim(self) -> None:
        """Forget what is not among the smallest."""
        if len(self.documents) >= self.size:
            smallest = sorted(self.documents.values(), key=lambda one: one.rank)[: self.size]
            self.documents = {one.identity: one for one in smallest}
            self.limit = smallest[-1].number


def draw(store: Store, sample: int, seed: int, sources: Collection[str] = ()) -> list[Drawn]:
    """Draw documents of the train shards: a pure function of the corpus and the arguments.

    Args:
        store: a finished build.
        sample: documents of each source, or all that it has.
        seed: another one draws other documents.
        sources: those to draw from; all if empty.

    Returns:
        The first of every source, then the second of every source and so on, so that one who stops early has labelled
        all sources alike. A larger sample only adds documents at the end, unless a source had fewer before.

    Raises:
        PileError: there is no finished build, no such source, or nothing was written of it.
    """
    story = read_story(store)
    _check_sources(store, sources, sorted(story["selects"]))
    taken = takedown_of(applied_entries(store))
    samples: dict[str, Sample] = {}
    for shard in train_shards(story):
        index = Commits(store, "assemble").load(shard)["index"]
        for _, batch in read_ids(store, index, _COLUMNS):
            rows = np.ones(batch.num_rows, np.bool_)
            rows[taken.find(batch.column("id"))] = False
            take_batch(samples, batch.filter(pa.array(rows)), shard, sample, seed, sources)
    if not samples:
        msg = (
            f"{store.root}: expected documents of {', '.join(sources) or 'any source'} in the train shards, found none"
        )
        raise PileError(msg)
    return _in_rounds(samples, seed)


def take_batch(
    samples: dict[str, Sample],
    batch: pa.RecordBatch,
    shard: str,
    size: int,
    seed: int,
    sources: Collection[str],
) -> None:
    """Offer a batch's lines to the samples of their sources."""
    if not batch.num_rows:
        return
    ids = batch.column("id")
    names = pc.utf8_slice_codeunits(ids, 0, -2 * ID_BYTES - 1).dictionary_encode()
    codes, numbers = names.indices.to_numpy(), id64(ids)
    for code, source in enumerate(names.dictionary.to_pylist()):
        if sources and source not in sources:
            continue
        sample = samples.setdefault(source, Sample(size))
        rows = np.flatnonzero(codes == code)
        hashes = keyed_hash(key(seed, f"{PURPOSE}:{source}"), numbers[rows])
        small = hashes <= min(sample.limit, int(np.unique(hashes)[:size][-1]))
        lines = batch.take(pa.array(rows[small])).to_pylist()
        for line, number in zip(lines, hashes[small].tolist(), strict=True):
            place = (line["copy"], line["segment"], line["offset"], [line["bytes"]])
            sample.offer(Drawn(line["id"], source, number, shard, *place))
        sample.trim()


def train_shards(story: dict[str, Any]) -> list[str]:
    """Keys of the records of the train shards, in order."""
    return [shard["key"] for shard in story["shards"] if shard["split"] == "train"]


def still_there(store: Store, identities: Sequence[str]) -> set[str]:
    """Those of some ids that the train shards hold and no list takes down."""
    wanted = pa.array(sorted(set(identities)), pa.string())
    found: set[str] = set()
    for shard in train_shards(read_story(store)):
        for _, batch in read_ids(store, Commits(store, "assemble").load(shard)["index"]):
            ids = batch.column("id")
            found.update(ids.filter(pc.is_in(ids, value_set=wanted)).to_pylist())
    there = pa.array(sorted(found), pa.string())
    gone = takedown_of(applied_entries(store)).find(there)
    return found.difference(there.take(pa.array(gone)).to_pylist())


def key_of(store: Store, one: Drawn) -> str:
    """The upstream's key of a document (a URL, a path), looked for in the blocks that its segment is made of."""
    story = read_story(store)
    with store.open(Commits(store, "mix").load(story["mix"])["splits"]["train"]["plan"]) as stream:
        plan = open_parquet(stream).read(columns=["segment", "block", "row_group"])
    plan = plan.filter(pc.equal(plan["segment"], one.segment))
    groups: dict[int, set[int]] = {}
    for row in plan.to_pylist():
        groups.setdefault(row["block"], set()).add(row["row_group"])
    for block in story["blocks"]:
        if block["source"] == one.source and block["rank"] in groups:
            record = Commits(store, "ingest").load(block["ingest"])
            for found in _keys(store, record["block"], groups[block["rank"]], one.identity):
                return found
    return ""


def _keys(store: Store, block: str, groups: set[int], identity: str) -> Iterator[str]:
    with store.open(block) as stream:
        file = open_parquet(stream)
        for group in sorted(groups):
            table = file.read_row_group(group, columns=["id", "key"])
            yield from table.filter(pc.equal(table["id"], identity))["key"].to_pylist()


def _check_sources(store: Store, sources: Collection[str], known: Sequence[str]) -> None:
    for name in sources:
        if name not in known:
            msg = f"--source: expected a source of {store.root} ({', '.join(known)}), got {name!r}"
            raise PileError(msg)


def _in_rounds(samples: dict[str, Sample], seed: int) -> list[Drawn]:
    ranked = [
        (rank, one)
        for sample in samples.values()
        for rank, one in enumerate(sorted(sample.documents.values(), key=lambda one: one.rank))
    ]
    shuffled = keyed_hash(key(seed, PURPOSE), id64(pa.array([one.identity for _, one in ranked]))).tolist()
    order = sorted(zip(ranked, shuffled, strict=True), key=lambda pair: (pair[0][0], pair[1], pair[0][1].identity))
    return [one for (_, one), _ in order]
