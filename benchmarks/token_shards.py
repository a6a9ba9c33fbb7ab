"""jsonl.zst to Megatron's files with GPT-2's tokenizer on one core: `pile tokenize`, datatrove, and tiktoken alone."""

from __future__ import annotations

import json
import shutil
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import zstandard

from benchmarks.dedup_input import DOCUMENTS, write_input
from benchmarks.processes import run_command
from benchmarks.report import Result, Row, at_least, seconds
from benchmarks.settings import Settings

PER_CORE, BARE = 4, 0.8
"""Targets: times as fast as datatrove with `tokenizers`; as fast as tiktoken in a bare loop."""
ONE_CORE = ("taskset", "--cpu-list", "0")


def run(settings: Settings) -> Result:
    """Tools take turns on all documents and on half of them, whose difference is the time once running."""
    tokenizer = settings.data / "tokenizers" / "gpt2"
    inputs = {size: _input(settings.work / f"tokens-{size}", size) for size in (DOCUMENTS, DOCUMENTS // 2)}
    names = ("ours", "datatrove", "tiktoken")
    taken: dict[str, dict[int, list[float]]] = {name: {size: [] for size in inputs} for name in names}
    tokens = {}
    # Once for the kernels' caches and the disk's; not counted.
    _ours(inputs[DOCUMENTS // 2], tokenizer, settings.work / "tokens-ours")
    for _ in range(settings.repetitions):
        for size, folder in inputs.items():
            spent, tokens["ours"] = _ours(folder, tokenizer, settings.work / "tokens-ours")
            taken["ours"][size].append(spent)
            spent, tokens["datatrove"] = _datatrove(
                settings.datatrove, folder, tokenizer, settings.work / "tokens-datatrove"
            )
            taken["datatrove"][size].append(spent)
            spent, tokens["tiktoken"] = _tiktoken(folder, tokenizer, settings.work / "tiktoken.log")
            taken["tiktoken"][size].append(spent)
            shown = ", ".join(f"{name} {taken[name][size][-1]:.1f} s" for name in names)
            print(f"tokens, {size:,} documents: {shown}", flush=True)
    whole = {name: statistics.median(taken[name][DOCUMENTS]) for name in names}
    running = {
        name: 2 * (whole[name] - statistics.median(taken[name][DOCUMENTS // 2])) for name in ("ours", "datatrove")
    }
    megabytes = sum(len(json.loads(line)["text"].encode()) for line in _lines(inputs[DOCUMENTS])) / 1e6
    work = "tokens, jsonl.zst to megatron, GPT-2, one core"
    ratio = whole["tiktoken"] / running["ours"]
    rows = [
        at_least(f"{work}: whole process", whole["ours"], whole["datatrove"], None, seconds),
        at_least(f"{work}: once running", running["ours"], running["datatrove"], PER_CORE, seconds),
        Row(
            f"{work}: once running, against tiktoken in a bare loop",
            f"{megabytes / running['ours']:.1f} MB/s",
            f"{megabytes / whole['tiktoken']:.1f} MB/s",
            f"{ratio:.2f}x",
            f"{BARE}x",
            ratio >= BARE,
        ),
    ]
    note = (
        f"tokens: {megabytes:.0f} MB of text; {tokens['ours']:,} tokens by ours, {tokens['tiktoken']:,} by tiktoken, "
        f"{tokens['datatrove']:,} by datatrove, which takes the end-of-document token written out in a text for one."
    )
    return Result(rows, [note])


def _input(folder: Path, documents: int) -> Path:
    """A folder with one jsonl.zst."""
    target = folder / "zst" / "corpus.jsonl.zst"
    if not target.exists():
        plain = write_input(folder / "plain", documents)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(zstandard.compress(b"".join(path.read_bytes() for path in plain)))
    return target.parent


def _lines(folder: Path) -> Sequence[bytes]:
    stream = zstandard.ZstdDecompressor().stream_reader((folder / "corpus.jsonl.zst").read_bytes())
    return stream.read().splitlines()


def _ours(folder: Path, tokenizer: Path, out: Path) -> tuple[float, int]:
    shutil.rmtree(out, ignore_errors=True)
    pile = str(Path(sys.executable).with_name("pile"))
    command = ["tokenize", str(folder), "--format", "megatron", "--tokenizer", str(tokenizer / "gpt2.json")]
    spent, _ = run_command(
        [*ONE_CORE, pile, *command, "--out", str(out), "--workers", "1"], {}, out.with_suffix(".log")
    )
    return spent, json.loads((out / "export.json").read_text())["splits"]["train"]["tokens"]


def _datatrove(python: Path, folder: Path, tokenizer: Path, out: Path) -> tuple[float, int]:
    shutil.rmtree(out, ignore_errors=True)
    script = str(Path(__file__).with_name("datatrove_tokens.py"))
    environment: Mapping[str, str] = {"HF_HUB_OFFLINE": "1"}
    command = [str(python), script, str(folder), str(tokenizer / "gpt2.json"), str(out)]
    spent, _ = run_command([*ONE_CORE, *command], environment, out.with_suffix(".log"))
    return spent, sum(path.stat().st_size for path in out.rglob("*.bin")) // 2


def _tiktoken(folder: Path, tokenizer: Path, log: Path) -> tuple[float, int]:
    module = [sys.executable, "-m", "benchmarks.tiktoken_loop", str(folder / "corpus.jsonl.zst")]
    run_command([*ONE_CORE, *module, str(tokenizer / "vocab.bpe"), str(tokenizer / "encoder.json")], {}, log)
    found = json.loads(log.read_text().splitlines()[-1])
    return found["seconds"], found["tokens"] + len(_lines(folder))
