"""Twelve disturbed builds, each by another fault at another step; `make torture` does a hundred of all kinds."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FAULTS = (
    *("SIGKILL driver", "SIGTERM driver", "SIGKILL everything", "SIGKILL pool process", "no space"),
    *("2 % of writes fail", "stopped: block flipped", "finished: record flipped", "finished: shard cut"),
    *("takedown: SIGKILL driver", "tokenize otherwise: SIGKILL driver", "parquet again: export's record cut"),
)


def test_disturbed_builds_end_in_the_same_corpus():
    # In a process of its own, which forks: this one has threads.
    wanted = [argument for fault in FAULTS for argument in ("--fault", fault)]
    command = [sys.executable, "-m", "tests.torture", "--times", str(len(FAULTS)), "--mode", "in_memory, 2 workers"]
    done = subprocess.run([*command, *wanted], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" well\n") == len(FAULTS), done.stdout
