"""Documents that are taken down leave token shards too, and only the shards that held them are written again."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from typer.testing import CliRunner

from pile_builder.audit.exports import exports_in, verify_any
from pile_builder.audit.verify import recorded_digest
from pile_builder.cli import app
from pile_builder.export.exported import export_shards, load_export
from pile_builder.pipelines.engine import RunOptions
from pile_builder.pipelines.takedown import propose, take_down
from pile_builder.storage import Store
from pile_builder.takedown.look_up import Wanted
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
    store = Store(str(out))
    names = exports_in(store)
    assert len(names) == len(FORMATS) + 1
    digest = recorded_digest(store)
    return [
        problem for name in names for check in verify_any(Store(store.path(name)), digest) for problem in check.problems
    ]


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
    data = [name for name in now if "/work/" not in name]
    assert {name: now[name][1] for name in data} == {name: anew[name][1] for name in data}
    untouched = [name for name in data if now[name] == before.get(name) and name.endswith((".npy", ".mds", ".parquet"))]
    assert len(untouched) > len(FORMATS)
