"""Reads an export of text as Parquet back and holds it against what was recorded of its shards."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from pile_builder.audit.verify_tokens import TokenCheck, damaged_files, verify_corpus_digest
from pile_builder.blocks import open_parquet
from pile_builder.storage import Store


def verify_text(store: Store, export: Mapping[str, Any], build: Store | None = None) -> Iterator[TokenCheck]:
    """Check every shard: its files by sha256, its documents and their texts by number and digest."""
    if build:
        yield from verify_corpus_digest(export, build)
    damaged = dict(damaged_files(store, export))
    for shard in export["shards"]:
        check = TokenCheck(shard["name"])
        check.problems += [damaged[file["name"]] for file in shard["files"] if file["name"] in damaged]
        digest = hashlib.sha256()
        try:
            for file in [] if check.problems else shard["files"]:
                with store.open(file["name"]) as stream:
                    for batch in open_parquet(stream).iter_batches(1_024, columns=["text"]):
                        for text in batch.column("text").to_pylist():
                            data = text.encode()
                            digest.update(b"%d " % len(data))
                            digest.update(data)
                            check.documents += 1
        except pa.ArrowInvalid as error:
            check.problems.append(f"unreadable after {check.documents} documents: {error}")
        if not check.problems and (check.documents, digest.hexdigest()) != (shard["documents"], shard["digest"]):
            problem = f"{check.documents} documents, export.json says {shard['documents']}; or their texts differ"
            check.problems.append(problem)
        yield check
