"""The shards of a corpus as documents to tokenize: of a finished build, or any folder of JSON lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import yaml
from numpy.typing import NDArray

from pile_builder.blocks import open_parquet
from pile_builder.checked_yaml import unknown_word
from pile_builder.commits import Commits
from pile_builder.errors import InputError, ManifestError, PileError
from pile_builder.export.format import ShardName
from pile_builder.input_files import InputFile, is_remote, list_files, open_input
from pile_builder.mixing.subsets import FOLDER, parse_subset
from pile_builder.storage import Store, file_digest
from pile_builder.streams import open_text_bytes

SPLITS = ("train", "validation", "test")
BATCH_BYTES = 1 << 20
"""Bytes of lines whose texts travel together to a thread that encodes them."""
_JSONL = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class CorpusShard:
    """A file of documents.

    Attributes:
        name: as the corpus names it.
        shard: what it is called in an export.
        file: where it lies.
        digest: sha256 of the file.
        index: the object that says which document each line is; empty outside of builds.
    """

    name: str
    shard: ShardName
    file: InputFile
    digest: str
    index: str = ""

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> CorpusShard:
        """The shard that `dataclasses.asdict` gave."""
        return cls(**{**data, "shard": ShardName(**data["shard"]), "file": InputFile(**data["file"])})


@dataclass(slots=True)
class Documents:
    """Some lines of a shard: parallel lists of what each line is, and its text.

    `sources` are a build's own names of them, `set_names` what the lines say under meta.pile_set_name; in a folder that
    is no build they are the same.
    """

    ids: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    set_names: list[str] = field(default_factory=list)
    copies: list[int] = field(default_factory=list)
    pieces: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Corpus:
    """What is tokenized: its name, its digest where it is a build, its shards in order, which subset it is if any."""

    name: str
    digest: str
    shards: tuple[CorpusShard, ...]
    subset: str = ""


def open_corpus(directory: str, splits: tuple[str, ...] = SPLITS, subset: str = "") -> Corpus:
    """The corpus of a build, or what a folder's *.jsonl, *.jsonl.gz and *.jsonl.zst hold.

    In a folder, a file whose path starts with `validation`, `val` or `test` belongs to that split; what lies under
    `subsets` are corpora of their own. With a `subset` of a build, its documents stand for training's.

    Raises:
        PileError: the build is not finished, or has no such subset; the folder holds no JSON lines; no split of these
            names has any.
    """
    store = Store(directory)
    if store.exists("manifest.lock.yaml"):
        corpus = _build_corpus(store, subset)
    elif subset:
        msg = f"--subset: expected a finished build, {directory} is none; name the subset's own folder instead"
        raise PileError(msg)
    elif store.exists("work"):
        msg = f"{directory}: the build is not finished (manifest.lock.yaml is missing); run `pile build` to its end"
        raise PileError(msg)
    else:
        corpus = _folder_corpus(directory)
    shards = tuple(shard for shard in corpus.shards if shard.shard.split in splits)
    if not shards:
        there = ", ".join(sorted({shard.shard.split for shard in corpus.shards}))
        msg = f"{directory}: no shards of the splits {', '.join(splits)}; there are {there or 'none'}"
        raise PileError(msg)
    return replace(corpus, shards=shards)


def _build_corpus(store: Store, subset: str) -> Corpus:
    lock = yaml.load(store.read("manifest.lock.yaml"), Loader=yaml.CSafeLoader)
    listed, name, digest = lock["files"], lock["name"], lock["digest"]
    records = _records(store, "assemble")
    if subset:
        entry = _subset_entry(lock, subset)
        listed = [*entry["files"], *(file for file in listed if not file["name"].startswith("train/"))]
        name, digest = f"{name} {entry['subset']}", entry["digest"]
        records |= _records(store, FOLDER)
    files = []
    for file in listed:
        if file["name"] not in records:
            msg = f"{store.root}: no record of {file['name']}; run `pile build` again"
            raise PileError(msg)
        url = store.path(f"corpus/{file['name']}")
        files.append((InputFile(file["name"], url, file["size"]), file["sha256"], records[file["name"]]["index"]))
    return Corpus(name, digest, _named(files), entry["subset"] if subset else "")


def _records(store: Store, phase: str) -> dict[str, dict[str, Any]]:
    commits = Commits(store, phase)
    return {record["name"]: record for record in commits.load_all(sorted(commits.done()))}


def _subset_entry(lock: Mapping[str, Any], subset: str) -> Mapping[str, Any]:
    entries = {entry["subset"]: entry for entry in lock.get("subsets", [])}
    try:
        label = parse_subset(subset).label
    except ValueError as error:
        msg = f"--subset: {error}"
        raise PileError(msg) from error
    if label not in entries:
        known = unknown_word("subset", label, entries)
        msg = f"--subset: {known}; `subsets` in the manifest and another `pile build` write one"
        raise PileError(msg)
    return entries[label]


def _folder_corpus(directory: str) -> Corpus:
    try:
        root = directory if is_remote(directory) else str(Path(directory).absolute())
        listed = list_files(root, root)
    except ManifestError as error:
        msg = f"{directory}: expected a build, or a folder with *.jsonl[.gz|.zst]: {error}"
        raise PileError(msg) from error
    files = []
    for file in listed:
        if file.name.startswith(f"{FOLDER}/"):
            continue
        if any(suffix in _JSONL for suffix in PurePosixPath(file.name).suffixes):
            with open_input(file) as stream:
                files.append((file, file_digest(stream), ""))
    if not files:
        msg = f"{directory}: expected a build, or a folder with *.jsonl[.gz|.zst]; it holds neither"
        raise PileError(msg)
    return Corpus(PurePosixPath(directory.rstrip("/")).name or "corpus", "", _named(files))


def _named(files: list[tuple[InputFile, str, str]]) -> tuple[CorpusShard, ...]:
    of_split: dict[str, list[tuple[InputFile, str, str]]] = {split: [] for split in SPLITS}
    for file in files:
        of_split[_split_of(file[0].name)].append(file)
    return tuple(
        CorpusShard(file.name, ShardName(split, number, len(found)), file, digest, index)
        for split, found in of_split.items()
        for number, (file, digest, index) in enumerate(found)
    )


def _split_of(name: str) -> str:
    first = PurePosixPath(name).parts[0]
    return "validation" if first.startswith("val") else "test" if first.startswith("test") else "train"


def read_documents(store: Store, shard: CorpusShard) -> Iterator[Documents]:
    """The documents of a shard, in order, some at a time.

    Raises:
        PileError: a line is no document, or a build's index does not fit its shard.
    """
    identities = _Identities(store, shard) if shard.index else None
    batch, size = Documents(), 0
    try:
        with open_text_bytes(shard.file) as stream:
            for number, line in enumerate(stream):
                source, identity, text = _document(shard, number, line)
                batch.texts.append(text)
                batch.set_names.append(source)
                if identities is None:
                    batch.ids.append(identity)
                    batch.sources.append(source)
                    batch.copies.append(0)
                    batch.pieces.append(0)
                size += len(line)
                if size >= BATCH_BYTES:
                    yield identities.fill(batch) if identities else batch
                    batch, size = Documents(), 0
    except InputError as error:
        msg = f"{shard.file.url}: {error}"
        raise PileError(msg) from error
    if batch.texts:
        yield identities.fill(batch) if identities else batch
    if identities:
        identities.finish()


def _document(shard: CorpusShard, number: int, line: bytes) -> tuple[str, str, str]:
    """Source, id and text of a line; the first two as far as the line itself says."""
    try:
        record = orjson.loads(line)
        text = record["text"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        msg = f'{shard.file.url}, line {number + 1}: expected a JSON object with a field "text": {error!r}'
        raise PileError(msg) from error
    if not isinstance(text, str):
        msg = f'{shard.file.url}, line {number + 1}: expected text in the field "text", got {type(text).__name__}'
        raise PileError(msg)
    meta = record.get("meta")
    source = (meta.get("pile_set_name") if isinstance(meta, dict) else None) or record.get("source") or ""
    identity = record.get("id")
    return str(source), identity if isinstance(identity, str) else f"{shard.name}:{number + 1}", text


class _Identities:
    """Reads a build's index beside the lines that it describes."""

    def __init__(self, store: Store, shard: CorpusShard) -> None:
        self._name = shard.name
        with store.open(shard.index) as stream:
            table = open_parquet(stream).read(columns=["id", "copy", "piece"])
        self._ids: pa.ChunkedArray = table["id"]
        self._copies: NDArray[np.uint8] = table["copy"].to_numpy()
        self._pieces: NDArray[np.int32] = table["piece"].to_numpy()
        self._at = 0

    def fill(self, batch: Documents) -> Documents:
        """Say of each text which document it is."""
        start, self._at = self._at, self._at + len(batch.texts)
        if self._at > len(self._ids):
            self._misfit()
        batch.ids = self._ids.slice(start, len(batch.texts)).to_pylist()
        batch.sources = [identity.split(":", 1)[0] for identity in batch.ids]
        batch.copies = self._copies[start : self._at].tolist()
        batch.pieces = self._pieces[start : self._at].tolist()
        return batch

    def finish(self) -> None:
        if self._at != len(self._ids):
            self._misfit()

    def _misfit(self) -> None:
        msg = f"{self._name}: its index has {len(self._ids)} lines, the shard has another number; run `pile verify`"
        raise PileError(msg)
