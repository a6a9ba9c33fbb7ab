"""`arrayrecord`: ArrayRecord files of tf.train.Example, which MaxText and Grain shuffle over the whole split.

One file a shard, records in groups of one so that each is read by itself. MaxText (input_pipeline of its `grain`
dataset) reads tokenized Examples under `train_data_columns`, by default `text`. It cuts off what is behind
`max_target_length` when it doesn't pack, and stops with an error at a longer record when it packs by first or best
fit; only `concat_then_split` takes documents of any length. Targets are the inputs moved by one within a record, so a
record has `max_target_length` tokens, not one more. The defaults follow from that: windows of MaxText's 2048, and a
shard's tail kept as a shorter last record, which it pads. No token is lost; the first of a window is never a target.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field

from pile_builder.errors import ManifestError, PileError
from pile_builder.export.example_reader import decode_examples
from pile_builder.export.examples import encode_examples
from pile_builder.export.format import ExportOptions, ExportShard, ShardFile, ShardName, ShardWriter, TokenFormat
from pile_builder.storage import Store
from pile_builder.tokens import TokenBatch

LARGEST_ID = (1 << 31) - 1
"""MaxText makes int32 of the ids."""
WRITER_OPTIONS = "group_size:1"
READER_OPTIONS = "max_parallelism:0"
"""Records are read in order, without threads that read ahead."""


class ArrayRecordOptions(ExportOptions):
    """Defaults with which MaxText loses nothing."""

    unit: Literal["documents", "windows"] = Field(
        "windows", description="documents need grain_packing_type: concat_then_split in MaxText"
    )
    tail: Literal["drop", "keep"] = Field("keep", description="a shard's last tokens, if no window: a shorter record")
    feature: str = Field(
        "text", min_length=1, max_length=200, description="name of the Example's feature, MaxText's train_data_columns"
    )


class ArrayRecord(TokenFormat):
    """ArrayRecord files of tf.train.Example."""

    name = "arrayrecord"
    trainers = "MaxText, Grain"
    Options = ArrayRecordOptions
    options: ArrayRecordOptions

    def check(self) -> None:
        """Ids have to fit int32, and the array_record library has to be there."""
        if self.vocabulary.size - 1 > LARGEST_ID:
            msg = f"arrayrecord: expected ids of at most {LARGEST_ID:,}, got a vocabulary of {self.vocabulary.size:,}"
            raise ManifestError(msg)
        _library()

    def shard(self, folder: Path, shard: ShardName) -> ShardWriter:
        """Write one file, `SPLIT.array_record-NUMBER-of-COUNT`."""
        name = f"{shard.split}.array_record-{shard.number:05}-of-{shard.count:05}"
        return _Writer(folder, name, self.options.feature)

    def read(self, store: Store, file: ShardFile) -> Iterator[TokenBatch]:
        """The records of a file, through the array_record library, their Examples through a parser of our own."""
        with _local(store, file.name) as path:
            reader = _library().ArrayRecordReader(str(path), READER_OPTIONS)
            try:
                records = ((f"{file.name}: record {number}", reader.read()) for number in range(reader.num_records()))
                yield from decode_examples(records, self.options.feature)
                reader.close()
            except (RuntimeError, IndexError) as error:
                msg = f"{file.name}: not a whole ArrayRecord file; remove it and run again ({error})"
                raise PileError(msg) from error

    def extras(self, store: Store, shards: Sequence[ExportShard]) -> Mapping[str, bytes]:
        """A MaxText configuration, and a script that reads with Grain alone."""
        splits = dict.fromkeys(shard.split for shard in shards if shard.written)
        evaluation = next((split for split in ("validation", "valid", "test") if split in splits), None)
        documents = self.options.unit == "documents"
        config: dict[str, object] = {"dataset_type": "grain", "grain_file_type": "arrayrecord"}
        if "train" in splits:
            config["grain_train_files"] = "train.array_record-*"
        if evaluation:
            config["grain_eval_files"] = f"{evaluation}.array_record-*"
        config |= {
            "train_data_columns": [self.options.feature],
            "eval_data_columns": [self.options.feature],
            "tokenize_train_data": False,
            "tokenize_eval_data": False,
            "add_bos": False,
            "add_eos": False,
            "packing": True,
            "grain_packing_type": "concat_then_split" if documents else "first_fit",
        }
        if not documents:
            config["max_target_length"] = self.options.window
        text = _MAXTEXT.format(
            name=self.vocabulary.name,
            size=self.vocabulary.size,
            end_id=self.vocabulary.end_id,
            end_token=self.vocabulary.end_token,
            length=_ANY_LENGTH if documents else _THIS_LENGTH,
        )
        split = "train" if "train" in splits else next(iter(splits), "train")
        return {
            "maxtext.yml": (text + yaml.safe_dump(config, sort_keys=False)).encode(),
            "read_with_grain.py": _GRAIN.format(split=split, feature=self.options.feature).encode(),
        }


_MAXTEXT = """\
# MaxText: merge into the configuration, with this folder's path before the names of files.
# Vocabulary {name}: {size} ids (vocab_size at least that), end of document {end_id} ({end_token}).
{length}
# Set tokenizer_path all the same: MaxText takes the id of padding from it (pad token, else unk token, else 0) and
# trains no target that equals it. If that is {end_id}, models don't learn where documents end.
# On GPUs with attention: cudnn_flash_te, packing needs max_segments_per_seq too.
"""
_THIS_LENGTH = "# A longer max_target_length packs several windows into a row; a shorter one is an error."
_ANY_LENGTH = (
    "# Records are documents: other values of grain_packing_type stop at one longer than max_target_length, and\n"
    "# packing: false cuts it off."
)
_GRAIN = """\
# Reads this folder with Grain: python read_with_grain.py FOLDER (pip install grain tensorflow)
import sys
from pathlib import Path

