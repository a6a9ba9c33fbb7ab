"""The units of a source, and the records that a sample draws of each.

Units are files (splits, where a source reads several files together), taken in the order of the keyed hash of their
names. Of a unit the records with the smallest keyed hashes of unit and key are drawn; the others are only read past.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heappush, heappushpop
from typing import Any, BinaryIO

from pile_builder.input_files import InputFile, file_system, is_remote, watching_inputs
from pile_builder.mixing.keyed import key
from pile_builder.source import Fragment, Raw, Reject, Skipped, Source, Split

Drawn = tuple[str, Mapping[str, Any], Raw | Reject]
"""A record's key, what is known of it before extraction, and the record."""


@dataclass(frozen=True)
class ReadUnit:
    """A unit that was read: its stored bytes, how many of them were read, its records, and those drawn by hash."""

    size: int
    read: int
    records: int
    drawn: list[Drawn]


@dataclass(frozen=True)
class Hashes:
    """The order of a sample: keyed hashes of names under the purpose of planning one source."""

    seed: int
    source: str

    def __call__(self, name: str) -> int:
        """64 bits."""
        purpose = int(key(self.seed, f"plan:{self.source}")).to_bytes(8, "little")
        return int.from_bytes(hashlib.blake2b(name.encode(), key=purpose, digest_size=8).digest(), "little")


def units_of(plugin: Source) -> list[Split]:
    """A source's units: each file as a split of its own if it reads files one by one, else its splits."""
    splits = list(plugin.splits())
    if type(plugin).read is not Source.read:
        return splits
    return [
        Split(file.name, (file,), split.params, split.group) if len(split.files) > 1 else split
        for split in splits
        for file in split.files
    ]


def draw_records(
    plugin: Source, unit: Split, hashes: Hashes, count: int, limit: int, skipped: Counter[str]
) -> ReadUnit:
    """Read a unit and keep `count` of its records.

    Args:
        plugin: the source.
        unit: one of its units.
        hashes: say which records are kept.
        count: how many.
        limit: stored bytes after which reading stops, if the unit is one file that is read as a stream.
        skipped: gets what is no document.

    Of a source that joins, documents are drawn by key with all their fragments that were read; those that lie behind
    the limit are missing.
    """
    if plugin.joins:
        return _draw_joined(plugin, unit, hashes, count, limit, skipped)
    heap: list[tuple[int, int, Drawn]] = []
    records = 0
    size = sum(file.size or _remote_size(file) for file in unit.files)
    read = size
    place = 0
    with watching_inputs() as opened:
        for item in plugin.read(unit):
            if isinstance(item, Skipped):
                skipped[item.kind] += item.count
                continue
            # Streams read ahead. When a stream moves on, what it had read before is used up: then bytes fit records.
            now = _place(opened) if len(unit.files) == 1 else 0
            if now > place >= limit and now < size:
                read = place
                break
            place = now
            if isinstance(item, Fragment):
                msg = f"{unit.name}: fragments need a source that implements `join`"
                raise TypeError(msg)
            drawn = (item.key, item.meta if isinstance(item, Raw) else {}, item)
            # With the unit's name: a key that several files have shall not be drawn of all of them or of none.
            entry = (-hashes(f"{unit.name} {item.key}"), -records, drawn)
            records += 1
            if len(heap) < count:
                heappush(heap, entry)
            elif entry > heap[0]:
                heappushpop(heap, entry)
    return ReadUnit(size, read, records, [drawn for _, _, drawn in sorted(heap, reverse=True)])


def _draw_joined(
    plugin: Source, unit: Split, hashes: Hashes, count: int, limit: int, skipped: Counter[str]
) -> ReadUnit:
    drawn: dict[int, list[Fragment | Reject]] = {}
    seen = set[int]()
    size = sum(file.size or _remote_size(file) for file in unit.files)
    read = size
    with watching_inputs() as opened:
        for item in plugin.read(unit):
            if isinstance(item, Skipped):
                skipped[item.kind] += item.count
                continue
            if isinstance(item, Raw):
                msg = f"{unit.name}: expected fragments from a source that joins, got {item.key!r} whole"
                raise TypeError(msg)
            hashed = hashes(f"{unit.group} {item.key}")
            seen.add(hashed)
            # The largest hash kept only falls: a document that was let go never comes back in part.
            if hashed in drawn or len(drawn) < count or hashed < max(drawn):
                drawn.setdefault(hashed, []).append(item)
            if len(drawn) > count:
                del drawn[max(drawn)]
            place = _place(opened) if len(unit.files) == 1 else 0
            if limit <= place < size:
                read = place
                break
    return ReadUnit(size, read, len(seen), [_joined(drawn[hashed]) for hashed in sorted(drawn)])


def _joined(parts: Sequence[Fragment | Reject]) -> Drawn:
    fragments = sorted((part for part in parts if isinstance(part, Fragment)), key=lambda one: (one.order, one.payload))
    if not fragments:
        return parts[0].key, {}, next(part for part in parts if isinstance(part, Reject))
    return fragments[0].key, {}, Raw(fragments[0].key, b"", fragments=tuple(fragments))


def population_size(units: Sequence[Split], read: Sequence[ReadUnit]) -> int:
    """Stored bytes of all units; where a list of paths does not say, by those that were opened."""
    if any(is_remote(file.url) and not file.size for unit in units for file in unit.files):
        return round(sum(one.size for one in read) / max(len(read), 1) * len(units))
    return sum(file.size for unit in units for file in unit.files)


def _remote_size(file: InputFile) -> int:
    if not is_remote(file.url):
        return 0
    fs, path = file_system(file.url)
    return int(fs.info(path).get("size") or 0)


def _place(opened: Sequence[BinaryIO]) -> int:
    """How far the stream that was opened last has been read; 0 if none can say."""
    return opened[-1].tell() if opened and not opened[-1].closed else 0
