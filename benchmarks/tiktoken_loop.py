"""tiktoken alone: ids of every text of a jsonl.zst, in a bare loop. Prints the seconds of the loop and the tokens.

python -m benchmarks.tiktoken_loop FILE VOCAB_BPE ENCODER_JSON
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import tiktoken
import zstandard
from tiktoken.load import data_gym_to_mergeable_bpe_ranks

PATTERN = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""
"""GPT-2's, as tiktoken writes it."""


def main() -> None:
    """Texts lie in memory before the clock starts, and ids are lists, as `encode_ordinary` gives them."""
    path, merges, encoder = sys.argv[1:]
    ranks = data_gym_to_mergeable_bpe_ranks(vocab_bpe_file=merges, encoder_json_file=encoder)
    encoding = tiktoken.Encoding(
        "gpt2", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={"<|endoftext|>": 50256}
    )
    lines = zstandard.ZstdDecompressor().stream_reader(Path(path).read_bytes(), read_across_frames=True).read()
    texts = [json.loads(line)["text"] for line in lines.splitlines()]
    began = time.perf_counter()
    tokens = sum(len(encoding.encode_ordinary(text)) for text in texts)
    print(json.dumps({"seconds": time.perf_counter() - began, "tokens": tokens}))


if __name__ == "__main__":
    main()
