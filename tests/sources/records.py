"""What a source yields, for tests of sources."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from pile_builder.source import Document, Raw, Reject, Skipped, Source, document_meta


def records(source: Source) -> Iterator[Raw | Reject | Skipped]:
    """All records of all splits, in order."""
    for split in source.splits():
        yield from source.read(split)


def documents(source: Source) -> dict[str, Document]:
    """The documents by key, with the metadata of both steps."""
    found: dict[str, Document] = {}
    for one in records(source):
        if isinstance(one, Raw):
            made = source.extract(one)
            assert isinstance(made, Document) and one.key not in found, one.key
            found[one.key] = Document(made.text, document_meta(one.meta, made.meta))
    return found


def rejects(source: Source) -> dict[str, str]:
    """The rules of what `read` rejects, by key."""
    return {one.key: one.rule for one in records(source) if isinstance(one, Reject)}


def digest(document: Document) -> str:
    """What a golden text is known by."""
    return hashlib.sha256(document.text.encode()).hexdigest()[:16]
