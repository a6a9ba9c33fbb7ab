"""The fast engine: byte-level BPE by tiktoken's core, many texts in one call, with breaks in place of look-ahead.

Texts go as one stream with an end mark behind each. A mark is a piece of its own, whose rank becomes the id of the end
of a document, so nothing is carried from one text into the next. Text on which the two engines may not agree, or that
holds a mark, goes through the reference; text that may not be in NFC is normalized by the reference's own code first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import normalizers

from pile_builder.tokenizer import breaks
from pile_builder.tokenizer.patterns import BREAK_MARK, END_MARK, Pattern
from pile_builder.tokenizer.reference import Reference, core, groups, ids_of
from pile_builder.tokens import TokenBatch, batch_of, join

LONGEST_PART: Final = 1 << 18
"""Characters after which a text is cut at the next place where that is proven to change nothing."""
_GROUP: Final = 1 << 18
_BREAK: Final = np.frombuffer(BREAK_MARK.encode(), np.uint8)


@dataclass(frozen=True)
class FastParts:
    """What the fast engine is made of.

    Attributes:
        tokens: bytes and id of each token, in the order of ranks.
        runs: ids of runs of spaces that are tokens of their own, by length: none, or all from 2 to the longest.
        watched: added tokens of which a text must hold none; one that does goes through the reference.
        pattern: how text is parted.
        composes: whether text is brought to NFC.
        table: class and bits of each code point, from `characters.class_table`.
    """

    tokens: Sequence[tuple[bytes, int]]
    runs: Mapping[int, int]
    watched: Sequence[str]
    pattern: Pattern
    composes: bool
    table: NDArray[np.uint8]


class FastEngine:
    """Ids of texts by tiktoken's core; see the module."""

    def __init__(self, parts: FastParts, end_id: int, reference: Reference) -> None:
        self._reference = reference
        self._table = parts.table
        self._compose = normalizers.NFC() if parts.composes else None
        self._watched = parts.watched
        self._rules = (parts.pattern.newlines, bool(parts.runs), parts.pattern.whole_tail)
        # Two spaces stand side by side in runs alone, which are whole pieces: no merge ever meets them.
        tokens = [one for one in parts.tokens if not (parts.runs and b"  " in one[0])]
        tokens += [(b" " * length, number) for length, number in parts.runs.items()]
        ranks = {token: rank for rank, (token, _) in enumerate(tokens)}
        self._end, self._break = len(ranks), len(ranks) + 1
        self._ids = np.array([*(number for _, number in tokens), end_id, 0], np.uint32)
        marks = {END_MARK.encode(): self._end, BREAK_MARK.encode(): self._break}
        self._core = core("fast", parts.pattern.with_runs(max(parts.runs, default=0)), ranks | marks)

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        """Ids of texts, with the end-of-document id after each."""
        parts = [part for text in texts for part in cut(text)]
        done = join([self._group(group) for group in groups(parts, _GROUP)])
        return done if len(parts) == len(texts) else _mend(done, texts)

    def _group(self, parts: Sequence[str]) -> TokenBatch:
        stream = END_MARK.join([*parts, ""])
        bits, ends, broken = self._look(stream)
        if bits >= breaks.TAIL or ends != len(parts) or self._watches(stream):
            return self._mixed(parts)
        return self._plain(stream, broken)

    def _look(self, stream: str) -> tuple[int, int, NDArray[np.uint8]]:
        data = np.frombuffer(stream.encode(), np.uint8)
        bits, ends, broken = breaks.add_breaks(data, self._table, _BREAK, self._rules)
        return bits, ends, broken

    def _watches(self, text: str) -> bool:
        return any(token in text for token in self._watched)

    def _plain(self, stream: str, broken: NDArray[np.uint8]) -> TokenBatch:
        ranks = ids_of(self._core, broken.tobytes().decode() if len(broken) else stream)
        if len(broken):
            ranks = ranks[ranks != self._break]
        return TokenBatch(self._ids[ranks], np.flatnonzero(ranks == self._end) + 1)

    def _mixed(self, parts: Sequence[str]) -> TokenBatch:
        """Ids of parts of which some may need the reference, or to be brought to NFC."""
        fast: list[str] = []
        slow: dict[int, str] = {}
        for i, given in enumerate(parts):
            part = given
            bits, ends, _ = self._look(part + END_MARK)
            if self._compose and bits & breaks.CHANGES:
                part = self._compose.normalize_str(part)
                bits, ends, _ = self._look(part + END_MARK)
            if bits & (breaks.ODD | breaks.TAIL) or ends != 1 or self._watches(given) or self._watches(part):
                slow[i] = given
            else:
                fast.append(part)
        stream = END_MARK.join([*fast, ""])
        quick = iter(split(self._plain(stream, self._look(stream)[2]))) if fast else iter(())
        exact = iter(split(self._reference.encode(list(slow.values()))))
        return batch_of([next(exact if i in slow else quick) for i in range(len(parts))])


def cut(text: str) -> Iterator[str]:
    """A text in parts of about `LONGEST_PART` characters, cut where both engines end a piece whatever comes next.

    That is before a space that follows a visible ASCII character: no known pattern has a piece with a space behind one,
    none looks further than at the next character, where a space is the same to it as the end of the text, and NFC
    changes nothing across. A text without such a place stays whole.
    """
    begin = 0
    while len(text) - begin > LONGEST_PART:
        at = text.find(" ", begin + LONGEST_PART)
        while at > 0 and not "!" <= text[at - 1] <= "~":
            at = text.find(" ", at + 1)
        if at < 0:
            break
        yield text[begin:at]
        begin = at
    yield text[begin:] if begin else text


def split(batch: TokenBatch) -> list[NDArray[np.uint32]]:
    """The documents of a batch one by one."""
    return np.split(batch.tokens, batch.ends[:-1]) if len(batch.ends) else []


def _mend(batch: TokenBatch, texts: Sequence[str]) -> TokenBatch:
    """Take the end-of-document ids inside of texts away that were encoded in parts."""
    counts = np.array([sum(1 for _ in cut(text)) for text in texts])
    inner = np.ones(len(batch.ends), np.bool_)
    inner[np.cumsum(counts) - 1] = False
    kept = np.ones(len(batch.tokens), np.bool_)
    kept[batch.ends[inner] - 1] = False
    return TokenBatch(batch.tokens[kept], (batch.ends - np.cumsum(inner))[~inner])
