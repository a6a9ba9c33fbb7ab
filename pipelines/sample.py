"""sample: some records of a source through the phases that work on text, in memory, with what they cost.

The functions that do the work are those of the phases themselves; nothing is written.
"""

from __future__ import annotations

import io
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import zstandard
from numpy.typing import NDArray

from pile_builder.annotate.language import LanguageModel
from pile_builder.annotate.set_names import SPAN_SETS
from pile_builder.annotate.sets import Annotations, annotate
from pile_builder.audit.content_statistics import count_content
from pile_builder.blocks import RowGroupWriter, open_parquet
from pile_builder.decontamination.index import Index
from pile_builder.decontamination.match import count_hits
from pile_builder.dedup.config import Paragraphs
from pile_builder.document import BLOCK, id64
from pile_builder.mixing.keyed import key
from pile_builder.names import names_of
from pile_builder.pieces import cut_pieces, merge_spans
from pile_builder.pipelines.assemble import Part, ShardLines
from pile_builder.pipelines.ingest import Counts, batches
from pile_builder.pipelines.sample_units import Drawn, Hashes, ReadUnit, draw_records, population_size, units_of
from pile_builder.pipelines.settle import COUNTED_SETS
from pile_builder.planning.estimates import Population, Unit
from pile_builder.pool import LOT_BYTES, LOT_RECORDS, Extracted, ExtractionPool, Lot
from pile_builder.selection import Select
from pile_builder.source import Document, Raw, Reject, Source
from pile_builder.storage import HashingWriter
from pile_builder.text.column import from_arrow, from_strings
from pile_builder.text.paragraphs import find_paragraphs, hash_paragraphs
from pile_builder.tokenizer import Tokenizer
from pile_builder.verdicts import first_failures, licences_of, tests

UNITS = 8
"""Units that a sample is spread over, if there are so many; more where units have few records."""
READ_BYTES = 64 << 20
"""Stored bytes of a source that are read at most; larger units are read from their beginning."""
TOKENIZED_BYTES = 4 << 20
"""Bytes of text of a source that are tokenized."""
_WARM = "Warm words, warm lines.\n\nAnd a second paragraph with a few more words.\n"
DOCUMENTS, SURVIVORS, DOCUMENT_BYTES, TEXT_BYTES = range(4)
"""Columns of a unit's sample: 1 if ingest makes a document of the record, 1 if select keeps that, its bytes as
ingested, and its bytes as they would be written if it is kept."""


@dataclass
class Seconds:
    """CPU seconds of one core, by step, and what each step worked on.

    Attributes:
        spent: seconds.
        work: stored bytes for `read`, records for `extract`, documents for `select`, bytes of text for the others.
    """

    spent: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    work: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def rate(self, step: str) -> float:
        """Seconds for one unit of a step's work; 0 if nothing was done."""
        return self.spent[step] / self.work[step] if self.work[step] else 0.0

    @contextmanager
    def timed(self, step: str, work: float) -> Iterator[None]:
        """Count the CPU seconds that this thread spends in the block."""
        started = time.thread_time()
        yield
        self.spent[step] += time.thread_time() - started
        self.work[step] += work


@dataclass(frozen=True)
class SourceSample:
    """What was learnt of a source.

    Attributes:
        population: its units, with the four columns of each record drawn.
        dropped: records drawn, by the `phase.rule` that drops them.
        seconds: CPU seconds.
        tokens: int64[n, 2], bytes and tokens of each piece of text that was tokenized.
        skipped: records that are no documents, by kind, in what was read.
    """

    population: Population
    dropped: Mapping[str, int]
    seconds: Seconds
    tokens: NDArray[np.int64]
    skipped: Mapping[str, int]


