"""One torture: a build with a fault, then builds without until one ends well, then everything is checked."""

import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pile_builder.audit.verify import recorded_digest, verify_work
from pile_builder.storage import Store
from tests.torture import later
from tests.torture.checks import problems_of
from tests.torture.corpus import SERVERS
from tests.torture.damage import DAMAGE, damage
from tests.torture.later import LATER
from tests.torture.runs import Run, run_pile
from tests.torture.steps import FAULTS

MODES = {
    "in_memory, 1 worker": ("--workers", "1"),
    "in_memory, 2 workers": ("--workers", "2"),
    "multi_processing": ("--workers", "2", "--mode", "multi_processing"),
}
"""Arguments of `pile build` for each way of running it."""
PORTABLE = {runner: ("--workers", "2", "--runner", runner) for runner in SERVERS}
"""The same for runners with a program of their own."""
ON_PORTABLE = (
    "SIGKILL driver",
    "SIGTERM driver",
    "SIGINT driver",
    "SIGKILL everything",
    "no space",
    "2 % of writes fail",
)
"""Faults of builds on other runners: their workers are forked, and are killed in tests/runners."""
LATER_MODE = "in_memory, 2 workers"
AGAIN = 4
"""Runs without a fault after which a build must have come to its end."""
ONLY_WORKERS = "SIGKILL worker"


@dataclass
class Outcome:
    """How the disturbed run ended, how many more it took, and what is wrong with the result."""

    ended: str
    runs: int
    fired: str
    problems: list[str] = field(default_factory=list)


def kinds(mode: str) -> list[str]:
    """What can happen in a mode."""
    if mode in PORTABLE:
        return list(ON_PORTABLE)
    running = [name for name in FAULTS if name != "none" and (name != ONLY_WORKERS or mode == "multi_processing")]
    damages = [f"{when}: {kind}" for kind in DAMAGE for when in ("stopped", "finished")]
    return [*running, *damages, *(later.kinds() if mode == LATER_MODE else [])]


