"""Near-duplicates by rensa: jsonl files to deduplicated jsonl. Run by the interpreter that has rensa.

    python rensa_dedup.py INPUT OUT [--workers 2]

`RMinHashDeduplicator.add_pairs`, by which rensa's README keeps unique documents, over 5-grams of the words between
white space; 128 permutations in 16 bands, so 8 rows as in the other tools. It compares the estimates of candidates with
the threshold and keeps the first of similar documents. Words are cut and joined by one thread, since that is Python's
part. Lines stay in memory and are written as they were. Writes OUT/counts.json with the documents read and kept, and
OUT/kept/*.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
from itertools import chain, compress
from pathlib import Path

import orjson
from rensa import RMinHashDeduplicator


def main() -> None:
    """Read, find the documents that stay, write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("input", type=Path, help="folder with *.jsonl")
    parser.add_argument("out", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    os.environ["RAYON_NUM_THREADS"] = str(arguments.workers)
    lines: dict[str, list[bytes]] = {}
    for path in sorted(arguments.input.glob("*.jsonl")):
        with path.open("rb") as file:
            lines[path.name] = file.readlines()
    deduplicator = RMinHashDeduplicator(threshold=0.7, num_perm=128, use_lsh=True, num_bands=16)
    documents = enumerate(chain.from_iterable(lines.values()))
    flags = deduplicator.add_pairs((str(number), shingles(orjson.loads(line)["text"])) for number, line in documents)
    (arguments.out / "kept").mkdir(parents=True)
    stays = iter(flags)
    for name, own in lines.items():
        with (arguments.out / "kept" / name).open("wb") as file:
            file.writelines(compress(own, stays))
    (arguments.out / "counts.json").write_text(json.dumps({"read": len(flags), "kept": sum(flags)}))


def shingles(text: str) -> list[str]:
    """5-grams of words; a shorter text as a whole."""
    words = text.split()
    return list(map(" ".join, zip(words, words[1:], words[2:], words[3:], words[4:]))) or [" ".join(words)]  # noqa: B905


if __name__ == "__main__":
    main()
