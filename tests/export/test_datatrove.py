"""datatrove: ids, the ends of documents (and windows), and three lines about them."""

import struct

import numpy as np
import pytest
import yaml

from pile_builder.errors import ManifestError, PileError
from pile_builder.export import datatrove
from pile_builder.export.datatrove import for_people
from pile_builder.export.format import ExportShard, ShardFile, ShardName
from tests.export.token_shards import NARROW, STORE, WIDE, make, random_documents, read, write


@pytest.mark.parametrize(("vocabulary", "letter", "width"), [(NARROW, "H", 2), (WIDE, "I", 4)])
def test_golden_bytes(tmp_path, vocabulary, letter, width):
    end = vocabulary.end_id
    form = make("datatrove", vocabulary, tokenizer="lab/tokenizer")
    files = write(form, tmp_path, [[1, 999, end], [end], [2, end]], ShardName("train", 2, 3), 2)
    stem = "train/00002_00000.ds"
    assert files == [ShardFile(stem, 3, 6), ShardFile(f"{stem}.index"), ShardFile(f"{stem}.metadata")]
    assert (tmp_path / stem).read_bytes() == struct.pack(f"<6{letter}", 1, 999, end, end, 2, end)
    assert (tmp_path / f"{stem}.index").read_bytes() == struct.pack("<3Q", 3, 4, 6)
    assert (tmp_path / f"{stem}.metadata").read_text() == f"lab/tokenizer|{width}\n6\n6.00 T"


def test_a_windows_index_holds_ends_of_documents_and_windows_once(tmp_path):
    form = make("datatrove", unit="windows", window=4, tail="keep")
    files = write(form, tmp_path, [[1, 7, 2, 3], [4, 5, 6, 7], [7, 1]])
    assert (tmp_path / files[1].name).read_bytes() == struct.pack("<5Q", 2, 4, 8, 9, 10)
    assert read(form, tmp_path, files) == [[1, 7, 2, 3], [4, 5, 6, 7], [7, 1]]


@pytest.mark.parametrize("chunk", [3, 1 << 20])
@pytest.mark.parametrize("vocabulary", [NARROW, WIDE], ids=["uint16", "uint32"])
def test_what_was_written_is_read(tmp_path, monkeypatch, vocabulary, chunk):
    monkeypatch.setattr(datatrove, "CHUNK", chunk)
    monkeypatch.setattr(datatrove, "READ_TOKENS", 5 * chunk)
    form = make("datatrove", vocabulary, file_tokens=500)
    documents = random_documents(1, 100, vocabulary)
    files = write(form, tmp_path, documents)
    assert len(files) > 15
    assert read(form, tmp_path, files) == documents
    windows = np.random.default_rng(2).integers(0, vocabulary.size, (50, 6)).tolist()
    form = make("datatrove", vocabulary, unit="windows", window=6)
    files = write(form, tmp_path, windows, ShardName("test", 0, 1))
    assert read(form, tmp_path, files) == windows
    assert write(form, tmp_path, []) == []


@pytest.mark.parametrize("options", [{}, {"unit": "windows", "window": 5}], ids=["documents", "windows"])
def test_damage_is_found(tmp_path, options):
    form = make("datatrove", **options)
    documents = random_documents(2, 10)
    sequences = np.random.default_rng(3).integers(0, 1_000, (12, 5)).tolist() if options else documents
    files = write(form, tmp_path, sequences)
    for file in files:
        path = tmp_path / file.name
        whole = path.read_bytes()
        for damaged in (whole[:-9], whole[: len(whole) // 2], b"", whole + b"\1" * 8, whole[:-5]):
            path.write_bytes(damaged)
            if file.name.endswith("metadata") and damaged.count(b"\n") == 2:
                continue
            with pytest.raises(PileError, match=r"\.ds"):
                read(form, tmp_path, files)
        path.write_bytes(whole)
    index = np.fromfile(tmp_path / files[1].name, "<u8")
    for damaged in (index[::-1], index + 1, np.concatenate([index[:3], index[1:]])):
        damaged.tofile(tmp_path / files[1].name)
        with pytest.raises(PileError, match=r"\.index"):
            read(form, tmp_path, files)


def test_names_that_would_break_the_metadata_are_refused():
    with pytest.raises(ManifestError, match=r"without `\|`"):
        make("datatrove", tokenizer="a|b")


@pytest.mark.parametrize(
    ("tokens", "shown"),
    [(0, "0.00 T"), (999, "999 T"), (1_500, "1.50 kT"), (123_456_789, "123 MT"), (10**13, "10.0 TT")],
)
def test_numbers_for_people_have_three_digits(tokens, shown):
    assert for_people(tokens) == shown


def test_the_snippet_is_what_nanotron_checks_against_the_metadata():
    shards = [ExportShard("one", "train", 1, 9, 9, [ShardFile("train/00000_00000.ds", 1, 9)], {})]
    config = yaml.safe_load(make("datatrove", WIDE, window=129).extras(STORE, shards)["nanotron.yaml"])
    dataset = config["data_stages"][0]["data"]["dataset"]
    assert (dataset["tokenizer_name"], dataset["token_size_in_bytes"], dataset["vocab_size"]) == ("wide", 4, 70_001)
    assert config["tokens"] == {"sequence_length": 128}
