"""One torture: a build with a fault, then builds without until one ends well, then everything is checked."""

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pyarrow.parquet as pq

from pile_builder.audit.exports import exports_in, verify_any
from pile_builder.audit.verify import recorded_digest, verify_work
from pile_builder.storage import Store
from tests.torture.checks import problems_of
from tests.torture.corpus import SERVERS
from tests.torture.damage import DAMAGE, damage
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
LATER = ("SIGKILL driver", "SIGTERM driver", "no space", "2 % of writes fail")
"""What happens to the commands that change a finished build."""
COMMANDS = {
    "takedown": ("takedown", "{out}", "--ids", "{folder}/ids.txt", "--yes", "--by", "them", "--why", "they asked"),
    "tokenize": (
        *("tokenize", "{out}", "--format", "megatron", "--format", "parquet", "--tokenizer", "{folder}/bpe.json"),
        *("--out", "{out}/tokens"),
    ),
}
"""Commands that change a finished build."""


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
    later = [f"{command}: {fault}" for command in COMMANDS for fault in LATER] if mode == LATER_MODE else []
    return [*running, *damages, *later]


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

    def run_undisturbed(self, command: str) -> tuple[str, int]:
        """Digest of what a command makes of the finished build, and the number of its steps."""
        if command not in self.later:
            if command == "takedown":
                ids = sorted(written_ids(self.whole))
                (self.folder / "ids.txt").write_text("\n".join(ids[:: len(ids) // 4]) + "\n")
            else:
                train = ["tokenizer", "train", str(self.whole), "--vocabulary", "300", "--out"]
                self._expect_well(run_pile([*train, f"{self.folder}/bpe.json"], self.whole, self.folder / "log"))
            out = self._copy()
            run = self._command(command, out)
            self._expect_well(run)
            self.later[command] = (self._digest(command, out), run.steps)
        return self.later[command]

    def torture_later(self, command: str, fault: str, seed: int) -> Outcome:
        """Disturb a command that changes a finished build, and run it until it ends well."""
        digest, steps = self.run_undisturbed(command)
        out = self._copy()
        run = self._command(command, out, fault, random.Random(f"{command} {fault} {seed}").randrange(1, steps), seed)
        outcome = Outcome(_ended(run), 1, run.fired, _wrong_end(run, fault))
        while outcome.runs <= AGAIN and (outcome.runs == 1 or run.status):
            run = self._command(command, out)
            outcome.runs += 1
        if run.status:
            outcome.problems.append(f"still ends with {run.status}:\n{run.said[-3000:]}")
            return outcome
        if (got := self._digest(command, out)) != digest:
            outcome.problems.append(f"{command}: digest {got}, expected {digest}")
        outcome.problems += problems_of(out, recorded_digest(Store(str(out))))
        return outcome

    def _copy(self) -> Path:
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(self.whole, out)
        return out

    def _command(self, command: str, out: Path, fault: str = "none", at: int = 0, seed: int = 0) -> Run:
        arguments = [one.format(out=out, folder=self.folder) for one in COMMANDS[command]]
        return run_pile(arguments, out, self.folder / "log", fault, at, seed)

    def _digest(self, command: str, out: Path) -> str:
        if command == "takedown":
            return recorded_digest(Store(str(out)))
        exports = [name for name in exports_in(Store(str(out))) if name]
        for name in exports:
            for check in verify_any(Store(f"{out}/{name}"), Store(str(out))):
                if check.problems:
                    return f"{name}: {check.name}: {check.problems}"
        return " ".join(orjson.loads((out / name / "export.json").read_bytes())["digest"] for name in sorted(exports))

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
        if when in COMMANDS:
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


def written_ids(out: Path) -> list[str]:
    """Ids of all documents of a finished build's shards."""
    return [
        one
        for path in (out / "work" / "assemble" / "objects").iterdir()
        for one in pq.read_table(path, columns=["id"])["id"].to_pylist()
    ]


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
