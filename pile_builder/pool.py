"""A pool of killable processes in which records become text.

Parsers for HTML, LaTeX and archives are slow, hold the interpreter lock, and meet hostile input. They run here: one
pool per machine, started by a fork server with imports preloaded, address space limited, CPU time limited per record. A
lot whose process dies or hangs is tried again record by record, so that the guilty record alone becomes a Reject.
"""

from __future__ import annotations

import logging
import resource
import signal
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from pebble import ProcessExpired

from pile_builder.annotate.language import LanguageModel
from pile_builder.errors import PileError
from pile_builder.forkserver import end_with_parent, start_fork_server
from pile_builder.lookup import open_lookup
from pile_builder.processes import KillableProcesses
from pile_builder.source import Document, Raw, Reject, Source
from pile_builder.text.repair import repair_texts

LOT_RECORDS = 16
LOT_BYTES = 2 << 20
"""A lot ends at this many records or bytes: large enough to amortise its trip, small enough to share evenly."""
RECYCLE_LOTS = 2_000
"""Lots after which a process is replaced, against leaks of C libraries."""
CRASHES = 3
"""Times that a record must end its process before it counts as crashed: others end processes too."""
BREAKS = 20
"""Times in a row that a pool is replaced whose processes end without beginning a lot; then something else is wrong."""
UTF8_MOST = 4
"""Bytes of a character at most."""
POLL = 2
"""Seconds between looks at whether the pool is still there while waiting for it."""
WALL_FACTOR = 3
WALL_GRACE = 60
"""A process that has not answered after factor x CPU limit x records + grace seconds is killed."""


class TimeLimitError(BaseException):
    """A record used up its CPU time; no Exception, so that a library's broad handler lets it pass."""


@dataclass(frozen=True)
class Gate:
    """The language gate before extraction: labels to keep and the least score of a label."""

    keep: tuple[str, ...]
    min_score: float


@dataclass(frozen=True)
class Extraction:
    """Everything a pool process needs to turn a source's records into text."""

    source: Source
    gate: Gate | None = None
    tables: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 20
    time_limited: frozenset[str] = frozenset()
    document_bytes: int = 64 << 20


@dataclass(frozen=True)
class Lot:
    """Records of one source, in order."""

    extraction: str
    raws: Sequence[Raw]


Extracted = Document | Reject


@dataclass(frozen=True)
class _Scheduled:
    """A lot that waits for a process or is in one."""

    pool: KillableProcesses
    future: Future[tuple[list[Extracted], float]]

    def result(self) -> tuple[list[Extracted], float]:
        """The results and the CPU seconds they took.

        Raises:
            BrokenProcessPool: the pool was stopped or gave up; pebble answers only for lots that it had sent.
        """
        while not wait([self.future], POLL).done:
            if not self.pool.active:
                raise BrokenProcessPool
        return self.future.result()


class ExtractionPool:
    """`workers` processes that extract lots; results come back in the order of submission.

    Attributes:
        seconds: CPU seconds that lots took in the processes, by extraction.
    """

    def __init__(self, extractions: Mapping[str, Extraction], workers: int, memory: int) -> None:
        self.workers = workers
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._is_closed = False
        self._lock = Lock()
        self._limits = {name: extraction.seconds for name, extraction in extractions.items()}
        self._breaks = 0
        self._start = (dict(extractions), memory)
        self._pool = self._processes()

    def warm(self) -> None:
        """Start the processes now rather than with the first lot."""
        for _ in range(self.workers):
            self._pool.schedule(_warm)

    def submit(self, lot: Lot) -> Callable[[], list[Extracted]]:
        """Queue a lot; call what comes back to wait for its results, one per record."""
        scheduled = self._schedule(lot)
        return lambda: self._results(lot, scheduled)

    def close(self) -> None:
        """Stop the processes; whoever still waits for results gets an error, for they would be wrong."""
        self._is_closed = True
        self._pool.stop()
        self._pool.join()

    def _processes(self) -> KillableProcesses:
        return KillableProcesses(self.workers, start_fork_server(), _start, self._start, RECYCLE_LOTS)

    def _schedule(self, lot: Lot) -> _Scheduled:
        timeout = WALL_GRACE + WALL_FACTOR * self._limits[lot.extraction] * len(lot.raws)
        while True:
            pool = self._pool
            try:
                return _Scheduled(pool, pool.schedule(_extract_lot, args=(lot,), timeout=timeout))
            except RuntimeError:  # The pool is stopped or broken: pebble has one error for both.
                self._replace(pool)

    def _replace(self, broken: KillableProcesses) -> None:
        """Start other processes, unless that was done meanwhile: pebble gives up when an idle process is killed."""
        with self._lock:
            if self._is_closed:
                msg = "the extraction pool was stopped"
                raise RuntimeError(msg)
            if self._pool is not broken:
                return
            self._breaks += 1
            if self._breaks > BREAKS:
                msg = (
                    f"processes that extract text should live until they get work, but ended {self._breaks} times"
                    " before they began; look for what kills them (the system's memory, limits of the account)"
                )
                raise PileError(msg)
            broken.stop()
            broken.join()
            self._pool = self._processes()

    def _results(self, lot: Lot, scheduled: _Scheduled, trial: int = 1) -> list[Extracted]:
        is_crash = False
        try:
            results, seconds = scheduled.result()
        except BrokenProcessPool:
            return self._results(lot, self._schedule(lot), trial)
        except FutureTimeout:
            fate = Reject("time_limit", "the process did not answer and was killed")
        except ProcessExpired as error:
            is_crash = True
            fate = Reject("crashed", f"the process ended with exit code {error.exitcode}")
        except MemoryError:
            fate = Reject("memory_limit", "the process ran out of its address space")
        else:
            with self._lock:
                self.seconds[lot.extraction] += seconds
                self._breaks = 0
            return results
        if self._is_closed:
            msg = "the extraction pool was stopped"
            raise RuntimeError(msg)
        if len(lot.raws) == 1:
            if is_crash and trial < CRASHES:
                return self._results(lot, self._schedule(lot), trial + 1)
            return [fate]
        alone = [Lot(lot.extraction, [raw]) for raw in lot.raws]
        return [result for each in alone for result in self._results(each, self._schedule(each))]


