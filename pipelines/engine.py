"""Runs a phase: its tasks as a PCollection read from a file, retried, committed once each, watched from the driver."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import apache_beam as beam
import orjson
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import fn_runner

from pile_builder.errors import BuildError, PileError
from pile_builder.storage import Commits, Store, fingerprint

ATTEMPTS = 3
"""Times that a task is tried before it counts as failed."""
POLL_SECONDS = 0.2
Task = Mapping[str, Any]
Watch = Callable[[str, int, int, int], None]


def _unsaid(line: str) -> None:
    """Say nothing."""


def _unwatched(phase: str, done: int, total: int, records: int) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class RunOptions:
    """How phases run on this machine.

    Attributes:
        workers: Beam threads (or processes), and processes of the extraction pool.
        mode: `in_memory` runs bundles on threads of this process, `multi_processing` starts SDK processes.
        watch: called as (phase, tasks done, tasks in all, records read) while a phase runs; records are 0 where tasks
            are short.
        say: called with lines for the user: what is redone and why.
    """

    workers: int = 2
    mode: str = "in_memory"
    watch: Watch = _unwatched
    say: Callable[[str], None] = _unsaid


@dataclass
class ReadTasks(beam.PTransform):
    """The tasks of a phase from its work list, spread over the workers."""

    path: str

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection[Task]:
        """From the pipeline's root to task dictionaries."""
        # Grouped by line number: what Create and Reshuffle do, in half the stages, which counts in a phase of a second.
        lines = root | beam.Impulse() | "Read" >> beam.FlatMap(lambda _: enumerate(read_lines(self.path)))
        return lines | "Spread" >> beam.GroupByKey() | "Tasks" >> beam.FlatMap(itemgetter(1))


def single(value: Any) -> beam.PTransform:
    """A collection of one small value, without the stages in which Create splits what it reads."""
    return _Single(value)


@dataclass
class _Single(beam.PTransform):
    value: Any

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection[Any]:
        return root | beam.Impulse() | beam.Map(lambda _: self.value)


def read_lines(path: str) -> Iterator[dict[str, Any]]:
    """JSON objects, one a line."""
    folder, name = path.rsplit("/", 1)
    with Store(folder).open(name) as stream:
        for line in stream:
            yield orjson.loads(line)


class TaskFunction:
    """What a phase does to one task: `__call__(task)` returns the record to commit. Travels to workers by pickle."""

    def setup(self) -> None:
        """Get ready in a worker, once."""

    def teardown(self) -> None:
        """Let go of what `setup` took."""

    def __call__(self, task: Task) -> Mapping[str, Any]:
        """Do the work; what it writes before it returns counts only once the record is committed."""
        raise TypeError

    def committed(self, record: Mapping[str, Any]) -> None:
        """Commit what may follow only once this very record stands."""


class CommitTasks(beam.DoFn):
    """Runs tasks that are not committed yet and commits their records."""

    def __init__(self, commits: Commits, function: TaskFunction) -> None:
        self._commits = commits
        self._function = function

    def setup(self) -> None:
        """Ready the function."""
        self._function.setup()

    def teardown(self) -> None:
        """Release the function."""
        self._function.teardown()

    def process(self, task: Task) -> None:
        """Run one task; after the last failed attempt leave a failure record for the driver to list."""
        key = task["key"]
        for number in range(1, ATTEMPTS + 1):
            if self._commits.has(key):
                return
            try:
                record = self._function(task)
                if self._commits.put(key, record):
                    self._function.committed(record)
            except Exception as error:  # Recorded, listed at the end of the phase, and fails the build.
                if number < ATTEMPTS and not isinstance(error, PileError):
                    continue
                text = str(error) if isinstance(error, PileError) else traceback.format_exc(limit=-6)
                self._commits.fail(key, f"{task.get('name', key)}: {text}")
                return


def run_tasks(
    commits: Commits, expected: Sequence[str], tasks: Sequence[Task], function: TaskFunction, options: RunOptions
) -> None:
    """Run a phase of independent tasks, each a JSON-able dictionary with a `key` and a `name`.

    Raises:
        BuildError: tasks failed; the message lists them.
    """

    def construct(elements: beam.PCollection[Task]) -> None:
        _ = elements | commits.phase >> beam.ParDo(CommitTasks(commits, function))

    done = commits.done()
    run_phase(commits, [task for task in tasks if task["key"] not in done], construct, options, expected)


def run_phase(
    commits: Commits,
    tasks: Sequence[Task],
    construct: Callable[[beam.PCollection[Task]], object],
    options: RunOptions,
    expected: Sequence[str],
) -> None:
    """Run a phase over `tasks`; afterwards the keys in `expected` must be committed.

    Raises:
        BuildError: some are not; the message lists them.
    """
    commits.forget_failures()
    commits.forget_notes()
    if tasks:
        lines = b"".join(orjson.dumps(task) + b"\n" for task in tasks)
        todo = f"work/{commits.phase}/todo-{fingerprint([task['key'] for task in tasks])}.jsonl"
        commits.store.write(todo, lines)
        try:
            with _watching(commits, expected, options):
                run_pipeline(lambda root: construct(root | ReadTasks(commits.store.path(todo))), options)
        except Exception as error:  # A step outside of any task broke; Beam hands over whatever it raised.
            msg = f"phase {commits.phase} broke off: {''.join(traceback.format_exception(error, limit=-4))}"
            raise BuildError(msg) from error
        finally:
            # Its URLs may hold passwords and signatures.
            commits.store.remove(todo)
        commits.forget_notes()
    failures = commits.failures()
    missing = set(expected) - commits.done()
    if failures or missing:
        shown = "\n".join(f"  {text.strip()}" for text in list(failures.values())[:10])
        msg = (
            f"phase {commits.phase}: {len(missing)} of {len(expected)} tasks failed:\n{shown}\n"
            "What is done stays done; the next build retries only these."
        )
        raise BuildError(msg)


def run_pipeline(construct: Callable[[beam.Pipeline], object], options: RunOptions) -> None:
    """Construct a pipeline and run it to its end on this machine."""
    logging.getLogger("apache_beam").setLevel(logging.ERROR)
    flags = [f"--direct_num_workers={options.workers}", f"--direct_running_mode={options.mode}"]
    pipeline = beam.Pipeline(runner=fn_runner.FnApiRunner(), options=PipelineOptions(flags))
    construct(pipeline)
    pipeline.run().wait_until_finish()


class _watching:  # noqa: N801
    """Reports how many of a phase's tasks are committed, while the block runs."""

    def __init__(self, commits: Commits, expected: Sequence[str], options: RunOptions) -> None:
        self._commits, self._expected, self._options = commits, frozenset(expected), options
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self._report()
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._report()

    def _watch(self) -> None:
        while not self._over.wait(POLL_SECONDS):
            self._report()

    def _report(self) -> None:
        done = len(self._commits.done() & self._expected)
        records = sum(self._commits.noted().values())
        self._options.watch(self._commits.phase, done, len(self._expected), records)
