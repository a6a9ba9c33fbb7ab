"""count and decontaminate: passages of eval sets in the survivors' text to a ledger, cuts and a table of matches.

Blocks are read twice. The first time every n-gram of the index is counted over the corpus, because n-grams that many
documents share say nothing about an eval; the second time only documents that held any are looked at again. What is
matched is the text as it would be written; cuts are spans on the text of the block.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.blocks import open_parquet, write_table
from pile_builder.commits import Commits
from pile_builder.decontamination.cut import MOST_PIECES, Cuts, Verdict, cut_spans
from pile_builder.decontamination.evals import Action, load_items
from pile_builder.decontamination.index import Index, build_index, open_index, write_index
from pile_builder.decontamination.items import EvalItem
from pile_builder.decontamination.match import Matches, count_hits, find_matches
from pile_builder.document import LEDGER
from pile_builder.manifest import Decontaminate, Manifest
from pile_builder.pieces import original_offsets
from pile_builder.pipelines.engine import RunOptions, Task, TaskFunction, run_tasks
from pile_builder.pipelines.ledgers import dedup_ledgers
from pile_builder.pipelines.survivors import FoundSpans, Survivors, read_survivors
from pile_builder.storage import Store
from pile_builder.text.column import TextColumn
from pile_builder.work import Work

MATCHES = pa.schema(
    [
        pa.field("row", pa.int32(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("eval", pa.string(), nullable=False),
        pa.field("item", pa.string(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("seen", pa.int64(), nullable=False),
        pa.field("total", pa.int64(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("excerpt", pa.string(), nullable=False),
    ]
)
"""One row per passage: document, eval item, bytes of the passage in the block's text, how many of the item's n-grams
the document holds and how many it has, what became of the document, and the passage in [[ ]] with what surrounds it."""

RULES = {Verdict.DROPPED: "matched", Verdict.IN_PIECES: "too_many_pieces", Verdict.CONSUMED: "nothing_left"}
EXCERPT_AROUND, EXCERPT_PASSAGE = 100, 400
"""Bytes of an excerpt before and after the passage, and of the passage at most."""
_COUNTS = pa.schema([pa.field("number", pa.int64()), pa.field("documents", pa.int64())])


@dataclass
class CountNgrams(TaskFunction):
    """Counts in how many of a block's survivors each n-gram of the index occurs."""

    store: Store
    folder: str
    index: Index | None = None

    def setup(self) -> None:
        """Map the index."""
        self.index = open_index(Path(self.store.local_folder(self.folder)))

    def __call__(self, task: Task) -> Mapping[str, Any]:
        """Write the block's counts and the rows that hold any of the n-grams."""
        index = _ready(self.index)
        commits = Commits(self.store, "count")
        totals = np.zeros(index.size, np.int64)
        holders = [np.zeros(0, np.int64)]
        documents = 0
        for group in read_survivors(self.store, task):
            numbers, counts, documents_with = count_hits(group.edited, index)
            totals[numbers] += counts
            holders.append(group.rows[documents_with])
            documents += len(group.rows)
        rows = np.concatenate(holders)
        numbers = np.flatnonzero(totals)
        with self.store.writing(commits.object_name) as counted:
            write_table(counted, pa.table([numbers, totals[numbers]], schema=_COUNTS))
        with self.store.writing(commits.object_name) as held:
            write_table(held, pa.table({"row": rows}))
        return {"counts": counted.name, "rows": held.name, "documents": documents, "holders": len(rows)}