@dataclass
class _Worker:
    """State of a pool process; `_start` sets it once."""

    extractions: Mapping[str, Extraction]
    language: LanguageModel | None = None


_worker: _Worker | None = None


def confine(memory: int) -> None:
    """Make this process one that hostile input may end: `memory` bytes of address space, no core, silent libraries."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, _out_of_time)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    # What libraries have to say quotes the records that they were fed.
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")


def _start(extractions: Mapping[str, Extraction], memory: int) -> None:
    global _worker  # A pool process has one state, set by its initializer.
    confine(memory)
    _worker = _Worker(extractions)
    for extraction in extractions.values():
        extraction.source.bind_tables({name: open_lookup(path) for name, path in extraction.tables.items()})
        extraction.source.warm()
    if any(extraction.gate for extraction in extractions.values()):
        _worker.language = LanguageModel.load(None)


def _warm() -> None:
    repair_texts(["“warm”"])


def _extract_lot(lot: Lot) -> tuple[list[Extracted], float]:
    if _worker is None:
        msg = "the pool process was not initialised"
        raise RuntimeError(msg)
    started = time.process_time()
    results = extract_lot(_worker.extractions[lot.extraction], lot.raws, _worker.language)
    return results, time.process_time() - started


def extract_lot(extraction: Extraction, raws: Sequence[Raw], language: LanguageModel | None) -> list[Extracted]:
    """Extract and repair records; pure but for the CPU clock of the time limit. One result per record, in order."""
    results: list[Extracted] = []
    for raw in raws:
        try:
            with _cpu_limit(extraction.seconds):
                results.append(_extract_one(extraction, raw, language))
        except TimeLimitError:
            results.append(Reject("time_limit", f"more than {extraction.seconds:g} CPU seconds"))
        except MemoryError:
            results.append(Reject("memory_limit", "out of address space"))
        except RecursionError:
            results.append(Reject("too_deep", "nested beyond the recursion limit"))
        except Exception as error:  # A parser's bug costs one record, which is counted and shown.
            results.append(Reject("error", f"{type(error).__name__}: {error}"))
    kept = [i for i, result in enumerate(results) if isinstance(result, Document)]
    repaired = repair_texts([results[i].text for i in kept])  # type: ignore[union-attr]
    for i, text in zip(kept, repaired, strict=True):
        # Most texts are too short to be too large whatever they are written in.
        if (
            len(text) * UTF8_MOST > extraction.document_bytes
            and (size := len(text.encode())) > extraction.document_bytes
        ):
            results[i] = Reject("too_large", f"{size:,} bytes of text, at most {extraction.document_bytes:,}")
        elif not text or text.isspace():
            results[i] = Reject("no_text")
        else:
            results[i] = Document(text, results[i].meta)  # type: ignore[union-attr]
    return results


def _extract_one(extraction: Extraction, raw: Raw, language: LanguageModel | None) -> Extracted:
    if extraction.gate and language:
        cheap = extraction.source.preview(raw)
        if cheap and not cheap.isspace():
            labels, scores = language.predict([cheap])
            if labels[0] not in extraction.gate.keep or scores[0] < extraction.gate.min_score:
                return Reject("language", f"{labels[0]} {scores[0]:.2f}")
    result = extraction.source.extract(raw)
    if isinstance(result, Document):
        return Document(_unicode_text(result.text), result.meta)
    return result


def _unicode_text(text: str) -> str:
    """The text without what is none: NULs, and lone surrogates, which cannot be written as UTF-8."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


@contextmanager
def _cpu_limit(seconds: float) -> Iterator[None]:
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _out_of_time(signum: int, frame: Any) -> None:
    raise TimeLimitError
