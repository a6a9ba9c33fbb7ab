"""Damaged work: noticed by whoever reads it, made again by the next build."""

import random
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pile_builder.audit.verify import verify_work
from pile_builder.commits import Commits
from pile_builder.damage import noted
from pile_builder.errors import DamagedError
from pile_builder.manifest import Manifest
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.storage import Store
from tests.torture.damage import DAMAGE

Make = Callable[..., Manifest]


def test_a_record_that_was_changed_is_not_taken(tmp_path: Path):
    store = Store(str(tmp_path))
    commits = Commits(store, "select")
    key = "0" * 24
    commits.put(key, {"kept": 10})
    path = tmp_path / commits.record_name(key)
    assert commits.load(key) == {"kept": 10}
    path.write_bytes(path.read_bytes().replace(b"10", b"11"))
    with pytest.raises(DamagedError, match="not what was written"):
        commits.load(key)
    assert list(noted(store).values()) == [commits.record_name(key)]
    path.write_bytes(b'{"kept":12}')
    assert commits.load(key) == {"kept": 12}, "records of versions that did not seal them are still good"


def test_an_object_is_blamed_only_if_it_is_damaged(tmp_path: Path):
    store = Store(str(tmp_path))
    with store.writing(Commits(store, "ingest").object_name) as stream:
        stream.write(b"content")
    with pytest.raises(ValueError, match="of my own"), store.open(stream.name):
        raise ValueError("of my own")
    (tmp_path / stream.name).write_bytes(b"contend")
    with pytest.raises(DamagedError, match="not what its name says"), store.open(stream.name):
        raise ValueError("cannot be parsed")
    store.remove(stream.name)
    with pytest.raises(DamagedError, match="missing"):
        store.read(stream.name)


@pytest.mark.parametrize("kind", ["block flipped", "sidecar gone", "later object cut", "record cut"])
def test_verify_tells_and_the_next_build_makes_it_again(toy_manifest: Make, tmp_path: Path, kind: str):
    out = tmp_path / "out"
    store = Store(str(out))
    digest = build(toy_manifest(), str(out), RunOptions())["digest"]
    assert not list(verify_work(store))
    patterns, act = DAMAGE[kind]
    # The first of them, so that one kind is one file whatever the digests are.
    path = min(path for pattern in patterns for path in out.glob(pattern) if path.is_file())
    act(path, random.Random(1))
    problems = [check for check in verify_work(store) if check.problems]
    assert [check.name for check in problems] == [str(path.relative_to(out))]
    said: list[str] = []
    assert build(toy_manifest(), str(out), RunOptions(say=said.append))["digest"] == digest
    assert any(str(path.relative_to(out)) in line for line in said)
    assert not list(verify_work(store))
    assert not noted(store)


def test_text_that_only_assemble_reads_is_made_again(toy_manifest: Make, tmp_path: Path):
    out = tmp_path / "out"
    digest = build(toy_manifest(), str(out), RunOptions())["digest"]
    for record in (out / "work" / "assemble").glob("*.json"):
        record.unlink()
    objects = sorted((out / "work" / "ingest" / "objects").glob("*.parquet"))
    block = next(path for path in objects if "text" in pq.read_schema(path).names)
    footer = pq.read_metadata(block)
    text = footer.row_group(0).column(footer.schema.names.index("text"))
    data = bytearray(block.read_bytes())
    data[text.data_page_offset + text.total_compressed_size - 1] ^= 1
    block.write_bytes(data)
    said: list[str] = []
    assert build(toy_manifest(), str(out), RunOptions(say=said.append))["digest"] == digest
    assert any(str(block.relative_to(out)) in line for line in said)
