from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.input_files import InputFile
from pile_builder.source import Raw, Reject, Split
from pile_builder.sources import parquet as parquet_module
from pile_builder.sources.parquet import Parquet
from tests.sources.records import digest, documents, records, rejects
from tests.sources.test_jsonl import SAMPLES as JSONL
from tests.sources.test_jsonl import jsonl

SAMPLES = Path(__file__).parents[2] / "samples" / "parquet"
TRAIN = "train-00000-of-00001.parquet"


def parquet(root: Path, *inputs: str, **options: object) -> Parquet:
    return Parquet(Parquet.Config(inputs=inputs or (".",), root=str(root), **options))


def test_samples() -> None:
    found = documents(parquet(SAMPLES, TRAIN))
    same = documents(jsonl(JSONL, "dolma-0000.json.gz"))
    assert {key: document.text for key, document in found.items()} == {k: d.text for k, d in same.items()}
    assert found["harbour-002"].meta == {"url": "https://almanac.example/splice", "date": "2020-01-02T00:00:00"}
    assert list(found) == [f"harbour-00{number}" for number in range(1, 6)]


def test_rejects() -> None:
    assert rejects(parquet(SAMPLES)) == {
        "cut.parquet": "truncated",
        "lying.parquet": "damaged",
        "nested.parquet": "no_column",
        "page.parquet": "no_column",
    }
    assert rejects(parquet(SAMPLES, "page.parquet", text="body.parts")) == {"page.parquet, row group 0": "damaged"}
    nested = parquet(SAMPLES, "nested.parquet", text="body.parts")
    assert rejects(nested) == {"nested.parquet#1": "no_text", "nested.parquet#2": "no_text"}
    assert {key: digest(document) for key, document in documents(nested).items()} == {
        "nested.parquet#0": "82c359cae147632f",
        "nested.parquet#3": "a8e8afb6144da73c",
        "nested.parquet#4": "91f6a1d075f6a992",
    }
    raw = parquet(SAMPLES, "nested.parquet", text="raw")
    assert rejects(raw) == {"nested.parquet#1": "undecodable"} and len(documents(raw)) == 4
    assert rejects(parquet(SAMPLES, TRAIN, text="embedding")) == dict.fromkeys(
        (f"harbour-00{number}" for number in range(1, 6)), "wrong_type"
    )
    [reject] = records(parquet(SAMPLES, TRAIN, text="body"))
    assert isinstance(reject, Reject) and "there are id, text, url, date, embedding" in reject.detail


def test_other_columns_are_read_only_if_asked_for() -> None:
    source = parquet(SAMPLES, TRAIN)
    assert source.columns(["id", "text", "url", "embedding"]) == ["id", "text", "url"]
    [first, *_] = records(parquet(SAMPLES, TRAIN, metadata=True))
    assert isinstance(first, Raw) and first.meta["record"]["embedding"] == [0.5, 0.0]


def test_row_groups_belong_to_one_range(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"Text {number} of a table." for number in range(100)]
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet", row_group_size=7, compression="none")
    whole = list(records(parquet(tmp_path)))
    monkeypatch.setattr(parquet_module, "RANGE_BYTES", 900)
    source = parquet(tmp_path)
    assert len(list(source.splits())) > 5
    assert list(records(source)) == whole
    assert [one.key for one in whole if isinstance(one, Raw)] == [f"a.parquet#{number}" for number in range(100)]


def test_a_row_group_that_expands_too_much(tmp_path: Path) -> None:
    table = pa.table({"text": ["x" * (1 << 20)] * 64})
    pq.write_table(table, tmp_path / "a.parquet", compression="zstd", use_dictionary=False)
    assert rejects(parquet(tmp_path)) == {"a.parquet": "bomb"}


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 7_200), st.binary(min_size=1, max_size=4))
def test_damage_is_rejected(tmp_path_factory: pytest.TempPathFactory, at: int, noise: bytes) -> None:
    content = bytearray((SAMPLES / TRAIN).read_bytes())
    content[at : at + len(noise)] = noise
    path = tmp_path_factory.mktemp("damage") / "a.parquet"
    path.write_bytes(content)
    found = list(parquet(path.parent).read(Split("a", (InputFile("a", str(path), len(content)),))))
    assert Counter(type(one) for one in found).keys() <= {Raw, Reject} and found
