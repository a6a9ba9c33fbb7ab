"""What a token format implements, and how formats are found.

An export writes, for every shard of a corpus, the shard's token stream: the ids of each document with the
end-of-document token behind it, in the shard's order. A format puts that stream into files, as documents or cut into
windows, and reads it back. It knows local folders, batches of sequences and its own bytes; tasks, commits, windows,
shuffles and provenance are the engine's (`pile_builder.pipelines.tokenize`).

A new format is one module with a subclass of `TokenFormat`, and one entry point in the group `pile_builder.formats`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationError, model_validator

from pile_builder.checked_yaml import Model, explain, unknown_word
from pile_builder.errors import ManifestError
from pile_builder.storage import Store
from pile_builder.tokens import TokenBatch

GROUP = "pile_builder.formats"
LARGEST_STEP = 1 << 27
"""Tokens of a multiple of windows, which wait in memory until they are whole."""


class ExportOptions(Model):
    """How the token stream is cut into sequences; formats add their own options and change the defaults.

    A format that takes only one unit narrows the type of `unit`.
    """

    unit: Literal["documents", "windows"] = Field(
        "documents", description="a sequence is a document, or a window of the stream of documents"
    )
    window: int = Field(2048, ge=2, le=1 << 24, description="tokens of a window")
    tail: Literal["drop", "keep"] = Field("drop", description="what becomes of a shard's last tokens, if no window")
    multiple: int = Field(
        1, ge=1, le=1 << 20, description="windows per file are a multiple of this; more are dropped with the tail"
    )
    shuffle: bool = Field(default=False, description="windows of a shard in a random order of their own")
    seed: int = Field(1, ge=0, description="key of the shuffle")

    @model_validator(mode="after")
    def _consistent(self) -> ExportOptions:
        if self.unit == "documents":
            changed = [name for name in ("multiple", "shuffle", "tail") if getattr(self, name) != _default(self, name)]
            if changed:
                msg = f"{changed[0]} is about windows, and the unit is documents; say `unit: windows` or leave it out"
                raise ValueError(msg)
        if self.window * self.multiple > LARGEST_STEP:
            msg = f"window x multiple is {self.window * self.multiple:,} tokens, at most {LARGEST_STEP:,} are possible"
            raise ValueError(msg)
        if self.tail == "keep" and self.multiple > 1:
            msg = "tail: keep and multiple exclude each other: a kept tail is one sequence more"
            raise ValueError(msg)
        return self


def _default(options: Model, name: str) -> Any:
    return type(options).model_fields[name].default


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What formats know of a tokenizer.

    Attributes:
        name: short and fit for file names, for example `gpt2`.
        size: number of ids, the highest id + 1.
        end_id: the end-of-document token, which closes every document.
        end_token: the same as text, for example `<|endoftext|>`.
    """

    name: str
    size: int
    end_id: int
    end_token: str


@dataclass(frozen=True, slots=True)
class ShardName:
    """Which shard of the corpus becomes files: `number` counts from 0 within its split, which has `count`."""

    split: str
    number: int
    count: int

    @property
    def stem(self) -> str:
        """`train-00003`."""
        return f"{self.split}-{self.number:05}"


@dataclass(frozen=True, slots=True)
class ShardFile:
    """A file that was written: its name below the export's folder, its sequences and their tokens.

    Files without sequences of their own (an index beside its data) say 0 and 0.
    """

    name: str
    sequences: int = 0
    tokens: int = 0


class ShardWriter(ABC):
    """Writes the sequences of one shard, or of what a merge reads, into a local folder."""

    @abstractmethod
    def write(self, batch: TokenBatch) -> None:
        """Append sequences."""

    @abstractmethod
    def close(self) -> list[ShardFile]:
        """Finish; the files in order, those with sequences in the order in which these were written."""


