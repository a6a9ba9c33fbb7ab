"""Checks a build of manifests/real-sample.yaml: books balance, every source gave text, rates lie where they should.

python tests/check_real_sample.py DIR
"""

import io
import sys
from collections import Counter
from pathlib import Path

import orjson
import zstandard

KEPT = {"common_crawl": (0.15, 0.35), "arxiv": (0.5, 1.0), "books": (0.5, 1.0), "github": (0.3, 1.0)}
"""Share of what is read that each source keeps, at least and at most."""


def check(folder: Path) -> list[str]:
    summary = orjson.loads((folder / "report" / "summary.json").read_bytes())
    problems = []
    for name, (least, most) in KEPT.items():
        source = summary["sources"][name]
        if source["read"] != source["kept"] + sum(source["dropped"].values()):
            problems.append(f"{name}: read {source['read']} is not kept {source['kept']} + dropped {source['dropped']}")
        if not least <= source["kept"] / source["read"] <= most:
            problems.append(f"{name}: kept {source['kept']} of {source['read']}, expected {least:.0%} to {most:.0%}")
    lines: Counter[str] = Counter()
    for path in sorted((folder / "corpus").rglob("*.jsonl.zst")):
        with path.open("rb") as file:
            reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
            for line in io.BufferedReader(reader):
                document = orjson.loads(line)
                lines[document["meta"]["pile_set_name"]] += 1
                if not document["text"].strip():
                    problems.append(f"{path.name}: an empty document")
    written = sum(split["pieces"] for split in summary["written"].values())
    if sum(lines.values()) != written:
        problems.append(f"the shards hold {sum(lines.values())} lines, the summary says {written}")
    if set(lines) != {"Pile-CC", "ArXiv", "Gutenberg (PG-19)", "Github"}:
        problems.append(f"sets found: {sorted(lines)}")
    return problems


if __name__ == "__main__":
    found = check(Path(sys.argv[1]))
    print("\n".join(found) or "real sample: as it should be")
    sys.exit(bool(found))
