"""Run the benchmarks: `python -m benchmarks [NAME ...]`. Without names all but rehearsal, and RESULTS.md is written."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import (
    audit_scale,
    beam_share,
    busy_processes,
    decontamination,
    dedup_files,
    dedup_quality,
    dedup_scale,
    extraction,
    index_merge,
    kernels,
    lookup,
    memory,
    rehearsal,
    source_speed,
    token_shards,
    web,
)
from benchmarks.report import DEDUP_PACKAGES, THEIR_PACKAGES, Result, markdown, plain_table
from benchmarks.settings import Settings

BENCHMARKS: Mapping[str, Callable[[Settings], Result]] = {
    "web": web.run,
    "extraction": extraction.run,
    "kernels": kernels.run,
    "decontamination": decontamination.run,
    "beam": beam_share.run,
    "busy": busy_processes.run,
    "memory": memory.run,
    "dedup": dedup_files.run,
    "dedup-scale": dedup_scale.run,
    "dedup-quality": dedup_quality.run,
    "tokens": token_shards.run,
    "index-merge": index_merge.run,
    "audit": audit_scale.run,
    "lookup": lookup.run,
    "sources": source_speed.run,
}
BY_NAME: Mapping[str, Callable[[Settings], Result]] = {"rehearsal": rehearsal.run}
"""Not among all of them: these take hours, and write reports of their own."""


def main() -> None:
    """Read the command line, run, print, keep."""
    logging.basicConfig(level=logging.ERROR)
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    known = {**BENCHMARKS, **BY_NAME}
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}")
    parser.add_argument("--datatrove", type=Path, default=Path(".bench/venv/bin/python"), help="Python with datatrove")
    parser.add_argument(
        "--dedup-tools", type=Path, default=Path(".bench/venv-dedup/bin/python"), help="Python with rensa, text-dedup"
    )
    parser.add_argument("--work", type=Path, default=Path(".bench/work"), help="folder for inputs and outputs")
    parser.add_argument("--repetitions", type=int, default=3)
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(known))
    if unknown:
        parser.error(f"unknown benchmark {unknown[0]!r}; there are {', '.join(known)}")
    needs_data = not arguments.names or set(arguments.names) - set(BY_NAME)
    if needs_data and not os.environ.get("PILE_DATA"):
        sys.exit("PILE_DATA: expected a folder with web/*.warc.gz and evals, it is not set")
    data = Path(os.environ.get("PILE_DATA", ""))
    datatrove, dedup_tools = arguments.datatrove.absolute(), arguments.dedup_tools.absolute()
    settings = Settings(data, datatrove, dedup_tools, arguments.work, arguments.repetitions)
    settings.work.mkdir(parents=True, exist_ok=True)
    results = []
    for name in arguments.names or BENCHMARKS:
        results.append(known[name](settings))
        print(plain_table(results[-1].rows), *results[-1].notes, "", sep="\n", flush=True)
    if not arguments.names:
        target = Path(__file__).with_name("RESULTS.md")
        theirs = {datatrove: THEIR_PACKAGES, dedup_tools: DEDUP_PACKAGES}
        target.write_text(markdown(results, theirs, "make bench", settings.repetitions))
        print(f"written to {target}")


if __name__ == "__main__":
    main()
