"""TFRecord framing, Examples and the two layouts, against bytes made by hand and an encoder in plain Python."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pile_builder.errors import ManifestError, PileError
from pile_builder.export.example_reader import decode_varints, int64_list, read_examples
from pile_builder.export.examples import ExampleFile, frame_examples
from pile_builder.export.format import ShardFile, TokenFormat, Vocabulary, make_format
from pile_builder.export.records import read_records
from pile_builder.storage import Store
from tests.export.example_bytes import GPT2, STORE, batch, crc32c, example, export, field, frame, lists, masked, varint

IDS = st.one_of(st.integers(0, 127), st.integers(128, 50_256), st.integers(0, (1 << 32) - 1))


def tfrecord(**options: Any) -> TokenFormat:
    return make_format("tfrecord", options, GPT2, "options")


def test_golden_bytes() -> None:
    """One record by hand: every length, every tag; the checksums are those of the test's own CRC."""
    assert crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C
    data = bytes.fromhex("0a12 0a10 0a04 74657874 1208 1a06 0a04 00 7f 8001")
    length = bytes.fromhex("1400000000000000")
    expected = length + masked(length) + data + masked(data)
    assert frame_examples(batch([[0, 127, 128]]), "text").tobytes() == expected


def test_golden_file_of_tensorflow() -> None:
    """What TensorFlow 2.21's TFRecordWriter makes of an Example with text = 464, 3290, 50256."""
    head, data, foot = "1700000000000000e7cef81e", "0a150a130a0474657874120b1a090a07d003da19d08803", "10c59e92"
    expected = bytes.fromhex(head + data + foot)
    assert frame_examples(batch([[464, 3290, 50_256]]), "text").tobytes() == expected


@given(st.lists(st.lists(IDS, min_size=1, max_size=70), max_size=8), st.sampled_from(["text", "targets", "t" * 200]))
def test_bytes_are_those_of_the_specification(sequences: list[list[int]], feature: str) -> None:
    expected = b"".join(frame(example(feature, ids)) for ids in sequences)
    assert frame_examples(batch(sequences), feature).tobytes() == expected


@given(sequences=st.lists(st.lists(IDS, max_size=40), max_size=12))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, sequences: list[list[int]]) -> None:
    path = tmp_path_factory.mktemp("round") / "file"
    file = ExampleFile(path, "text")
    for start in range(0, len(sequences), 5):
        file.write(batch(sequences[start : start + 5]))
    file.close("named")
    assert (file.sequences, file.tokens) == (len(sequences), sum(map(len, sequences)))
    with path.with_name("named").open("rb") as stream:
        assert lists(read_examples(stream, "text", "named")) == sequences


def test_long_batches_go_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pile_builder.export.examples.CHUNK_TOKENS", 10)
    monkeypatch.setattr("pile_builder.export.example_reader.READ_BYTES", 10)
    sequences = [[n] * size for n, size in enumerate((3, 30, 1, 1, 9, 4, 7))]
    file = ExampleFile(tmp_path / "file", "text")
    file.write(batch(sequences))
    file.close("file")
    with (tmp_path / "file").open("rb") as stream:
        batches = list(read_examples(stream, "text", "file"))
    assert lists(batches) == sequences
    assert len(batches) > 2


@given(st.lists(st.integers(0, (1 << 35) - 1), max_size=50))
def test_decoded_varints(values: list[int]) -> None:
    decoded, last = decode_varints(np.frombuffer(b"".join(map(varint, values)), np.uint8))
    assert decoded.tolist() == values
    assert last.tolist() == (np.cumsum([len(varint(value)) for value in values], dtype=np.int64) - 1).tolist()