@dataclass(frozen=True)
class Sampler:
    """Draws and judges the sample of one source.

    Attributes:
        name: of the source.
        set_name: as its lines say.
        plugin: the source.
        select: what applies to it.
        wanted: its annotations.
        pool: that has its extraction.
        model: for languages.
        seed: of the choice.
        build_seed: the manifest's, by which chance keeps documents.
        records: to draw.
        level: zstd level of shards.
        tokenizer: to count tokens with.
        paragraphs: what to look for, to time it.
        index: of n-grams to scan for, to time it.
    """

    name: str
    set_name: str
    plugin: Source
    select: Select
    wanted: Annotations
    pool: ExtractionPool
    model: LanguageModel
    seed: int
    build_seed: int
    records: int
    level: int
    tokenizer: Tokenizer | None = None
    paragraphs: Paragraphs | None = None
    index: Index | None = None

    def warm_up(self) -> None:
        """Load kernels and models by one short document, which is no part of what documents cost."""
        for documents, _ in batches(iter([("warm", {}, Document(_WARM))]), self.name, Counts(self.name)):
            known = annotate(documents.column("text"), self.wanted, set(self.wanted.sets()), self.model)
            self._select(documents, known)
            self._write(documents, known, np.zeros(1, np.int64), Seconds())
            self._settle(documents, known, [""], np.zeros(1, np.int64), Seconds())
            self._read_again([_WARM], Seconds())
        if self.tokenizer:
            self.tokenizer.encode([_WARM])

    def run(self) -> SourceSample:
        """Read, extract, annotate, select and write the sample."""
        seconds, skipped = Seconds(), Counter[str]()
        units, hashes = units_of(self.plugin), Hashes(self.seed, self.name)
        spread = max(min(UNITS, len(units)), 1)
        read: list[ReadUnit] = []
        is_large = population_size(units, ()) > READ_BYTES
        limit = max(READ_BYTES // spread, 1 << 20) if is_large else READ_BYTES
        for unit in sorted(units, key=lambda one: (hashes(one.name), one.name)):
            with seconds.timed("read", 0):
                read.append(draw_records(self.plugin, unit, hashes, -(-self.records // spread), limit, skipped))
            seconds.work["read"] += max(read[-1].read, 1)
            is_enough = sum(len(one.drawn) for one in read) >= self.records
            if len(read) > 1 and (is_enough or sum(one.read for one in read) >= READ_BYTES):
                break
        results = self._extract([record for one in read for record in one.drawn], seconds)
        table, dropped, tokens = self._judge(results, seconds)
        bounds = np.cumsum([0, *(len(one.drawn) for one in read)])
        sampled = tuple(
            Unit(one.size, one.read, one.records, table[start:stop])
            for one, start, stop in zip(read, bounds, bounds[1:], strict=False)
        )
        population = Population(len(units), population_size(units, read), sampled)
        return SourceSample(population, dropped, seconds, tokens, skipped)

    def _extract(self, drawn: Sequence[Drawn], seconds: Seconds) -> list[tuple[str, Mapping[str, Any], Extracted]]:
        """Each record's key, metadata and what became of it, in order."""
        raws = [record for _, _, record in drawn if isinstance(record, Raw)]
        # What a process loads at its first record is no part of the records' cost.
        for wait in [self.pool.submit(Lot(self.name, [raw])) for raw in raws[:1] * self.pool.workers]:
            wait()
        self.pool.seconds[self.name] = 0
        waits = [self.pool.submit(Lot(self.name, lot)) for lot in _lots(raws)]
        done = iter([result for wait in waits for result in wait()])
        seconds.spent["extract"] += self.pool.seconds[self.name]
        seconds.work["extract"] += len(drawn)
        return [(name, meta, record if isinstance(record, Reject) else next(done)) for name, meta, record in drawn]

    def _judge(
        self, results: Sequence[tuple[str, Mapping[str, Any], Extracted]], seconds: Seconds
    ) -> tuple[NDArray[np.float64], Counter[str], NDArray[np.int64]]:
        """The four columns of each record, drops by rule, and bytes and tokens of what was tokenized."""
        table = np.zeros((len(results), 4))
        dropped = Counter(f"ingest.{result.rule}" for _, _, result in results if isinstance(result, Reject))
        at = np.flatnonzero([isinstance(result, Document) for _, _, result in results])
        tokens = [np.zeros((0, 2), np.int64)]
        buffer = io.BytesIO()
        block = RowGroupWriter(HashingWriter(buffer), BLOCK)
        start = 0
        for documents, _ in batches(iter(results), self.name, Counts(self.name)):
            rows = at[start : start + documents.num_rows]
            start += documents.num_rows
            sizes = documents.column("bytes").to_numpy()
            total = int(sizes.sum())
            table[rows, DOCUMENTS], table[rows, DOCUMENT_BYTES] = 1, sizes
            with seconds.timed("write", total):
                block.write(documents, sizes)
            with seconds.timed("annotate", total):
                known = annotate(documents.column("text"), self.wanted, set(self.wanted.sets()), self.model)
            with seconds.timed("select", documents.num_rows):
                rules = self._select(documents, known)
            dropped.update(f"select.{rule}" for rule in rules if rule)
            kept = np.flatnonzero([not rule for rule in rules])
            written, counted = self._write(documents, known, kept, seconds)
            dropped["settle.empty"] += int((written == 0).sum())
            table[rows[kept], SURVIVORS], table[rows[kept], TEXT_BYTES] = written > 0, written
            as_written = np.zeros(documents.num_rows, np.int64)
            as_written[kept] = written
            self._settle(documents, known, rules, as_written, seconds)
            self._read_again(["".join(texts) for texts in counted], seconds)
            if self.tokenizer and sum(int(part[:, 0].sum()) for part in tokens) < TOKENIZED_BYTES:
                pieces = [text for texts in counted for text in texts]
                with seconds.timed("tokenize", int(written.sum())):
                    batch = self.tokenizer.encode(pieces)
                tokens.append(np.stack([[len(text.encode()) for text in pieces], batch.sizes], axis=1).astype(np.int64))
        with seconds.timed("write", 0):
            block.close()
        if len(at):
            # Phases behind ingest read blocks.
            with seconds.timed("reread", float(table[:, DOCUMENT_BYTES].sum())):
                open_parquet(io.BytesIO(buffer.getvalue())).read(columns=["text"])
        return table, +dropped, np.concatenate(tokens)

    def _select(self, documents: pa.RecordBatch, known: Mapping[str, pa.RecordBatch]) -> list[str]:
        """The first rule that drops each document; empty for those kept."""
        columns = {
            name: column
            for which, batch in known.items()
            if which != "sketch"
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
            if name != "spans"
        }
        columns |= {"licence": licences_of(documents.column("meta")), "id": documents.column("id")}
        rules = [""] * documents.num_rows
        applied = tests(columns, self.select, self.name, self.build_seed)
        for test, failing in first_failures(documents.num_rows, applied):
            for row in failing.tolist():
                rules[row] = test.name
        return rules

    def _settle(
        self,
        documents: pa.RecordBatch,
        known: Mapping[str, pa.RecordBatch],
        rules: Sequence[str],
        written: NDArray[np.int64],
        seconds: Seconds,
    ) -> None:
        """Count and index documents as settle does."""
        columns = {
            name: known[which].column(name)
            for which in COUNTED_SETS
            if which in known
            for name in known[which].schema.names
            if name != "spans"
        }
        with seconds.timed("settle", documents.num_rows):
            verdicts = np.array([*(rule or None for rule in rules), None], object)[:-1]
            sizes = documents.column("bytes").to_numpy()
            count_content(sizes, written, verdicts, iter(documents.column("meta").to_pylist()), columns)
            named = zip(*(documents.column(name).to_pylist() for name in ("id", "key", "meta")), rules, strict=True)
            names_of(self.name, named)

    def _read_again(self, texts: Sequence[str], seconds: Seconds) -> None:
        """Look for paragraphs and eval passages in texts as they would be written."""
        column = from_strings(list(texts))
        size = int(column.offsets[-1])
        if self.paragraphs and len(column):
            with seconds.timed("paragraphs", size):
                found = find_paragraphs(column, lines=self.paragraphs.unit == "line")
                hash_paragraphs(column, found.starts, found.ends)
        if self.index and len(column):
            with seconds.timed("decontaminate", size):
                count_hits(column, self.index)

    def _write(
        self, documents: pa.RecordBatch, known: Mapping[str, pa.RecordBatch], kept: NDArray[np.int64], seconds: Seconds
    ) -> tuple[NDArray[np.int64], list[list[str]]]:
        """Bytes of each kept document as written, int64[len(kept)], and its pieces."""
        chosen = documents.take(pa.array(kept))
        pieces: list[list[str]] = [[] for _ in kept]
        if len(kept):
            with seconds.timed("assemble", int(chosen.column("bytes").to_numpy().sum())):
                layers = [known[name].column("spans").take(pa.array(kept)) for name in SPAN_SETS if name in known]
                pieces = _pieces(chosen.column("text"), layers)
                ids = chosen.column("id")
                part = Part(self.name, 0, id64(ids), ids.to_pylist(), pieces)
                lines = ShardLines({self.name: self.set_name}).segment(0, [part], key(self.build_seed, "segment"))
                zstandard.ZstdCompressor(level=self.level, write_checksum=True).compress(lines)
        return np.array([sum(len(text.encode()) for text in own) for own in pieces], np.int64), pieces


def _pieces(texts: pa.Array, layers: list[pa.ListArray]) -> list[list[str]]:
    """What each text is written as: itself, or the pieces that spans leave of it."""
    if not layers:
        return [[text] for text in texts.to_pylist()]
    column, owners = cut_pieces(from_arrow(texts), merge_spans(layers))
    found: list[list[str]] = [[] for _ in range(len(texts))]
    for text, owner in zip(column.to_arrow().to_pylist(), owners.tolist(), strict=True):
        found[owner].append(text)
    return found


def _lots(raws: Sequence[Raw]) -> Iterator[list[Raw]]:
    lot: list[Raw] = []
    size = 0
    for raw in raws:
        lot.append(raw)
        size += raw.size
        if len(lot) >= LOT_RECORDS or size >= LOT_BYTES:
            yield lot
            lot, size = [], 0
    if lot:
        yield lot
