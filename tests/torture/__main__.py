"""`python -m tests.torture`: tortures builds and writes what came of it to benchmarks/TORTURE.md."""

import argparse
import platform
import random
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from fnmatch import fnmatch
from pathlib import Path

TABLE = Path(__file__).parents[2] / "benchmarks" / "TORTURE.md"


def main() -> int:
    """Run the tortures that were asked for; returns the exit status, 1 if there was a problem."""
    from tests.torture.corpus import make_corpus, servers
    from tests.torture.runs import import_everything
    from tests.torture.tortures import MODES, PORTABLE, Bench, Outcome, kinds

    parser = argparse.ArgumentParser(prog="python -m tests.torture")
    parser.add_argument("--times", type=int, default=100, help="how many builds are disturbed")
    parser.add_argument("--seed", type=int, default=0)
    there = [*MODES, *(runner for runner in PORTABLE if runner in servers())]
    parser.add_argument("--mode", action="append", choices=there, help="only these")
    parser.add_argument("--fault", action="append", help="only these faults, by pattern")
    parser.add_argument("--write", action="store_true", help=f"write {TABLE.name}")
    arguments = parser.parse_args()
    import_everything()
    # Processes for each phase start slowly: a tenth of the builds runs so.
    weighted = [(mode, 4.5 if mode.startswith("in_memory") else 1) for mode in arguments.mode or there]
    randomness = random.Random(arguments.seed)
    found: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    started = time.monotonic()
    queues: dict[str, list[str]] = defaultdict(list)
    # No TemporaryDirectory: what is forked from here would remove it at its exit.
    folder = tempfile.mkdtemp(prefix="pile-torture-")
    try:
        bench = Bench(make_corpus(Path(folder)), Path(folder))
        bench.build_undisturbed()
        for number in range(arguments.times):
            (mode,) = randomness.choices([mode for mode, _ in weighted], [weight for _, weight in weighted])
            if not queues[mode]:
                queues[mode] = [kind for kind in kinds(mode) if _is_wanted(kind, arguments.fault)]
                randomness.shuffle(queues[mode])
            kind = queues[mode].pop()
            outcome = bench.torture(kind, mode, number + arguments.seed)
            found[kind, mode].append(outcome)
            said = "; ".join(outcome.problems) or "well"
            line = f"{number + arguments.seed:4} {mode:21} {kind:27} {outcome.ended:15} {outcome.runs} runs"
            print(f"{line}  [{outcome.fired[:90]}] {said}", flush=True)
    finally:
        shutil.rmtree(folder)
    if arguments.write:
        TABLE.write_text(table(found, arguments.times, time.monotonic() - started))
    return int(any(outcome.problems for outcomes in found.values() for outcome in outcomes))


def _is_wanted(kind: str, wanted: list[str] | None) -> bool:
    return not wanted or any(fnmatch(kind, pattern) for pattern in wanted)


def table(found: dict, times: int, seconds: float) -> str:
    """The page with the results."""
    lines = [
        "# Disturbed builds",
        "",
        f"{times} builds of a small corpus (every phase, a subset, records that end their process or fill it) and of",
        "what comes after (takedowns, exports, another manifest), each disturbed once at a step drawn by seed, run",
        "again until it ended. Checked each time: the digest of the undisturbed one, `pile verify`, books, nothing",
        "left over, every object that a record names there and whole, no line twice, no process left. `make torture`",
        "writes this page.",
        "",
        "| fault | mode | times | the disturbed run | runs to the end | problems |",
        "|---|---|---|---|---|---|",
    ]
    for (kind, mode), outcomes in sorted(found.items()):
        counts = sorted(Counter(one.ended for one in outcomes).items())
        ended = ", ".join(f"{ended} ({count}x)" for ended, count in counts)
        problems = sum(bool(one.problems) for one in outcomes)
        runs = max(one.runs for one in outcomes)
        lines.append(f"| {kind} | {mode} | {len(outcomes)} | {ended} | {runs} | {problems or 'none'} |")
    lines += ["", f"Python {platform.python_version()}, {seconds / 60:.0f} minutes."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
