"""fragments: of sources that join, the parts of documents, sorted into runs that ingest reads by ranges of keys.

One task is one split of the upstream's files. It holds at most `RUN_BYTES` of fragments, so that a site of any size is
joined in bounded memory; nothing is shuffled. When all documents are joined, the fragments are removed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pile_builder.commits import Commits
from pile_builder.fragments import Run, join_rows, read_range
from pile_builder.lookup import with_tables
from pile_builder.pipelines.engine import RunOptions, Task, TaskFunction, run_tasks
from pile_builder.pool import Extraction
from pile_builder.source import Raw, Reject, Skipped, Source, Split
from pile_builder.storage import Store, local_file
from pile_builder.streams import MAX_RECORD_BYTES
from pile_builder.work import Work, split_from_json, split_to_json

PHASE = "fragments"
RUN_BYTES = 128 << 20
"""Fragments of a split that are held and sorted together."""


@dataclass
class ReadFragments(TaskFunction):
    """Reads one split of fragments and writes its runs; `tables` are indexes of side tables, by source and table."""

    store: Store
    sources: Mapping[str, Source]
    tables: Mapping[str, Mapping[str, str]]

    def __call__(self, task: Task) -> Mapping[str, Any]:
        """Write a split's runs; returns their names and what was skipped."""
        commits = Commits(self.store, PHASE)
        skipped = Counter[str]()
        runs: list[str] = []
        run = Run(task["ranges"])
        note, count = commits.noting(task["key"]), 0
        tables = {table: local_file(path) for table, path in self.tables[task["source"]].items()}
        source = with_tables(self.sources[task["source"]], tables)
        for item in source.read(split_from_json(task["split"])):
            if isinstance(item, Skipped):
                skipped[item.kind] += item.count
                continue
            if isinstance(item, Raw):
                msg = f"{task['source']}: expected fragments from a source that joins, got {item.key!r} whole"
                raise TypeError(msg)
            run.add(item)
            count += 1
            if run.size >= RUN_BYTES:
                runs.append(self._write(run))
            note(count)
        if run.size:
            runs.append(self._write(run))
        return {"name": task["name"], "fragments": count, "runs": runs, "skipped": dict(sorted(skipped.items()))}

    def _write(self, run: Run) -> str:
        with self.store.writing(lambda digest: Commits(self.store, PHASE).object_name(digest, "run")) as stream:
            run.write(stream)
        return stream.name


def run_fragments(store: Store, work: Work, extractions: Mapping[str, Extraction], options: RunOptions) -> None:
    """Read the fragments that splits without a block are joined of.

    Raises:
        BuildError: tasks failed.
    """
    done = Commits(store, "ingest").done()
    ranges = {
        key: block.split.params["ranges"]
        for block in work.blocks
        if block.ingest not in done
        for key in block.split.params.get("fragments", ())
    }
    tasks = [
        {"key": one.key, "source": one.source, "name": one.name, "split": split_to_json(one.split)}
        | {"ranges": ranges[one.key]}
        for one in work.fragments
        if one.key in ranges
    ]
    if tasks:
        read = {one.source: extractions[one.source] for one in work.fragments}
        sources = {name: extraction.source for name, extraction in read.items()}
        function = ReadFragments(store, sources, {name: extraction.tables for name, extraction in read.items()})
        run_tasks(Commits(store, PHASE), [task["key"] for task in tasks], tasks, function, options)


def forget_fragments(store: Store, work: Work, options: RunOptions) -> None:
    """Remove all fragments once no document is to be joined of them any more, unless other jobs may need some."""
    if options.shared or not work.fragments:
        return
    if not {block.ingest for block in work.blocks} - Commits(store, "ingest").done():
        store.remove_folder(f"work/{PHASE}")


def read_joined(store: Store, split: Split) -> Iterator[Raw | Reject | Skipped]:
    """The documents of one range of keys as raw records with fragments; with the first range, what was skipped."""
    number, ranges = split.params["range"], split.params["ranges"]
    commits = Commits(store, PHASE)
    records = list(commits.load_all(split.params["fragments"]))
    if number == 0:
        skipped = Counter[str]()
        for record in records:
            skipped.update(record["skipped"])
        yield from (Skipped(kind, count) for kind, count in sorted(skipped.items()))
    tables = []
    for record in records:
        for name in record["runs"]:
            with store.open(name) as stream:
                tables.append(read_range(stream, number, ranges))
    for item in join_rows(tables):
        if isinstance(item, Reject):
            yield item
            continue
        raw = Raw(item[0], b"", fragments=item[1])
        if raw.size > MAX_RECORD_BYTES:
            detail = f"{len(raw.fragments):,} fragments of {raw.size:,} bytes, at most {MAX_RECORD_BYTES:,}"
            yield Reject("too_large", detail, raw.key)
        else:
            yield raw
