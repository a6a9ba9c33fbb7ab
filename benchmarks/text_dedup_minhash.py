"""Near-duplicates by text-dedup: jsonl files to deduplicated jsonl. Run by the interpreter that has text-dedup.

    python text_dedup_minhash.py INPUT OUT [--workers 2]

The command of its README, `python -m text_dedup.minhash`, in this process: 5-grams of words, 14 bands of 8 rows, the
faster of its hashes. It drops what shares a band, and gives a folder of the library datasets, which is written as jsonl
here. Writes OUT/counts.json with the documents read and kept, and OUT/kept/kept.jsonl.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from datasets import load_from_disk
from text_dedup.minhash import main as minhash

MINHASH = "--column text --ngram 5 --num_perm 112 --b 14 --r 8 --threshold 0.7 --hash_func xxh3 --hash_bits 32"


def main() -> None:
    """Run text-dedup on a cache of its own, and write what it kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("input", type=Path, help="folder with *.jsonl")
    parser.add_argument("out", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    workers = str(arguments.workers)
    deduplicated, kept = arguments.out / "deduplicated", arguments.out / "kept" / "kept.jsonl"
    source = ["--path", "json", "--data_files", str(arguments.input / "*.jsonl"), "--split", "train"]
    places = ["--cache_dir", str(arguments.out / "cache"), "--output", str(deduplicated), "--num_proc", workers]
    minhash([*source, *places, *MINHASH.split()], standalone_mode=False)
    kept.parent.mkdir()
    load_from_disk(str(deduplicated)).to_json(str(kept), force_ascii=False)
    counts = {"read": sum(map(lines, arguments.input.glob("*.jsonl"))), "kept": lines(kept)}
    (arguments.out / "counts.json").write_text(json.dumps(counts))


def lines(path: Path) -> int:
    """Documents in a jsonl file."""
    with path.open("rb") as file:
        return sum(1 for _ in file)


if __name__ == "__main__":
    main()
