"""A small corpus, its expected token streams, and every export of it: `python -m tests.readers.make_exports OUT`.

Run by the project's environment; what it leaves is read by the trainers' environments. The expected ids come from
`tokenizers` alone, so that nothing of the export is checked with itself.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import zstandard
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END = "<|endoftext|>"
EXPORTS = {
    "megatron": ["--format", "megatron"],
    "megatron-int32": ["--format", "megatron"],
    "nanogpt": ["--format", "nanogpt"],
    "llm.c": ["--format", "llm.c", "-o", "file_tokens=5000"],
    "olmo": ["--format", "olmo", "-o", "file_tokens=5000"],
    "datatrove": ["--format", "datatrove"],
    "datatrove-windows": ["--format", "datatrove", "-o", "unit=windows", "--window", "65", "-o", "shuffle=true"],
    "tfrecord-mesh-transformer-jax": ["--format", "tfrecord", "--window", "65", "-o", "multiple=2"],
    "tfrecord-gpt-neo": ["--format", "tfrecord", "--window", "65", "-o", "layout=gpt-neo", "-o", "records_per_file=50"],
    "seqio": ["--format", "seqio", "--window", "64"],
    "arrayrecord": ["--format", "arrayrecord", "--window", "64"],
    "mds": ["--format", "mds", "--window", "64", "-o", "file_bytes=20000"],
    "mds-zstd": ["--format", "mds", "--window", "64", "-o", "compression=zstd:3"],
}
"""Each export's folder, and how it is asked for."""
SHARDS = {"train": 3, "validation": 1, "test": 1}


def main() -> None:
    out = Path(sys.argv[1])
    shutil.rmtree(out, ignore_errors=True)
    corpus = out / "corpus"
    texts = write_corpus(corpus)
    train_tokenizer(out / "tokenizer.json", [text for shards in texts.values() for shard in shards for text in shard])
    widen(out / "tokenizer.json", out / "wide.json")
    for name in ("tokenizer", "wide"):
        write_expected(out / f"{name}.json", texts, out / f"{name}.npz")
    for name, arguments in EXPORTS.items():
        spec = out / ("wide.json" if name.endswith("int32") else "tokenizer.json")
        command = ["tokenize", str(corpus), "--tokenizer", str(spec), "--out", str(out / name), *arguments]
        pile = str(Path(sys.executable).with_name("pile"))
        subprocess.run([pile, *command], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([pile, "verify", str(out / name)], check=True, stdout=subprocess.DEVNULL)


def write_corpus(folder: Path) -> dict[str, list[list[str]]]:
    """The samples' books and LaTeX in pieces of odd lengths, with everything that could go wrong among them."""
    root = Path(__file__).parents[2] / "samples" / "originals"
    prose = [
        path.read_text(errors="ignore") for path in sorted(root.rglob("*")) if path.suffix in (".txt", ".tex", ".md")
    ]
    whole = "\n".join(prose)[:400_000]
    odd = ["", END, f"before{END} after", "\u0000", "naïve café 東京 🙂\u200d", "   \n\n\t  ", "a" * 3_000]
    pieces, at, size = [], 0, 37
    while at < len(whole):
        pieces.append(whole[at : at + size])
        at, size = at + size, size * 7 % 4_001 + 1
    pieces += odd
    number = sum(SHARDS.values())
    dealt = [pieces[each::number] for each in range(number)]
    texts: dict[str, list[list[str]]] = {}
    for split, count in SHARDS.items():
        texts[split] = [dealt.pop() for _ in range(count)]
        for shard, documents in enumerate(texts[split]):
            path = folder / split / f"{shard:05}.jsonl.zst"
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = [
                json.dumps({"text": text, "meta": {"pile_set_name": f"Source {i % 3}"}}) + "\n"
                for i, text in enumerate(documents)
            ]
            path.write_bytes(zstandard.compress("".join(lines).encode()))
    return texts


def train_tokenizer(path: Path, texts: list[str]) -> None:
    """A byte-level BPE of a few thousand ids."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=3_000, special_tokens=[END], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.save(str(path))


def widen(path: Path, out: Path) -> None:
    """The same with ids that 16 bits do not hold: the end-of-document token moves to the end."""
    data = json.loads(path.read_text())
    del data["model"]["vocab"][END]
    data["added_tokens"][0]["id"] = data["model"]["vocab"][END] = 70_000
    out.write_text(json.dumps(data))


def write_expected(path: Path, texts: dict[str, list[list[str]]], out: Path) -> None:
    """The stream of every shard, as an array named SPLIT-NUMBER."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.encode_special_tokens = True
    end = tokenizer.token_to_id(END)
    streams = {}
    for split, shards in texts.items():
        for number, documents in enumerate(shards):
            ids = [[*tokenizer.encode(text, add_special_tokens=False).ids, end] for text in documents]
            streams[f"{split}-{number}"] = np.array([one for document in ids for one in document], np.uint32)
    np.savez(out, end_id=np.array(end), **streams)


if __name__ == "__main__":
    main()
