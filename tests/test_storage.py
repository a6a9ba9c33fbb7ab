"""Objects, commit records, and Parquet files that do not depend on how rows arrived."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder import blocks
from pile_builder.blocks import RowGroupWriter
from pile_builder.commits import Commits
from pile_builder.input_files import InputFile
from pile_builder.source import pack
from pile_builder.storage import TEMPORARY, HashingWriter, Store, fingerprint


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(str(tmp_path) if request.param == "local" else f"memory://{tmp_path.name}-{request.node.name}")


def test_first_commit_wins(store: Store):
    commits = Commits(store, "select")
    assert commits.put("k", {"n": 1})
    assert not commits.put("k", {"n": 2})
    assert commits.load("k") == {"n": 1}
    assert commits.done() == {"k"}
    commits.fail("other", "it broke")
    assert commits.failures() == {"other": "it broke"}
    commits.forget_run()
    assert commits.failures() == {}
    assert commits.done() == {"k"}


def test_objects_are_named_by_content_and_appear_whole(store: Store):
    name = Commits(store, "p").object_name
    with store.writing(name) as stream:
        stream.write(b"content")
    assert store.read(stream.name) == b"content"
    assert stream.name == name(stream.digest)
    with pytest.raises(RuntimeError), store.writing(name) as broken:
        broken.write(b"half")
        raise RuntimeError
    assert len(store.names("work/p/objects")) == 1


def test_sweep_removes_what_a_crash_left(tmp_path: Path):
    store = Store(str(tmp_path))
    store.write("a/b", b"kept")
    (tmp_path / "a" / f"{TEMPORARY}xyz").write_bytes(b"half")
    assert store.sweep_temporaries() == 1
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["b"]


def test_fingerprint_ignores_key_order_only():
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 50), max_size=60), st.lists(st.integers(1, 20), min_size=1, max_size=20))
def test_row_groups_do_not_follow_batches(sizes: list[int], steps: list[int]):
    whole = pa.record_batch({"n": pa.array(range(len(sizes)), pa.int64())})

    def write(steps: list[int]) -> tuple[list[int], bytes]:
        out = io.BytesIO()
        writer = RowGroupWriter(HashingWriter(out), whole.schema)
        start = 0
        for step in [*steps, len(sizes)]:
            part = whole.slice(start, step)
            writer.write(part, np.array(sizes[start : start + part.num_rows], np.int64))
            start += part.num_rows
        writer.close()
        return writer.rows, out.getvalue()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "ROW_GROUP_BYTES", 100)
        rows, data = write(steps)
        assert (rows, data) == write([])
    at = 0
    for count in rows[:-1]:
        assert sum(sizes[at : at + count]) >= 100 > sum(sizes[at : at + count - 1])
        at += count
    assert sum(rows) == len(sizes) == pq.read_table(io.BytesIO(data)).num_rows


def test_one_more_file_disturbs_few_packs():
    files = [InputFile(f"{i:05}.txt", "", 1000) for i in range(3000)]
    before = {split.files for split in pack(files, 64_000)}
    after = {
        split.files for split in pack(sorted([*files, InputFile("01234x.txt", "", 1000)], key=lambda f: f.name), 64_000)
    }
    assert 20 < len(before) < 100
    assert len(before - after) <= 3
    assert sum(len(members) for members in after) == 3001