def test_examples_of_other_writers_are_read() -> None:
    """Fields in any order, other features, ids that are not packed: all that protobuf allows."""
    ids = b"\x08\x05" + field(1, varint(6) + varint(300)) + b"\x08\x07"
    ours = field(1, field(2, field(3, ids)) + field(1, b"text"))
    other = field(1, field(2, field(1, field(1, b"bytes"))) + field(1, b"other"))
    unknown = b"\x10\x01" + b"\x1d1234" + b"\x21" + b"12345678"
    assert int64_list(unknown + field(1, other + ours) + unknown, "text") == b"\x05\x06" + varint(300) + b"\x07"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (example("words", [1]), "expected a feature 'text', got .'words'"),
        (field(1, field(1, field(1, b"text") + field(2, field(1, b"")))), "expected an int64_list .field 3."),
        (example("text", [1])[:-1], "not a protobuf message"),
        (b"\x0b", "not a protobuf message: wire type 3"),
        (b"\x08" + b"\xff" * 10, "more than 64 bits"),
        (example("text", [1 << 32]), "expected ids from 0 to 4,294,967,295"),
        (example("text", [(1 << 64) - 1]), "expected ids from 0 to 4,294,967,295"),
        (field(1, field(1, field(1, b"text") + field(2, field(3, field(1, b"\x80"))))), "the last id is cut off"),
    ],
)
def test_records_that_are_no_examples(tmp_path: Path, data: bytes, message: str) -> None:
    good = frame(example("text", [1, 2, 3]))
    path = tmp_path / "file"
    path.write_bytes(good + frame(data) + good)
    with path.open("rb") as stream, pytest.raises(PileError, match=f"file: record at byte {len(good)}: .*{message}"):
        list(read_examples(stream, "text", str(path)))


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    """In length, data and checksums; the error names file and record."""
    good = frame(example("text", [7, 50_256]))
    path = tmp_path / "file"
    for bit in range(8 * len(good)):
        damaged = bytearray(good)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(good + damaged)
        what = "length" if bit < 8 * 12 else "data"
        with path.open("rb") as stream, pytest.raises(PileError, match=f"file: record at byte {len(good)}: .*{what}"):
            list(read_records(stream, str(path)))


def test_every_cut_is_found(tmp_path: Path) -> None:
    good = frame(example("text", [7, 50_256]))
    path = tmp_path / "file"
    for size in range(1, len(good)):
        path.write_bytes(good + good[:size])
        with path.open("rb") as stream, pytest.raises(PileError, match=f"file: record at byte {len(good)}: expected"):
            list(read_records(stream, str(path)))


def test_a_length_beyond_protobuf_is_not_believed(tmp_path: Path) -> None:
    length = struct.pack("<Q", 1 << 40)
    (tmp_path / "file").write_bytes(length + masked(length))
    with (tmp_path / "file").open("rb") as stream, pytest.raises(PileError, match="expected at most"):
        list(read_records(stream, "file"))


def test_mesh_transformer_jax_shards(tmp_path: Path) -> None:
    """A file a shard with its number of windows in its name, none without windows; `multiple` windows or none."""
    form = tfrecord(window=5, multiple=2)
    shards = export(form, tmp_path, [list(range(36)), list(range(100, 109)), list(range(200, 222))])
    first, _, last = names = [[file.name for file in shard.files] for shard in shards]
    assert names == [["train-00000_6.tfrecords"], [], ["train-00002_4.tfrecords"]]
    assert sorted(path.name for path in tmp_path.iterdir()) == first + last
    (file,) = shards[0].files
    assert (file.sequences, file.tokens, shards[0].written) == (6, 30, 30)
    assert lists(form.read(Store(str(tmp_path)), file)) == [list(range(at, at + 5)) for at in range(0, 30, 5)]


def test_mesh_transformer_jax_extras(tmp_path: Path) -> None:
    form = tfrecord(window=5, prefix="gs://bucket/tokens")
    shards = export(form, tmp_path, [list(range(12)), list(range(23)), [1]])
    validation = export(form, tmp_path, [list(range(17))], "validation")
    extras = form.extras(STORE, shards + validation)
    assert extras["train.index"].decode().splitlines() == [
        "gs://bucket/tokens/train-00000_2.tfrecords",
        "gs://bucket/tokens/train-00001_4.tfrecords",
    ]
    assert extras["validation.index"] == b"gs://bucket/tokens/validation-00000_3.tfrecords\n"
    assert json.loads(extras["mesh-transformer-jax.json"]) == {
        "seq": 4,
        "train_set": "train.index",
        "val_set": {"validation": "validation.index"},
        "val_batches": 3,
    }
    relative = tfrecord(window=5).extras(STORE, shards)
    assert relative["train.index"] == b"train-00000_2.tfrecords\ntrain-00001_4.tfrecords\n"
    assert json.loads(relative["mesh-transformer-jax.json"])["val_set"] == {}


