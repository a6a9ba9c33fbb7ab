"""What the benchmarks are told: where things lie, and how often to measure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.inputs import write_warcs


@dataclass(frozen=True)
class Settings:
    """A run of the benchmarks.

    Attributes:
        data: folder with web/*.warc.gz, and evals, the files that manifests/evals name.
        datatrove: the Python interpreter that has datatrove.
        dedup_tools: the Python interpreter that has rensa and text-dedup.
        work: folder for inputs and outputs.
        repetitions: how often each time is measured.
    """

    data: Path
    datatrove: Path
    dedup_tools: Path
    work: Path
    repetitions: int

    def input(self, copies: int) -> Path:
        """A folder with the WARC files in `copies` copies."""
        return write_warcs(self.data, self.work / f"input-{copies}", copies)
