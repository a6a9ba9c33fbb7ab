"""`olmo`: .npy of dolma and OLMo-core, which are no NumPy files but the ids and nothing else, in 16 or 32 bits.

Beside each lies a .csv.gz without head, a line a document: where it starts and ends, in tokens. OLMo-core reads it
where the .npy is a URL, and the end-of-document token where it is a local file (`iter_document_indices`); both know
only these two columns. dolma adds the document's id and source file, which readers skip.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, TextIO

from pydantic import Field

from pile_builder.errors import PileError
from pile_builder.export.flat import CutWriter, FlatWriter, closed_documents, narrowest
from pile_builder.export.format import ExportOptions, ExportShard, ShardFile, ShardName, ShardWriter, TokenFormat
from pile_builder.storage import Store
from pile_builder.tokens import TokenBatch


class OlmoOptions(ExportOptions):
    """OLMo-core cuts or packs its instances itself, so only documents make sense."""

    unit: Literal["documents"] = "documents"
    file_tokens: int = Field(512 << 20, ge=1, description="tokens of a file, cut between documents; dolma's default")


class Olmo(TokenFormat):
    """Raw ids (.npy) with the borders of documents (.csv.gz)."""

    name = "olmo"
    trainers = "OLMo-core, OLMo"
    Options = OlmoOptions
    options: OlmoOptions

    def shard(self, folder: Path, shard: ShardName) -> ShardWriter:
        """Write a shard's files into the folder of its split: the number of the shard, then the number of the file."""
        stem = f"{shard.split}/{shard.number:05}"
        size = self.vocabulary.size
        return CutWriter(self.options.file_tokens, lambda number: _Writer(folder, f"{stem}-{number:05}.npy", size))

    def read(self, store: Store, file: ShardFile) -> Iterator[TokenBatch]:
        """Documents of a .npy, by the end-of-document token; its .csv.gz has to say the same."""
        if not file.name.endswith(".npy"):
            return
        dtype = narrowest(self.vocabulary.size)
        with (
            store.open(file.name) as data,
            store.open(borders_name(file.name)) as packed,
            gzip.open(packed, "rt", encoding="ascii") as borders,
        ):
            done = 0
            for batch in closed_documents(data, dtype, self.vocabulary.end_id, file.name):
                expected = _lines(done, batch)
                if _read(borders, len(expected), file.name) != expected:
                    msg = f"{borders_name(file.name)}: says other documents than the end tokens behind token {done}"
                    raise PileError(msg)
                done += len(batch.tokens)
                yield batch
            if _read(borders, 1, file.name):
                msg = f"{borders_name(file.name)}: expected no documents behind token {done}, the last of its .npy"
                raise PileError(msg)

    def extras(self, store: Store, shards: Sequence[ExportShard]) -> Mapping[str, bytes]:
        """A list of files per split as OLMo-core's mixes are written, and a module with the configuration."""
        extras: dict[str, bytes] = {}
        for split in sorted({shard.split for shard in shards}):
            names = [
                file.name
                for shard in shards
                if shard.split == split
                for file in shard.files
                if file.name.endswith(".npy")
            ]
            head = (
                "# A mix of OLMo-core, to be put into olmo_core/data/mixes and named in DataMix: label,path.\n"
                "# This folder lies in `mix_base_dir` under the tokenizer's identifier. olmo_core_data.py needs none.\n"
            )
            extras[f"mix-{split}.txt"] = (head + "".join(f"{split},{{TOKENIZER}}/{name}\n" for name in names)).encode()
        extras["olmo_core_data.py"] = self._module().encode()
        return extras

    def _module(self) -> str:
        vocabulary, dtype = self.vocabulary, narrowest(self.vocabulary.size)
        return f'''"""Configurations of OLMo-core over this folder: dataset("train", sequence_length=2048).build()."""

from pathlib import Path

from olmo_core.data import NumpyDatasetDType, NumpyFSLDatasetConfig, TokenizerConfig

# Documents end with {vocabulary.end_id} and nothing stands before them. A tokenizer with a bos_token_id, as
# TokenizerConfig.gpt2() is, would make OLMo-core find only documents with that token in front.
TOKENIZER = TokenizerConfig(
    vocab_size={vocabulary.size},
    eos_token_id={vocabulary.end_id},
    pad_token_id={vocabulary.end_id},
    identifier={vocabulary.name!r},
)


def dataset(split, **settings):
    """The split as instances of a fixed length; of each file, what is left of its last instance is not used."""
    return NumpyFSLDatasetConfig.glob(
        f"{{Path(__file__).resolve().parent}}/{{split}}/*.npy",
        tokenizer=TOKENIZER,
        dtype=NumpyDatasetDType.{dtype.name},
        **settings,
    )
'''


def borders_name(data: str) -> str:
    """The .csv.gz beside a .npy."""
    return f"{data.removesuffix('.npy')}.csv.gz"


def _lines(start: int, batch: TokenBatch) -> str:
    ends = (batch.ends + start).tolist()
    return "".join(f"{first},{last}\n" for first, last in zip([start, *ends], ends, strict=False))


def _read(borders: TextIO, count: int, name: str) -> str:
    try:
        return borders.read(count)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        msg = f"{borders_name(name)}: expected text packed by gzip, got {error}; remove both and run again"
        raise PileError(msg) from error


class _Writer(FlatWriter):
    def __init__(self, folder: Path, name: str, vocabulary: int) -> None:
        super().__init__(folder, name, narrowest(vocabulary))
        self._file = (folder / borders_name(name)).open("wb")
        # Neither a time nor a name in the head: the same documents make the same file.
        self._borders = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=self._file, mtime=0)

    def write(self, batch: TokenBatch) -> None:
        self._borders.write(_lines(self.tokens, batch).encode())
        super().write(batch)

    def close(self) -> list[ShardFile]:
        self._borders.close()
        self._file.close()
        return [*super().close(), ShardFile(borders_name(self.name))]