@dataclass
class FindContamination(TaskFunction):
    """Finds the passages of eval items in one block, and decides what becomes of its documents."""

    store: Store
    folder: str
    common: str
    actions: Mapping[str, Action]
    index: Index | None = None
    ignored: NDArray[np.bool_] | None = None

    def setup(self) -> None:
        """Map the index, read which of its n-grams are too common."""
        self.index = open_index(Path(self.store.local_folder(self.folder)))
        self.ignored = np.zeros(self.index.size, np.bool_)
        with self.store.open(self.common) as stream:
            self.ignored[open_parquet(stream).read()["number"].to_numpy()] = True

    def __call__(self, task: Task) -> Mapping[str, Any]:
        """Write the block's ledger, its cuts and its matches, as far as there are any."""
        commits = Commits(self.store, "decontaminate")
        block = Commits(self.store, "ingest").load(task["block"])
        with self.store.open(Commits(self.store, "count").load(task["count"])["rows"]) as stream:
            wanted = open_parquet(stream).read()["row"].to_numpy()
        found = _Found(sum(block["row_groups"]))
        for group in read_survivors(self.store, task, wanted):
            matches = find_matches(group.edited, _ready(self.index), self.ignored)
            cuts = cut_spans(group.edited, matches, _ready(self.index), self.actions)
            found.add(group, matches, cuts, _ready(self.index))
        names = {"ledger": "", "matches": "", "spans": found.spans.write(self.store, "decontaminate", block["block"])}
        for name, table in (("ledger", found.ledger()), ("matches", found.matches())):
            if table.num_rows:
                with self.store.writing(commits.object_name) as out:
                    write_table(out, table)
                names[name] = out.name
        return {**names, "verdicts": dict(sorted(found.verdicts.items())), "source": task["source"]}


def run_decontaminate(store: Store, work: Work, manifest: Manifest, config: Decontaminate, options: RunOptions) -> None:
    """Index the eval sets, count their n-grams over the survivors, and find their passages.

    Raises:
        ManifestError: an eval set cannot be read.
        BuildError: tasks failed.
    """
    folder = _index_folder(store, work, manifest, options)
    ledgers = dedup_ledgers(store, work)
    tasks = {
        block.rank: {
            "rank": block.rank,
            "source": block.source,
            "name": block.name,
            "block": block.ingest,
            "spans": block.spans,
            "select": block.select,
            "dedup": ledgers.get(block.ingest, ""),
            "paragraphs": block.paragraphs,
            "count": block.count,
        }
        for block in work.blocks
    }
    counting = [tasks[block.rank] | {"key": block.count} for block in work.blocks]
    run_tasks(Commits(store, "count"), work.keys("count"), counting, CountNgrams(store, folder), options)
    common = _common_ngrams(store, work, config.max_documents)
    actions = {one.name: one.action for one in manifest.eval_sets}
    matching = [tasks[block.rank] | {"key": block.decontaminate} for block in work.blocks]
    function = FindContamination(store, folder, common, actions)
    run_tasks(Commits(store, "decontaminate"), work.keys("decontaminate"), matching, function, options)


def _index_folder(store: Store, work: Work, manifest: Manifest, options: RunOptions) -> str:
    """The store's folder with the index; it is built unless the build has it."""
    commits = Commits(store, "count")
    name = f"work/count/index-{work.index}"
    if not commits.has(work.index):
        counts: Counter[str] = Counter()

        def items() -> Iterator[EvalItem]:
            for one in manifest.eval_sets:
                for item in load_items(one, manifest.root):
                    counts[one.name] += 1
                    yield item

        index = build_index(items(), manifest.decontaminate.ngram if manifest.decontaminate else 0)
        with store.writing_folder(name) as folder:
            write_index(index, folder)
        record = {
            "items": dict(counts),
            "unprotectable": [list(one) for one in index.unprotectable],
            "ngrams": index.size,
            "bytes": index.nbytes,
        }
        commits.put(work.index, record)
        options.say(
            f"decontamination index: {sum(counts.values()):,} items of {len(counts)} eval sets, "
            f"{index.size:,} n-grams, {index.nbytes / 2**20:,.1f} MiB; "
            f"{len(index.unprotectable):,} items are too short to protect"
        )
    return name


