"""What an export folder says of itself: export.json, the records of its shards, and which files are its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from pile_builder.commits import Commits
from pile_builder.errors import PileError
from pile_builder.export.corpus import Corpus, CorpusShard
from pile_builder.export.format import (
    ExportShard,
    MergedFormat,
    Part,
    ShardFile,
    TokenFormat,
    Vocabulary,
    make_format,
)
from pile_builder.storage import Store, fingerprint

EXPORT = "export.json"
"""Written last: an export without it is not finished."""
TOKENIZER = "tokenizer"
"""Folder of an export with the tokenizer's definition."""
SHARDS, MERGES = "shards", "merges"
"""Phases of an export's commit records."""
VERSION = 1
"""Raised whenever the same shard and options give other bytes."""


@dataclass(frozen=True)
class Target:
    """An export to write: into which folder, in which format, of which tokenizer's ids."""

    store: Store
    format: TokenFormat
    tokenizer_digest: str

    def key(self, shard: CorpusShard) -> str:
        """Key of the task that writes a shard: all that its bytes depend on."""
        options = self.format.options.model_dump(mode="json")
        end = self.format.vocabulary.end_id
        parts = [VERSION, self.format.name, options, self.tokenizer_digest, end, shard.digest, asdict(shard.shard)]
        return fingerprint(parts)

    def split_keys(self, corpus: Corpus) -> dict[str, list[str]]:
        """The keys of each split's shards, in order."""
        keys: dict[str, list[str]] = {}
        for shard in corpus.shards:
            keys.setdefault(shard.shard.split, []).append(self.key(shard))
        return keys

    def missing(self, corpus: Corpus) -> list[CorpusShard]:
        """Shards that are not written, or whose files are gone or cut; their records are forgotten."""
        commits = Commits(self.store, SHARDS)
        done = commits.done()
        merged = {part["key"] for merge in self.merges() for part in merge["parts"]}
        keys = {shard: self.key(shard) for shard in corpus.shards}

        def is_whole(key: str) -> bool:
            record = commits.load(key)
            beside = all(self.store.exists(name) for name in names_beside(record))
            return beside and (key in merged or self._are_there(record["files"]))

        whole = {key for key, is_one in self.store.each(is_whole, sorted(done.intersection(keys.values()))) if is_one}
        missing = {shard: key for shard, key in keys.items() if key not in whole}
        for key in missing.values():
            commits.forget(key)
        return list(missing)

    def merges(self, keys: Collection[str] | None = None) -> list[dict[str, Any]]:
        """Records of the merges whose files are there, of their sizes; only of `keys`, if given."""
        if not isinstance(self.format, MergedFormat):
            return []
        commits = Commits(self.store, MERGES)
        done = commits.done()
        records = list(commits.load_all(sorted(done if keys is None else done.intersection(keys))))
        return [record for record in records if self._are_there(record["files"])]

    def parts(self, keys: Sequence[str], merges: Sequence[Mapping[str, Any]]) -> list[Part]:
        """Where the shards of a split lie: in files of their own, or inside one of its earlier merges."""
        commits = Commits(self.store, SHARDS)
        inside: dict[str, Part] = {}
        for merge in merges:
            names = tuple(file["name"] for file in merge["files"])
            first = skip = 0
            for part in merge["parts"]:
                count, tokens = part["sequences"], part["tokens"]
                inside[part["key"]] = Part(self.store, names, first, count, skip, tokens)
                first, skip = first + count, skip + tokens
        found = []
        for key in keys:
            record = commits.load(key)
            if self._are_there(record["files"]):
                names = tuple(file["name"] for file in record["files"])
                found.append(Part(self.store, names, 0, record["sequences"], 0, record["written"]))
            else:
                found.append(inside[key])
        return found

    def _are_there(self, files: Iterable[Mapping[str, Any]]) -> bool:
        return all(self.store.size(file["name"]) == file["size"] for file in files)


def shard_file(entry: Mapping[str, Any]) -> ShardFile:
    """A file as formats know it, from its record."""
    return ShardFile(entry["name"], entry["sequences"], entry["tokens"])


def described_corpus(corpus: Corpus) -> dict[str, str]:
    """What export.json says of the corpus that was exported."""
    subset = {"subset": corpus.subset} if corpus.subset else {}
    return {"name": corpus.name, "digest": corpus.digest} | subset


