"""Near-duplicates by datatrove's MinHash: jsonl files to deduplicated jsonl. Run by the interpreter that has datatrove.

    python datatrove_dedup.py INPUT OUT [--workers 2]

The four stages of datatrove's own example, with the parameters of FineWeb: 5-grams of words, 14 buckets of 8 hashes.
Writes OUT/counts.json with the documents read and kept, and OUT/kept/*.jsonl.gz.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path
from typing import Any

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.utils.hashing import HashConfig


def main() -> None:
    """Run the four jobs one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("input", help="folder with *.jsonl")
    parser.add_argument("out", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    folder = {name: str(arguments.out / name) for name in ("signatures", "buckets", "clusters", "kept")}
    workers = arguments.workers
    config = MinhashConfig(hash_config=HashConfig(precision=64), n_grams=5, num_buckets=14, hashes_per_bucket=8)

    def run(name: str, tasks: int, *steps: Any) -> None:
        LocalPipelineExecutor(
            list(steps), tasks=tasks, workers=workers, logging_dir=str(arguments.out / "logs" / name)
        ).run()

    reader = JsonlReader(arguments.input, glob_pattern="*.jsonl")
    run("signatures", workers, reader, MinhashDedupSignature(folder["signatures"], config=config))
    run("buckets", config.num_buckets, MinhashDedupBuckets(folder["signatures"], folder["buckets"], config=config))
    run("cluster", 1, MinhashDedupCluster(folder["buckets"], folder["clusters"], config=config))
    run("filter", workers, reader, MinhashDedupFilter(folder["clusters"]), JsonlWriter(folder["kept"]))
    counts = {
        "read": sum(lines(path) for path in sorted(Path(arguments.input).glob("*.jsonl"))),
        "kept": sum(lines(path) for path in sorted(Path(folder["kept"]).glob("*.jsonl.gz"))),
    }
    (arguments.out / "counts.json").write_text(json.dumps(counts))


def lines(path: Path) -> int:
    """Documents in a jsonl file."""
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        return sum(1 for _ in file)


if __name__ == "__main__":
    main()