def _common_ngrams(store: Store, work: Work, limit: int) -> str:
    """Object with the numbers of the n-grams that more than `limit` documents of the corpus hold."""
    commits = Commits(store, "count")
    if not commits.has(work.common):
        totals = np.zeros(commits.load(work.index)["ngrams"], np.int64)
        for key in work.keys("count"):
            with store.open(commits.load(key)["counts"]) as stream:
                table = open_parquet(stream).read()
            totals[table["number"].to_numpy()] += table["documents"].to_numpy()
        numbers = np.flatnonzero(totals > limit)
        with store.writing(commits.object_name) as out:
            write_table(out, pa.table({"number": numbers}))
        commits.put(work.common, {"common": out.name, "ignored": len(numbers), "found": int((totals > 0).sum())})
    return str(commits.load(work.common)["common"])


class _Found:
    """Gathers what row groups of one block hold."""

    def __init__(self, count: int) -> None:
        self.spans = FoundSpans(count)
        self._ledger: list[tuple[int, str, float, float, str]] = []
        self._matches: list[tuple[Any, ...]] = []
        self.verdicts: Counter[str] = Counter()

    def add(self, group: Survivors, matches: Matches, cuts: Cuts, index: Index) -> None:
        self.spans.add(group, cuts.spans)
        coverage = {
            (document, item): (seen, total)
            for document, item, seen, total in zip(
                matches.covered_document.tolist(),
                matches.covered_item.tolist(),
                matches.seen.tolist(),
                matches.total.tolist(),
                strict=True,
            )
        }
        starts, ends = matches.start, matches.end
        if group.spans is not None:
            starts = original_offsets(group.spans, matches.document, starts, "start")
            ends = original_offsets(group.spans, matches.document, ends, "end")
        for i, (document, item) in enumerate(zip(matches.document.tolist(), matches.item.tolist(), strict=True)):
            fate = Verdict(int(cuts.verdict[document])).name.lower()
            excerpt = _excerpt(group.edited, document, int(matches.start[i]), int(matches.end[i]))
            where = (int(group.rows[document]), group.ids[document], *index.name(item), int(starts[i]), int(ends[i]))
            self._matches.append((*where, *coverage[document, item], fate, excerpt))
        first = dict(zip(matches.document[::-1].tolist(), matches.item[::-1].tolist(), strict=True))
        for document in np.flatnonzero(cuts.verdict).tolist():
            verdict = Verdict(int(cuts.verdict[document]))
            self.verdicts[verdict.name.lower()] += 1
            if verdict >= Verdict.DROPPED:
                item = first[document]
                seen, total = coverage[document, item]
                in_pieces = verdict is Verdict.IN_PIECES
                value, threshold = (int(cuts.pieces[document]), MOST_PIECES) if in_pieces else (seen / total, 0)
                detail = "/".join(index.name(item))
                self._ledger.append((int(group.rows[document]), RULES[verdict], value, threshold, detail))

    def ledger(self) -> pa.Table:
        return _table(self._ledger, LEDGER)

    def matches(self) -> pa.Table:
        return _table(self._matches, MATCHES)


def _table(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    return pa.table([pa.array(column, each.type) for column, each in zip(columns, schema, strict=True)], schema=schema)


def _excerpt(column: TextColumn, document: int, start: int, end: int) -> str:
    base, stop = int(column.offsets[document]), int(column.offsets[document + 1])
    shown = min(end, start + EXCERPT_PASSAGE)
    before, passage, after = (
        column.data[max(a, base) : min(b, stop)].tobytes().decode(errors="ignore")
        for a, b in (
            (base + start - EXCERPT_AROUND, base + start),
            (base + start, base + shown),
            (base + end, base + end + EXCERPT_AROUND),
        )
    )
    return f"{before}[[{passage}{'...' if shown < end else ''}]]{after}"


def _ready(index: Index | None) -> Index:
    if index is None:
        msg = "setup was not called"
        raise RuntimeError(msg)
    return index
