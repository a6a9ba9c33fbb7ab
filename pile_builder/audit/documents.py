"""Which documents two corpora have in common, counted from the indexes of their shards in bounded memory.

A document is known by its source and the first 64 bits of its id's hash, as everywhere in a build. Ids are compared in
passes, each over a range of hashes, so that memory depends on `HELD` and not on the corpora.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.blocks import open_parquet
from pile_builder.commits import Commits
from pile_builder.document import ID_BYTES, id64
from pile_builder.storage import Store

HELD = 1 << 23
"""Lines of a corpus whose ids one pass aims at holding, 8 bytes each."""
_BATCH = 1 << 16
_Ids = dict[str, NDArray[np.uint64]]


def compare_documents(
    stores: Sequence[Store], shards: Sequence[Sequence[str]], held: int = HELD
) -> dict[str, dict[str, int]]:
    """Documents of each source that are in the first corpus only, in the second only, and in both.

    Args:
        stores: the two builds.
        shards: keys of each one's assemble records.
        held: see `HELD`.
    """
    indexes = [
        [Commits(store, "assemble").load(key)["index"] for key in keys]
        for store, keys in zip(stores, shards, strict=True)
    ]
    lines = max(sum(map(_rows(store), names)) for store, names in zip(stores, indexes, strict=True))
    bits = max(-(-lines // held) - 1, 0).bit_length()
    found: dict[str, dict[str, int]] = {}
    for number in range(1 << bits):
        first, second = (_ids(store, names, bits, number) for store, names in zip(stores, indexes, strict=True))
        for source in sorted({*first, *second}):
            none = np.zeros(0, np.uint64)
            a, b = first.get(source, none), second.get(source, none)
            both = len(np.intersect1d(a, b, assume_unique=True))
            counts = found.setdefault(source, {"only_first": 0, "only_second": 0, "both": 0})
            counts["only_first"] += len(a) - both
            counts["only_second"] += len(b) - both
            counts["both"] += both
    return dict(sorted(found.items()))


def _rows(store: Store) -> Any:
    def count(name: str) -> int:
        with store.open(name) as stream:
            return int(open_parquet(stream).metadata.num_rows)

    return count


def _ids(store: Store, names: Sequence[str], bits: int, number: int) -> _Ids:
    """Distinct ids by source whose upper `bits` are `number`."""
    found: dict[str, list[NDArray[np.uint64]]] = {}
    for name in names:
        own: dict[str, list[NDArray[np.uint64]]] = {}
        for source, ids in _by_source(store, name):
            chosen = ids if not bits else ids[ids >> np.uint64(64 - bits) == number]
            if len(chosen):
                own.setdefault(source, []).append(chosen)
        for source, parts in own.items():
            found.setdefault(source, []).append(np.unique(np.concatenate(parts)))
    return {source: np.unique(np.concatenate(parts)) for source, parts in found.items()}


def _by_source(store: Store, name: str) -> Iterator[tuple[str, NDArray[np.uint64]]]:
    with store.open(name) as stream:
        for batch in open_parquet(stream).iter_batches(_BATCH, columns=["id"]):
            ids = batch.column("id")
            sources = pa.compute.utf8_slice_codeunits(ids, 0, -2 * ID_BYTES - 1).dictionary_encode()
            numbers, hashes = sources.indices.to_numpy(), id64(ids)
            for number, source in enumerate(sources.dictionary.to_pylist()):
                yield source, hashes[numbers == number]


def shard_keys(story: Mapping[str, Any]) -> list[str]:
    """Keys of a build's assemble records."""
    return [shard["key"] for shard in story["shards"]]
