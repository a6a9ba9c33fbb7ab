"""Deduplication of a whole corpus against brute force in plain Python."""

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest

from pile_builder.document import document_id
from pile_builder.manifest import Manifest
from pile_builder.pipelines import dedup
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from tests.test_build import read_shards


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    words = text.split()
    return frozenset(tuple(words[i : i + 5]) for i in range(len(words) - 4))


def brute_force(files: Path, order: list[str]) -> set[str]:
    """Texts that survive: one of each component of pairs with true Jaccard >= 0.7, by source, length, id."""
    documents = []
    for source, names in (("left", ("0.txt", "1.txt")), ("right", ("2.txt", "3.txt"))):
        for name in names:
            for number, line in enumerate((files / name).read_text().splitlines()):
                if line and line not in ("reject", "raise"):
                    rank = (order.index(source), -len(line), document_id(source, f"{name}#{number}")[-20:])
                    documents.append((rank, line))
    root = list(range(len(documents)))

    def find(i: int) -> int:
        while root[i] != i:
            i = root[i]
        return i

    sets = [shingles(text) for _, text in documents]
    for i, j in combinations(range(len(documents)), 2):
        both = len(sets[i] & sets[j])
        if documents[i][1] == documents[j][1] or both >= 0.7 * (len(sets[i]) + len(sets[j]) - both) > 0:
            root[find(i)] = find(j)
    best: dict[int, tuple[tuple[int, int, str], str]] = {}
    for i, document in enumerate(documents):
        best[find(i)] = min(best.get(find(i), document), document)
    return {text for _, text in best.values()}


@pytest.mark.parametrize("order", [["left", "right"], ["right", "left"]])
def test_survivors_are_those_of_brute_force(
    toy_manifest: Callable[..., Manifest], toy_files: Path, tmp_path: Path, order: list[str]
):
    out = tmp_path / "out"
    summary = build(toy_manifest(dedup={"source_priority": order}), str(out), RunOptions())
    written = {line["text"] for lines in read_shards(out).values() for line in lines}
    assert written == brute_force(toy_files, order)
    dropped = [source["dropped"] for source in summary["sources"].values()]
    assert sum(one.get("dedup.exact", 0) for one in dropped) > 30
    assert sum(one.get("dedup.near", 0) for one in dropped) > 10


def test_nothing_large_is_shuffled(
    toy_manifest: Callable[..., Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    sizes: list[int] = []
    pack = dedup._pack

    def watched(key: int, rows: dedup.NDArray) -> dedup.Iterator[dedup.Packed]:
        for element in pack(key, rows):
            sizes.append(len(element[1]))
            yield element

    monkeypatch.setattr(dedup, "PACKED_BYTES", 1024)
    monkeypatch.setattr(dedup, "_pack", watched)
    build(toy_manifest(), str(tmp_path / "out"), RunOptions())
    assert len(sizes) > 20
    assert max(sizes) <= 1024
