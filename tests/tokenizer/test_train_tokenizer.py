"""`pile tokenizer train` and `show`: one file from the same documents, within bounds; refusals with the fix."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import orjson
import pytest
import zstandard
from typer.testing import CliRunner

from pile_builder.cli import app
from pile_builder.errors import PileError
from pile_builder.tokenizer import load_tokenizer
from pile_builder.tokenizer.train import Sample, train_tokenizer
from tests.tokenizer import made

TRAIN = "from pile_builder.cli import main; main()"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """The folder of a build, of which only the training shards are to be read."""
    folder = tmp_path / "build"
    (folder / "corpus" / "train").mkdir(parents=True)
    (folder / "report.txt").write_text("not this" * 100)
    for shard in range(3):
        lines = [orjson.dumps({"text": f"{text} {shard}", "meta": {}}) for text in made.lines()]
        data = zstandard.compress(b"\n".join(lines) + b"\n")
        (folder / "corpus" / "train" / f"{shard:05d}.jsonl.zst").write_bytes(data)
    return folder


def test_fresh_processes_write_the_same_bytes(corpus: Path, tmp_path: Path) -> None:
    written = []
    for seed, threads in ((1, 1), (77, 4)):
        out = tmp_path / f"{seed}.json"
        arguments = ["tokenizer", "train", str(corpus), "--vocabulary", "600", "--out", str(out), "--bytes", "20000"]
        environment = {**os.environ, "PYTHONHASHSEED": str(seed), "RAYON_NUM_THREADS": str(threads)}
        subprocess.run([sys.executable, "-c", TRAIN, *arguments], check=True, env=environment)
        written.append(out.read_bytes())
    assert written[0] == written[1]


def test_a_trained_vocabulary_has_all_bytes_and_the_end_first(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.json"
    done = train_tokenizer([str(corpus)], 500, out, 1 << 20, seed=1)
    assert (done.read, done.sampled, done.vocabulary) == (183, 183, 500)
    tokenizer = load_tokenizer(str(out))
    assert (tokenizer.name, tokenizer.vocabulary, tokenizer.end_id) == ("mine", 500, 0)
    assert tokenizer.engine == "tiktoken"
    assert sorted(tokenizer.reference("".join(map(chr, range(0x800))) + "\u0800\U00010000"))[0] > 0
    vocab = json.loads(out.read_text())["model"]["vocab"]
    assert set(range(257)) == {number for token, number in vocab.items() if len(token) == 1 or number == 0}
    assert "not" not in vocab


def test_the_sample_depends_on_the_seed_and_not_on_the_order() -> None:
    texts = [f"document {i} " * (i % 7 + 1) for i in range(300)]

    def sample(order: list[str], seed: int) -> list[str]:
        kept = Sample(5000, seed)
        for text in order:
            kept.add(text)
        found = list(kept.texts())
        assert kept.bytes == sum(map(len, found))
        assert 5000 <= kept.bytes < 5000 + len(found[-1])
        return found

    first = sample(texts, 1)
    assert sample(texts[::-1], 1) == first
    assert sample(texts, 2) != first
    shares = [np.mean([texts.index(text) for text in sample(texts, seed)]) for seed in range(20)]
    assert 130 < np.mean(shares) < 170


def test_text_with_nothing_more_to_merge_gives_fewer_ids(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("ab ab ab")
    out = tmp_path / "t.json"
    arguments = ["tokenizer", "train", str(tmp_path / "a.txt"), "--vocabulary", "300", "--out", str(out)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "259 ids, from 1 of 1 documents, 8 bytes" in result.stdout.replace("\n", "")
    assert "300 were asked for: this text has no more to merge" in result.stderr


@pytest.mark.parametrize(
    ("text", "vocabulary", "out", "message"),
    [
        ("text", 256, "t.json", "--vocabulary: expected at least 257, for all bytes and the end token, got 256"),
        ("text", 300, "no/t.json", "--out: there is no folder"),
        ("", 300, "t.json", "expected documents with text to train on, got 1 and no text in them"),
    ],
)
def test_refusals(text: str, vocabulary: int, out: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(PileError, match=message):
        train_tokenizer([str(tmp_path / "a.txt")], vocabulary, tmp_path / out, 1000, seed=1)
    assert not (tmp_path / out).exists()


def test_show_tells_engine_and_tokens(tmp_path: Path) -> None:
    run = CliRunner().invoke
    shown = run(app, ["tokenizer", "show", str(made.write(tmp_path, "neox")), "--text", "The  quayside"])
    assert shown.exit_code == 0, shown.output
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert lines[0] == ["name", "neox"]
    assert lines[3:5] == [["end", "token", made.END, "(0)"], ["engine", "tiktoken"]]
    assert lines[-1] == ["0", made.END]
    slow = run(app, ["tokenizer", "show", str(made.write(tmp_path, "wordpiece"))])
    assert "engine      tokenizers, because its model is WordPiece, not BPE" in slow.stdout
    many = run(app, ["tokenizer", "show", str(made.write(tmp_path, "sentencepiece")), "--end-token", "<s>"])
    assert "end token   <s> (1)" in many.stdout
