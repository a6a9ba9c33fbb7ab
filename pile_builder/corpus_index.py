"""The index of a build: from ids, keys and domains to the documents and rejects that they name.

It lies in partitions by the first bits of a hash. A look-up reads the story of the build, the record of the index,
and a few kilobytes of one partition: three objects, however many blocks there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pile_builder.commits import Commits
from pile_builder.domains import domain_hash
from pile_builder.errors import PileError
from pile_builder.sorted_rows import find_rows
from pile_builder.storage import Store

REJECT = np.uint32(1 << 31)
"""Marks the row of a reject."""
NO_ROW = np.uint32(0xFFFFFFFF)
"""In place of a row: this line counts documents that are not listed."""
LISTED = 50
"""Documents of a domain that are listed, the smallest ids first; the others are counted."""
NAMED = np.dtype([("hash", "<u8"), ("rank", "<u4"), ("row", "<u4")])
"""One name of a document or reject: the first 64 bits of the hash of its key, or of its key's beginning."""
SITED = np.dtype(
    [
        ("hash", "<u8"),
        ("id", "<u8"),
        ("rank", "<u4"),
        ("row", "<u4"),
        ("rule", "<u4"),
        ("documents", "<u4"),
        ("bytes", "<u8"),
    ]
)
"""A document of a domain (the hash is the domain's, the id the first 64 bits of its own), or, where `row` is `NO_ROW`,
how many more of a block share a fate: documents, UTF-8 bytes as they would be written, `rule_number` of what dropped
them."""
KINDS = {"named": NAMED, "sited": SITED}


@dataclass(frozen=True)
class CorpusIndex:
    """The index of a finished build."""

    store: Store
    record: Mapping[str, Any]

    @classmethod
    def open(cls, store: Store, story: Mapping[str, Any]) -> CorpusIndex:
        """The index that a build's story names.

        Raises:
            PileError: there is none.
        """
        commits = Commits(store, "locate")
        if not story.get("locate") or not commits.has(story["locate"]):
            msg = f"{store.root}: an earlier version made this build, it has no index; run `pile build` once more"
            raise PileError(msg)
        return cls(store, commits.load(story["locate"]))

    def named(self, name_hash: int) -> NDArray[Any]:
        """`NAMED` rows of a hash."""
        return self._find("named", name_hash)

    def sited(self, domain: str) -> NDArray[Any]:
        """`SITED` rows of a domain: first those listed, by id, then the counts of the others."""
        return self._find("sited", domain_hash(domain))

    def rule(self, number: int) -> str:
        """`phase.rule` of a rule's number, empty if the document was kept."""
        return str(self.record["rules"][str(number)]) if number else ""

    def _find(self, kind: str, wanted: int) -> NDArray[Any]:
        part = self.record["parts"].get(f"{kind}/{part_of_hash(wanted, self.record['bits'])}")
        if not part:
            return np.zeros(0, KINDS[kind])
        with self.store.open(part["object"]) as stream:
            return find_rows(stream, KINDS[kind], part["rows"], wanted)


def part_of_hash(wanted: int, bits: int) -> int:
    """Which of 2^bits partitions has a hash."""
    return wanted >> (64 - bits)


def compact(sited: NDArray[Any]) -> NDArray[Any]:
    """`SITED` rows sorted, of each domain `LISTED` documents listed and the rest counted by block and rule.

    Compacting parts first and then all together gives the same as all at once.
    """
    is_count = sited["row"] == NO_ROW
    rows = sited[np.lexsort((sited["row"], sited["rank"], sited["id"], is_count, sited["hash"]))]
    is_first = np.append(True, rows["hash"][1:] != rows["hash"][:-1])[: len(rows)]
    place = np.arange(len(rows)) - np.flatnonzero(is_first)[np.cumsum(is_first) - 1]
    is_listed = (rows["row"] != NO_ROW) & (place < LISTED)
    listed: NDArray[Any] = rows[is_listed]
    rest: NDArray[Any] = rows[~is_listed]
    if not len(rest):
        return listed
    rest = rest[np.lexsort((rest["rule"], rest["rank"], rest["hash"]))]
    same = np.ones(len(rest), np.bool_)
    same[0] = False
    for field in ("hash", "rank", "rule"):
        same[1:] &= rest[field][1:] == rest[field][:-1]
    starts = np.flatnonzero(~same)
    counts = rest[starts]
    counts["id"], counts["row"] = 0, NO_ROW
    for field in ("documents", "bytes"):
        counts[field] = np.add.reduceat(rest[field], starts)
    both = np.concatenate([listed, counts])
    ordered: NDArray[Any] = both[np.argsort(both["hash"], kind="stable")]
    return ordered
