"""The most memory that a command and its descendants had, each for itself.

    python -m tests.peak_memory COMMAND ...

A process takes over its parent's peak when it is started, and a test runner's is large. So a small process stands
between: it runs the command, and ends with a line that says the highest resident size of a process below it.
"""

import resource
import subprocess
import sys


def run(command: list[str]) -> tuple[subprocess.CompletedProcess[str], int]:
    """Run a command; how it ended, and the largest resident size of any process of it, in bytes."""
    between = [sys.executable, "-m", "tests.peak_memory", *command]
    done = subprocess.run(between, capture_output=True, text=True, check=False)
    output, _, peak = done.stdout.rstrip("\n").rpartition("\n")
    return subprocess.CompletedProcess(command, done.returncode, output, done.stderr), int(peak)


if __name__ == "__main__":
    ended = subprocess.run(sys.argv[1:], check=False)
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024, flush=True)
    sys.exit(ended.returncode)
