"""Exports that `tests.readers.make_exports` left, read with the trainers' own libraries and nothing of this project.

Run by `make test-readers` in an environment that has those libraries; skipped where the exports are not there.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Shards = Callable[..., list[np.ndarray]]


@pytest.fixture(scope="session")
def exports() -> Path:
    """The folder with one folder per export."""
    if "PILE_EXPORTS" not in os.environ:
        pytest.skip("PILE_EXPORTS: `make test-readers` sets it")
    return Path(os.environ["PILE_EXPORTS"])


@pytest.fixture(scope="session")
def shards(exports: Path) -> Shards:
    """The expected stream of each shard of a split; of the `wide` tokenizer where the ids need 32 bits."""

    def of(split: str, tokenizer: str = "tokenizer") -> list[np.ndarray]:
        with np.load(exports / f"{tokenizer}.npz") as streams:
            names = sorted(name for name in streams.files if name.startswith(f"{split}-"))
            return [streams[name] for name in names]

    return of


@pytest.fixture(scope="session")
def end_id(exports: Path) -> int:
    """The end-of-document token."""
    with np.load(exports / "tokenizer.npz") as streams:
        return int(streams["end_id"])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Where the exports are, a reader that is not installed proves nothing, and that is a failure."""
    skipped = terminalreporter.stats.get("skipped", [])
    if "PILE_EXPORTS" in os.environ and any(isinstance(report, pytest.CollectReport) for report in skipped):
        terminalreporter.write_line("a trainer's library is missing; see requirements/readers.in", red=True)
        sys.exit(1)
