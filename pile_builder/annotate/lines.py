"""C4's line rules over a column: spans that leave the kept lines, and what was counted on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.annotate.signals import Signal, read_only, signal_values
from pile_builder.document import SPAN
from pile_builder.text.column import PADDING, TextColumn
from pile_builder.text.line_rules import FINEWEB, PAPER, TFDS
from pile_builder.text.lines import C4_COUNTS, LINE_RULES, clean_lines
from pile_builder.text.word_tables import load_word_tables
from pile_builder.text.words import WordSpans, find_words

Reading = Literal["fineweb", "tfds", "paper"]

MIN_WORDS: Mapping[str, int] = {"fineweb": 3, "tfds": 5, "paper": 3}
"""Fewest words of a kept line, by reading: datatrove's default, `_MIN_WORDS_PER_LINE` of `c4_utils.py`, and section 2.2
of the paper as JMLR printed it (later versions at arXiv say 5, as the program does)."""

_SOURCES = {
    "fineweb": "datatrove 0.10.1 C4QualityFilter with filter_no_terminal_punct=False (FineWeb)",
    "tfds": "tensorflow-datasets c4_utils.clean_page; sentences are words v1's, not NLTK's",
    "paper": "C4, JMLR 21 (2020) 140, section 2.2; sentences are words v1's",
}
_KERNEL_READINGS = {"fineweb": FINEWEB, "tfds": TFDS, "paper": PAPER}
_DEFINITIONS = {
    "characters": ("characters", "Characters of the text before any line is dropped."),
    "lines": ("lines", "Lines of str.splitlines."),
    "kept_lines": ("lines", "Lines that no rule drops."),
    "sentences": ("sentences", "Sentences of the kept lines, each line by itself."),
    "lorem_ipsum": ("lines", "Lines with lorem ipsum, in either case, that no earlier rule drops."),
    "curly_bracket": ("lines", "Lines with {, that no earlier rule drops."),
    "too_long_word_lines": ("lines", "Lines dropped because a word has more than 1,000 characters."),
    "no_terminal_punctuation_lines": (
        "lines",
        'Lines dropped because they end in none of . ? ! " (or, but for the reading paper, in an ellipsis).',
    ),
    "too_few_words_lines": ("lines", "Lines dropped because they have too few words."),
    "javascript_lines": ("lines", "Lines dropped because they mention javascript."),
    "policy_lines": ("lines", "Lines dropped because they mention cookies, terms of use or a privacy policy."),
    "citations": ("citations", "[1], [edit] and [citation needed] cut from kept lines."),
}

LINE_SIGNALS: Mapping[str, Signal] = {
    f"c4_{reading}.{name}": Signal(*_DEFINITIONS[name], source, name)
    for reading, source in _SOURCES.items()
    for name in C4_COUNTS
}
"""Every signal of `c4_lines` by its column name."""

_RULES = pa.array([f"c4.{rule}" for rule in LINE_RULES])
_REPLACEMENTS = pa.array(["\n" if rule == "line_break" else "" for rule in LINE_RULES])


class CleanedLines(NamedTuple):
    """What C4's rules make of n texts.

    `spans` holds n lists of type `SPANS`, whose application leaves the kept lines, stripped, joined by line feeds.
    `signals` has n rows and the int64 columns `c4_<reading>.*` of LINE_SIGNALS. `n_words`, int64 of length n, says how
    many words each text then has.
    """

    spans: pa.ListArray
    signals: pa.RecordBatch
    n_words: NDArray[np.int64]


def c4_lines(column: TextColumn, reading: Reading) -> tuple[pa.ListArray, pa.RecordBatch]:
    """The spans and signals of `cleaned_lines`, for a caller who has no use for words."""
    cleaned = cleaned_lines(column, reading, find_words(column))
    return cleaned.spans, cleaned.signals


def cleaned_lines(column: TextColumn, reading: Reading, words: WordSpans) -> CleanedLines:
    """Judge the lines of each text by one reading of C4's rules.

    Args:
        column: n texts.
        reading: "fineweb", "tfds" or "paper", see the sources in LINE_SIGNALS.
        words: of the column.

    Raises:
        ValueError: the reading is unknown.
    """
    if reading not in MIN_WORDS:
        msg = f"unknown C4 reading {reading!r}; known are {', '.join(MIN_WORDS)}"
        raise ValueError(msg)
    longest = int(np.diff(column.offsets).max(initial=0))
    scratch = np.zeros(longest + PADDING, np.uint8)
    spans, offsets, matrix, n_words = clean_lines(
        read_only(column.data),
        read_only(column.offsets),
        load_word_tables(),
        words.spans,
        words.offsets,
        scratch,
        read_only(scratch),
        _KERNEL_READINGS[reading],
        MIN_WORDS[reading],
    )
    rules = pa.array(spans[:, 2])
    flat = pa.StructArray.from_arrays(
        [
            pa.array(np.ascontiguousarray(spans[:, 0])),
            pa.array(np.ascontiguousarray(spans[:, 1])),
            _REPLACEMENTS.take(rules),
            _RULES.take(rules),
        ],
        fields=list(SPAN),
    )
    counts = {name: matrix[:, i] for i, name in enumerate(C4_COUNTS)}
    signals = {name: signal for name, signal in LINE_SIGNALS.items() if name.startswith(f"c4_{reading}.")}
    batch = pa.record_batch({name: pa.array(signal_values(signal, counts)) for name, signal in signals.items()})
    return CleanedLines(pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat), batch, n_words)
