"""The list of documents that are taken down: who asked, when and why, by id, never by address or text.

A folder's own list is `takedown.jsonl`; a manifest may name more. A build applies the union of all, which it keeps as
one object, from which workers read the ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pile_builder.blocks import open_parquet, write_table
from pile_builder.document import id64, is_id
from pile_builder.errors import ManifestError
from pile_builder.input_files import InputFile
from pile_builder.storage import Store, fingerprint
from pile_builder.streams import open_text_bytes

if TYPE_CHECKING:
    from pile_builder.manifest import Manifest

FILE = "takedown.jsonl"
"""A folder's own list: one JSON object a document, with the fields of `ENTRIES`."""
_FIELDS = ("id", "by", "when", "why", "cluster_of", "word")
ENTRIES = pa.schema([pa.field(name, pa.string(), nullable=False) for name in _FIELDS])
"""One row per listed document. `cluster_of` is the document of which it is a copy, empty if it was itself asked for;
`word` is `word_hash` of the id, URL or domain that named it, empty if nothing did or that is not known."""
_LISTS = "work/takedown"
_BATCH = 1 << 16


@dataclass(frozen=True)
class Takedown:
    """The ids of n listed documents, sorted by their hashes: some 40 bytes a document."""

    ids: pa.Array

    @classmethod
    def of(cls, ids: Iterable[str]) -> Takedown:
        """From ids in any order, with or without repeats."""
        array = pa.array(ids, pa.string()).unique()
        return cls(array.take(pa.array(_by_hash(array))))

    @cached_property
    def _numbers(self) -> NDArray[np.uint64]:
        return _numbers(self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def __bool__(self) -> bool:
        return len(self.ids) > 0

    @cached_property
    def digest(self) -> str:
        """What stands for the list: equal for equal sets of ids, empty for none."""
        return fingerprint(self.ids.to_pylist()) if self else ""

    @property
    def object(self) -> str:
        """Where a build keeps the list, empty for none."""
        return f"{_LISTS}/list-{self.digest}.parquet" if self else ""

    def find(self, ids: pa.Array) -> NDArray[np.int64]:
        """Where in `ids` (a string array of m document ids) those are that are listed, int64, ascending."""
        if not self or not len(ids):
            return np.zeros(0, np.int64)
        numbers = _numbers(ids)
        at = np.minimum(np.searchsorted(self._numbers, numbers), len(self) - 1)
        near = np.flatnonzero(self._numbers[at] == numbers)
        return np.array([row for row in near.tolist() if self._holds(ids[row].as_py(), int(at[row]))], np.int64)

    def _holds(self, identity: str, start: int) -> bool:
        """Whether an id is among those, from `start` on, that share the first 64 bits of its hash."""
        number = self._numbers[start]
        while start < len(self) and self._numbers[start] == number:
            if self.ids[start].as_py() == identity:
                return True
            start += 1
        return False


def word_hash(word: str) -> str:
    """What a list keeps of a word that named documents: 80 bits of its hash, by which it is known again."""
    return hashlib.blake2b(word.encode(), digest_size=10, person=b"takedown").hexdigest()


def read_entries(stream: BinaryIO, name: str) -> Iterator[pa.RecordBatch]:
    """Stream a list as batches of `ENTRIES`: JSON objects or bare ids, one a line; blank lines and # lines are skipped.

    Raises:
        ManifestError: a line is neither; `name` and its number are told.
    """
    numbered = ((number, line.strip()) for number, line in enumerate(stream, 1))
    wanted = ((number, line) for number, line in numbered if line and not line.startswith(b"#"))
    while lines := list(islice(wanted, _BATCH)):
        rows = [_entry(line, f"{name}, line {number}") for number, line in lines]
        yield entries_of(rows)


def entries_of(rows: Sequence[Mapping[str, str]]) -> pa.RecordBatch:
    """A batch of `ENTRIES`; what a row does not say is empty."""
    columns = [pa.array([row.get(field.name) or "" for row in rows], pa.string()) for field in ENTRIES]
    return pa.RecordBatch.from_arrays(columns, schema=ENTRIES)


def all_entries(store: Store, manifest: Manifest) -> pa.Table:
    """What a build has to apply: the folder's own list, those that the manifest names, and the ids of its lock.

    Returns:
        `ENTRIES`, a row per document, the first that names it, in the order of `Takedown`.

    Raises:
        ManifestError: a list cannot be read.
    """
    batches = own_entries(store)
    for path in manifest.takedowns:
        try:
            with open_text_bytes(InputFile(path.rsplit("/", 1)[-1], path, 0)) as stream:
                batches += read_entries(stream, path)
        except OSError as error:
            msg = f"takedowns: {path} cannot be read: {error}"
            raise ManifestError(msg) from error
    batches.append(entries_of([_known(identity, "takedown.ids of the lock") for identity in manifest.taken_down]))
    return distinct(batches)


def own_entries(store: Store) -> list[pa.RecordBatch]:
    """The folder's own list."""
    if not store.exists(FILE):
        return []
    with store.open(FILE) as stream:
        return list(read_entries(stream, store.path(FILE)))


def distinct(batches: Iterable[pa.RecordBatch]) -> pa.Table:
    """The first row of each id, in the order of `Takedown`."""
    table = pa.Table.from_batches(list(batches), ENTRIES).combine_chunks()
    ids = _only_chunk(table["id"])
    _, first = np.unique(pc.dictionary_encode(ids).indices.to_numpy(), return_index=True)
    table = table.take(pa.array(first))
    return table.take(pa.array(_by_hash(_only_chunk(table["id"]))))


def add_entries(store: Store, batch: pa.RecordBatch) -> None:
    """Append to the folder's own list, which is replaced as a whole."""
    with store.writing(lambda _: FILE) as out:
        if store.exists(FILE):
            with store.open(FILE) as stream:
                while part := stream.read(1 << 20):
                    last = part[-1:]
                    out.write(part)
                if out.size and last != b"\n":
                    out.write(b"\n")
        for row in batch.to_pylist():
            out.write(orjson.dumps(row) + b"\n")


def write_list(store: Store, entries: pa.Table) -> Takedown:
    """Keep the list that a build applies as `Takedown.object`; returns its ids."""
    takedown = takedown_of(entries)
    if takedown:
        with store.writing(lambda _: takedown.object) as stream:
            write_table(stream, entries)
    return takedown


def forget_lists(store: Store, kept: str) -> None:
    """Remove the lists of earlier builds, once nothing names them any more."""
    for name in store.names(_LISTS):
        if name.endswith(".parquet") and f"{_LISTS}/{name}" != kept:
            store.remove(f"{_LISTS}/{name}")


def read_list(store: Store, name: str) -> pa.Table:
    """What `write_list` kept, `ENTRIES`."""
    if not name:
        return ENTRIES.empty_table()
    with store.open(name) as stream:
        table = open_parquet(stream).read()
    for field in ENTRIES:
        if field.name not in table.schema.names:
            # An earlier version wrote it.
            table = table.append_column(field, pa.array([""] * len(table), field.type))
    return table


def read_takedown(store: Store, name: str) -> Takedown:
    """The ids of what `write_list` kept."""
    return takedown_of(read_list(store, name).select(["id"]))


def takedown_of(entries: pa.Table) -> Takedown:
    """The ids of entries in their order."""
    return Takedown(_only_chunk(entries["id"]))


def _entry(line: bytes, where: str) -> Mapping[str, str]:
    if line.startswith(b"{"):
        try:
            found: Any = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            msg = f"{where}: not a JSON object: {error}"
            raise ManifestError(msg) from error
    else:
        found = {"id": line.decode(errors="replace")}
    _known(found.get("id"), where)
    return found if all(isinstance(found.get(field.name, ""), str) for field in ENTRIES) else _as_text(found)


def _known(identity: Any, where: str) -> Mapping[str, str]:
    """The entry of an id of which no more is known."""
    if not isinstance(identity, str) or not is_id(identity):
        msg = (
            f"{where}: expected a document id such as books:0123456789abcdef0123, alone or as `id` of a JSON object, "
            f"got {str(identity)[:80]!r}. `pile explain DIR URL` shows a document's id"
        )
        raise ManifestError(msg)
    return {"id": identity}


def _as_text(entry: Mapping[str, Any]) -> Mapping[str, str]:
    return {name: "" if value is None else str(value) for name, value in entry.items()}


def _numbers(ids: pa.Array) -> NDArray[np.uint64]:
    return id64(ids) if len(ids) else np.zeros(0, np.uint64)


def _by_hash(ids: pa.Array) -> NDArray[np.int64]:
    by_name: NDArray[np.int64] = pc.array_sort_indices(ids).to_numpy().astype(np.int64)
    by_hash: NDArray[np.int64] = by_name[np.argsort(_numbers(ids)[by_name], kind="stable")]
    return by_hash


def _only_chunk(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
