"""Documents joined of fragments that lie anywhere, against joining them in a dictionary."""

import random
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from pile_builder import source, work
from pile_builder.errors import BuildError, PileError
from pile_builder.manifest import Manifest, check_manifest
from pile_builder.pipelines import fragments
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from tests.conftest import sentence
from tests.joining_source import Joining
from tests.test_build import read_shards


class _Point:
    name = "joining"
    value = "tests.joining_source:Joining"

    def load(self) -> type[Joining]:
        return Joining


@pytest.fixture
def lines(tmp_path: Path) -> list[str]:
    """300 documents of one to five parts, some without their first, and damage; in four files."""
    randomness = random.Random(3)
    found = ["", "damaged", ""]
    for number in range(300):
        parts = range(1 if number % 30 == 7 else 0, 1 + randomness.randrange(1, 5))
        found += [f"k{number} {part} {sentence(randomness, 30)}" for part in parts]
    randomness.shuffle(found)
    for number in range(4):
        (tmp_path / f"{number}.txt").write_text("\n".join(found[number::4]) + "\n")
    return found


@pytest.fixture
def manifest(tmp_path: Path, lines: list[str], monkeypatch: pytest.MonkeyPatch) -> Manifest:
    monkeypatch.setattr(source, "entry_points", lambda group: [_Point()])
    monkeypatch.setattr(source.pack, "__defaults__", (1,))
    monkeypatch.setattr(work, "JOIN_BYTES", 50_000)
    monkeypatch.setattr(fragments, "RUN_BYTES", 20_000)
    data = {
        "name": "joined",
        "root": str(tmp_path),
        "sources": {"joining": {"inputs": ["*.txt"], "max_reject_rate": 1}},
        "select": {"language": None},
    }
    return check_manifest(data, str(tmp_path / "m.yaml"), {})


def test_fragments_become_the_documents_that_a_dictionary_joins(manifest: Manifest, lines: list[str], tmp_path: Path):
    summary = build(manifest, str(tmp_path / "out"), RunOptions(workers=2))
    parts: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for line in lines:
        if line.count(" ") > 1:
            name, order, text = line.split(" ", 2)
            parts[name].append((order, text))
    wanted = {"\n".join(text for _, text in sorted(own)) for own in parts.values() if min(own)[0] == "0"}
    written = read_shards(tmp_path / "out")
    assert {line["text"] for split in written.values() for line in split} == wanted
    counts = summary["sources"]["joining"]
    assert counts["read"] == 301 == counts["kept"] + sum(counts["dropped"].values())
    assert counts["dropped"] == {"ingest.damaged": 1, "ingest.orphan": 10}
    assert counts["skipped"] == {"blank": 2}
    blocks = orjson.loads((tmp_path / "out" / "work" / "plan.json").read_bytes())["work"]["blocks"]
    assert len(blocks) == 8
    assert not (tmp_path / "out" / "work" / "fragments").exists()


def test_one_or_two_workers_and_an_interruption_give_the_same_corpus(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    one = build(manifest, str(tmp_path / "one"), RunOptions(workers=1))
    calls = 0
    run: Callable[..., Any] = fragments.ReadFragments.__call__

    def some(self: fragments.ReadFragments, task: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 2:
            raise PileError("the store is gone")
        return run(self, task)

    monkeypatch.setattr(fragments.ReadFragments, "__call__", some)
    with pytest.raises(BuildError, match="phase fragments: 2 of 4 tasks failed"):
        build(manifest, str(tmp_path / "two"), RunOptions(workers=2))
    monkeypatch.setattr(fragments.ReadFragments, "__call__", run)
    two = build(manifest, str(tmp_path / "two"), RunOptions(workers=2))
    assert two["digest"] == one["digest"]
    (tmp_path / "0.txt").write_text((tmp_path / "0.txt").read_text() + "k7 0 The part that had been missing.\n")
    assert build(manifest, str(tmp_path / "two"), RunOptions())["sources"]["joining"]["dropped"]["ingest.orphan"] == 9


def test_keys_that_are_looked_up_while_fragments_are_read(manifest: Manifest, tmp_path: Path):
    for number in range(4):
        path = tmp_path / f"{number}.txt"
        path.write_text("".join(re.sub(r"^k(\d+) ([1-9])", r"x\1 \2", line) for line in path.open()))
    (tmp_path / "aliases").write_text("".join(f"x{number} k{number}\n" for number in range(300)))
    inputs = {"inputs": ["*.txt"], "max_reject_rate": 1, "options": {"aliases": "aliases"}}
    data = {"name": "joined", "root": str(tmp_path), "sources": {"joining": inputs}, "select": {"language": None}}
    other = check_manifest(data, str(tmp_path / "m.yaml"), {})
    counts = build(other, str(tmp_path / "out"), RunOptions(workers=2))["sources"]["joining"]
    assert counts["read"] == 301 and counts["dropped"] == {"ingest.damaged": 1, "ingest.orphan": 10}
