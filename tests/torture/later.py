"""What is disturbed after a build: commands that change it or its exports, and a build of it by another manifest."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from pile_builder.audit.exports import exports_in, verify_any
from pile_builder.audit.verify import recorded_digest
from pile_builder.storage import Store
from tests.torture.damage import EXPORT_DAMAGE

FAULTS = ("SIGKILL driver", "SIGTERM driver", "no space", "2 % of writes fail")
"""What happens to all of them."""
_MEGATRON = ("tokenize", "{out}", "--tokenizer", "{folder}/bpe.json", "--format", "megatron")
_TOKENIZE = (*_MEGATRON, "--out", "{out}/tokens/m")
_EXPORT = (*_MEGATRON, "--format", "parquet", "--out", "{out}/tokens")
_TEXT = ("parquet", "{out}")
_TRAIN = ("tokenizer", "train", "{out}", "--vocabulary", "300", "--out", "{folder}/bpe.json")


@dataclass(frozen=True)
class Later:
    """A command on a copy of the finished build, what is run before it, and the digest of what it leaves.

    `{out}` in arguments is the build's folder, `{folder}` where the torture's own files lie; `damages` are kinds of
    damage that come between. A command that `is_build` comes to the same in an empty folder.
    """

    command: tuple[str, ...]
    digest: Callable[[Path], str]
    before: tuple[tuple[str, ...], ...] = ()
    damages: tuple[str, ...] = ()
    is_build: bool = False


def corpus_digest(out: Path) -> str:
    """Of the build."""
    return recorded_digest(Store(str(out)))


def exports_digest(out: Path) -> str:
    """Of all exports in a build, or what is wrong with one of them; files that are no export's are wrong too."""
    digests = []
    for name in sorted(filter(None, exports_in(Store(str(out))))):
        for check in verify_any(Store(f"{out}/{name}"), Store(str(out))):
            if check.problems:
                return f"{name}: {check.name}: {check.problems}"
        folder = out / name
        files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*") if "work" not in path.parts)
        digests.append(f"{hashlib.sha256((folder / 'export.json').read_bytes()).hexdigest()} {files}")
    return "\n".join(digests)


LATER = {
    "takedown": Later(
        ("takedown", "{out}", "--ids", "{folder}/ids.txt", "--yes", "--by", "them", "--why", "they asked"),
        corpus_digest,
    ),
    "other manifest": Later(
        ("build", "{folder}/other.yaml", "--out", "{out}", "--workers", "2"), corpus_digest, is_build=True
    ),
    "tokenize": Later(_EXPORT, exports_digest, (_TRAIN,)),
    "tokenize otherwise": Later(_TOKENIZE, exports_digest, (_TRAIN, (*_TOKENIZE, "-o", "key=content"))),
    "parquet": Later(_TEXT, exports_digest),
    "parquet again": Later(_TEXT, exports_digest, (_TEXT,), tuple(EXPORT_DAMAGE)),
    "tokenize again": Later(_EXPORT, exports_digest, (_TRAIN, _EXPORT), tuple(EXPORT_DAMAGE)),
}
"""By name."""


def kinds() -> list[str]:
    """All that can happen, as names of kinds."""
    return [f"{name}: {fault}" for name, later in LATER.items() for fault in (later.damages or FAULTS)]


def some_ids(out: Path) -> list[str]:
    """Ids of five documents of a finished build."""
    ids = sorted(
        one
        for path in (out / "work" / "assemble" / "objects").iterdir()
        for one in pq.read_table(path, columns=["id"])["id"].to_pylist()
    )
    return ids[:: len(ids) // 4]
