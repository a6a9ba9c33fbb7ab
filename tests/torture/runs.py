"""Runs `pile` in processes that are forked from this one, which has everything imported, and watches them end."""

import ctypes
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from pile_builder import forkserver
from tests.conftest import register_toy
from tests.torture.steps import VARIABLE, Plan, group_of, install

CHECKOUT = Path(__file__).parents[2]
PR_SET_PDEATHSIG = 1
LIMIT_SECONDS = 1_800
"""A run that takes longer hangs."""
LINGER_SECONDS = 15
"""Processes of a run must be gone this long after its driver; a server that still imports sees its end after that."""


@dataclass
class Run:
    """How a run ended: exit status (negative: killed by that signal; None: hung), what it said, who outlived it.

    `fired` is the step at which the fault happened, empty if it did not; `steps` how many there were.
    """

    status: int | None
    said: str
    survivors: list[str]
    fired: str
    steps: int
    seconds: float


def import_everything() -> None:
    """What a build needs, so that forked runs need not import it."""
    for module in ("pyarrow.parquet", "pile_builder.cli", "pile_builder.console", "pile_builder.pipelines.build"):
        import_module(module)


def run_pile(arguments: Sequence[str], out: Path, log: Path, fault: str = "none", at: int = 0, seed: int = 0) -> Run:
    """Run `pile` with arguments; `fault` happens at step `at` of what it does to `out`."""
    for old in (log, Path(f"{log}.fired"), Path(f"{log}.said")):
        old.unlink(missing_ok=True)
    started = time.monotonic()
    child = os.fork()
    if not child:
        _become_pile(arguments, Plan(str(out), str(log), fault, at, seed, os.getpid()))
    status = _wait(child)
    survivors = _survivors(child)
    fired = Path(f"{log}.fired")
    return Run(
        status,
        Path(f"{log}.said").read_text(errors="replace"),
        survivors,
        fired.read_text() if fired.exists() else "",
        log.stat().st_size if log.exists() else 0,
        time.monotonic() - started,
    )


def _become_pile(arguments: Sequence[str], plan: Plan) -> None:
    try:
        # Whoever ends the tortures ends the tortured.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.setsid()
        said = os.open(f"{plan.log}.said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(said, 1)
        os.dup2(said, 2)
        os.chdir(CHECKOUT)
        os.environ["PYTHONPATH"] = f"{CHECKOUT}/tests/torture/site:{CHECKOUT}"
        plan.to_environment()
        # Lines of text need no parsers.
        forkserver.PRELOAD = ("pile_builder.pool", "pile_builder.text.repair", "tests.toy_source")
        register_toy()
        install(plan)
        from pile_builder.cli import main

        sys.argv = ["pile", *arguments]
        main()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(99)


def _wait(child: int) -> int | None:
    end = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _survivors(leader: int) -> list[str]:
    end = time.monotonic() + LINGER_SECONDS
    while (left := group_of(leader)) and time.monotonic() < end:
        time.sleep(0.05)
    for pid, _ in left:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return [command for _, command in left]


assert VARIABLE not in os.environ, "a tortured build tortures"
