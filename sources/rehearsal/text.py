"""Text as a function of numbers: any documents of an endless corpus, each from its number alone.

Every choice is a keyed hash (SplitMix64's finaliser over a counter), so a document is the same wherever it is made. A
word is a draw from its tongue's frequencies; a copy has the numbers of its original, so it comes out the same; a
near-copy draws some words anew. All of a batch is made at once: numpy draws, Arrow puts the words together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pile_builder.sources.rehearsal.words import tongues

WORD_BITS = 18
"""Of a hash, from which a word is drawn: a word of less than one in 2^18 does not occur."""
SHIFT = 1.5
"""A word of rank r (from 1) has a frequency in proportion to 1 / (r + SHIFT): Zipf's law as Mandelbrot has it."""
SENTENCE_WORDS, LINE_SENTENCES = 13, 2.2
"""Words of a sentence and sentences of a line, on average. Measured: 28.9 words a line; sentences had 21.9 words, but
texts were almost three times as long, and rules that want some number of sentences shall find them as often."""
COMMA_SHARE = 0.047
_ODD = np.uint64(0x9E3779B97F4A7C15)
SPACE, COMMA, FULL_STOP, LINE_END, CAPITAL, BARE_LINE_END, ELLIPSIS = range(7)
"""How a word is written: what follows it, or with a capital."""
_TAILS = (" ", ", ", ". ", ".\n", " ", "\n", "...\n")


@dataclass(frozen=True)
class Plans:
    """What n documents are to be; arrays of shape (n,).

    Attributes:
        seed: the hash from which a document's words come.
        words: how many.
        tongue: index into the names of `tongues`.
        line_end: how its lines end, one of `LINE_END`, `BARE_LINE_END`, `ELLIPSIS`.
        line_share: chance that a sentence is a line's last, 0 to 1.
        period: after so many words they begin anew; 0 for never.
        edit: share of words that are drawn anew, by `edit_seed`.
        edit_seed: the hash for that.
        insert, insert_at, insert_words: a foreign passage: the hash of its words, where it begins, how long it is.
    """

    seed: NDArray[np.uint64]
    words: NDArray[np.int64]
    tongue: NDArray[np.int64]
    line_end: NDArray[np.int64]
    line_share: NDArray[np.float64]
    period: NDArray[np.int64]
    edit: NDArray[np.float64]
    edit_seed: NDArray[np.uint64]
    insert: NDArray[np.uint64]
    insert_at: NDArray[np.int64]
    insert_words: NDArray[np.int64]


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014), 64 bits of shape (n,)."""
    mixed = values ^ (values >> np.uint64(30))
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def draw(seeds: NDArray[np.uint64], purpose: int) -> NDArray[np.uint64]:
    """A hash of each seed for one purpose."""
    return mix(seeds + np.array(purpose, np.uint64) * _ODD)


def uniform(hashes: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Numbers from 0 to below 1 from the upper 53 bits."""
    return (hashes >> np.uint64(11)).astype(np.float64) * 2.0**-53


def write(plans: Plans) -> list[bytes]:
    """The documents as UTF-8, one after the other."""
    table, lookup = _tables()
    starts = np.concatenate([[0], np.cumsum(plans.words)])
    of = np.repeat(np.arange(len(plans.words)), plans.words)
    at = np.arange(starts[-1]) - starts[of]
    period = plans.period[of]
    counter = np.where(period > 0, at % np.maximum(period, 1), at).astype(np.uint64)
    seeds = plans.seed[of]
    inside = at - plans.insert_at[of]
    is_inserted = (inside >= 0) & (inside < plans.insert_words[of])
    counter[is_inserted] = inside[is_inserted]
    seeds[is_inserted] = plans.insert[of[is_inserted]]
    edited = np.flatnonzero(plans.edit[of] > 0)
    if len(edited):
        hashes = mix(plans.edit_seed[of[edited]] + at[edited].astype(np.uint64) * _ODD)
        edited = edited[uniform(hashes) < plans.edit[of[edited]]]
        seeds[edited] = plans.edit_seed[of[edited]]
    hashes = mix(seeds + counter * _ODD)
    drawn = (hashes & np.uint64((1 << WORD_BITS) - 1)).astype(np.int64)
    words = lookup.reshape(-1)[(plans.tongue[of] << WORD_BITS) + drawn]
    form = _forms(plans, of, at, period, hashes)
    text = pc.take(table, pa.array(words * len(_TAILS) + form))
    offsets = np.frombuffer(text.buffers()[1], np.int32, len(text) + 1)[starts].tolist()
    data = memoryview(text.buffers()[2])
    return [bytes(data[start:end]) for start, end in pairwise(offsets)]


def _forms(
    plans: Plans, of: NDArray[np.int64], at: NDArray[np.int64], period: NDArray[np.int64], hashes: NDArray[np.uint64]
) -> NDArray[np.int64]:
    """How each word is written; the last of a document or of a period ends a line."""
    sentence = ((hashes >> np.uint64(20)) & np.uint64(0xFFFF)) < np.uint64(0x10000 // SENTENCE_WORDS)
    line = ((hashes >> np.uint64(36)) & np.uint64(0xFFF)).astype(np.float64) < plans.line_share[of] * 0x1000
    last = (at == plans.words[of] - 1) | ((period > 0) & (at % np.maximum(period, 1) == period - 1))
    comma = ((hashes >> np.uint64(48)) & np.uint64(0xFFFF)) < np.uint64(int(COMMA_SHARE * 0x10000))
    form = np.where(comma, COMMA, SPACE)
    begins = np.concatenate([[True], (sentence | last)[:-1]])
    form[begins] = CAPITAL
    form[sentence] = FULL_STOP
    ends = (sentence & line) | last
    form[ends] = plans.line_end[of[ends]]
    return form


@cache
def _tables() -> tuple[pa.Array, NDArray[np.int32]]:
    """Every word in every form, and for every tongue and draw the number of the word."""
    forms: list[str] = []
    lookup = []
    base = 0
    for name, words in tongues().items():
        shares = np.cumsum(1 / (np.arange(1, len(words) + 1) + SHIFT))
        steps = (np.arange(1 << WORD_BITS) + 0.5) / (1 << WORD_BITS) * shares[-1]
        lookup.append((base + np.searchsorted(shares, steps)).astype(np.int32))
        for word in words:
            tails = tuple(tail.replace(" ", "") for tail in _TAILS) if name == "chinese" else _TAILS
            forms += [f"{word.capitalize() if form == CAPITAL else word}{tail}" for form, tail in enumerate(tails)]
        base += len(words)
    return pa.array(forms, pa.string()), np.stack(lookup)
