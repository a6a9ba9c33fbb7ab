"""Counts a finished corpus again with zstandard, json and pyarrow alone: from its shards, and from its block files."""

import bisect
import io
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import zstandard

BYTE_EDGES = [1, 2, 3, 4, 6, 7, 8, 10, 13, 16, 20, 26, 32, 40, 51, 64, 80, 100, 126, 159, 200, 252, 317, 399, 502, 631]
BYTE_EDGES += [795, 1000, 1259, 1585, 1996, 2512, 3163, 3982, 5012, 6310, 7944, 10_000, 12_590, 15_849, 19_953, 25_119]


@dataclass
class Shards:
    """What the lines of a corpus hold, by set name."""

    lines: dict[str, dict[str, Counter[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Counter)))
    shard_bytes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def texts(self, name: str, *splits: str) -> Counter[str]:
        """How often each text of a set is written in some splits, in all if none is named."""
        return sum((self.lines[split][name] for split in splits or tuple(self.lines)), Counter())

    def size(self, name: str, *splits: str) -> int:
        """UTF-8 bytes of all lines."""
        return sum(count * len(text.encode()) for text, count in self.texts(name, *splits).items())


def read_shards(out: Path) -> Shards:
    """Every line of a corpus."""
    found = Shards()
    for path in sorted((out / "corpus").rglob("*.jsonl.zst")):
        split = path.parent.name if path.parent.name in ("train", "validation", "test") else path.name.split(".")[0]
        with path.open("rb") as file:
            reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
            for line in io.BufferedReader(reader):
                document = json.loads(line)
                name = document["meta"]["pile_set_name"]
                found.lines[split][name][document["text"]] += 1
                found.shard_bytes[path.relative_to(out / "corpus").as_posix()][name] += len(document["text"].encode())
    return found


@dataclass
class Blocks:
    """Documents and rejects of each source as ingest left them, and what select's ledgers drop."""

    documents: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))
    rejects: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    selected: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))


def read_blocks(out: Path) -> Blocks:
    """Every block and ledger of the last build."""
    found = Blocks()
    for block in json.loads((out / "work" / "story.json").read_bytes())["blocks"]:
        ingested, selected = (
            json.loads((out / "work" / phase / f"{block[phase]}.json").read_bytes()) for phase in ("ingest", "select")
        )
        rows = pq.read_table(out / ingested["block"]).to_pylist()
        for one in rows:
            one["meta"] = json.loads(one["meta"])
            found.documents[block["source"]][one["id"]] = one
        found.rejects[block["source"]].update(pq.read_table(out / ingested["rejects"])["rule"].to_pylist())
        if selected["ledger"]:
            for line in pq.read_table(out / selected["ledger"]).to_pylist():
                found.selected[block["source"]][rows[line["row"]]["id"]] = line["rule"]
    return found


def kept_ids(out: Path) -> dict[str, set[str]]:
    """Ids in the indexes of the shards, by source."""
    found: dict[str, set[str]] = defaultdict(set)
    for shard in json.loads((out / "work" / "story.json").read_bytes())["shards"]:
        record = json.loads((out / "work" / "assemble" / f"{shard['key']}.json").read_bytes())
        for one in pq.read_table(out / record["index"])["id"].to_pylist():
            found[one.rsplit(":", 1)[0]].add(one)
    return found


def byte_bins(sizes: list[int]) -> dict[str, int]:
    """Sizes by the bins that the audit says it uses."""
    return {str(one): count for one, count in Counter(bisect.bisect_right(BYTE_EDGES, size) for size in sizes).items()}
