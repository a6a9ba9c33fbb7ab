"""What must hold of a build's folder once it got to its end, whatever happened on the way."""

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

from pile_builder.audit.subsets import verify_subsets
from pile_builder.audit.verify import recorded_digest, verify_corpus, verify_work
from pile_builder.commits import Commits
from pile_builder.damage import objects_in
from pile_builder.storage import TEMPORARY, Store

LEFT_OVER = (f"{TEMPORARY}*", "todo-*", "*.records", "*.failed", "*.purged", "damaged/*")


def problems_of(out: Path, digest: str, *, was_damaged: bool = False) -> list[str]:
    """Everything that is wrong with a finished build that should have `digest`.

    Where a record was damaged that nobody needs any more, nobody names its objects.
    """
    store = Store(str(out))
    found = [f"left over: {path.relative_to(out)}" for pattern in LEFT_OVER for path in out.rglob(pattern)]
    if (got := recorded_digest(store)) != digest:
        found.append(f"digest {got}, expected {digest}")
    checks = [*verify_corpus(store), *verify_work(store), *(check for _, check in verify_subsets(store))]
    found += [f"verify: {check.name}: {problem}" for check in checks for problem in check.problems]
    return found + ([] if was_damaged else _strangers(store, out)) + _twice(store)


def _strangers(store: Store, out: Path) -> list[str]:
    """Objects that no record names."""
    folders = [Commits(store, folder) for folder in store.folders("work")]
    named = {name for commits in folders for key in commits.done() for name in objects_in(commits.load(key))}
    there = {str(path.relative_to(out)) for path in (out / "work").glob("*/objects/*.*")}
    return [f"nobody names {name}" for name in sorted(there - named)]


def _twice(store: Store) -> list[str]:
    """Lines of the corpus that stand in it more than once."""
    commits = Commits(store, "assemble")
    lines: Counter[tuple[str, int, int]] = Counter()
    for key in commits.done():
        table = pq.read_table(store.path(commits.load(key)["index"]), columns=["id", "copy", "piece"])
        lines.update(zip(*(table[name].to_pylist() for name in ("id", "copy", "piece")), strict=True))
    return [f"{line} is written {count} times" for line, count in lines.items() if count > 1]