def test_gpt_neo_shards_of_several_files(tmp_path: Path) -> None:
    """No file holds more than records_per_file, nor a number of windows that `multiple` does not divide."""
    form = tfrecord(layout="gpt-neo", window=4, records_per_file=5, multiple=2)
    shards = export(form, tmp_path, [list(range(43)), [1, 2, 3], list(range(100, 133))])
    assert [[file.name for file in shard.files] for shard in shards] == [
        ["train_0_0_4.tfrecords", "train_1_0_4.tfrecords", "train_2_0_2.tfrecords"],
        [],
        ["train_0_2_4.tfrecords", "train_1_2_4.tfrecords"],
    ]
    read = [one for file in shards[0].files for one in lists(form.read(Store(str(tmp_path)), file))]
    assert read == [list(range(at, at + 4)) for at in range(0, 40, 4)]
    assert json.loads(form.extras(STORE, shards)["gpt-neo.json"]) == {
        "n_vocab": 50_257,
        "path": "train_*.tfrecords",
        "eval_path": "",
        "tokenizer_is_pretrained": True,
        "tokenizer_path": "gpt2",
        "eos_id": 50_256,
        "padding_id": 50_257,
    }
    own = Vocabulary("own", 300, 0, "<end>")
    config = json.loads(
        make_format("tfrecord", {"layout": "gpt-neo"}, own, "options").extras(STORE, shards)["gpt-neo.json"]
    )
    assert (config["tokenizer_is_pretrained"], config["tokenizer_path"]) == (False, "tokenizer/tokenizer.json")


@pytest.mark.parametrize("layout", ["mesh-transformer-jax", "gpt-neo"])
@pytest.mark.parametrize("size", [0, 1, 4, 5, 6, 10, 11])
def test_tails(tmp_path: Path, layout: str, size: int) -> None:
    """Empty shards, one-token tails, exact ends."""
    form = tfrecord(layout=layout, window=5)
    stream = list(range(size))
    (shard,) = export(form, tmp_path, [stream])
    assert bool(shard.files) == (size >= 5)
    read = [one for file in shard.files for one in lists(form.read(Store(str(tmp_path)), file))]
    assert read == [stream[at : at + 5] for at in range(0, size - 4, 5)]


def test_files_that_are_not_what_they_say(tmp_path: Path) -> None:
    form = tfrecord(window=3)
    data = frame_examples(batch([[1, 2, 3], [4, 5, 6]]), "text").tobytes()
    short = frame_examples(batch([[1, 2, 3], [4]]), "text").tobytes()
    for name, content, message in (
        ("a_3.tfrecords", data, "a_3.tfrecords: expected 3 records by its name, got 2"),
        ("a_1.tfrecords", data, "expected 1 records by its name, got 2"),
        ("a.tfrecords", data, "expected a name that ends with the number of its records"),
        ("a_2.tfrecords", short, "a_2.tfrecords: record 1: expected windows of 3 tokens, got 1"),
        ("a_2.tfrecords", data[:-5], "a_2.tfrecords: record at byte"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(PileError, match=message):
            list(form.read(Store(str(tmp_path)), ShardFile(name, 2, 6)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unit": "documents"}, "windows"),
        ({"tail": "keep"}, "drop"),
        ({"layout": "mesh"}, "gpt-neo"),
        ({"records_per_file": 5}, "records_per_file is about gpt-neo"),
        ({"layout": "gpt-neo", "records_per_file": 5, "multiple": 6}, "a multiple of at most records_per_file"),
        ({"prefix": "gs://pile-zstd/"}, "zstd"),
    ],
)
def test_options_that_trainers_could_not_read(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        tfrecord(**options)


def test_vocabularies_that_do_not_fit() -> None:
    large = Vocabulary("large", 1 << 31, 0, "<end>")
    make_format("tfrecord", {}, large, "options")
    with pytest.raises(ManifestError, match="expected a vocabulary of at most 2,147,483,647 ids for gpt-neo"):
        make_format("tfrecord", {"layout": "gpt-neo"}, large, "options")


def test_default_window_is_a_context_of_2048_and_one() -> None:
    assert tfrecord().options.window == 2049


def test_sequences_beyond_protobuf_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pile_builder.export.examples.LONGEST", 100)
    with pytest.raises(PileError, match=r"message of 100 bytes, got one of 90 tokens with 1\d\d"):
        frame_examples(batch([[1], [2] * 90]), "text")
