from __future__ import annotations

import gzip
import json
import os
import tarfile
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pile_builder.input_files import InputFile
from pile_builder.source import Raw, Reject, Skipped, Split
from pile_builder.sources import jsonl as jsonl_module
from pile_builder.sources.json_lines import json_value
from pile_builder.sources.jsonl import Jsonl
from tests.sources.records import digest, documents, records, rejects

SAMPLES = Path(__file__).parents[2] / "samples" / "jsonl"


def jsonl(root: Path, *inputs: str, **options: object) -> Jsonl:
    return Jsonl(Jsonl.Config(inputs=inputs or (".",), root=str(root), **options))


def one_line(tmp_path: Path, record: object, **options: object) -> Raw | Reject | Skipped:
    (tmp_path / "a.jsonl").write_text(json.dumps(record) + "\n")
    [found] = records(jsonl(tmp_path, "a.jsonl", **options))
    return found


def test_samples() -> None:
    source = jsonl(SAMPLES)
    found = documents(source)
    digests = {key: digest(document) for key, document in found.items()}
    assert digests == {
        "archive.jsonl.zst.tar/data_0_time1600000000_default.jsonl.zst#0": "545d1b33fc2ccf06",
        "archive.jsonl.zst.tar/data_0_time1600000000_default.jsonl.zst#361": "a8e8afb6144da73c",
        "archive.jsonl.zst.tar/data_0_time1600000000_default.jsonl.zst#834": "91f6a1d075f6a992",
        "good": "82c359cae147632f",
        "good damaged.jsonl#388": "82c359cae147632f",
        "half": "f15c3379086bbff0",
        "damaged.jsonl#11829": "e61f6a88ce7162da",
        "harbour-001": "82c359cae147632f",
        "harbour-002": "bdb496e1e9bba01e",
        "harbour-003": "545d1b33fc2ccf06",
        "harbour-004": "a8e8afb6144da73c",
        "harbour-005": "91f6a1d075f6a992",
        "lm_dataformat.jsonl.bz2#0": "82c359cae147632f",
        "lm_dataformat.jsonl.bz2#411": "bdb496e1e9bba01e",
    }
    assert found["harbour-003"].meta == {
        "title": "Die Waage im alten Speicher",
        "url": "https://almanac.example/waage",
        "date": "2018",
        "language": "de",
        "license": "CC-BY-SA-4.0",
    }
    assert rejects(source) == {
        "archive.jsonl.zst.tar/data_1_time1600000001_default.jsonl.zst": "truncated",
        "damaged.jsonl#803": "damaged",
        "damaged.jsonl#814": "undecodable",
        "damaged.jsonl#846": "wrong_type",
        "empty": "no_text",
        "none": "no_text",
        "number": "wrong_type",
        "odd-list": "wrong_type",
        "damaged.jsonl#1804": "damaged",
        "damaged.jsonl#12200": "truncated",
    }
    assert Counter(one.kind for one in records(source) if isinstance(one, Skipped)) == {
        "blank_line": 1, "other_file": 1
    }  # fmt: skip


def test_order_of_inputs_changes_nothing() -> None:
    backward = jsonl(SAMPLES, *sorted((path.name for path in SAMPLES.iterdir()), reverse=True))
    assert list(documents(backward).items()) == list(documents(jsonl(SAMPLES)).items())
    assert list(documents(jsonl(SAMPLES))["good"].meta) == []


def test_fields_of_other_names(tmp_path: Path) -> None:
    record = {
        "uid": 7,
        "q": "A question?",
        "inner": {"answers": ["One.", "", "Two."]},
        "a.b": "dotted",
        "meta": '{"when": 1577836800, "licences": ["MIT", "Apache-2.0"]}',
        "left": {"out": 1},
    }
    options = {"text": ["q", "inner.answers", "a.b", "absent"], "key": "uid", "joiner": "\n"}
    fields = {"date": "meta.when", "license": "meta.licences", "title": ""}
    found = one_line(tmp_path, {**record, "title": "no"}, **options, fields=fields)
    assert found == Raw(
        "7", b"A question?\nOne.\nTwo.\ndotted", "text/plain",
        {"date": "2020-01-01T00:00:00Z", "license": "MIT AND Apache-2.0"},
    )  # fmt: skip
    kept = one_line(tmp_path, record, **options, metadata=True)
    assert isinstance(kept, Raw) and kept.meta["record"]["left"] == {"out": 1}
    assert isinstance(one_line(tmp_path, record, text="q", key=""), Raw)


@pytest.mark.parametrize("key", [None, True, "", " ", 1.5, ["x"]])
def test_keys_by_place(tmp_path: Path, key: object) -> None:
    found = one_line(tmp_path, {"id": key, "text": "A text."})
    assert isinstance(found, Raw) and found.key == "a.jsonl#0"


