"""Documents that are taken down leave token shards too, and only the shards that held them are written again."""

import shutil
from pathlib import Path

import numpy as np
import orjson
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from typer.testing import CliRunner

from pile_builder.audit.exports import exports_in, verify_any
from pile_builder.cli import app
from pile_builder.export.exported import export_shards, load_export
from pile_builder.pipelines.engine import RunOptions
from pile_builder.pipelines.takedown import propose, take_down
from pile_builder.storage import Store
from pile_builder.takedown.look_up import Wanted
from pile_builder.tokenizer import load_tokenizer
from tests.pages import FAMOUS, MIRROR, id_of, mark
from tests.test_takedown import files_that_tell, fingerprints, finished, root

__all__ = ["finished", "root"]

END = "<|endoftext|>"
FORMATS = {
    "megatron": [],
    "olmo": [],
    "mds": ["--window", "64", "-o", "shuffle=true"],
    "tfrecord": ["--window", "65", "-o", "multiple=2"],
}


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "out")


def byte_tokenizer(path: Path) -> str:
    """A token for each byte, so that ids can be read as text."""
    vocabulary = {letter: number for number, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab={**vocabulary, END: 256}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([END])
    tokenizer.save(str(path))
    return str(path)


def pile(*arguments: str) -> None:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, (result.output, result.exception)


def export_all(out: Path, spec: str) -> None:
    for name, options in FORMATS.items():
        pile("tokenize", str(out), "--format", name, "--tokenizer", spec, *options)
    pile("parquet", str(out))


def texts_in(folder: Path) -> str:
    """All that an export's token files say, the windows of a shard in any order."""
    store = Store(str(folder))
    _, form = load_export(store)
    files = {file.name: file for shard in export_shards(load_export(store)[0]) for file in shard.files}
    ids = np.concatenate([batch.tokens for file in files.values() for batch in form.read(store, file)])
    tails = [np.fromfile(path, "<u4") for path in (folder / "provenance").glob("*.tail")]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer" / "tokenizer.json"))
    return tokenizer.decode(np.concatenate([ids, *tails]).tolist())


def problems(out: Path) -> list[str]:
    names = exports_in(Store(str(out)))
    assert len(names) == len(FORMATS) + 1
    return [problem for name in names for problem in found_in(out / name, out)]


def test_documents_leave_every_export(root: Path, out: Path, tmp_path: Path):
    spec = byte_tokenizer(tmp_path / "bytes.json")
    export_all(out, spec)
    folders = {name: out / "tokens" / f"bytes-{name}" for name in FORMATS}
    # A window may cut the word; so its letters are counted where documents are whole.
    assert all(mark(FAMOUS) in texts_in(folders[name]) for name in ("megatron", "olmo"))
    assert any(name.startswith("tokens/text") for name in files_that_tell(out, FAMOUS))
    before = fingerprints(out, "tokens")

    store = Store(str(out))
    take_down(store, propose(store, Wanted(urls=frozenset({FAMOUS})), only_listed=False), "", "", RunOptions())
    assert not files_that_tell(out, FAMOUS, MIRROR)
    for name, folder in folders.items():
        text = texts_in(folder)
        assert not any(mark(url)[:8] in text for url in (FAMOUS, MIRROR)), name
        for path in (folder / "provenance").glob("*.parquet"):
            ids = set(pq.read_table(path)["id"].to_pylist())
            assert not ids & {id_of("web", FAMOUS), id_of("forum", MIRROR)}
    assert not problems(out)

    # The same bytes as exports made afresh of what is left, and what did not change was not touched.
    fresh = shutil.copytree(out, tmp_path / "fresh", ignore=shutil.ignore_patterns("tokens", "exports.json"))
    export_all(fresh, spec)
    now, anew = fingerprints(out, "tokens"), fingerprints(fresh, "tokens")
    data = [name for name in now if "work" not in name.split("/")]
    assert {name: now[name][1] for name in data} == {name: anew[name][1] for name in data}
    untouched = [name for name in data if now[name] == before.get(name) and name.endswith((".npy", ".mds", ".parquet"))]
    assert len(untouched) > len(FORMATS)


def test_tokens_of_another_text_are_found_out(out: Path, tmp_path: Path):
    """An export that is sound in itself, but says something else than the corpus."""
    pile("tokenize", str(out), "--format", "megatron", "--tokenizer", byte_tokenizer(tmp_path / "bytes.json"))
    folder = out / "tokens" / "bytes-megatron"
    swapped = orjson.loads((folder / "tokenizer" / "tokenizer.json").read_bytes())
    vocabulary = swapped["model"]["vocab"]
    vocabulary["a"], vocabulary["e"] = vocabulary["e"], vocabulary["a"]
    (tmp_path / "swapped.json").write_bytes(orjson.dumps(swapped))
    load_tokenizer(str(tmp_path / "swapped.json")).save(Store(str(folder)), "tokenizer")
    assert any("other tokens than the tokenizer gives" in one for one in found_in(folder, out))


def found_in(folder: Path, out: Path) -> list[str]:
    checks = verify_any(Store(str(folder)), Store(str(out)))
    return [problem for check in checks for problem in check.problems]