@dataclass(frozen=True, slots=True)
class ExportShard:
    """A shard as the export records it: its split, its documents and tokens, and what was written of it where.

    Attributes:
        name: as the corpus names it.
        documents: in the token stream.
        tokens: of the stream, end tokens included.
        written: tokens that lie in files; the others are the dropped tail.
        files: of this shard; of a merged format, those of its split.
        sources: tokens by source and copy (the first is `0`).
    """

    name: str
    split: str
    documents: int
    tokens: int
    written: int
    files: Sequence[ShardFile]
    sources: Mapping[str, Mapping[str, int]]


class TokenFormat(ABC):
    """A container of token streams.

    Attributes:
        name: in commands and manifests.
        trainers: who reads it, for people.
        Options: the format's options with its defaults.
    """

    name: ClassVar[str]
    trainers: ClassVar[str]
    Options: ClassVar[type[ExportOptions]] = ExportOptions

    def __init__(self, options: ExportOptions, vocabulary: Vocabulary) -> None:
        self.options = options
        self.vocabulary = vocabulary
        self.check()

    def check(self) -> None:  # noqa: B027 - many containers hold everything
        """Refuse options or vocabularies that the container cannot hold.

        Raises:
            ManifestError: with what is the matter and what to change.
        """

    @abstractmethod
    def shard(self, folder: Path, shard: ShardName) -> ShardWriter:
        """Start writing a shard into `folder`, where names of files are those below the export's folder."""

    @abstractmethod
    def read(self, store: Store, file: ShardFile) -> Iterator[TokenBatch]:
        """The sequences of one file, in order, by the container's rules alone; bounded memory.

        Raises:
            PileError: the file is not what the format says.
        """

    def extras(self, store: Store, shards: Sequence[ExportShard]) -> Mapping[str, bytes]:
        """Files that concern all shards: indexes, and a snippet that makes a trainer read them. By name.

        `store` is the export's folder with the files of all shards in place, for what their records don't say.
        """
        return {}


@dataclass(frozen=True, slots=True)
class Part:
    """What a merge takes of one shard: a run of sequences of one written file set.

    Attributes:
        store: where the files lie.
        files: as the writer of the shard (or an earlier merge) named them.
        first: sequences that lie before in these files.
        sequences: how many to take.
        skip: tokens that lie before.
        tokens: how many to take.
    """

    store: Store
    files: tuple[str, ...]
    first: int
    sequences: int
    skip: int
    tokens: int


class MergedFormat(TokenFormat):
    """A format whose trainers want one file a split: shards are written in parallel, then put one behind the other."""

    @abstractmethod
    def merge(self, folder: Path, split: str, parts: Sequence[Part]) -> list[ShardFile]:
        """Write the files of a split into a local folder; memory does not grow with the parts."""


def find_formats() -> dict[str, type[TokenFormat]]:
    """Every installed format, by name."""
    return {
        point.name: load_format(point.name) for point in sorted(entry_points(group=GROUP), key=lambda one: one.name)
    }


def load_format(name: str) -> type[TokenFormat]:
    """One format by name.

    Raises:
        ManifestError: there is none of that name.
    """
    points = {point.name: point for point in entry_points(group=GROUP)}
    if name not in points:
        msg = unknown_word("format", name, points)
        raise ManifestError(msg)
    loaded = points[name].load()
    if not (isinstance(loaded, type) and issubclass(loaded, TokenFormat)):
        msg = f"format {name!r}: expected its entry point to name a TokenFormat, got {loaded!r}"
        raise ManifestError(msg)
    return loaded


def make_format(name: str, options: Mapping[str, Any], vocabulary: Vocabulary, where: str) -> TokenFormat:
    """A format with its options checked; `where` says in errors whose options they are.

    Raises:
        ManifestError: with field, what was expected, what came.
    """
    chosen = load_format(name)
    try:
        checked = chosen.Options.model_validate(dict(options))
    except ValidationError as error:
        raise ManifestError("\n".join(explain(where, chosen.Options, error))) from error
    return chosen(checked, vocabulary)