@pytest.mark.parametrize(
    ("date", "kept"),
    [("2020-01-01T10:00:00Z", "2020-01-01T10:00:00Z"), ("2020", "2020"), (1577836800000, "2020-01-01T00:00:00Z"),
     ("yesterday", None), (12, None), (float("nan"), None), (True, None), ({}, None)],
)  # fmt: skip
def test_dates(tmp_path: Path, date: object, kept: str | None) -> None:
    found = one_line(tmp_path, {"text": "A text.", "date": date})
    assert isinstance(found, Raw) and found.meta.get("date") == kept


def test_config_errors() -> None:
    for wrong in ({"text": ""}, {"text": ()}, {"fields": {"titel": "x"}}, {"feilds": {}}):
        with pytest.raises(ValidationError):
            Jsonl.Config(inputs=("a",), **wrong)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")), max_size=12), st.data())
def test_ranges_share_no_line_and_lose_none(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], data) -> None:
    content = b"\n".join(lines)
    path = tmp_path_factory.mktemp("ranges") / "a.jsonl"
    path.write_bytes(content)
    file = InputFile("a.jsonl", str(path), len(content))
    source = jsonl(path.parent)
    cuts = sorted(data.draw(st.sets(st.integers(0, max(len(content) - 1, 0))))) if content else []
    edges = [0, *(cut for cut in cuts if cut), len(content)]
    whole = list(source.read(Split("a", (file,))))
    parts = [
        found
        for start, end in pairwise(edges)
        for found in source.read(Split("a", (file,), {"start": start, "end": end}))
    ]
    assert parts == whole


def test_large_files_are_cut_and_compressed_ones_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl_module, "RANGE_BYTES", 1_000)
    lines = b"".join(json.dumps({"text": f"Text {number}. " + "x" * 50}).encode() + b"\n" for number in range(100))
    (tmp_path / "a.jsonl").write_bytes(lines)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(lines, 0))
    (tmp_path / "c.jsonl").write_bytes(gzip.compress(lines, 0))
    with tarfile.open(tmp_path / "d.jsonl.zst.tar", "w") as archive:
        for number in range(3):
            (tmp_path / "member").write_bytes(zstandard.compress(lines[: lines.index(b'{"text": "Text 49.')]))
            archive.add(tmp_path / "member", f"{number}.jsonl.zst")
        archive.addfile(tarfile.TarInfo("notes.txt"))
    cut = (tmp_path / "d.jsonl.zst.tar").read_bytes()
    (tmp_path / "e.jsonl.zst.tar").write_bytes(cut[: cut.index(b"1.jsonl.zst") + 560])
    source = jsonl(tmp_path)
    names = Counter(split.name.partition("#")[0] for split in source.splits())
    assert names == {"a.jsonl": 8, "b.jsonl.gz": 1, "c.jsonl": 8, "d.jsonl.zst.tar": 11, "e.jsonl.zst.tar": 4}
    assert rejects(source) == {"e.jsonl.zst.tar": "truncated", "e.jsonl.zst.tar/1.jsonl.zst": "truncated"}
    assert [one for one in records(source) if isinstance(one, Skipped)] == [Skipped("other_file")]
    found = documents(source)
    assert Counter(key.partition("#")[0] for key in found) == {
        "a.jsonl": 100, "b.jsonl.gz": 100, "c.jsonl": 100, **{f"d.jsonl.zst.tar/{n}.jsonl.zst": 49 for n in range(3)},
        "e.jsonl.zst.tar/0.jsonl.zst": 49,
    }  # fmt: skip
    assert [found[f"a.jsonl{key}"].text for key in ("#0", f"#{lines.index(b'Text 42.') - 10}")] == [
        "Text 0. " + "x" * 50, "Text 42. " + "x" * 50
    ]  # fmt: skip


def test_huge_lines_are_passed_over(tmp_path: Path) -> None:
    with (tmp_path / "a.jsonl").open("wb") as out:
        out.write(b'{"text": "' + b"x" * (65 << 20) + b'"}\n')
        out.write(b'{"text": "A text."}\n')
    large, good = records(jsonl(tmp_path))
    assert isinstance(large, Reject) and (large.key, large.rule) == ("a.jsonl#0", "too_large")
    assert good == Raw(f"a.jsonl#{(65 << 20) + 13}", b"A text.", "text/plain")


@settings(deadline=None, max_examples=80)
@given(st.binary(max_size=200))
def test_any_line_gives_a_record_or_a_reject(line: bytes) -> None:
    json_value(line)


@pytest.mark.skipif("PILE_DATA" not in os.environ, reason="needs PILE_DATA")
def test_real_files() -> None:
    root = Path(os.environ["PILE_DATA"]) / "evals"
    source = jsonl(root, "grade-school-math/test.jsonl", text=["question", "answer"])
    assert len(documents(source)) == 1_319 and not rejects(source)
