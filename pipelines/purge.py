"""purge: what blocks and tables still hold of documents that are taken down is emptied; rows, sizes and ids stay.

So every sidecar, ledger and verdict beside a block stays right. A phase that must see whole text, or a document that is
listed no more, brings a block back from the raw dumps first; the purge follows at the end of the build.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from pile_builder.annotate.set_names import SAMPLE
from pile_builder.audit.samples import without
from pile_builder.blocks import RowGroupWriter, open_parquet, write_table
from pile_builder.commits import Commits
from pile_builder.damage import damage_of
from pile_builder.document import BLOCK, REJECTS
from pile_builder.errors import BuildError
from pile_builder.manifest import Manifest
from pile_builder.names import alias_of
from pile_builder.pipelines.engine import RunOptions, Task, TaskFunction, run_tasks
from pile_builder.storage import Store
from pile_builder.takedown.listing import Takedown, read_takedown
from pile_builder.takedown.state import PURGED, PURGED_PHASES, purge_tasks, read_ids, taken_of, to_read_again
from pile_builder.work import PHASES, Work

PHASE = "takedown"
_EMPTY = {"key": "", "meta": "{}", "text": "", "detail": "", "excerpt": ""}
"""What stands in the columns that tell something of a document, once it is taken down."""
_SCHEMAS = {"block": BLOCK, "rejects": REJECTS}
_RETURNING = "work/ingest"
_SUFFIX = ".purged"
"""Ends the name of a record that is kept until its block has come back from the raw dump."""


@dataclass
class PurgeRecord(TaskFunction):
    """Rewrites the objects of one record without what they hold of listed documents, and replaces the record.

    Old objects stay until `sweep_objects`: other records may name them.
    """

    store: Store
    listed: str
    takedown: Takedown | None = None

    def setup(self) -> None:
        """Read the list."""
        self.takedown = read_takedown(self.store, self.listed)

    def __call__(self, task: Task) -> Mapping[str, Any]:
        """Purge; says how many rows are empty now."""
        commits = Commits(self.store, task["phase"])
        record = commits.load(task["record"])
        purges = {"ingest": self._block, "annotate": self._sample, "select": self._ledger}
        purge = purges.get(task["phase"], self._matches)
        rows, changed = purge(record)
        if changed:
            commits.replace(task["record"], {**record, **changed})
        return {"rows": rows}

    def _block(self, record: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        changed: dict[str, Any] = {}
        taken: dict[str, list[tuple[int, str, str]]] = {}
        for part, schema in _SCHEMAS.items():
            known = taken_of(record, part)
            found = self._find(record[part], record["source"])
            taken[part] = [(row, *names) for row, names in sorted({**found, **known}.items())]
            if found.keys() - known.keys():
                changed[part], size = self._rewrite_block(record[part], schema, found.keys() | known.keys())
                changed |= {"size": size} if part == "block" else {}
        return sum(map(len, taken.values())), {**changed, "taken": taken} if changed else {}

    def _find(self, name: str, source: str) -> dict[int, tuple[str, str]]:
        """Rows of an object that are listed, as `taken_of` gives them."""
        takedown = _ready(self.takedown)
        rows = [
            start + row
            for start, batch in read_ids(self.store, name)
            for row in takedown.find(batch.column("id")).tolist()
        ]
        if not rows:
            return {}
        with self.store.open(name) as stream:
            table = open_parquet(stream).read(columns=["id", "key"]).take(rows)
        named = zip(rows, table["id"].to_pylist(), table["key"].to_pylist(), strict=True)
        return {row: (identity, alias_of(source, key)) for row, identity, key in named}

    def _rewrite_block(self, name: str, schema: pa.Schema, rows: Collection[int]) -> tuple[str, int]:
        commits = Commits(self.store, "ingest")
        with self.store.open(name) as stream, self.store.writing(commits.object_name) as out:
            file = open_parquet(stream)
            writer = RowGroupWriter(out, schema)
            groups = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
            start = 0
            for number, count in enumerate(groups):
                table = emptied(file.read_row_group(number), np.array(sorted(rows)) - start)
                sizes = table["bytes"].to_numpy() if "bytes" in schema.names else np.zeros(count, np.int64)
                for batch in table.cast(schema).to_batches():
                    writer.write(batch, sizes[: batch.num_rows])
                    sizes = sizes[batch.num_rows :]
                start += count
            writer.close()
            if writer.rows != groups:
                msg = f"{name}: expected row groups of {groups} rows when it was rewritten, got {writer.rows}"
                raise BuildError(msg)
        return out.name, out.size

    def _sample(self, record: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Excerpts that the audit shows: nothing is aligned with them, so their rows go."""
        if not record["object"]:
            return 0, {}
        left, removed = without(self.store, record["object"], _ready(self.takedown).find)
        if not removed:
            return 0, {}
        with self.store.writing(Commits(self.store, "annotate").object_name) as out:
            write_table(out, left)
        return removed, {"object": out.name}

    def _ledger(self, record: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """What a licence rule saw is the document's own word."""
        ingest = Commits(self.store, "ingest")
        if not record["ledger"] or not ingest.has(record.get("block", "")):
            return 0, {}
        found = ingest.load(record["block"])
        rows = np.array(list(self._find(found["block"], found["source"])), np.int64)
        with self.store.open(record["ledger"]) as stream:
            table = open_parquet(stream).read()
        return self._rewrite_table("select", record, "ledger", table, np.isin(table["row"].to_numpy(), rows))

    def _matches(self, record: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        if not record.get("matches"):
            return 0, {}
        with self.store.open(record["matches"]) as stream:
            table = open_parquet(stream).read().combine_chunks()
        is_gone = np.zeros(table.num_rows, np.bool_)
        is_gone[_ready(self.takedown).find(table["id"].combine_chunks())] = True
        return self._rewrite_table("decontaminate", record, "matches", table, is_gone)

    def _rewrite_table(
        self, phase: str, record: Mapping[str, Any], field: str, table: pa.Table, is_gone: Any
    ) -> tuple[int, dict[str, Any]]:
        rows = np.flatnonzero(is_gone)
        purged = emptied(table, rows)
        if purged.equals(table):
            return len(rows), {}
        with self.store.writing(Commits(self.store, phase).object_name) as out:
            write_table(out, purged.cast(table.schema))
        return len(rows), {field: out.name}


def emptied(table: pa.Table, rows: Any) -> pa.Table:
    """The table with nothing of some rows (int64; others than the table's are passed over) in the telling columns."""
    is_gone = np.zeros(table.num_rows, np.bool_)
    is_gone[rows[(rows >= 0) & (rows < table.num_rows)]] = True
    for at, field in enumerate(table.schema):
        if field.name in _EMPTY:
            empty = pa.scalar(_EMPTY[field.name], field.type)
            table = table.set_column(at, field, pc.if_else(pa.array(is_gone), empty, table.column(at)))
    return table


def run_purge(store: Store, takedown: Takedown, options: RunOptions) -> None:
    """Empty all that the build keeps of listed documents.

    Raises:
        BuildError: tasks failed.
    """
    if not takedown:
        return
    store.write(PURGED, b"")
    commits = Commits(store, PHASE)
    tasks = purge_tasks(store, takedown)
    keys = [task["key"] for task in tasks]
    run_tasks(commits, keys, tasks, PurgeRecord(store, takedown.object), options)
    for key in commits.done() - set(keys):
        commits.forget(key)
    sweep_objects(store)
    # Side tables are indexed again when a block is; failures may tell what they failed at.
    store.remove_folder("work/tables")
    for phase in PHASES:
        Commits(store, phase).forget_run()


def sweep_objects(store: Store) -> None:
    """Remove objects of the purged phases that no record names: those before a purge, and what crashes left."""
    for phase in PURGED_PHASES:
        folder = f"work/{phase}/objects"
        names = [name for name in store.names(f"work/{phase}") if name.endswith((".json", _SUFFIX))]
        named = {
            value
            for name in names
            for value in orjson.loads(store.read(f"work/{phase}/{name}")).values()
            if isinstance(value, str)
        }
        for name in store.names(folder):
            if f"{folder}/{name}" not in named:
                store.remove(f"{folder}/{name}")


def forget_purged(store: Store, work: Work, manifest: Manifest, takedown: Takedown, options: RunOptions) -> None:
    """Undo the ingest of purged blocks that must be read from the raw dumps again."""
    again = list(to_read_again(store, work, manifest, takedown))
    if not again:
        return
    options.say(f"takedown: {len(again):,} blocks are read from the raw dumps again, since their whole text is needed")
    # First of all: once a block is whole, no record may say that it is purged.
    forget_purges(store)
    ingest = Commits(store, "ingest")
    for block, is_returning in again:
        set_returning(store, block.ingest)
        if is_returning:
            Commits(store, "annotate").forget(block.sets[SAMPLE])
            Commits(store, "select").forget(block.select)
            Commits(store, "decontaminate").forget(block.decontaminate)
        ingest.forget(block.ingest)


def set_returning(store: Store, key: str) -> None:
    """Keep the record of a block that is to be read again: what comes back is held against it."""
    store.write(f"{_RETURNING}/{key}{_SUFFIX}", orjson.dumps(Commits(store, "ingest").load(key)))


def forget_purges(store: Store) -> None:
    """Let every record be looked at again, because there are new ones under old keys."""
    commits = Commits(store, PHASE)
    for key in commits.done():
        commits.forget(key)


def time_limited_before(store: Store) -> frozenset[str]:
    """Records that met the time limit when the returning blocks were first read: they are left out again."""
    return frozenset(one for _, record in _returning(store) for one in record["time_limited"])


def check_returned(store: Store) -> None:
    """Hold the blocks that came back against what their records are about.

    Raises:
        BuildError: a block has other documents than before.
    """
    ingest = Commits(store, "ingest")
    is_done = False
    for key, before in _returning(store):
        if not ingest.has(key):
            continue
        now = ingest.load(key)
        for part in _SCHEMAS:
            if not _are_same_ids(store, before, now, part):
                msg = (
                    f"{now['name']}: expected the ids of its first reading in {part}, got others. "
                    f"Raise limits.record_seconds, so that all of {now['source']} is read anew"
                )
                raise BuildError(msg)
        store.remove(f"{_RETURNING}/{key}{_SUFFIX}")
        is_done = True
    if is_done:
        sweep_objects(store)


def _are_same_ids(store: Store, before: Mapping[str, Any], now: Mapping[str, Any], part: str) -> bool:
    if before[part] == now[part]:
        return True
    if damage_of(store, before[part]):
        # Nobody can tell which they were, but how many of what.
        return all(before[field] == now[field] for field in ("read", "kept", "bytes", "dropped", "row_groups"))
    return bool(_all_ids(store, before[part]).equals(_all_ids(store, now[part])))


def _returning(store: Store) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in store.names(_RETURNING):
        if name.endswith(_SUFFIX):
            yield name.removesuffix(_SUFFIX), orjson.loads(store.read(f"{_RETURNING}/{name}"))


def _all_ids(store: Store, name: str) -> pa.ChunkedArray:
    return pa.chunked_array([batch.column("id") for _, batch in read_ids(store, name)], pa.string())


def _ready(takedown: Takedown | None) -> Takedown:
    if takedown is None:
        msg = "setup was not called"
        raise RuntimeError(msg)
    return takedown
