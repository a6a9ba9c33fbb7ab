"""parquet: shards of a corpus to Parquet files of text that the Hugging Face Hub shows and `datasets` loads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from pile_builder.commits import Commits
from pile_builder.errors import PileError
from pile_builder.export.corpus import Corpus, CorpusShard, Documents, read_documents
from pile_builder.export.exported import EXPORT, SHARDS, described_corpus, note_files, remove_strangers
from pile_builder.export.text_parquet import TEXTS, TextFile, TextParquetWriter, text_card
from pile_builder.pipelines.engine import RunOptions, Task, TaskFunction, run_tasks
from pile_builder.pipelines.repair import repair
from pile_builder.storage import Store, file_digest, fingerprint

VERSION = 1
CARD = "README.md"


def run_text_parquet(corpus: Corpus, directory: str, out: str, options: RunOptions) -> dict[str, Any]:
    """Write every shard that is not there yet, and the dataset card; returns what export.json says.

    Raises:
        PileError: the folder holds something else.
        BuildError: tasks failed.
    """
    store = Store(out, options.guard)
    commits = Commits(store, SHARDS)
    if not store.exists("work") and store.holds_anything():
        msg = f"{out}: expected a new or empty folder, or an earlier export; there is something else in it"
        raise PileError(msg)
    repair(store, options.say)
    keys = [fingerprint([VERSION, "text", shard.digest, asdict(shard.shard)]) for shard in corpus.shards]
    done = sorted(commits.done())
    for key, record in zip(done, commits.load_all(done), strict=True):
        # What another corpus left has the same names: its records must not vouch for ours.
        if key not in keys or any(store.size(file["name"]) != file["file_bytes"] for file in record["files"]):
            commits.forget(key)
            store.remove(EXPORT)
    tasks = [
        {"key": key, "name": shard.name, "shard": asdict(shard)} for key, shard in zip(keys, corpus.shards, strict=True)
    ]
    run_tasks(commits, keys, tasks, WriteText(Store(directory), store), options)
    return _finish(store, corpus, keys)


@dataclass
class WriteText(TaskFunction):
    """Writes one shard as Parquet."""

    corpus: Store
    out: Store

    def __call__(self, task: Task) -> Mapping[str, Any]:
        """Write the shard's files; returns their digests and counts."""
        shard = CorpusShard.of(task["shard"])
        digest = hashlib.sha256()
        documents = 0
        with self.out.staging() as folder:
            writer = TextParquetWriter(folder, shard.shard)
            for batch in read_documents(self.corpus, shard):
                documents += len(batch.texts)
                add_texts(digest, batch.texts)
                writer.write(_rows(batch))
            files = writer.close()
            described = [_described(folder, file) for file in files]
            note_files(Commits(self.out, SHARDS), task["key"], {file.name for file in files})
            for file in files:
                self.out.adopt(folder / file.name, file.name)
        return {
            "key": task["key"],
            "name": shard.name,
            "split": shard.shard.split,
            "documents": documents,
            "digest": digest.hexdigest(),
            "files": described,
        }


def add_texts(digest: Any, texts: Iterable[str]) -> None:
    """Hash texts with their lengths, so that no two lists of texts give the same bytes."""
    for text in texts:
        data = text.encode()
        digest.update(b"%d " % len(data))
        digest.update(data)


def _rows(batch: Documents) -> pa.RecordBatch:
    columns = [batch.ids, batch.set_names, batch.copies, batch.texts]
    return pa.RecordBatch.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, TEXTS, strict=True)], schema=TEXTS
    )


def _described(folder: Path, file: TextFile) -> dict[str, Any]:
    with (folder / file.name).open("rb") as stream:
        return {**asdict(file), "sha256": file_digest(stream)}


def _finish(store: Store, corpus: Corpus, keys: list[str]) -> dict[str, Any]:
    records = list(Commits(store, SHARDS).load_all(keys))
    files: dict[str, list[TextFile]] = {}
    for record in records:
        for file in record["files"]:
            known = {name: value for name, value in file.items() if name != "sha256"}
            files.setdefault(record["split"], []).append(TextFile(**known))
    export = {
        "format": "text",
        "version": VERSION,
        "corpus": described_corpus(corpus),
        "shards": [{name: value for name, value in record.items() if name != "key"} for record in records],
    }
    store.write(CARD, text_card(corpus.name, "", files).encode())
    store.write(EXPORT, orjson.dumps(export, option=orjson.OPT_INDENT_2) + b"\n")
    remove_strangers(store, {file.name for written in files.values() for file in written}, {SHARDS: set(keys)})
    store.sweep_temporaries()
    return export
