"""One torture: a build with a fault, then builds without until one ends well, then everything is checked."""

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pile_builder.audit.verify import recorded_digest
from pile_builder.storage import Store
from tests.torture.checks import problems_of
from tests.torture.damage import DAMAGE, damage
from tests.torture.runs import Run, run_pile
from tests.torture.steps import FAULTS

MODES = {
    "in_memory, 1 worker": ("--workers", "1"),
    "in_memory, 2 workers": ("--workers", "2"),
    "multi_processing": ("--workers", "2", "--mode", "multi_processing"),
}
"""Arguments of `pile build` for each way of running it."""
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
    running = [name for name in FAULTS if name != "none" and (name != ONLY_WORKERS or mode == "multi_processing")]
    return [*running, *(f"{when}: {kind}" for kind in DAMAGE for when in ("stopped", "finished"))]


@dataclass
class Bench:
    """A manifest, a folder for builds, and the digest of undisturbed ones with the number of their steps."""

    manifest: Path
    folder: Path
    digest: str = ""
    steps: int = 0
    whole: Path = Path()

    def build_undisturbed(self) -> None:
        """Find out what the others must come to."""
        self.whole = self.folder / "whole"
        run = self._run(self.whole, "in_memory, 2 workers")
        if run.status:
            msg = f"the undisturbed build ended with {run.status}:\n{run.said}"
            raise RuntimeError(msg)
        self.digest, self.steps = recorded_digest(Store(str(self.whole))), run.steps

    def torture(self, kind: str, mode: str, seed: int) -> Outcome:
        """Disturb a build by `kind` at a step that follows from the seed, and see it to its end."""
        randomness = random.Random(f"{kind} {mode} {seed}")
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        at = randomness.randrange(1, self.steps)
        when, _, damaged = kind.partition(": ")
        name = ""
        if when == "finished":
            shutil.copytree(self.whole, out)
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
            outcome.problems += problems_of(out, self.digest)
        return outcome

    def _run(self, out: Path, mode: str, fault: str = "none", at: int = 0, seed: int = 0) -> Run:
        arguments = ["build", str(self.manifest), "--out", str(out), *MODES[mode]]
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