import grain
import tensorflow as tf

files = sorted(str(path) for path in Path(sys.argv[1]).glob("{split}.array_record-*"))


def tokens(record):
    return list(tf.train.Example.FromString(record).features.feature[{feature!r}].int64_list.value)


dataset = grain.MapDataset.source(grain.sources.ArrayRecordDataSource(files)).shuffle(seed=1).map(tokens)
print(len(dataset), "records; the first of the shuffled ones:", dataset[0])
"""


class _Writer(ShardWriter):
    def __init__(self, folder: Path, name: str, feature: str) -> None:
        self._name, self._feature = name, feature
        with self._errors():
            self._writer = _library().ArrayRecordWriter(str(folder / name), WRITER_OPTIONS)
        self._sequences = self._tokens = 0

    def write(self, batch: TokenBatch) -> None:
        try:
            out, starts, stops = encode_examples(batch, self._feature)
        except PileError as error:
            msg = f"{self._name}: {error}"
            raise PileError(msg) from error
        with self._errors():
            for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
                self._writer.write(out[start:stop].tobytes())
        self._sequences += len(batch)
        self._tokens += len(batch.tokens)

    def close(self) -> list[ShardFile]:
        with self._errors():
            self._writer.close()
        return [ShardFile(self._name, self._sequences, self._tokens)]

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            msg = f"{self._name}: array_record cannot write it: {error}"
            raise PileError(msg) from error


def _library() -> Any:
    try:
        from array_record.python import array_record_module
    except ImportError as error:
        msg = (
            "arrayrecord: needs a package that is not installed; run: pip install 'pile-builder[arrayrecord]' "
            "(it has wheels for Linux and macOS)"
        )
        raise ManifestError(msg) from error
    return array_record_module


@contextmanager
def _local(store: Store, name: str) -> Iterator[Path]:
    """The file on this machine, where the library wants it: itself, or a copy for the while."""
    if store.is_local:
        path = Path(store.path(name))
        if not path.exists():
            msg = f"{path}: there is no such file"
            raise PileError(msg)
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records"
        with store.open(name) as stream, path.open("wb") as copy:
            shutil.copyfileobj(stream, copy, 1 << 24)
        yield path
