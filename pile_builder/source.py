"""What a source plugin implements, and how plugins are found.

A source turns an upstream's files into documents in three steps. `splits` lists the work in the driver, `read` streams
raw records out of one split (I/O only), `extract` turns one raw record into text (pure; the engine runs it in a pool of
killable processes). Language gate, repair, batching, ids, annotations, resume, progress and ledgers are the engine's.

Where the parts of a document lie apart in the upstream (a question and its answers), `read` yields them as fragments
and `join` takes the place of `extract`: the engine brings together what has one key, in bounded memory.

A plugin is a class in the entry-point group `pile_builder.sources`. It may import this module, `document`, `errors` and
`streams`, and nothing else of the package.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from importlib.metadata import entry_points
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from pile_builder import input_files
from pile_builder.errors import InputError, ManifestError
from pile_builder.input_files import InputFile

ENTRY_POINT_GROUP = "pile_builder.sources"
PACK_BYTES = 64 << 20
"""Size that a split of small files aims at, in bytes of input."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """A part of a document, where its parts lie apart in the upstream.

    Attributes:
        key: of the document, as in `Raw`: fragments of one key become one document.
        payload: the part's bytes.
        order: fragments of a document come to `join` sorted by this (as text, then by payload).
        meta: small facts (JSON values).
    """

    key: str
    payload: bytes
    order: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Raw:
    """One record as the upstream wrote it.

    Attributes:
        key: the upstream's own name of the record (URL, arXiv id, path in a repository), unique in its source and free
            of local paths: the document id is derived from it.
        payload: its bytes.
        media_type: what the bytes are, for sources that mix kinds.
        meta: small facts known before extraction (JSON values); they become the document's, but for names that begin
            with `_`, which only `extract` sees.
        fragments: its parts in order, if the source joins; there is no payload then.
    """

    key: str
    payload: bytes
    media_type: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)
    fragments: tuple[Fragment, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of the payload, or of all fragments' payloads."""
        return len(self.payload) + sum(len(fragment.payload) for fragment in self.fragments)


@dataclass(frozen=True, slots=True)
class Document:
    """Text of one record, with metadata of JSON values (`title`, `url`, `date`, `license`, ... where known)."""

    text: str
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that was offered as a document and did not become one; counted as `ingest.<rule>`.

    `key` is filled by the engine when `extract` leaves it empty.
    """

    rule: str
    detail: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """`count` records that are no documents by their nature (WARC request records, directories), by kind."""

    kind: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Split:
    """One unit of ingest: some files, or part of one (`params`), 64 to 512 MiB of input.

    `name` is unique within the source, stable, and relative to the input root. A source that joins says in `group`
    which splits may hold parts of one document (the dump of one site): fragments are joined within a group.
    """

    name: str
    files: tuple[InputFile, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    group: str = ""


@dataclass(frozen=True, slots=True)
class Upstream:
    """A dump as its publisher offers it, for `pile sources list` and `doctor`.

    Attributes:
        url: where it lies today; a page, a listing or a file.
        size: stored bytes of the whole dump, about.
        files: their number, about.
        unit: stored bytes of the smallest part that is read on its own (a file, a range of an index), about.
        of: the date to which the numbers refer, as far as it is known (`2026-05`).
    """

    url: str
    size: int
    files: int
    unit: int
    of: str = ""


class SourceConfig(BaseModel):
    """Fields that every source accepts; a plugin's `Config` adds its own. Unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: tuple[str, ...] = Field(description="files, globs, directories or fsspec URLs, relative to the root")
    root: str = Field(default="", description="what relative inputs are relative to; the manifest's root if empty")
    compat: Literal["", "pile-2020"] = Field(
        default="", description="pile-2020: as the Pile did, where it differs; the manifest's compat if empty"
    )


