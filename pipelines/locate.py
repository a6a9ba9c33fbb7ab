"""locate: the names of every block's documents and rejects to one index of the build, in partitions by hash.

Names and domains are hashes; a block sends them in packed elements to their partitions, of each domain at most `LISTED`
documents and a count of the others. A partition is sorted and written by one worker.
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

from pile_builder.blocks import open_parquet
from pile_builder.commits import Commits
from pile_builder.corpus_index import KINDS, SITED, compact
from pile_builder.errors import BuildError
from pile_builder.names import named_rows, rule_numbers, sited_rows
from pile_builder.pipelines.engine import RunOptions, Task, forget_run, run_phase
from pile_builder.pipelines.packing import Packed, pack_by, unpack
from pile_builder.repeated_ids import OWNED, count_repeated, merge_repeated, named_of, owned_rows
from pile_builder.sorted_rows import sorted_rows
from pile_builder.storage import Store, fingerprint
from pile_builder.work import Work

PARTITION_BYTES = 8 << 20
"""Rows that a partition aims at; runners hold a group in memory."""
PASS_BYTES = 1 << 28
"""Rows that a pass aims at; the local runner holds all that travels in memory."""
RECORD_BYTES = 80
"""Bytes of rows of a document or reject, somewhat more than is usual: two names, one domain or two."""
COUNTS = "counts"
"""Tag of what steps report: JSON under the key 0."""
_KINDS = tuple(KINDS)


def run_locate(store: Store, work: Work, options: RunOptions) -> None:
    """Make the index, unless it is committed; in several passes over the blocks, if there are many documents.

    The record has `bits`, by which hashes are partitioned; `parts`, of each partition that is not empty, as
    `named/NUMBER` or `sited/NUMBER`, its `object` and `rows`; `rules`, what rules' numbers stand for; `repeated`, ids
    that more than one kept document of a source has.

    Raises:
        BuildError: it failed.
    """
    commits = Commits(store, "locate")
    # What a stop just after a commit left is not met by a run of the phase any more.
    forget_run(commits, options)
    if not commits.has(work.locate):
        ingested = Commits(store, "ingest")
        size = RECORD_BYTES * sum(ingested.load(block.ingest)["read"] for block in work.blocks)
        bits, passes = (size // PARTITION_BYTES).bit_length(), (size // PASS_BYTES).bit_length()
        tasks = [block.task(work.locate) | {"settle": block.settle} for block in work.blocks]
        made = [_make(commits, work.locate, tasks, Pass(bits, passes, each), options) for each in range(1 << passes)]
        commits.put(work.locate, {"bits": bits, **merge_parts(made)})
    options.watch("locate", 1, 1, 0)


@dataclass(frozen=True)
class Pass:
    """Which partitions a pass makes: of 2^bits those that begin with the `bits_of_pass` bits of `number`."""

    bits: int
    bits_of_pass: int
    number: int

    def partitions(self, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The partition of each of n hashes, int64[n]; -1 where another pass makes it."""
        if not self.bits:
            # A shift by all 64 bits is undefined.
            return np.zeros(len(hashes), np.int64)
        part = (hashes >> np.uint64(64 - self.bits)).astype(np.int64)
        return np.where(part >> (self.bits - self.bits_of_pass) == self.number, part, -1)


def _make(commits: Commits, key: str, tasks: Sequence[Task], which: Pass, options: RunOptions) -> dict[str, Any]:
    """Make the partitions of one pass, unless they are committed; returns their record."""
    own_key = fingerprint([key, which.bits, which.bits_of_pass, which.number])

    def construct(elements: beam.PCollection[Task]) -> None:
        sent = elements | "Names" >> beam.ParDo(SendNames(commits, which)).with_outputs(COUNTS, main="rows")
        written = sent.rows | "Partition" >> beam.GroupByKey() | "Write" >> beam.ParDo(WritePartition(commits))
        counts = (sent[COUNTS], written) | beam.Flatten() | "Counts" >> beam.GroupByKey()
        _ = counts | "Commit" >> beam.ParDo(CommitPass(commits, own_key))

    if not tasks:
        return {}
    if not commits.has(own_key):
        # The phase is done only once the whole index is.
        waiting = replace(options, watch=lambda phase, _, __, records: options.watch(phase, 0, 1, records))
        run_phase(commits, tasks, construct, waiting, [own_key])
    return commits.load(own_key)


def merge_parts(reported: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """One record of what steps or passes reported.

    Raises:
        BuildError: two rules have the same number.
    """
    parts: dict[str, Any] = {}
    rules: dict[str, str] = {}
    repeated: list[Mapping[str, Any]] = []
    for one in reported:
        repeated += [one["repeated"]] if "repeated" in one else []
        parts.update(one.get("parts", {}))
        for number, rule in one.get("rules", {}).items():
            if rules.setdefault(number, rule) != rule:
                msg = f"rules {rule} and {rules[number]} have the same number; rename one of them"
                raise BuildError(msg)
    return {"parts": parts, "rules": rules, "repeated": merge_repeated(repeated)}


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

    def __init__(self, commits: Commits, which: Pass) -> None:
        self._commits, self._which = commits, which

    def process(self, task: Task) -> Iterator[Any]:
        """Yield (number of the kind and of the partition, packed rows), and what the rules' numbers stand for."""
        store = self._commits.store
        settled = Commits(store, "settle").load(task["settle"])
        names, verdicts = _read(store, settled["names"]), _read(store, settled["verdicts"])
        documents = verdicts.num_rows
        fates = [*verdicts["rule"].chunks, *names["rule"][documents:].chunks]
        rules, known = rule_numbers(pa.chunked_array(fates, pa.string()))
        rows = {
            "named": owned_rows(
                named_rows(task["rank"], names, documents), task["source"], verdicts["rule"].is_null().to_numpy()
            ),
            "sited": sited_rows(task["rank"], names, rules, verdicts["bytes"].to_numpy()),
        }
        for number, kind in enumerate(_KINDS):
            partitions = self._which.partitions(rows[kind]["hash"])
            mine = partitions >= 0
            yield from pack_by(partitions[mine] << 1 | number, rows[kind][mine])
        yield beam.pvalue.TaggedOutput(COUNTS, (0, orjson.dumps({"rules": {str(one): known[one] for one in known}})))


def _read(store: Store, name: str) -> pa.Table:
    with store.open(name) as stream:
        return open_parquet(stream).read()


class WritePartition(beam.DoFn):
    """Sorts and writes one partition."""

    def __init__(self, commits: Commits) -> None:
        self._commits = commits

    def process(self, group: tuple[int, Iterable[bytes]]) -> Iterator[Packed]:
        """Yield where it lies."""
        kind = _KINDS[group[0] & 1]
        repeated = {}
        if kind == "sited":
            rows = compact(unpack(group[1], SITED))
        else:
            owned = unpack(group[1], OWNED)
            rows, repeated = named_of(owned), {"repeated": count_repeated(owned)}
        with self._commits.store.writing(lambda digest: self._commits.object_name(digest, "rows")) as stream:
            stream.write(sorted_rows(rows))
        part = {"object": stream.name, "rows": len(rows)}
        yield 0, orjson.dumps({"parts": {f"{kind}/{group[0] >> 1}": part}, **repeated})


class CommitPass(beam.DoFn):
    """Commits a pass once all its partitions stand."""

    def __init__(self, commits: Commits, key: str) -> None:
        self._commits, self._key = commits, key

    def process(self, group: tuple[int, Iterable[bytes]]) -> None:
        """Put together what was reported."""
        self._commits.put(self._key, merge_parts(map(orjson.loads, group[1])))
