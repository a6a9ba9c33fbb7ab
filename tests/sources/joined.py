"""Documents of a source that joins, without a build."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from pile_builder.source import Document, Fragment, Raw, Reject, Skipped, Source


@dataclass
class Joined:
    """What became of a source's inputs: documents by key, rejects as (key, rule), counts of what was skipped."""

    documents: dict[str, Document] = field(default_factory=dict)
    rejects: list[tuple[str, str]] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def rules(self) -> Counter[str]:
        """How many rejects each rule has."""
        return Counter(rule for _, rule in self.rejects)


def joined(source: Source) -> Joined:
    """Read all splits, join within their groups, in a dictionary."""
    found = Joined()
    parts: dict[tuple[str, str], list[Fragment]] = defaultdict(list)
    if tables := source.side_tables():
        source.bind_tables({name: dict(source.read_table(name, files)).get for name, files in tables.items()})
    for split in source.splits():
        for item in source.read(split):
            if isinstance(item, Skipped):
                found.skipped[item.kind] += item.count
            elif isinstance(item, Fragment):
                parts[split.group, item.key].append(item)
            elif isinstance(item, Raw):
                _add(found, item.key, source.extract(item))
            else:
                found.rejects.append((item.key, item.rule))
    for (_, key), fragments in sorted(parts.items()):
        _add(found, key, source.join(key, sorted(fragments, key=lambda one: (one.order, one.payload))))
    return found


def _add(found: Joined, key: str, made: Document | Reject) -> None:
    if isinstance(made, Reject):
        found.rejects.append((key, made.rule))
    else:
        assert key not in found.documents
        found.documents[key] = made
