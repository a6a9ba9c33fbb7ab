"""Shared pieces: a small corpus of made-up lines, and manifests over the toy source."""

import os
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pile_builder import source
from pile_builder.manifest import Manifest, check_manifest
from tests.toy_source import Toy

collect_ignore = [
    *([] if "PILE_EXPORTS" in os.environ else ["readers"]),
    *([] if "PILE_JOB_SERVERS" in os.environ else ["runners"]),
]
"""What needs the trainers' libraries or job servers is run by `make test-readers` and `make test-runners`."""

WORDS = ("river", "stone", "lantern", "quiet", "market", "ladder", "copper", "winter", "garden", "signal", "harbour")


def sentence(randomness: random.Random, words: int) -> str:
    return " ".join(randomness.choice(("the", "of", "and")) + f" {randomness.choice(WORDS)}" for _ in range(words))


@pytest.fixture
def toy_files(tmp_path: Path) -> Path:
    """Four files of lines: distinct ones, exact copies, near copies, blanks, rejects and a crash."""
    randomness = random.Random(7)
    folder = tmp_path / "toy"
    folder.mkdir()
    originals = [sentence(randomness, 120) for _ in range(60)]
    for number in range(4):
        lines = [sentence(randomness, randomness.randrange(20, 200)) for _ in range(60)]
        lines += originals[number * 10 : number * 10 + 25]
        lines += [original.replace("river", "brook", 1) for original in originals[number * 5 : number * 5 + 8]]
        lines += ["", "reject", "raise", ""]
        randomness.shuffle(lines)
        (folder / f"{number}.txt").write_text("\n".join(lines) + "\n")
    return folder


class _Point:
    name = "toy"
    value = "tests.toy_source:Toy"

    def load(self) -> type[Toy]:
        return Toy


def register_toy() -> None:
    """Make the toy source known in this process, with every file a split of its own."""
    points = source.entry_points

    def with_toy(group: str) -> list[Any]:
        return [_Point()] if group == source.ENTRY_POINT_GROUP else list(points(group=group))

    source.entry_points = with_toy  # type: ignore[assignment]
    source.pack.__defaults__ = (1,)  # type: ignore[assignment]


def toy_data(root: str) -> dict[str, Any]:
    """A manifest over the toy files: two sources of two splits each."""
    return {
        "name": "toy",
        "root": root,
        "sources": {
            "left": {"plugin": "toy", "inputs": ["0.txt", "1.txt"], "epochs": 1.5},
            "right": {"plugin": "toy", "inputs": ["2.txt", "3.txt"]},
        },
        "select": {"language": None},
        "mix": {"validation": 0.05, "test": 0.05},
        "output": {"segment_bytes": 20_000, "shard_bytes": 60_000},
    }


@pytest.fixture
def toy_manifest(toy_files: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Manifest]:
    """Makes manifests over the toy files; keyword arguments change parts of it, `variables` are its environment."""
    monkeypatch.setattr(source, "entry_points", source.entry_points)
    monkeypatch.setattr(source.pack, "__defaults__", source.pack.__defaults__)
    register_toy()

    def make(variables: Mapping[str, str] | None = None, **changes: Any) -> Manifest:
        data = toy_data(str(toy_files))
        for key, value in changes.items():
            data[key] = data[key] | value if isinstance(data.get(key), dict) and isinstance(value, dict) else value
        return check_manifest(data, str(toy_files / "m.yaml"), variables or {})

    return make
