"""`seqio`: the folder of a cached Task, which seqio, T5X and whatever builds on them read with `use_cached=True`.

Below a folder of the Task's name lie `{split}.tfrecord-00000-of-00008`, Examples with one int64_list `targets`, and for
each split `info.{split}.json` (number of files; shape and type of the features: int32, which Examples hold as int64)
and `stats.{split}.json` (examples and tokens), and `COMPLETED` (dataset_providers.py, _CachedDataSource and
Task.cache_dir). Beside it `tasks.py` registers the Task.

What T5X makes of sequences (seqio's LMFeatureConverter): it predicts `targets` from `targets` moved right by a place,
behind a 0, so a window is as long as the context, and nothing is lost between windows. Of a sequence that is longer
than `task_feature_lengths` the end is thrown away: export windows, or documents only with a length that few pass, or
add a preprocessor behind the cache that splits them. A shorter one is padded, or packed with others.

Id 0 is padding to seqio, whatever the vocabulary says. Where it occurs it has no loss, and packing (T5X's default)
takes from the end of a sequence as many tokens as it has zeros. So `pack = False`, unless no document holds an id 0;
and vocabularies that use it lose that one token in training (GPT-2: the exclamation mark; GPT-NeoX: the end of
document).

Shards are files, and each host of a training run reads files of its own if there are at least as many as hosts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from pile_builder.errors import ManifestError
from pile_builder.export.example_reader import read_examples
from pile_builder.export.examples import ExampleFile
from pile_builder.export.format import ExportOptions, ExportShard, ShardFile, ShardName, ShardWriter, TokenFormat
from pile_builder.storage import Store
from pile_builder.tokens import TokenBatch

FEATURE = "targets"
VERSION = "0.0.20"
"""Of seqio, whose layout this is; from 0.0.0 on it takes the types in the info file as they are."""
LONGEST = (1 << 31) - 1
TASKS = '''"""Registers a seqio Task whose cache lies beside this file: {unit}, by pile-builder."""

# Vocabulary {name!r}: {size} ids; {end} ({end_token!r}) closes every document.
#
# T5X:
#     MIXTURE_OR_TASK_NAME = {task!r}
#     TASK_FEATURE_LENGTHS = {{"targets": {window}}}
#     USE_CACHED_TASKS = True
#     train/utils.DatasetConfig.pack = False
#     train_eval/utils.DatasetConfig.pack = False
#
# seqio takes id 0 for padding: it gets no loss, and packing would cut one token off a sequence for each.

import os

import seqio
import tensorflow as tf

FOLDER = os.path.dirname(os.path.abspath(__file__))  # or where the data lies, such as gs://bucket/folder


@seqio.map_over_dataset
def as_int32(example):
    return {{"targets": tf.cast(example["targets"], tf.int32)}}


seqio.add_global_cache_dirs([FOLDER])
seqio.TaskRegistry.add(
    {task!r},
    source=seqio.TFExampleDataSource(
        {{
{splits}
        }},
        {{"targets": tf.io.FixedLenSequenceFeature([], tf.int64, allow_missing=True)}},
    ),
    preprocessors=[as_int32, seqio.CacheDatasetPlaceholder()],
    output_features={{
        "targets": seqio.Feature(seqio.PassThroughVocabulary({size}, eos_id={end}), add_eos=False),
    }},
    metric_fns=[],
)
'''


class SeqioOptions(ExportOptions):
    """Windows as long as the model's context, or whole documents."""

    unit: Literal["documents", "windows"] = Field(
        "windows", description="a sequence is a document, or a window of the stream of documents"
    )
    task: str = Field(
        "pile",
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.]*(:[A-Za-z0-9_][A-Za-z0-9_.]*)*$",
        description="name of the Task; colons make folders of its parts",
    )


class Seqio(TokenFormat):
    """The files of a cached seqio Task."""

    name = "seqio"
    trainers = "seqio, T5X"
    Options = SeqioOptions
    options: SeqioOptions

    @property
    def folder(self) -> str:
        """Of the Task below the export's folder."""
        return self.options.task.replace(":", "/")

    def check(self) -> None:
        """Ids become int32."""
        if self.vocabulary.size > LONGEST:
            msg = f"seqio: expected a vocabulary of at most {LONGEST:,} ids, got {self.vocabulary.size:,}"
            raise ManifestError(msg)

    def shard(self, folder: Path, shard: ShardName) -> ShardWriter:
        """Write a shard as one file, which is there even if it holds nothing: seqio counts files."""
        name = f"{self.folder}/{shard.split}.tfrecord-{shard.number:05}-of-{shard.count:05}"
        return _Writer(folder, name)

    def read(self, store: Store, file: ShardFile) -> Iterator[TokenBatch]:
        """Sequences of a file."""
        with store.open(file.name) as stream:
            yield from read_examples(stream, FEATURE, store.path(file.name))

    def extras(self, store: Store, shards: Sequence[ExportShard]) -> Mapping[str, bytes]:
        """What makes the files a cached Task, and `tasks.py`."""
        splits = {split: [one for one in shards if one.split == split] for split in {one.split: 0 for one in shards}}
        files: dict[str, bytes] = {"tasks.py": self._tasks(splits).encode(), f"{self.folder}/COMPLETED": b""}
        for split, of in splits.items():
            info = {
                "features": {FEATURE: {"dtype": "int32", "shape": [None]}},
                "num_shards": len(of),
                "seqio_version": VERSION,
            }
            files[f"{self.folder}/info.{split}.json"] = _json(info)
            files[f"{self.folder}/stats.{split}.json"] = _json(self._stats(of))
        return files

    def _stats(self, shards: Sequence[ExportShard]) -> dict[str, int]:
        """Counts of a split; unlike seqio's own, of all tokens, ends of documents and those of id 0 included."""
        stats = {
            "examples": sum(file.sequences for shard in shards for file in shard.files),
            f"{FEATURE}_tokens": sum(file.tokens for shard in shards for file in shard.files),
        }
        if self.options.unit == "windows":
            stats[f"{FEATURE}_max_tokens"] = max(min(shard.written, self.options.window) for shard in shards)
        return stats

    def _tasks(self, splits: Mapping[str, Sequence[ExportShard]]) -> str:
        windows = self.options.unit == "windows"
        patterns = [
            f"            {split!r}: os.path.join(FOLDER, {f'{self.folder}/{split}.tfrecord-*-of-{len(of):05}'!r}),"
            for split, of in splits.items()
        ]
        return TASKS.format(
            task=self.options.task,
            unit=f"windows of {self.options.window} token ids" if windows else "documents as token ids",
            name=self.vocabulary.name,
            last=self.vocabulary.size - 1,
            end=self.vocabulary.end_id,
            end_token=self.vocabulary.end_token,
            window=self.options.window if windows else 2048,
            size=self.vocabulary.size,
            splits="\n".join(patterns),
        )


def _json(data: Mapping[str, object]) -> bytes:
    return (json.dumps(data, indent=2, sort_keys=True) + "\n").encode()


class _Writer(ShardWriter):
    def __init__(self, folder: Path, name: str) -> None:
        self._name = name
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = ExampleFile(path, FEATURE)

    def write(self, batch: TokenBatch) -> None:
        self._file.write(batch)

    def close(self) -> list[ShardFile]:
        self._file.close(self._file.path.name)
        return [ShardFile(self._name, self._file.sequences, self._file.tokens)]
