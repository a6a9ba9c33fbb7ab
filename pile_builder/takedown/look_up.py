"""From what people name, ids, addresses and domains, to the documents of a build.

The index of the finished build says which blocks may have them, as in `pile explain`; their id and key columns decide.
What blocks of other manifests still hold is found by these columns alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pile_builder.commits import Commits
from pile_builder.corpus_index import CorpusIndex
from pile_builder.document import document_id
from pile_builder.domains import document_host, in_domain
from pile_builder.names import name_hash
from pile_builder.storage import Store
from pile_builder.takedown.state import read_ids, taken_of


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


def look_up(store: Store, story: Mapping[str, Any], wanted: Wanted) -> Found:
    """The documents and rejects that the words name.

    Args:
        store: the build.
        story: see `story.STORY`.
        wanted: what to look for.

    Raises:
        PileError: an earlier version made the build.
    """
    found = Found()
    near = _blocks_near(CorpusIndex.open(store, story), wanted)
    current = {block["ingest"]: near.get(block["rank"], Wanted()) for block in story["blocks"]}
    for key in sorted(Commits(store, "ingest").done()):
        _by_columns(store, key, current.get(key, wanted), found)
    return found


def _blocks_near(index: CorpusIndex, wanted: Wanted) -> dict[int, Wanted]:
    """By rank of a block, the words that it may have."""
    near: dict[int, dict[str, set[str]]] = {}
    for kind, words in (("ids", wanted.ids), ("urls", wanted.urls), ("domains", wanted.domains)):
        for word in words:
            # An id's hash does not depend on the source.
            named = name_hash(word if kind == "ids" else document_id("any", word))
            rows = index.sited(word) if kind == "domains" else index.named(named)
            for rank in set(rows["rank"].tolist()):
                near.setdefault(rank, {"ids": set(), "urls": set(), "domains": set()})[kind].add(word)
    return {rank: Wanted(**{kind: frozenset(words) for kind, words in of.items()}) for rank, of in near.items()}


def _by_columns(store: Store, key: str, wanted: Wanted, found: Found) -> None:
    if not wanted.words:
        return
    record = Commits(store, "ingest").load(key)
    for part in ("block", "rejects"):
        columns = ("id", "key", "meta") if part == "block" and wanted.domains else ("id", "key")
        for _, batch in read_ids(store, record[part], columns):
            for identity, word in _matches(batch, wanted):
                found.add(identity, word)
        # What is taken down has no key any more.
        named = {document_id(record["source"], url): url for url in wanted.urls}
        for names in taken_of(record, part).values():
            for word in (named[name] for name in names if name in named):
                found.add(names[0], word)


def _matches(batch: pa.RecordBatch, wanted: Wanted) -> Iterator[tuple[str, str]]:
    """Ids of a batch and the words that name them."""
    ids, keys = batch.column("id"), batch.column("key")
    for column, words in ((ids, wanted.ids), (keys, wanted.urls), (beginnings(keys), wanted.urls)):
        if words:
            is_there = pc.is_in(column, pa.array(sorted(words)))
            rows = np.flatnonzero(is_there.to_numpy(zero_copy_only=False)).tolist()
            yield from ((ids[row].as_py(), column[row].as_py()) for row in rows)
    if wanted.domains:
        metas = batch.column("meta").to_pylist() if "meta" in batch.schema.names else ["{}"] * batch.num_rows
        for row, (key, meta) in enumerate(zip(keys.to_pylist(), metas, strict=True)):
            host = document_host(key, meta)
            if host:
                yield from ((ids[row].as_py(), domain) for domain in wanted.domains if in_domain(host, domain))


def beginnings(keys: pa.Array) -> pa.Array:
    """What stands before the first space of each key: a page's address before its date."""
    return pc.replace_substring_regex(keys, r"(?s) .*", "")
