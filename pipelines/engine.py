"""Runs a phase: its tasks as a PCollection read from a file, retried, committed once each, watched from the driver."""

from __future__ import annotations

import logging
import shlex
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

import apache_beam as beam
import orjson

from pile_builder.commits import Commits
from pile_builder.environment import check_environment, environment
from pile_builder.errors import BudgetError, BuildError, LeaseLostError, PileError, StoreUnreachableError
from pile_builder.pipelines.runners.direct import DirectRunner
from pile_builder.pipelines.runners.runner import Construct, Runner
from pile_builder.pipelines.worker_processes import WorkerLostError
from pile_builder.runners.profile import Direct
from pile_builder.storage import Guard, Store, fingerprint

ATTEMPTS = 3
"""Times that a task is tried before it counts as failed."""
SHOWN = 10
"""Failures that an error lists."""
POLL_SECONDS = 0.2
REMOTE_POLL_SECONDS = 5.0
"""Between two looks at how far a phase is; a look at an object store is a request per 1,000 tasks."""
POLL_SHARE = 0.05
LONGEST_POLL_SECONDS = 60.0
"""A look that takes long is taken less often: at most that share of the time, but once a minute."""
Task = Mapping[str, Any]
Watch = Callable[[str, int, int, int], None]


def _unsaid(line: str) -> None:
    """Say nothing."""


def _agreed(question: str) -> bool:
    """Go on."""
    return True


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
        confirm: called with a question; whether to go on.
        command: of the user, to which `--task` can be added to run one task alone.
        task: if not empty, `PHASE:NAME` of the only task to run, in this process, its error shown as it is.
        shared: whether other processes work on other tasks of the same phases at the same time.
        guard: asked before each commit whether this may still be made, see `pile_builder.holding`.
    """

    workers: int = 2
    watch: Watch = _unwatched
    say: Callable[[str], None] = _unsaid
    confirm: Callable[[str], bool] = _agreed
    command: str = ""
    task: str = ""
    shared: bool = False
    guard: Guard | None = None
    runner: Runner = field(kw_only=True, default=None)  # type: ignore[assignment]  # set below, from `workers`
    corpus: str = field(kw_only=True, default="corpus")

    @property
    def quiet(self) -> RunOptions:
        """The same without a word on progress."""
        return replace(self, watch=_unwatched)

    def for_tasks(self, count: int) -> RunOptions:
        """The same with the runner for a phase of that many tasks."""
        return replace(self, runner=self.runner.for_tasks(count))

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
        self._is_over = False

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
            try:
                if self._is_over or self._commits.has(key):
                    return
                record = self._function(task)
                if self._commits.put(key, record):
                    self._function.committed(record)
            except LeaseLostError:
                # The folder is another builder's: not even a failure may be recorded there. The driver finds out too.
                self._is_over = True
                return
            except Exception as error:  # Recorded, listed at the end of the phase, and fails the build.
                is_final = isinstance(error, PileError) and not isinstance(error, StoreUnreachableError)
                if number < ATTEMPTS and not is_final:
                    continue
                # What the machine says needs no traceback: no space left, read-only, input/output error.
                is_said = isinstance(error, PileError | OSError)
                text = str(error) if is_said else traceback.format_exc(limit=-6)
                self._commits.fail(key, f"{task.get('name', key)}: {text}")
                return
            else:
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
    missing = [task for task in tasks if task["key"] not in done]
    phase, _, name = options.task.partition(":")
    if phase == commits.phase:
        _run_alone(commits, [task for task in tasks if task["name"] == name], function, options)
    run_phase(commits, missing, construct, options, expected)


def _run_alone(commits: Commits, tasks: Sequence[Task], function: TaskFunction, options: RunOptions) -> None:
    """Run tasks here and commit nothing; the first error passes as it is.

    Raises:
        PileError: there is no such task, or, once all is well, to end the run.
    """
    if not tasks:
        msg = (
            f"--task {options.task}: expected PHASE:NAME as a failed build prints it; {commits.phase} has no such task"
        )
        raise PileError(msg)
    function.setup()
    try:
        for task in tasks:
            function(task)
    finally:
        function.teardown()
    msg = f"--task {options.task}: it ran without error; nothing was committed, run the build without --task"
    raise PileError(msg)


def forget_run(commits: Commits, options: RunOptions, own: Set[str] = frozenset()) -> None:
    """Remove what an earlier run of a phase left beside its records: failures, notes of progress, lists of tasks.

    Args:
        commits: of the phase.
        options: say whether other processes work on it too, or a job that an earlier driver left at work.
        own: keys of the tasks that are not theirs.
    """
    commits.forget_run(own if options.shared else None)
    if options.shared or options.runner.outlives_driver:
        return
    for name in commits.store.names(f"work/{commits.phase}"):
        if name.startswith("todo-"):
            commits.store.remove(f"work/{commits.phase}/{name}")


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
        LeaseLostError: another builder took the folder over.
    """
    options = options.for_tasks(len(tasks))
    own = frozenset(expected)
    commits.check()
    forget_run(commits, options, own)
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
        except WorkerLostError as error:
            msg = f"phase {commits.phase}: {error}; what is done stays done, run the same command to go on"
            raise BuildError(msg) from error
        except PileError:
            raise
        except Exception as error:  # A step outside of any task broke; Beam hands over whatever it raised.
            commits.check()
            commits.store.check_writable()
            msg = f"phase {commits.phase} broke off: {''.join(traceback.format_exception(error, limit=-4))}"
            raise BuildError(msg) from error
        finally:
            # Its URLs may hold passwords and signatures. A job that goes on without this process needs it.
            if not options.runner.outlives_driver:
                commits.store.remove(todo)
        commits.store.remove(todo)
        commits.check()
    state = commits.state()
    missing = own - state.done
    if missing or state.failed & own:
        raise BuildError(_failed(commits.phase, commits.failures(own), missing, len(own), options))
    if state.noted:
        forget_run(commits, options, own)


def _failed(phase: str, failures: Mapping[str, str], missing: Set[str], expected: int, options: RunOptions) -> str:
    """What to tell of a phase that did not get to its end."""
    texts = sorted(text.strip() for text in failures.values())
    lines = [f"phase {phase}: {len(missing)} of {expected} tasks failed:", *(f"  {text}" for text in texts[:SHOWN])]
    if len(texts) > SHOWN:
        lines.append(f"  and {len(texts) - SHOWN} more")
    lines.append("What is done stays done; the next build retries only these.")
    if texts and options.command:
        name = texts[0].partition(": ")[0]
        lines.append(f"To see one fail alone: {options.command} --task {shlex.quote(f'{phase}:{name}')}")
    return "\n".join(lines)


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
        self._records: dict[str, int] = {}
        self._final: set[str] = set()
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
        least = POLL_SECONDS if self._commits.store.is_local else REMOTE_POLL_SECONDS
        wait = least
        while not self._over.wait(wait):
            start = time.monotonic()
            try:
                self._report()
            except StoreUnreachableError:
                # It only shows progress; the work itself says so if the store stays away.
                continue
            wait = min(max(least, (time.monotonic() - start) / POLL_SHARE), LONGEST_POLL_SECONDS)

    def _report(self) -> None:
        state = self._commits.state()
        done = state.done & self._expected
        # What a finished task noted is read once more, and then stays as it is.
        self._records |= self._commits.noted((state.noted & self._expected) - self._final)
        self._final |= state.noted & done
        self._options.watch(self._commits.phase, len(done), len(self._expected), sum(self._records.values()))
