"""By which hashes a block's documents and rejects are found: of their ids, of their keys' beginnings, of domains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.corpus_index import NAMED, NO_ROW, REJECT, SITED, compact
from pile_builder.document import document_id
from pile_builder.domains import document_host, domain_hash, domains_above

NAMES = pa.schema(
    [
        pa.field("name", pa.uint64(), nullable=False),
        pa.field("alias", pa.uint64()),
        pa.field("domains", pa.list_(pa.uint64()), nullable=False),
        pa.field("rule", pa.string()),
    ]
)
"""One row per document of a block and then one per reject: the first 64 bits of its id's hash; of the id of its key's
beginning, null where the key has no space; hashes of the domains that it lies in; `ingest.rule` of a reject."""


def alias_of(source: str, key: str) -> str:
    """The second name by which a record is found: the id of the part of its key before a space, or nothing."""
    return document_id(source, key.split(" ", 1)[0]) if " " in key else ""


def name_hash(identity: str) -> int:
    """The first 64 bits of an id's hash."""
    return int(identity.rsplit(":", 1)[1][:16], 16)


def names_of(
    source: str, records: Iterable[tuple[str, str, str, str | None]], aliases: Mapping[str, str] | None = None
) -> pa.Table:
    """The names of records given as (id, key, metadata as JSON, rule that rejected it), `NAMES`.

    `aliases` has the second name of some ids whose key is not known any more.
    """
    known = aliases or {}
    names: list[int] = []
    seconds: list[int | None] = []
    domains: list[tuple[int, ...]] = []
    rules: list[str | None] = []
    for identity, key, meta, rule in records:
        alias = alias_of(source, key) or known.get(identity, "")
        names.append(name_hash(identity))
        seconds.append(name_hash(alias) if alias else None)
        domains.append(_domains(document_host(key, meta)))
        rules.append(rule)
    return pa.table([names, seconds, domains, rules], schema=NAMES)


@lru_cache(1 << 14)
def _domains(host: str) -> tuple[int, ...]:
    return tuple(map(domain_hash, domains_above(host)))


def named_rows(rank: int, names: pa.Table, documents: int) -> NDArray[Any]:
    """`NAMED` rows of a block's names, those of its `documents` first and then those of rejects."""
    rows = _rows(names.num_rows, documents)
    has_alias = names["alias"].is_valid().to_numpy()
    aliases = names["alias"].drop_null().to_numpy()
    found = np.empty(len(rows) + len(aliases), NAMED)
    found["hash"] = np.concatenate([names["name"].to_numpy(), aliases])
    found["row"] = np.concatenate([rows, rows[has_alias]])
    found["rank"] = rank
    return found


def sited_rows(rank: int, names: pa.Table, rules: NDArray[np.uint32], sizes: NDArray[np.int64]) -> NDArray[Any]:
    """`SITED` rows of a block's names, compacted.

    Args:
        rank: of the block.
        names: of its documents and rejects, n rows.
        rules: `rule_number` of what became of each document and reject, uint32[n].
        sizes: bytes of each document as it would be written, int64[documents].
    """
    domains = names["domains"].combine_chunks()
    which = np.repeat(np.arange(names.num_rows), domains.value_lengths().to_numpy())
    found = np.zeros(len(which), SITED)
    found["hash"] = domains.flatten().to_numpy()
    found["id"] = names["name"].to_numpy()[which]
    found["rank"], found["documents"] = rank, 1
    found["row"] = _rows(names.num_rows, len(sizes))[which]
    found["rule"] = rules[which]
    found["bytes"] = np.concatenate([sizes, np.zeros(names.num_rows - len(sizes), np.int64)])[which]
    return compact(found)


def _rows(count: int, documents: int) -> NDArray[np.uint32]:
    rows = np.arange(count, dtype=np.uint32)
    rows[documents:] = (rows[documents:] - np.uint32(documents)) | REJECT
    return rows


def rule_number(rule: str) -> int:
    """32 bits that stand for a rule, never 0."""
    return int.from_bytes(blake2b(rule.encode(), digest_size=4, person=b"rule").digest(), "little") or 1


def rule_numbers(rules: pa.ChunkedArray) -> tuple[NDArray[np.uint32], dict[int, str]]:
    """`rule_number` of each of n rules, 0 where null, and what the numbers stand for."""
    coded = rules.combine_chunks().dictionary_encode()
    names = coded.dictionary.to_pylist()
    numbers = np.array([*map(rule_number, names), 0], np.uint32)
    return numbers[coded.indices.fill_null(len(names)).to_numpy()], dict(zip(numbers.tolist(), names, strict=False))


def split_rows(row: NDArray[np.uint32]) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Rows as (`block` or `rejects`, rows there), without those that only count."""
    listed = row[row != NO_ROW]
    is_reject = (listed & REJECT) != 0
    yield "block", listed[~is_reject].astype(np.int64)
    yield "rejects", (listed[is_reject] ^ REJECT).astype(np.int64)