class Source:
    """Base class of source plugins.

    Attributes:
        pile_set_name: the component's name in the Pile's release, the default of `meta.pile_set_name`.
        version: raised whenever the same input gives other documents; old blocks are then read again.
        libraries: distributions whose version changes what is extracted; part of the fingerprint.
        patterns: base-name patterns by which files are picked from an input that is a directory.
        compat: what `compat: pile-2020` changes in this source, in a sentence; empty if nothing.
        upstreams: where its input is published.
        licence: of the upstream's texts, in a few words; `restricted` sources are never part of a ready manifest.
        tried: whether it has read bytes that the upstream published, or only samples written in its format.
        sample: options under which `samples/NAME` is read; `inputs` relative to it, if that is not the whole folder.
        tallied: metadata fields with few values; how many documents were extracted with each is reported.
    """

    pile_set_name: ClassVar[str]
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()
    patterns: ClassVar[tuple[str, ...]] = ("*",)
    compat: ClassVar[str] = ""
    upstreams: ClassVar[tuple[Upstream, ...]] = ()
    licence: ClassVar[str] = ""
    tried: ClassVar[Literal["upstream", "samples"]] = "samples"
    sample: ClassVar[Mapping[str, Any]] = {}
    tallied: ClassVar[tuple[str, ...]] = ()
    Config: ClassVar[type[SourceConfig]] = SourceConfig

    def __init__(self, config: SourceConfig) -> None:
        self.config = config
        self._lookups: dict[str, Callable[[str], Mapping[str, Any] | None]] = {}

    def __reduce__(self) -> tuple[type[Source], tuple[SourceConfig]]:
        """A source travels to other processes as its class and config."""
        return type(self), (self.config,)

    def splits(self) -> Iterable[Split]:
        """List the work, sorted by name; runs in the driver and reads no file.

        By default every input file, small ones packed together.

        Raises:
            ManifestError: an input does not exist or matches nothing.
        """
        return pack(self.input_files())

    def read(self, split: Split) -> Iterator[Raw | Fragment | Reject | Skipped]:
        """Stream the records of a split in a stable order, holding one record at a time.

        By default `read_file` over the split's files; a damaged file becomes a Reject and the next one goes on.
        """
        for file in split.files:
            try:
                yield from self.read_file(file)
            except InputError as error:
                yield Reject(error.rule, error.detail, key=file.name)

    def read_file(self, file: InputFile) -> Iterator[Raw | Fragment | Reject | Skipped]:
        """Stream the records of one file; implement this or `read`. A source that joins yields fragments, no `Raw`.

        Raises:
            InputError: the rest of the file cannot be read; what was yielded before stands.
        """
        msg = f"{type(self).__name__} implements neither read nor read_file"
        raise TypeError(msg)

    def extract(self, raw: Raw) -> Document | Reject:
        """Turn one raw record into a document: pure, deterministic, no I/O, no state between calls."""
        return self.join(raw.key, raw.fragments)

    def join(self, key: str, fragments: Sequence[Fragment]) -> Document | Reject:
        """Make a document of all fragments of a key, in order; as `extract`, which a source that joins leaves alone."""
        msg = f"{type(self).__name__} implements neither extract nor join"
        raise TypeError(msg)

    @property
    def joins(self) -> bool:
        """Whether documents are made of fragments."""
        return type(self).join is not Source.join

    def preview(self, raw: Raw) -> str | None:
        """Cheap plain text for the engine's language gate, or None where the gate does not apply."""
        return None

    def list_files(self) -> Sequence[InputFile]:
        """Files beside the inputs that decide what is read (block lists): part of the fingerprint."""
        return ()

    def text_libraries(self) -> Sequence[str]:
        """Distributions whose version changes what is extracted, where options decide that: `libraries` if not."""
        return self.libraries

    def models(self) -> Mapping[str, str]:
        """SHA-256 of the package's models that decide what is extracted, by file name: part of the fingerprint."""
        return {}

    def warm(self) -> None:
        """Load or compile what `extract` needs, before a process gets records whose time counts."""

    def side_tables(self) -> Mapping[str, Sequence[InputFile]]:
        """Declared side inputs (licences, metadata), by table name; each is indexed once per build."""
        return {}

    def read_table(self, name: str, files: Sequence[InputFile]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Stream (key, values) of a side table for the index; a later key replaces an earlier one."""
        msg = f"{type(self).__name__} declares a side table {name!r} and does not implement read_table"
        raise TypeError(msg)

    def lookup(self, table: str, key: str) -> Mapping[str, Any] | None:
        """Values of `key` in a side table, or None if the table is not given or lacks the key.

        For `extract` and `join`, and in a source that joins also for `read`.
        """
        find = self._lookups.get(table)
        return find(key) if find else None

    def bind_tables(self, lookups: Mapping[str, Callable[[str], Mapping[str, Any] | None]]) -> None:
        """Give the source its indexed side tables (the engine does, where records are extracted or fragments read)."""
        self._lookups = dict(lookups)

    def input_files(self) -> list[InputFile]:
        """All files that the config's inputs name, sorted by name; directories are searched for `patterns`."""
        found: dict[str, InputFile] = {}
        for pattern in self.config.inputs:
            files = input_files.list_files(pattern, self.config.root)
            for file in files:
                if file.listed and not any(fnmatch(file.name.rsplit("/", 1)[-1], glob) for glob in self.patterns):
                    continue
                found[file.name] = file
        return [found[name] for name in sorted(found)]


def document_meta(known: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
    """A document's metadata: what its record had, without names that begin with `_`, and what extraction added."""
    return {**{name: value for name, value in known.items() if not name.startswith("_")}, **made}


def pack(files: Iterable[InputFile], size: int = PACK_BYTES) -> list[Split]:
    """Pack files (sorted by name) into splits of about `size` bytes; a larger file is a split of its own.

    A pack may end after any file whose name hash says so, and ends at twice the size at the latest, so that one more
    file disturbs the packs around it and no others (content-defined chunking).
    """
    packs: list[list[InputFile]] = []
    open_pack: list[InputFile] = []
    filled = 0
    for file in files:
        if file.size >= size:
            packs.append([file])
            continue
        open_pack.append(file)
        filled += file.size
        # P(end after a file) = its share of half the target, so that packs average about the target.
        ends_here = file.name_hash < (min(2 * max(file.size, 1), size) << 64) // size and filled >= size // 2
        if ends_here or filled >= 2 * size:
            packs.append(open_pack)
            open_pack, filled = [], 0
    if open_pack:
        packs.append(open_pack)
    packs.sort(key=lambda members: members[0].name)
    return [Split(members[0].name, tuple(members)) for members in packs]


def pack_or_cut(
    files: Iterable[InputFile], size: int, is_whole: Callable[[InputFile], bool] = lambda _: False
) -> list[Split]:
    """Packs of small files, and of those that `is_whole` says are entered at their beginning only; ranges of the rest.

    A range has `start` and `end`, bytes as stored, among its params; files of less than two ranges are not cut.
    """
    whole: list[InputFile] = []
    found: list[Split] = []
    for file in files:
        if file.size < 2 * size or is_whole(file):
            whole.append(file)
            continue
        for start in range(0, file.size, size):
            params = {"start": start, "end": min(start + size, file.size)}
            found.append(Split(f"{file.name}#{start:015d}", (file,), params))
    return sorted([*pack(whole), *found], key=lambda split: split.name)


def find_sources() -> dict[str, type[Source]]:
    """Every installed plugin by name, in name order.

    Raises:
        ManifestError: a plugin cannot be imported or is not a Source.
    """
    found: dict[str, type[Source]] = {}
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda one: one.name):
        found[point.name] = _load(point)
    return found


def load_source(name: str) -> type[Source]:
    """The plugin called `name`.

    Raises:
        ManifestError: there is none of that name; the message lists the nearest.
    """
    points = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    if name not in points:
        near = difflib.get_close_matches(name, points, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        msg = f"unknown source {name!r}{hint} Installed: {', '.join(sorted(points))}"
        raise ManifestError(msg)
    return _load(points[name])


def _load(point: Any) -> type[Source]:
    try:
        loaded = point.load()
    except ImportError as error:
        msg = f"source plugin {point.name!r} ({point.value}) cannot be imported: {error}"
        raise ManifestError(msg) from error
    if not (isinstance(loaded, type) and issubclass(loaded, Source)):
        msg = f"source plugin {point.name!r} ({point.value}) is {loaded!r}, expected a subclass of Source"
        raise ManifestError(msg)
    return loaded
