"""Reads a finished corpus back and holds it against its records, with nothing of the code that wrote it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pyarrow.parquet as pq
import yaml
import zstandard

from pile_builder.audit.alarms import repeated_message
from pile_builder.audit.summary import corpus_digest
from pile_builder.commits import Commits
from pile_builder.damage import damage_of, note, objects_in
from pile_builder.errors import PileError
from pile_builder.storage import Store, file_digest
from pile_builder.takedown.listing import FILE, takedown_of
from pile_builder.takedown.state import applied_entries, disagrees


@dataclass
class ShardCheck:
    """One shard: lines and bytes of text that were read, and what is wrong with it."""

    name: str
    lines: int = 0
    bytes: int = 0
    problems: list[str] = field(default_factory=list)


def recorded_digest(store: Store, subset: str = "") -> str:
    """The digest of a finished build, or of one of its subsets with the held-out sets; empty if it has no such subset.

    Raises:
        PileError: there is none.
    """
    if not store.exists("report/summary.json") or not store.exists("manifest.lock.yaml"):
        msg = f"{store.root}: no finished build here (report/summary.json is missing); run `pile build` to its end"
        raise PileError(msg)
    summary = orjson.loads(store.read("report/summary.json"))
    if not subset:
        return str(summary["digest"])
    return next((str(one["digest"]) for one in summary.get("subsets", ()) if one["subset"] == subset), "")


def verify_corpus(store: Store) -> Iterator[ShardCheck]:
    """Check every shard, and at last the corpus as a whole.

    Raises:
        PileError: there is no finished build.
    """
    recorded_digest(store)
    summary = orjson.loads(store.read("report/summary.json"))
    lock = yaml.load(store.read("manifest.lock.yaml"), Loader=yaml.CSafeLoader)
    commits = Commits(store, "assemble")
    records = {record["name"]: record for record in commits.load_all(sorted(commits.done()))}
    takedown = takedown_of(applied_entries(store))
    counted: dict[str, dict[str, int]] = {}
    for entry in lock["files"]:
        check = ShardCheck(entry["name"])
        check_shard(store, entry, records.get(entry["name"]), check)
        if (record := records.get(entry["name"])) and disagrees(store, record, takedown):
            check.problems.append(f"holds documents that {FILE} lists, or leaves out others; run `pile build` again")
        split = entry["name"].split("/")[0].split(".")[0]
        total = counted.setdefault(split, {"documents": 0, "bytes": 0})
        total["documents"] += check.lines
        total["bytes"] += check.bytes
        yield check
    whole = ShardCheck("corpus")
    if corpus_digest(lock["files"]) != summary["digest"]:
        whole.problems.append("the digest of the files listed in the lock is not the summary's")
    for split, written in summary["written"].items():
        found = counted.get(split, {"documents": 0, "bytes": 0})
        if found["documents"] != written["pieces"] or found["bytes"] != written["bytes"]:
            whole.problems.append(f"{split}: the summary says {written}, the shards hold {found}")
    for name, source in summary["sources"].items():
        if source["read"] != source["kept"] + sum(source["dropped"].values()):
            whole.problems.append(f"{name}: read {source['read']} is not kept {source['kept']} + dropped")
    if repeated := summary.get("repeated_ids"):
        whole.problems.append(repeated_message(repeated))
    yield whole


def verify_work(store: Store) -> Iterator[ShardCheck]:
    """Check every record of a build's work and the objects that it names, and note what is damaged for `pile build`."""
    seen: set[str] = set()
    for phase in store.folders("work"):
        commits = Commits(store, phase)
        for key in sorted(commits.done()):
            record = commits.record_name(key)
            if problem := damage_of(store, record):
                yield _damaged(store, record, problem)
                continue
            # What was made on the way of a block has records of its own.
            fields = {name: value for name, value in commits.load(key).items() if name != "sidecars"}
            named = [name for name in objects_in(fields) if name not in seen]
            seen.update(named)
            for name in named:
                if problem := damage_of(store, name):
                    yield _damaged(store, name, problem)


def _damaged(store: Store, name: str, problem: str) -> ShardCheck:
    note(store, name)
    return ShardCheck(name, problems=[f"{problem}; the next `pile build` makes it again"])


def check_shard(store: Store, entry: dict[str, Any], record: dict[str, Any] | None, check: ShardCheck) -> None:
    """Read one shard and note in `check` what it holds and what is wrong with it.

    Args:
        store: the build.
        entry: the shard in the lock.
        record: of its writing, which names its index; None if that is gone.
        check: to be filled in.
    """
    name = f"corpus/{entry['name']}"
    if not store.exists(name):
        check.problems.append("missing")
        return
    with store.open(name) as stream:
        digest = file_digest(stream)
    if digest != entry["sha256"]:
        check.problems.append(f"sha256 is {digest}, the lock says {entry['sha256']}")
    index = None
    if record is None:
        check.problems.append("no record of its writing; ids cannot be checked")
    else:
        with store.open(record["index"]) as stream:
            index = pq.read_table(io.BytesIO(stream.read()), columns=["id", "copy"])
    logical = hashlib.sha256()
    try:
        for number, line in enumerate(_lines(store, name)):
            document = orjson.loads(line)
            if set(document) != {"text", "meta"} or not isinstance(document["text"], str):
                check.problems.append(f"line {number}: expected the keys text and meta, got {sorted(document)}")
                return
            check.lines += 1
            check.bytes += len(document["text"].encode())
            if index is not None and number < index.num_rows:
                logical.update(
                    b"%d %s %d\n" % (len(line), index["id"][number].as_py().encode(), index["copy"][number].as_py())
                )
                logical.update(line)
    except (zstandard.ZstdError, orjson.JSONDecodeError, UnicodeDecodeError) as error:
        check.problems.append(f"unreadable after {check.lines} lines: {error}")
        return
    if index is not None and index.num_rows != check.lines:
        check.problems.append(f"{check.lines} lines, its index has {index.num_rows}")
    elif index is not None and logical.hexdigest() != entry["digest"]:
        check.problems.append(f"logical digest is {logical.hexdigest()}, the lock says {entry['digest']}")


def _lines(store: Store, name: str) -> Iterator[bytes]:
    """Lines as lm_dataformat reads them: a buffered reader over zstandard's stream reader."""
    with store.open(name) as stream:
        reader = zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True)
        yield from io.BufferedReader(reader, 1 << 20)
