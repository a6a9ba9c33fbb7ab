"""From documents to the files that fastText reads: sampled, split, cut to windows and shuffled by keyed hashes.

A document's lot depends on the seed and on its text alone, so neither names nor the order of inputs matter, and copies
of a text never stand on both sides of the held-out split. Memory is bounded: a sample's cut is found from hashes, and
the shuffle goes through `PARTS` files that are sorted one by one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from pile_builder.annotate.keep import POSITIVE
from pile_builder.annotate.quality import NEGATIVE, more_windows, normalised, window
from pile_builder.classifier.config import ClassifierConfig, Examples
from pile_builder.classifier.documents import texts
from pile_builder.mixing.keyed import LARGEST_HASH, cut_for_quota, key, keyed_hash
from pile_builder.storage import HashingWriter

PARTS: Final = 256
LABELS: Final = {"positive": POSITIVE, "negative": NEGATIVE}
_BATCH: Final = 512
_ORDER_DIGITS: Final = 17
"""A part's line starts with the hash that orders it, in hexadecimal, and a space."""
_WAITING: Final = 1 << 11

Watch = Callable[[str, int], None]
"""Called with what is being read and how many documents that are so far."""


@dataclass
class Count:
    """What became of one class.

    `documents` were offered, `taken` are the sample with their `bytes`, of which `heldout` judge the model. Lines are
    windows: `training_lines` and `heldout_lines`, without those that are `blank`.
    """

    documents: int = 0
    taken: int = 0
    bytes: int = 0
    heldout: int = 0
    training_lines: int = 0
    heldout_lines: int = 0
    blank: int = 0


@dataclass
class ExampleFiles:
    """The files made, one line each window: `training` with labels, in keyed order; held-out text of each class."""

    training: Path
    heldout: dict[str, Path]
    counts: dict[str, Count] = field(default_factory=dict)
    training_digest: str = ""


def write_examples(config: ClassifierConfig, folder: Path, watch: Watch) -> ExampleFiles:
    """Write the training file and the held-out files of both classes into a folder that exists.

    Raises:
        ManifestError, PileError: as `texts` does.
    """
    made = ExampleFiles(folder / "training.txt", {name: folder / f"heldout-{name}.txt" for name in config.classes})
    paths = [folder / f"part-{i:03d}.txt" for i in range(PARTS)]
    with ExitStack() as stack:
        parts = [stack.enter_context(path.open("wb")) for path in paths]
        for name, examples in config.classes.items():
            cut = _cut(config, name, examples, watch)
            with made.heldout[name].open("wb") as heldout:
                made.counts[name] = _write_class(config, name, examples, cut, parts, heldout, watch)
    with made.training.open("wb") as file:
        writer = HashingWriter(file)
        for path in paths:
            with path.open("rb") as part:
                for line in sorted(part):
                    writer.write(line[_ORDER_DIGITS:])
            path.unlink()
    made.training_digest = writer.digest
    return made


def text_hashes(found: Iterable[str]) -> NDArray[np.uint64]:
    """What stands for each text in keyed hashes: 64 bits of the BLAKE2b of its UTF-8 bytes, uint64[n]."""
    digests = b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in found)
    return np.frombuffer(digests, "<u8").astype(np.uint64)


def _batches(config: ClassifierConfig, examples: Examples) -> Iterator[list[str]]:
    stream = (text for given in examples.inputs for text in texts(given, config.root))
    while batch := list(islice(stream, _BATCH)):
        yield batch


def _cut(config: ClassifierConfig, name: str, examples: Examples, watch: Watch) -> int:
    """The documents with a smaller hash are the sample."""
    quota = examples.max_documents or examples.max_bytes
    if quota is None:
        return LARGEST_HASH + 1
    smallest = _Smallest(quota)
    secret = key(config.seed, f"classifier:{name}")
    count = 0
    for batch in _batches(config, examples):
        weights = [1 if examples.max_documents else len(text.encode()) for text in batch]
        smallest.add(keyed_hash(secret, text_hashes(batch)), np.array(weights, np.int64))
        count += len(batch)
        watch(f"sampling {name}s", count)
    smallest.settle()
    return smallest.cut


@dataclass
class _Smallest:
    """The documents with the smallest hashes whose weights reach a quota: those below `cut`, once settled."""

    quota: int
    cut: int = LARGEST_HASH + 1
    hashes: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    weights: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    waiting: list[tuple[NDArray[np.uint64], NDArray[np.int64]]] = field(default_factory=list)

    def add(self, hashes: NDArray[np.uint64], weights: NDArray[np.int64]) -> None:
        """Offer documents."""
        near = hashes < self.cut
        self.waiting.append((hashes[near], weights[near]))
        if len(self.waiting) >= _WAITING:
            self.settle()

    def settle(self) -> None:
        """Forget those that the others' weight keeps out."""
        self.hashes = np.concatenate([self.hashes, *(hashes for hashes, _ in self.waiting)])
        self.weights = np.concatenate([self.weights, *(weights for _, weights in self.waiting)])
        self.waiting.clear()
        if int(self.weights.sum()) > self.quota:
            self.cut = int(cut_for_quota(self.hashes, self.weights, self.quota))
            near = self.hashes < self.cut
            self.hashes, self.weights = self.hashes[near], self.weights[near]


def _write_class(
    config: ClassifierConfig,
    name: str,
    examples: Examples,
    cut: int,
    parts: Sequence[BinaryIO],
    heldout: BinaryIO,
    watch: Watch,
) -> Count:
    sample = key(config.seed, f"classifier:{name}")
    split = key(config.seed, "classifier:holdout")
    order = key(config.seed, "classifier:order")
    bound = int(config.holdout * 2**64)
    label = f"{LABELS[name]} "
    count = Count()
    for batch in _batches(config, examples):
        count.documents += len(batch)
        watch(f"reading {name}s", count.documents)
        ids = text_hashes(batch)
        taken = keyed_hash(sample, ids) < cut
        held = keyed_hash(split, ids) < bound
        training: list[str] = []
        for i in np.flatnonzero(taken).tolist():
            text = batch[i]
            count.taken += 1
            count.bytes += len(text.encode())
            count.heldout += int(held[i])
            shown = [window(text, config.window), *more_windows(text, examples.windows - 1)]
            lines = [line for line in (normalised(one, lower=config.lower) for one in shown) if line.strip()]
            count.blank += len(shown) - len(lines)
            if held[i]:
                count.heldout_lines += len(lines)
                heldout.write("".join(f"{line}\n" for line in lines).encode())
            else:
                training += [f"{label}{line}\n" for line in lines]
        count.training_lines += len(training)
        for place, line in zip(keyed_hash(order, text_hashes(training)).tolist(), training, strict=True):
            parts[place * PARTS >> 64].write(f"{place:016x} {line}".encode())
    return count
