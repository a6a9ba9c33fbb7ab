"""locate: the names of every block's documents and rejects to one index of the build, in partitions by hash.

Names and domains are hashes; a block sends them in packed elements to their partitions, of each domain at most `LISTED`
documents and a count of the others. A partition is sorted and written by one worker.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.blocks import open_parquet
from pile_builder.corpus_index import KINDS, compact
from pile_builder.errors import BuildError
from pile_builder.names import named_rows, rule_numbers, sited_rows
from pile_builder.pipelines.engine import RunOptions, Task, run_phase
from pile_builder.pipelines.packing import Packed, pack_by, unpack
from pile_builder.sorted_rows import sorted_rows
from pile_builder.storage import Commits, Store
from pile_builder.work import Work

PARTITION_BYTES = 8 << 20
"""Rows that a partition aims at; runners hold a group in memory."""
RECORD_BYTES = 80
"""Bytes of rows of a document or reject, somewhat more than is usual: two names, one domain or two."""
COUNTS = "counts"
"""Tag of what steps report: JSON under the key 0."""
_KINDS = tuple(KINDS)


def run_locate(store: Store, work: Work, options: RunOptions) -> None:
    """Make the index, unless it is committed.

    The record has `bits`, by which hashes are partitioned; `parts`, of each partition that is not empty, as
    `named/NUMBER` or `sited/NUMBER`, its `object` and `rows`; `rules`, what rules' numbers stand for.

    Raises:
        BuildError: it failed.
    """
    commits = Commits(store, "locate")
    if commits.has(work.locate):
        options.watch("locate", 1, 1, 0)
        return
    ingested = Commits(store, "ingest")
    tasks = [block.task(work.locate) | {"settle": block.settle} for block in work.blocks]
    bits = partition_bits(sum(ingested.load(block.ingest)["read"] for block in work.blocks))

    def construct(elements: beam.PCollection[Task]) -> None:
        sent = elements | "Names" >> beam.ParDo(SendNames(commits, bits)).with_outputs(COUNTS, main="rows")
        written = sent.rows | "Partition" >> beam.GroupByKey() | "Write" >> beam.ParDo(WritePartition(commits))
        counts = (sent[COUNTS], written) | beam.Flatten() | "Counts" >> beam.GroupByKey()
        _ = counts | "Commit" >> beam.ParDo(CommitIndex(commits, work.locate, bits))

    if tasks:
        run_phase(commits, tasks, construct, options, [work.locate])
    else:
        CommitIndex(commits, work.locate, bits).process((0, []))


def partition_bits(records: int) -> int:
    """The number of bits of a hash that name its partition, so that one has about `PARTITION_BYTES` at most."""
    return (records * RECORD_BYTES // PARTITION_BYTES).bit_length()


def forget_indexes(store: Store, kept: str) -> None:
    """Remove the indexes of earlier builds, once nothing names them any more."""
    commits = Commits(store, "locate")
    named = {part["object"] for part in commits.load(kept)["parts"].values()}
    for key in commits.done() - {kept}:
        commits.forget(key)
    for name in store.names("work/locate/objects"):
        if f"work/locate/objects/{name}" not in named:
            store.remove(f"work/locate/objects/{name}")


class SendNames(beam.DoFn):
    """Sends a block's names and domains to their partitions."""

    def __init__(self, commits: Commits, bits: int) -> None:
        self._commits, self._bits = commits, bits

    def process(self, task: Task) -> Iterator[Any]:
        """Yield (number of the kind and of the partition, packed rows), and what the rules' numbers stand for."""
        store = self._commits.store
        settled = Commits(store, "settle").load(task["settle"])
        names, verdicts = _read(store, settled["names"]), _read(store, settled["verdicts"])
        documents = verdicts.num_rows
        rules, known = rule_numbers(pa.chunked_array([*verdicts["rule"].chunks, *names["rule"][documents:].chunks]))
        rows = {
            "named": named_rows(task["rank"], names, documents),
            "sited": sited_rows(task["rank"], names, rules, verdicts["bytes"].to_numpy()),
        }
        for number, kind in enumerate(_KINDS):
            yield from pack_by(_partitions(rows[kind]["hash"], number, self._bits), rows[kind])
        self._commits.note(f"rank-{task['rank']}", names.num_rows)
        yield beam.pvalue.TaggedOutput(COUNTS, (0, orjson.dumps({"rules": {str(one): known[one] for one in known}})))


def _read(store: Store, name: str) -> pa.Table:
    with store.open(name) as stream:
        return open_parquet(stream).read()


def _partitions(hashes: NDArray[np.uint64], kind: int, bits: int) -> NDArray[np.int64]:
    # A shift by all 64 bits is undefined.
    part = (hashes >> np.uint64(64 - bits)).astype(np.int64) if bits else np.zeros(len(hashes), np.int64)
    return part << 1 | kind


class WritePartition(beam.DoFn):
    """Sorts and writes one partition."""

    def __init__(self, commits: Commits) -> None:
        self._commits = commits

    def process(self, group: tuple[int, Iterable[bytes]]) -> Iterator[Packed]:
        """Yield where it lies."""
        kind = _KINDS[group[0] & 1]
        rows = unpack(group[1], KINDS[kind])
        rows = compact(rows) if kind == "sited" else np.sort(rows)
        with self._commits.store.writing(lambda digest: self._commits.object_name(digest, "rows")) as stream:
            stream.write(sorted_rows(rows))
        yield 0, orjson.dumps({"parts": {f"{kind}/{group[0] >> 1}": {"object": stream.name, "rows": len(rows)}}})


class CommitIndex(beam.DoFn):
    """Commits the index once all partitions stand."""

    def __init__(self, commits: Commits, key: str, bits: int) -> None:
        self._commits, self._key, self._bits = commits, key, bits

    def process(self, group: tuple[int, Iterable[bytes]]) -> None:
        """Put together what was reported."""
        record: dict[str, Any] = {"bits": self._bits, "parts": {}, "rules": {}}
        for reported in map(orjson.loads, group[1]):
            record["parts"].update(reported.get("parts", {}))
            for number, rule in reported.get("rules", {}).items():
                if record["rules"].setdefault(number, rule) != rule:
                    msg = f"rules {rule} and {record['rules'][number]} have the same number; rename one of them"
                    raise BuildError(msg)
        self._commits.put(self._key, record)
