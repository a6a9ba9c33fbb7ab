"""`pile tokenizer train`: a byte-level BPE of one's own corpus, the same file from the same documents every time.

The sample is a pure function of the seed and of the documents' texts, and is trained on in the order of its hashes. The
trainer breaks ties by token ids, so neither threads nor the order of hash tables show in its merges.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from pile_builder.classifier.config import Input
from pile_builder.classifier.documents import texts
from pile_builder.errors import PileError
from pile_builder.mixing.keyed import key, keyed_hash
from pile_builder.storage import Store

END_TOKEN: Final = "<|endoftext|>"
"""The only special token of a trained vocabulary; its id is 0, the 256 bytes follow."""
SMALLEST: Final = 257
"""The end token and every byte."""
_CORPUS = "corpus/train"


@dataclass(frozen=True)
class Trained:
    """What a training read and wrote.

    Attributes:
        read: documents read.
        sampled: documents trained on.
        sampled_bytes: their bytes of UTF-8.
        vocabulary: number of ids, less than asked for if the sample has no more pairs to merge.
    """

    read: int
    sampled: int
    sampled_bytes: int
    vocabulary: int


def train_tokenizer(inputs: list[str], vocabulary: int, out: Path, most_bytes: int, seed: int) -> Trained:
    """Train a byte-level BPE with GPT-2's pattern and write it as a tokenizer.json.

    Args:
        inputs: files as `pile classifier train` reads them, folders of such, or the folder of a build, for its corpus.
        vocabulary: number of ids, at least `SMALLEST`.
        out: the file to write, replaced if it is there.
        most_bytes: documents of about so many bytes are trained on, chosen by keyed hash; memory grows with it, and
            the trainer counts pairs in 32 bits.
        seed: of that choice.

    Raises:
        ManifestError, PileError: an input is missing or damaged, or there is nothing to train on.
    """
    if vocabulary < SMALLEST:
        msg = f"--vocabulary: expected at least {SMALLEST}, for all bytes and the end token, got {vocabulary}"
        raise PileError(msg)
    if not out.absolute().parent.is_dir():
        msg = f"--out: there is no folder {out.parent}; make it first"
        raise PileError(msg)
    sample = Sample(most_bytes, seed)
    for text in texts(Input(files=tuple(map(_training_part, inputs))), "."):
        sample.add(text)
    if not sample.bytes:
        msg = f"{', '.join(inputs)}: expected documents with text to train on, got {sample.read} and no text in them"
        raise PileError(msg)
    library = Tokenizer(models.BPE())
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    library.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END_TOKEN],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    library.train_from_iterator(sample.texts(), trainer)
    Store(str(out.absolute().parent)).write(out.name, library.to_str(pretty=True).encode() + b"\n")
    return Trained(sample.read, len(sample), sample.bytes, library.get_vocab_size())


class Sample:
    """The documents that come first in the order of their keyed hashes, until they hold a number of bytes."""

    def __init__(self, most_bytes: int, seed: int) -> None:
        self._most = most_bytes
        self._key = key(seed, "tokenizer sample")
        self._kept: list[tuple[int, str, int]] = []
        self.bytes = 0
        self.read = 0

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, text: str) -> None:
        """Show the sample one more document."""
        data = text.encode()
        content = np.frombuffer(blake2b(data, digest_size=8).digest(), np.uint64)
        self.read += 1
        self.bytes += len(data)
        # A heap has its smallest entry at hand, and the largest hash is the one to go.
        heapq.heappush(self._kept, (-int(keyed_hash(self._key, content)[0]), text, len(data)))
        while self.bytes - self._kept[0][2] >= self._most:
            self.bytes -= heapq.heappop(self._kept)[2]

    def texts(self) -> Iterator[str]:
        """The documents of the sample, by hash."""
        for _, text, _ in sorted(self._kept, reverse=True):
            yield text


def _training_part(given: str) -> str:
    """Of the folder of a build its training shards, of anything else itself."""
    if any(sign in given for sign in "*?[") or not Store(given).names(_CORPUS):
        return given
    return f"{given.rstrip('/')}/{_CORPUS}/*.jsonl.zst"
