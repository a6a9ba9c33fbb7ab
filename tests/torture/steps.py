"""Steps of a build: every change to its folder, counted over all its processes, and a fault that comes at one of them.

An audit hook sees the changes before they are made, so that a fault comes between any two of them, and the same step
brings the same fault again. It may also make changes fail. Imports nothing that a process would not have anyway.
"""

import errno
import json
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

VARIABLE = "PILE_TORTURE"
"""Environment variable that tells every process of a build what is to happen to it."""
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_CHANGES = {"os.rename": 1, "os.link": 1, "os.remove": 0, "os.mkdir": 0, "os.rmdir": 0, "shutil.rmtree": 0}
"""Audit events that change a folder, and which of their arguments says where."""
SPARE_BYTES = 6 << 20


class Plan:
    """What is to happen: `fault` at step `at` to a build in `out`; `log` counts steps, a byte each."""

    def __init__(self, out: str, log: str, fault: str, at: int, seed: int = 0, driver: int = 0) -> None:
        self.out, self.log, self.fault, self.at, self.seed, self.driver = out, log, fault, at, seed, driver

    def to_environment(self) -> None:
        """Hand the plan to this process's children."""
        os.environ[VARIABLE] = json.dumps(vars(self))


def install_from_environment() -> None:
    """Install what `VARIABLE` says, if it says anything."""
    if VARIABLE in os.environ:
        install(Plan(**json.loads(os.environ[VARIABLE])))


def install(plan: Plan) -> None:
    """Watch this process."""
    log = os.open(plan.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    state = {"inside": False}
    randomness = random.Random(f"{plan.seed} {os.getpid() == plan.driver}")

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if state["inside"] or not _is_change(event, arguments, plan.out):
            return
        state["inside"] = True
        try:
            os.write(log, b".")
            number = os.fstat(log).st_size
            told = f"{number}: {event} {_short(arguments, plan.out)}"
            if number >= plan.at > 0:
                FAULTS[plan.fault](plan, told, randomness)
        finally:
            state["inside"] = False

    sys.addaudithook(hook)


def _is_change(event: str, arguments: tuple[Any, ...], out: str) -> bool:
    if event == "open":
        path, _, flags = arguments
        return isinstance(path, str) and path.startswith(out) and bool(flags & WRITES)
    at = _CHANGES.get(event)
    return at is not None and str(arguments[at]).startswith(out)


def _short(arguments: tuple[Any, ...], out: str) -> str:
    return " ".join(str(one).removeprefix(out) for one in arguments[:2] if isinstance(one, (str, os.PathLike)))


def once(act: Callable[[Plan, random.Random], object]) -> Callable[[Plan, str, random.Random], None]:
    """A fault that happens once; what it happened at is written beside the log."""

    def fire(plan: Plan, told: str, randomness: random.Random) -> None:
        try:
            marker = os.open(f"{plan.log}.fired", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            return
        os.write(marker, told.encode())
        os.close(marker)
        act(plan, randomness)

    return fire


def failing(number: int, share: float = 1.0) -> Callable[[Plan, str, random.Random], None]:
    """A fault that makes a share of all changes from its step on fail with an error of the machine."""
    note = once(lambda plan, randomness: None)

    def fire(plan: Plan, told: str, randomness: random.Random) -> None:
        if randomness.random() < share:
            note(plan, told, randomness)
            raise OSError(number, os.strerror(number), told)

    return fire


def kill_driver(number: int) -> Callable[[Plan, random.Random], None]:
    def act(plan: Plan, randomness: random.Random) -> None:
        os.kill(plan.driver, number)
        # It dies at once, or the main thread has to get to it first.
        time.sleep(0.02)

    return act


def kill_group(plan: Plan, randomness: random.Random) -> None:
    os.killpg(os.getpgid(plan.driver), signal.SIGKILL)


def kill_child(words: tuple[str, ...], number: int) -> Callable[[Plan, str, random.Random], None]:
    """A fault that kills a process of the build whose command line has one of some words, once there is one."""
    happens = once(lambda plan, randomness: None)

    def fire(plan: Plan, told: str, randomness: random.Random) -> None:
        if Path(f"{plan.log}.fired").exists():
            return
        found = [pid for pid, command in group_of(plan.driver) if any(word in command for word in words)]
        # The first of them is the server that the others are forked from.
        found = found[1:] if "forkserver" in words else found
        if found:
            happens(plan, told, randomness)
            os.kill(randomness.choice(found), number)

    return fire


def group_of(leader: int) -> list[tuple[int, str]]:
    """Living processes of a process group but its leader, with their command lines."""
    found = []
    for entry in sorted(int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()):
        try:
            stat = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            command = Path(f"/proc/{entry}/cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
        if stat[0] != "Z" and int(stat[2]) == leader and entry != leader:
            found.append((entry, command))
    return found


def out_of_memory(plan: Plan, randomness: random.Random) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + SPARE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))


def clock_jumps(plan: Plan, randomness: random.Random) -> None:
    real, shift = time.time, randomness.choice((-1, 1)) * randomness.uniform(3600, 48 * 3600)
    time.time = lambda: real() + shift


FAULTS: dict[str, Callable[[Plan, str, random.Random], None]] = {
    "none": lambda plan, told, randomness: None,
    "SIGKILL driver": once(kill_driver(signal.SIGKILL)),
    "SIGTERM driver": once(kill_driver(signal.SIGTERM)),
    "SIGINT driver": once(kill_driver(signal.SIGINT)),
    "SIGKILL everything": once(kill_group),
    "SIGKILL pool process": kill_child(("forkserver",), signal.SIGKILL),
    "SIGTERM pool process": kill_child(("forkserver",), signal.SIGTERM),
    "SIGKILL worker": kill_child(("sdk_worker",), signal.SIGKILL),
    "out of memory": once(out_of_memory),
    "no space": failing(errno.ENOSPC),
    "read-only": failing(errno.EROFS),
    "2 % of writes fail": failing(errno.EIO, 0.02),
    "clock jumps": once(clock_jumps),
}
"""Faults that happen while a build runs, by name."""