@dataclass
class Bench:
    """A manifest, a folder for builds, and the digest of undisturbed ones with the number of their steps."""

    manifest: Path
    folder: Path
    digest: str = ""
    steps: int = 0
    whole: Path = Path()
    later: dict[str, tuple[str, int]] = field(default_factory=dict)

    def build_undisturbed(self) -> None:
        """Find out what the others must come to."""
        self.whole = self.folder / "whole"
        run = self._run(self.whole, "in_memory, 2 workers")
        self._expect_well(run)
        self.digest, self.steps = recorded_digest(Store(str(self.whole))), run.steps

    def run_undisturbed(self, name: str) -> tuple[str, int]:
        """Digest of what a later command comes to, and the number of its steps."""
        if name not in self.later:
            if name == "takedown":
                (self.folder / "ids.txt").write_text("\n".join(later.some_ids(self.whole)) + "\n")
            run = self._command(name, out := self._before(name))
            self._expect_well(run)
            digest = LATER[name].digest(out)
            if LATER[name].is_build:
                shutil.rmtree(out)
                self._expect_well(self._command(name, out))
                if (fresh := LATER[name].digest(out)) != digest:
                    msg = f"{name}: digest {digest}, in an empty folder {fresh}"
                    raise RuntimeError(msg)
            self.later[name] = (digest, run.steps)
        return self.later[name]

    def torture_later(self, name: str, fault: str, seed: int) -> Outcome:
        """Disturb a command that changes a finished build or its exports, and run it until it ends well."""
        digest, steps = self.run_undisturbed(name)
        randomness = random.Random(f"{name} {fault} {seed}")
        out = self._before(name)
        if fault in LATER[name].damages:
            fired = damage(out, fault, randomness)
            run = self._command(name, out)
        else:
            run = self._command(name, out, fault, randomness.randrange(1, steps), seed)
            fired = run.fired
        outcome = Outcome(_ended(run), 1, fired, _wrong_end(run, fault))
        while outcome.runs <= AGAIN and (outcome.runs == 1 or run.status):
            run = self._command(name, out)
            outcome.runs += 1
        if run.status:
            outcome.problems.append(f"still ends with {run.status}:\n{run.said[-3000:]}")
            return outcome
        if (got := LATER[name].digest(out)) != digest:
            outcome.problems.append(f"{name}: digest {got}, expected {digest}")
        outcome.problems += problems_of(out, recorded_digest(Store(str(out))))
        return outcome

    def _copy(self) -> Path:
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(self.whole, out)
        return out

    def _before(self, name: str) -> Path:
        """A copy of the finished build, with all done that comes before a later command."""
        out = self._copy()
        for arguments in LATER[name].before:
            self._expect_well(self._run_in(out, arguments))
        return out

    def _command(self, name: str, out: Path, fault: str = "none", at: int = 0, seed: int = 0) -> Run:
        return self._run_in(out, LATER[name].command, fault, at, seed)

    def _run_in(self, out: Path, arguments: Sequence[str], fault: str = "none", at: int = 0, seed: int = 0) -> Run:
        given = [one.format(out=out, folder=self.folder) for one in arguments]
        return run_pile(given, out, self.folder / "log", fault, at, seed)

    def _expect_well(self, run: Run) -> None:
        if run.status:
            msg = f"an undisturbed run ended with {run.status}:\n{run.said}"
            raise RuntimeError(msg)

    def torture(self, kind: str, mode: str, seed: int) -> Outcome:
        """Disturb a build by `kind` at a step that follows from the seed, and see it to its end."""
        randomness = random.Random(f"{kind} {mode} {seed}")
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        at = randomness.randrange(1, self.steps)
        when, _, damaged = kind.partition(": ")
        if when in LATER:
            return self.torture_later(when, damaged, seed)
        name = ""
        if when == "finished":
            self._copy()
            name = damage(out, damaged, randomness)
            run = self._verify(out)
            if name.endswith(".zst") and name not in run.said and name.removeprefix("corpus/") not in run.said:
                return Outcome("not noticed", 1, name, [f"`pile verify` is silent about {name}:\n{run.said}"])
            if name.endswith(".zst"):
                # As the message says.
                (out / name).unlink(missing_ok=True)
        elif when == "stopped":
            run = self._run(out, mode, "SIGKILL driver", at, seed)
            name = damage(out, damaged, randomness)
        else:
            # There is a pool while blocks are read, which is about the first fifth.
            run = self._run(out, mode, kind, at // 6 if "pool" in kind else at, seed)
        fired = name or run.fired
        outcome = Outcome(_ended(run), 1, fired, _wrong_end(run, kind))
        while outcome.runs <= AGAIN and (outcome.runs == 1 or run.status):
            run = self._run(out, mode)
            outcome.runs += 1
        if run.status:
            outcome.problems.append(f"still ends with {run.status}:\n{run.said[-3000:]}")
        else:
            is_damaged = when in ("stopped", "finished")
            if is_damaged and list(verify_work(Store(str(out)))):
                # It was not needed on the way: whoever asks is told, and the next build makes it again.
                self._run(out, mode)
                outcome.runs += 1
            if name.endswith(".zst") and self._verify(out).status:
                # A shard of its right size that a stopped build had written: as the message says.
                (out / name).unlink()
                self._run(out, mode)
                outcome.runs += 1
            outcome.problems += problems_of(out, self.digest, was_damaged=is_damaged)
        return outcome

    def _run(self, out: Path, mode: str, fault: str = "none", at: int = 0, seed: int = 0) -> Run:
        arguments = ["build", str(self.manifest), "--out", str(out), *(MODES | PORTABLE)[mode]]
        return run_pile(arguments, out, self.folder / "log", fault, at, seed)

    def _verify(self, out: Path) -> Run:
        return run_pile(["verify", str(out)], out, self.folder / "log")


def _ended(run: Run) -> str:
    if run.status is None:
        return "hung"
    return "went on" if run.status == 0 else f"ended with {run.status}" if run.status > 0 else f"signal {-run.status}"


EXPECTED: dict[str, Callable[[Run], bool]] = {
    "SIGTERM driver": lambda run: run.status in (0, 143),
    "SIGINT driver": lambda run: run.status in (0, 130),
}


def _wrong_end(run: Run, kind: str) -> list[str]:
    problems = [f"outlived the driver: {command}" for command in run.survivors]
    if run.status is None:
        problems.append(f"hung:\n{run.said[-3000:]}")
    if not EXPECTED.get(kind, lambda _: True)(run):
        problems.append(f"ended with {run.status}:\n{run.said[-3000:]}")
    if "Traceback" in run.said and "No such file" not in run.said and kind.startswith("SIG"):
        problems.append(f"a traceback:\n{run.said[-3000:]}")
    return problems
