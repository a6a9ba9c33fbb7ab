"""A finished corpus opens in the loaders that people use."""

import io
from collections.abc import Callable
from pathlib import Path

import datasets
import orjson
import zstandard

from pile_builder.manifest import Manifest
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions


def test_datasets_and_lm_dataformat_see_every_line(toy_manifest: Callable[..., Manifest], tmp_path: Path):
    summary = build(toy_manifest(), str(tmp_path / "out"), RunOptions())
    corpus = datasets.load_dataset(str(tmp_path / "out" / "corpus"), cache_dir=str(tmp_path / "cache"))
    for split, written in summary["written"].items():
        assert len(corpus[split]) == written["pieces"]
        assert set(corpus[split].column_names) == {"text", "meta"}
    assert corpus["train"][0]["meta"] == {"pile_set_name": "Toy"}

    # lm_dataformat reads a shard through a buffered reader over zstandard's stream reader, line by line.
    shard = tmp_path / "out" / "corpus" / "train" / "00000.jsonl.zst"
    with shard.open("rb") as file:
        lines = list(io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)))
    assert [orjson.loads(line)["text"] for line in lines] == corpus["train"]["text"][: len(lines)]