def export_json(target: Target, corpus: Corpus, tokenizer: Mapping[str, Any]) -> dict[str, Any]:
    """What export.json says once every shard is written and merged."""
    commits = Commits(target.store, SHARDS)
    merges = {record["split"]: record for record in target.merges()}
    shards: list[dict[str, Any]] = []
    totals: dict[str, dict[str, Any]] = {}
    first: Counter[str] = Counter()
    for shard in corpus.shards:
        record = commits.load(target.key(shard))
        split = shard.shard.split
        entry = {name: value for name, value in record.items() if name not in ("key", "records")}
        if split in merges:
            entry["files"] = merges[split]["files"]
            entry["first_sequence"] = first[split]
            first[split] += record["sequences"]
        shards.append(entry)
        total = totals.setdefault(split, {"documents": 0, "tokens": 0, "written": 0, "dropped": 0, "sources": {}})
        for field in ("documents", "tokens", "written"):
            total[field] += record[field]
        total["dropped"] += record["tokens"] - record["written"]
        for source, copies in record["sources"].items():
            for copy, tokens in copies.items():
                of_source = total["sources"].setdefault(source, {})
                of_source[copy] = of_source.get(copy, 0) + tokens
    return {
        "format": target.format.name,
        "version": VERSION,
        "options": target.format.options.model_dump(mode="json"),
        "tokenizer": dict(tokenizer),
        "corpus": described_corpus(corpus),
        "digest": fingerprint([[shard["name"], shard["digest"]] for shard in shards]),
        "splits": totals,
        "shards": shards,
    }


def export_shards(export: Mapping[str, Any]) -> list[ExportShard]:
    """The shards of an export as formats see them."""
    return [
        ExportShard(
            shard["name"],
            shard["split"],
            shard["documents"],
            shard["tokens"],
            shard["written"],
            tuple(shard_file(file) for file in shard["files"]),
            shard["sources"],
        )
        for shard in export["shards"]
    ]


def load_export(store: Store) -> tuple[dict[str, Any], TokenFormat]:
    """A finished export and its format.

    Raises:
        PileError: there is none in this folder, or it does not say what it is.
    """
    if not store.exists(EXPORT):
        msg = f"{store.root}: no finished export here ({EXPORT} is missing); run `pile tokenize` again"
        raise PileError(msg)
    try:
        export = orjson.loads(store.read(EXPORT))
        known = export["tokenizer"]
        vocabulary = Vocabulary(known["name"], known["vocabulary"], known["end_id"], known["end_token"])
        name, options = str(export["format"]), dict(export["options"])
        return export, make_format(name, options, vocabulary, f"{store.path(EXPORT)}: options")
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        told = f"{type(error).__name__}: {error}"
        msg = f"{store.path(EXPORT)}: expected what an export says of itself, it is damaged ({told}); export again"
        raise PileError(msg) from error


def file_names(record: Mapping[str, Any]) -> set[str]:
    """Every file that a record of a shard names."""
    return {file["name"] for file in record["files"]} | names_beside(record)


def names_beside(record: Mapping[str, Any]) -> set[str]:
    """The files that lie beside those which trainers read: where documents begin, and the tokens that were dropped."""
    return {record["provenance"], *([record["tail"]] if record["tail"] else [])}


def note_files(commits: Commits, key: str, names: Iterable[str]) -> None:
    """Say which files a task is about to put in place, so that they can go even if it is killed before its commit."""
    noted = {*noted_files(commits, key), *names}
    commits.store.write(_note(commits, key), orjson.dumps(sorted(noted)))


def noted_files(commits: Commits, key: str) -> list[str]:
    """Files that a task has noted, in this run or an earlier one."""
    note = _note(commits, key)
    return list(orjson.loads(commits.store.read(note))) if commits.store.exists(note) else []


def _note(commits: Commits, key: str) -> str:
    return f"work/{commits.phase}/{key}.files"


def remove_strangers(store: Store, wanted: set[str], keys: Mapping[str, set[str]]) -> None:
    """Remove files that earlier runs put here and this export does not have, and what vouched for them.

    Args:
        store: the export's folder.
        wanted: names of the files that stay.
        keys: of the tasks whose records stay, by phase.
    """
    noted: set[str] = set()
    stale: list[str] = []
    for phase, wanted_keys in keys.items():
        for name in store.names(f"work/{phase}"):
            key, _, kind = name.rpartition(".")
            if kind == "files":
                noted.update(orjson.loads(store.read(f"work/{phase}/{name}")))
            if kind in ("files", "json") and key not in wanted_keys:
                stale.append(f"work/{phase}/{name}")
    for name in sorted(noted - wanted) + stale:
        store.remove(name)
