"""What of a build agrees with the list of documents that are taken down, and what does not yet.

The records say it themselves: an ingest record names under `taken` the rows that are empty in its block and in its
rejects, a shard's record the documents that it leaves out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pile_builder.annotate.set_names import SAMPLE
from pile_builder.blocks import open_parquet
from pile_builder.commits import Commits
from pile_builder.storage import Store, fingerprint
from pile_builder.story import STORY
from pile_builder.takedown.listing import Takedown, distinct, own_entries, read_list

if TYPE_CHECKING:
    from pile_builder.manifest import Manifest
    from pile_builder.work import BlockWork, Work

CORPUS = "work/corpus.json"
"""Which mixture and which list the shards are of: `key`, and `takedown`, null while they are rewritten."""
PURGED = "work/purged.json"
"""There once something was taken down here, so that builds without a list need not ask their blocks."""
PURGED_PHASES = ("ingest", "annotate", "select", "decontaminate")
"""Phases whose objects hold text, addresses or metadata of documents; of annotate, the samples."""


def taken_of(record: Mapping[str, Any], part: str = "block") -> dict[int, tuple[str, str]]:
    """Empty rows of an ingest record's `block` or `rejects`: the id of each, and its second name in the look-up index.

    The second name, the id of the key's beginning, is empty where there is none.
    """
    return {row: (identity, alias) for row, identity, alias in record.get("taken", {}).get(part, ())}


def taken_rows(record: Mapping[str, Any]) -> NDArray[np.int64]:
    """Rows of a block that are taken down, int64, ascending."""
    return np.array(sorted(taken_of(record)), np.int64)


def taken_ids(record: Mapping[str, Any]) -> list[str]:
    """Ids that are empty in a block and in its rejects."""
    return [identity for part in ("block", "rejects") for identity, _ in taken_of(record, part).values()]


def read_ids(store: Store, name: str, columns: tuple[str, ...] = ("id",)) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Stream columns of an object with ids, in batches with the row at which each starts."""
    start = 0
    with store.open(name) as stream:
        for batch in open_parquet(stream).iter_batches(1 << 16, columns=list(columns)):
            yield start, batch
            start += batch.num_rows


def applied_entries(store: Store) -> pa.Table:
    """What applies to a finished build without its manifest: the list of the last build and the folder's own."""
    story = orjson.loads(store.read(STORY)) if store.exists(STORY) else {}
    return distinct([*own_entries(store), *read_list(store, story.get("takedown", "")).to_batches()])


def entry_of(store: Store, identity: str) -> dict[str, str]:
    """Who took a document down, when and why, and whose copy it is; what is not known is left out."""
    entries = applied_entries(store)
    for row in entries.filter(pc.equal(entries["id"], identity)).drop_columns(["id"]).to_pylist():
        return {name: value for name, value in row.items() if value}
    return {}


def purge_tasks(store: Store, takedown: Takedown) -> list[dict[str, Any]]:
    """One task for every record, of this manifest or another, that names objects with text or addresses."""
    return [
        {"key": fingerprint([phase, record, takedown.digest]), "name": f"{phase}/{record}"}
        | {"phase": phase, "record": record}
        for phase in PURGED_PHASES
        for record in sorted(Commits(store, phase).done())
        if phase != "annotate" or Commits(store, phase).load(record).get("set") == SAMPLE
    ]


def to_read_again(store: Store, work: Work, manifest: Manifest, takedown: Takedown) -> Iterator[tuple[BlockWork, bool]]:
    """Purged blocks that must come from the raw dumps again, and whether one of their documents is listed no more.

    The other reason is a phase that has to see the whole text: it shall find what it would have found without a list.
    """
    if not takedown and not store.exists(PURGED):
        return
    reads_text = _reads_text(store, work, manifest)
    ingest = Commits(store, "ingest")
    done = ingest.done()
    for block in work.blocks:
        if block.ingest in done:
            ids = taken_ids(ingest.load(block.ingest))
            is_returning = len(takedown.find(pa.array(ids, pa.string()))) < len(ids)
            if is_returning or (ids and reads_text(block)):
                yield block, is_returning


def disagrees(store: Store, shard: Mapping[str, Any], takedown: Takedown) -> bool:
    """Whether a shard, by its record, holds a listed document or leaves out one that is listed no more."""
    left_out = list(shard.get("taken", {}))
    if len(takedown.find(pa.array(left_out, pa.string()))) < len(left_out):
        return True
    return any(len(takedown.find(batch.column("id"))) for _, batch in read_ids(store, shard["index"]))


def shards_state(store: Store) -> dict[str, Any]:
    """What `CORPUS` says, empty without one."""
    return dict(orjson.loads(store.read(CORPUS))) if store.exists(CORPUS) else {}


def _reads_text(store: Store, work: Work, manifest: Manifest) -> Callable[[BlockWork], bool]:
    phases = ("annotate", "select", "dedup", "paragraphs", "count", "decontaminate")
    done = {phase: Commits(store, phase).done() for phase in phases}
    compares = bool(manifest.dedup and manifest.dedup.verify == "exact" and work.dedup not in done["dedup"])

    def reads(block: BlockWork) -> bool:
        return (
            compares
            or not done["annotate"].issuperset(block.sets.values())
            or (block.select not in done["select"] and manifest.select_of(block.source).licences is not None)
            or any((key := getattr(block, name)) and key not in done[name] for name in phases[3:])
        )

    return reads
