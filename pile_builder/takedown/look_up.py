"""From what people name, ids, addresses and domains, to the documents of a build.

Ids and addresses go through the look-up index of each block of the finished build, as in `pile explain`. What blocks of
other manifests still hold is found by their id and key columns, and so are domains.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pile_builder.document import document_id, id64
from pile_builder.errors import PileError
from pile_builder.row_index import REJECT, read_index
from pile_builder.storage import Commits, Store
from pile_builder.takedown.state import read_ids

_HOST = r"^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//(?:[^/?#@\s]*@)?(?P<host>[^/?#:\s]+)"


@dataclass(frozen=True)
class Wanted:
    """Words for which documents are looked up: ids, upstream keys (or their beginnings, up to a space), domains."""

    ids: frozenset[str] = frozenset()
    urls: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()

    @property
    def words(self) -> list[str]:
        """All of them, sorted."""
        return sorted(self.ids | self.urls | self.domains)


@dataclass
class Found:
    """Ids of the documents that were found, by the words that led to them."""

    by_word: dict[str, set[str]] = field(default_factory=dict)

    @property
    def ids(self) -> set[str]:
        """All of them."""
        return set().union(*self.by_word.values())

    def word_of(self) -> dict[str, str]:
        """The first word that led to each document."""
        return {identity: word for word in sorted(self.by_word, reverse=True) for identity in self.by_word[word]}

    def add(self, identity: str, word: str) -> None:
        """Note a document."""
        self.by_word.setdefault(word, set()).add(identity)


def domain_of(line: str) -> str:
    """A domain as a list spells it (`example.org`, `*.example.org`, a URL), in lower case, in ASCII.

    Raises:
        PileError: it is no domain, or has no dot, so that it would stand for a whole top-level domain.
    """
    match = pc.extract_regex(pa.array([line]), _HOST)[0].as_py()
    plain = (match["host"] if match else line).lower().removeprefix("*").strip("./")
    if "." not in plain:
        msg = f"expected domains such as example.org, got {line!r}: name the registered domain, or give URLs or ids"
        raise PileError(msg)
    try:
        return plain if plain.isascii() else plain.encode("idna").decode()
    except UnicodeError as error:
        msg = f"expected domains such as example.org, got {line!r}: {error}"
        raise PileError(msg) from error


def look_up(store: Store, story: Mapping[str, Any], wanted: Wanted) -> Found:
    """The documents and rejects that the words name.

    Args:
        store: the build.
        story: see `finished.STORY`.
        wanted: what to look for.
    """
    found = Found()
    names: dict[int, list[str]] = {}
    for word in wanted.ids | wanted.urls:
        # An id's hash does not depend on the source.
        names.setdefault(_number(word if word in wanted.ids else document_id("any", word)), []).append(word)
    current = {block["ingest"]: block for block in story["blocks"]}
    for key in sorted(Commits(store, "ingest").done()):
        block = current.get(key)
        if block and names:
            _by_index(store, block, names, wanted, found)
        if not block or wanted.domains:
            _by_columns(store, key, wanted if not block else Wanted(domains=wanted.domains), found)
    return found


def _by_index(
    store: Store, block: Mapping[str, Any], names: Mapping[int, list[str]], wanted: Wanted, found: Found
) -> None:
    with store.open(Commits(store, "settle").load(block["settle"])["index"]) as stream:
        hashes, rows = read_index(stream)
    asked = np.array(sorted(names), np.uint64)
    at = np.minimum(np.searchsorted(asked, hashes), len(asked) - 1)
    hits = np.flatnonzero(asked[at] == hashes)
    if not len(hits):
        return
    record = Commits(store, "ingest").load(block["ingest"])
    is_reject = (rows[hits] & REJECT) != 0
    for part, chosen in (("block", hits[~is_reject]), ("rejects", hits[is_reject])):
        ids = _ids_at(store, record[part], rows[chosen] & ~REJECT) if len(chosen) else []
        for identity, place in zip(ids, chosen.tolist(), strict=True):
            for word in names[int(hashes[place])]:
                if word in wanted.urls or word == identity:
                    found.add(identity, word)


def _by_columns(store: Store, key: str, wanted: Wanted, found: Found) -> None:
    record = Commits(store, "ingest").load(key)
    for part in ("block", "rejects"):
        for _, batch in read_ids(store, record[part], ("id", "key")):
            ids = batch.column("id")
            for row, word in _matches(ids, batch.column("key"), wanted):
                found.add(ids[row].as_py(), word)


def _matches(ids: pa.Array, keys: pa.Array, wanted: Wanted) -> Iterator[tuple[int, str]]:
    """Rows of a batch and the words that name them."""
    for column, words in ((ids, wanted.ids), (keys, wanted.urls), (beginnings(keys), wanted.urls)):
        if words:
            is_there = pc.is_in(column, pa.array(sorted(words)))
            rows = np.flatnonzero(is_there.to_numpy(zero_copy_only=False)).tolist()
            yield from ((row, column[row].as_py()) for row in rows)
    if wanted.domains:
        parts = pc.struct_field(pc.extract_regex(keys, _HOST), "host")
        hosts = pc.utf8_rtrim(pc.utf8_lower(parts), characters=".").dictionary_encode()
        domains = [_domain_above(host, wanted.domains) for host in hosts.dictionary.to_pylist()]
        for row, number in enumerate(hosts.indices.to_pylist()):
            if number is not None and domains[number]:
                yield row, domains[number]


def beginnings(keys: pa.Array) -> pa.Array:
    """What stands before the first space of each key: a page's address before its date."""
    return pc.replace_substring_regex(keys, r"(?s) .*", "")


def _domain_above(host: str | None, domains: frozenset[str]) -> str:
    """The domain among some that a host is or lies below, or nothing."""
    rest = host or ""
    while rest:
        if rest in domains:
            return rest
        rest = rest.partition(".")[2]
    return ""


def _number(identity: str) -> int:
    return int(id64(pa.array([identity]))[0])


def _ids_at(store: Store, name: str, rows: Any) -> list[str]:
    ids = pa.concat_arrays([batch.column("id") for _, batch in read_ids(store, name)])
    taken: list[str] = ids.take(pa.array(rows)).to_pylist()
    return taken
