"""Runs a phase: its tasks as a PCollection read from a file, retried, committed once each, watched from the driver."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

import apache_beam as beam
import orjson

from pile_builder.environment import check_environment, environment
from pile_builder.errors import BudgetError, BuildError, PileError
from pile_builder.pipelines.runners.direct import DirectRunner
from pile_builder.pipelines.runners.runner import Construct, Runner
from pile_builder.runners.profile import Direct
from pile_builder.storage import Commits, Store, fingerprint

ATTEMPTS = 3
"""Times that a task is tried before it counts as failed."""
POLL_SECONDS = 0.2
POLL_SHARE = 50
"""Progress is looked at every so many seconds, or every so many times as long as looking takes."""
Task = Mapping[str, Any]
Watch = Callable[[str, int, int, int], None]


def _unsaid(line: str) -> None:
    """Say nothing."""


def _unwatched(phase: str, done: int, total: int, records: int) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class RunOptions:
    """Where and how phases run.

    Attributes:
        workers: threads and processes on this machine.
        runner: runs their pipelines; by default Beam's own, on `workers` threads of this process.
        corpus: name of what is built, the first part of every job's name.
        watch: called as (phase, tasks done, tasks in all, records read) while a phase runs; records are 0 where tasks
            are short.
        say: called with lines for the user: what is redone and why.
        shared: whether other processes work on other tasks of the same phases at the same time.
    """

    workers: int = 2
    watch: Watch = _unwatched
    say: Callable[[str], None] = _unsaid
    shared: bool = False
    runner: Runner = field(kw_only=True, default=None)  # type: ignore[assignment]  # set below, from `workers`
    corpus: str = field(kw_only=True, default="corpus")

    @property
    def quiet(self) -> RunOptions:
        """The same without a word on progress."""
        return replace(self, watch=_unwatched)

    def __post_init__(self) -> None:
        if self.runner is None:
            object.__setattr__(self, "runner", DirectRunner(Direct(), self.workers))
        self.runner.say = self.say


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
        self._environment = environment()

    def setup(self) -> None:
        """Ready the function, in a worker that must be like the machine that pickled it."""
        check_environment(self._environment)
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
    own = frozenset(expected)
    mine = own if options.shared else None
    commits.forget_failures(mine)
    commits.forget_notes(mine)
    if tasks:
        lines = b"".join(orjson.dumps(task) + b"\n" for task in tasks)
        todo = f"work/{commits.phase}/todo-{fingerprint([task['key'] for task in tasks])}.jsonl"
        commits.store.write(todo, lines)
        try:
            with _watching(commits, expected, options):
                job = f"{options.corpus}-{commits.phase}-{where_key(commits.store)}{fingerprint(sorted(expected))[:16]}"
                run_pipeline(lambda root: construct(root | ReadTasks(commits.store.path(todo))), options, job)
        except BudgetError as error:
            left = len(set(expected) - commits.done())
            msg = (
                f"{error} {commits.phase}: {len(expected) - left:,} of {len(expected):,} tasks are committed, {left:,} "
                "remain, and the phases after it (`pile status` lists them). The next `pile build` goes on from there; "
                "to let it spend more, raise `budget` in the runner's profile."
            )
            raise BudgetError(msg) from error
        except PileError:
            raise
        except Exception as error:  # A step outside of any task broke; Beam hands over whatever it raised.
            msg = f"phase {commits.phase} broke off: {''.join(traceback.format_exception(error, limit=-4))}"
            raise BuildError(msg) from error
        commits.store.remove(todo)
        commits.forget_notes(mine)
    failures = {key: text for key, text in commits.failures().items() if key in own}
    missing = own - commits.done()
    if failures or missing:
        shown = "\n".join(f"  {text.strip()}" for text in list(failures.values())[:10])
        msg = (
            f"phase {commits.phase}: {len(missing)} of {len(expected)} tasks failed:\n{shown}\n"
            "What is done stays done; the next build retries only these."
        )
        raise BuildError(msg)


def where_key(store: Store) -> str:
    """What the fingerprints of a folder's jobs begin with: two builds of one manifest are not each other's."""
    return fingerprint(store.root.rstrip("/"))[:8]


def run_pipeline(construct: Construct, options: RunOptions, job: str) -> None:
    """Construct a pipeline and run it to its end, as the job of that name."""
    logging.getLogger("apache_beam").setLevel(logging.ERROR)
    options.runner.run(construct, job)


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
        pause = POLL_SECONDS
        while not self._over.wait(pause):
            began = time.monotonic()
            self._report()
            # Looking takes longer the more tasks there are, and shall not take the machine from them.
            pause = max(POLL_SECONDS, POLL_SHARE * (time.monotonic() - began))

    def _report(self) -> None:
        done = len(self._commits.done() & self._expected)
        records = sum(count for key, count in self._commits.noted().items() if key in self._expected)
        self._options.watch(self._commits.phase, done, len(self._expected), records)
