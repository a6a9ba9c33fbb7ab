"""Damage to files between two runs: cut, one bit changed, or gone."""

import random
from collections.abc import Callable
from pathlib import Path


def cut(path: Path, randomness: random.Random) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: randomness.randrange(len(data))])


def flip(path: Path, randomness: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[randomness.randrange(len(data))] ^= 1 << randomness.randrange(8)
    path.write_bytes(data)


def remove(path: Path, randomness: random.Random) -> None:
    path.unlink()


DAMAGE: dict[str, tuple[tuple[str, ...], Callable[[Path, random.Random], None]]] = {
    "block cut": (("work/ingest/objects/*",), cut),
    "block flipped": (("work/ingest/objects/*",), flip),
    "block gone": (("work/ingest/objects/*",), remove),
    "sidecar flipped": (("work/annotate/objects/*",), flip),
    "sidecar gone": (("work/annotate/objects/*",), remove),
    "later object cut": (("work/[cdmps]*/objects/*",), cut),
    "later object gone": (("work/[cdmps]*/objects/*",), remove),
    "record cut": (("work/*/*.json",), cut),
    "record flipped": (("work/*/*.json",), flip),
    "shard cut": (("corpus/**/*.zst",), cut),
    "shard flipped": (("corpus/**/*.zst",), flip),
    "shard gone": (("corpus/**/*.zst",), remove),
}
"""Patterns of files, and what is done to one of those that match."""
EXPORT_DAMAGE: dict[str, tuple[tuple[str, ...], Callable[[Path, random.Random], None]]] = {
    "export's record cut": (("tokens/*/work/*/*.json",), cut),
    "export's record flipped": (("tokens/*/work/*/*.json",), flip),
    "export's record gone": (("tokens/*/work/*/*.json",), remove),
    "export's file cut": (("tokens/*/*.bin", "tokens/*/*.idx", "tokens/*/data/*.parquet"), cut),
    "export's file gone": (("tokens/*/*.bin", "tokens/*/*.idx", "tokens/*/*/*.parquet"), remove),
}
"""The same of exports."""


def damage(out: Path, kind: str, randomness: random.Random) -> str:
    """Damage one file; returns its name, empty if there is none of the kind."""
    patterns, act = (DAMAGE | EXPORT_DAMAGE)[kind]
    files = sorted(path for pattern in patterns for path in out.glob(pattern) if path.is_file() and path.stat().st_size)
    if not files:
        return ""
    path = randomness.choice(files)
    act(path, randomness)
    return str(path.relative_to(out))
