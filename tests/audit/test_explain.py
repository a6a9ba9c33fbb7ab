"""A document's story names every place where it lies: lines of shards and subsets, rows and sequences of exports."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow.parquet as pq
import pytest
import zstandard
from rich.console import Console
from tokenizers import Tokenizer

from pile_builder.audit.explain import explain_document
from pile_builder.audit.explained import print_domain, print_story
from pile_builder.export.exported import load_export, shard_file
from pile_builder.pipelines.build import build
from pile_builder.pipelines.engine import RunOptions
from pile_builder.storage import Store
from tests.pages import FAMOUS, LICENSED, TWIN, id_of, manifest_of, mark, register_paged, write_pages
from tests.test_takedown_exports import byte_tokenizer, pile


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        register_paged(patch)
        root = write_pages(tmp_path_factory.mktemp("raw"))
        out = tmp_path_factory.mktemp("out")
        build(manifest_of(root, subsets=["1/2"]), str(out), RunOptions())
        tokenizer = byte_tokenizer(root / "tokenizer.json")
        pile("tokenize", str(out), "--format", "megatron", "--tokenizer", tokenizer)
        pile("tokenize", str(out), "--format", "megatron", "--tokenizer", tokenizer, "--subset", "1/2")
        pile("parquet", str(out))
        yield out


def lines_of(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        return (
            zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read().splitlines(keepends=True)
        )


def sequence_of(folder: Path, place: dict[str, Any]) -> str:
    """The text of a sequence of a file of an export."""
    store = Store(str(folder))
    export, form = load_export(store)
    entry = next(file for shard in export["shards"] for file in shard["files"] if file["name"] == place["file"])
    batches = list(form.read(store, shard_file(entry)))
    sizes = np.concatenate([batch.sizes for batch in batches])
    start = int(sizes[: place["sequence"]].sum())
    tokens = np.concatenate([batch.tokens for batch in batches])[start : start + sizes[place["sequence"]] - 1]
    return str(Tokenizer.from_file(str(folder / "tokenizer/tokenizer.json")).decode(tokens.tolist()))


def test_every_place_holds_the_document(out: Path):
    kept = 0
    for number in range(12):
        url = f"https://web1.example/{number}"
        (story,) = explain_document(Store(str(out)), url)
        if story["verdict"] != "kept":
            continue
        kept += 1
        of_subset = story.get("subsets", {}).get("1/2", [])
        for place in [*story["written"], *of_subset]:
            lines = lines_of(out / "corpus" / place["shard"])
            assert mark(url) in orjson.loads(lines[place["line"]])["text"]
            assert sum(map(len, lines[: place["line"]])) == place["offset"]
        exported = [one["export"].rpartition("megatron")[2] for one in story["exports"] if "megatron" in one["export"]]
        held_out = not story["written"][0]["shard"].startswith("train")
        assert exported.count("") == len(story["written"])
        assert exported.count("-1-2") == (1 if held_out else len(of_subset))
        for place in story["exports"]:
            folder = out / place["export"]
            if "row" in place:
                assert mark(url) in pq.read_table(folder / place["file"])["text"][place["row"]].as_py()
            else:
                assert mark(url) in sequence_of(folder, place)
    assert kept > 8


def test_stories_are_read_in_a_terminal(out: Path):
    store = Store(str(out))
    console = Console(width=100, record=True)
    for wanted in (FAMOUS, TWIN, LICENSED):
        print_story(explain_document(store, wanted)[0], console)
    said = console.export_text()
    assert f"{id_of('web', FAMOUS)}  kept" in said
    assert "dropped by select.licence" in said
    assert "dropped by dedup" in said
    assert f"of {id_of('web', FAMOUS)[:20]}" in said
    assert "subset 1/2" in said or "exports" in said


def test_a_domain_in_a_terminal():
    console = Console(width=100, record=True)
    found = {"domain": "a.example", "documents": 3, "listed": [{"id": "web:1", "key": "k", "rule": "kept", "bytes": 5}]}
    print_domain({**found, "fates": [{"source": "web", "rule": "kept", "documents": 3, "bytes": 5_000}]}, console)
    assert "3 documents and rejects from a.example" in (said := console.export_text())
    assert "5,000" in said
    assert "web:1  kept  k" in said
