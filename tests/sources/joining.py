"""What the engine makes of a source that joins, in one process and in memory."""

from collections import defaultdict

from pile_builder.source import Document, Fragment, Raw, Reject, Source


def joined(source: Source) -> dict[str, Document | Reject]:
    """Documents and rejects by key."""
    parts: dict[str, list[Fragment]] = defaultdict(list)
    found: dict[str, Document | Reject] = {}
    for split in source.splits():
        for item in source.read(split):
            if isinstance(item, Fragment):
                parts[item.key].append(item)
            elif isinstance(item, Reject):
                found[item.key] = item
    for key, fragments in parts.items():
        fragments.sort(key=lambda one: (one.order, one.payload))
        found[key] = source.extract(Raw(key, b"", fragments=tuple(fragments)))
    return found
