"""Signals: columns of numbers about a document's text, on which recipes put thresholds.

A signal is one count or the quotient of two. Counts stay integers and are divided once, so a signal equals what Python
gets from the same two numbers. Names are `group.signal`; a quotient whose denominator is 0 is 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.text.column import TextColumn
from pile_builder.text.dclm import DCLM_COUNTS, measure_dclm
from pile_builder.text.signals import CODE, COUNTS, LINES, QUALITY, REPETITION, measure
from pile_builder.text.word_tables import load_word_tables
from pile_builder.text.words import WordSpans, find_words

_Element = TypeVar("_Element", bound=np.generic)
_BITS = {
    "gopher_quality": QUALITY,
    "gopher_repetition": REPETITION,
    "fineweb": LINES,
    "code": CODE,
    "dclm": 0,
    "redpajama_code": CODE,
}
GROUPS = tuple(_BITS)
"""Names of the signal groups."""
_NEED_WORDS = frozenset({"gopher_quality", "gopher_repetition", "dclm"})
_NEED_WORD_COUNTS = _NEED_WORDS | {"fineweb", "redpajama_code"}

_GOPHER = "Gopher, arXiv 2112.11446, section A1.1, as datatrove 0.10.1 counts"
_TABLE_A1 = "Gopher, arXiv 2112.11446, table A1, as datatrove 0.10.1 counts"
_FINEWEB = "FineWeb, arXiv 2406.17557, section 3.6, as datatrove 0.10.1 counts"
_BIGCODE = "BigCode, The Stack's basic filters (arXiv 2301.03988)"
_PILE_GITHUB = "The Pile's GitHub component (EleutherAI github-downloader)"
_DCLM = "DCLM, baselines/mappers/filters/content_filters.py"
_REDPAJAMA = "RedPajama-Data rp_v1, data_prep/github"
_PILE_NEWLINES = 0.001


@dataclass(frozen=True)
class Signal:
    """What one column says.

    Attributes:
        unit: of the number.
        definition: one sentence.
        source: paper or program that defines it.
        count: column of counts, the numerator.
        per: column of counts that divides it, or None for the count itself.
        per_plus: added to the denominator, where a source does so to avoid a division by zero.
    """

    unit: str
    definition: str
    source: str
    count: str
    per: str | None = None
    per_plus: float = 0.0


def _fraction(unit: str, definition: str, source: str, count: str, per: str) -> Signal:
    return Signal(f"fraction of {unit}", definition, source, count, per)


def _repetition_signals() -> dict[str, Signal]:
    found = {
        "characters": Signal("characters", "Characters of the text.", _TABLE_A1, "characters"),
        "dup_paragraphs": _fraction(
            "paragraphs",
            "Paragraphs, parted by two or more line feeds, that stood before.",
            _TABLE_A1,
            "duplicate_paragraphs",
            "paragraphs",
        ),
        "dup_paragraph_chars": _fraction(
            "characters",
            "Characters in paragraphs that stood before.",
            _TABLE_A1,
            "duplicate_paragraph_characters",
            "characters",
        ),
        "dup_lines": _fraction(
            "lines",
            "Lines, parted by one or more line feeds, that stood before.",
            _TABLE_A1,
            "duplicate_pieces",
            "pieces",
        ),
        "dup_line_chars": _fraction(
            "characters",
            "Characters in lines that stood before.",
            _TABLE_A1,
            "duplicate_piece_characters",
            "characters",
        ),
    }
    for n in (2, 3, 4):
        found[f"top_{n}_gram_chars"] = _fraction(
            "characters",
            f"Characters of the most frequent {n}-gram of words, joined by spaces, times its count.",
            _TABLE_A1,
            f"top_{n}_gram_characters",
            "characters",
        )
    for n in (5, 6, 7, 8, 9, 10):
        found[f"dup_{n}_gram_chars"] = _fraction(
            "characters",
            f"Characters, without spaces, of {n}-grams of words met before, read from the left without overlap.",
            _TABLE_A1,
            f"duplicate_{n}_gram_characters",
            "characters",
        )
    return found


def _dclm_signals() -> dict[str, Signal]:
    words, lines = "words parted by white space", "lines"
    found = {
        "alphanumeric_words": Signal(
            "words", "Words that begin with a letter or number.", _DCLM, "dclm_alphanumeric_words"
        ),
        "mean_word_length": Signal("characters", "Mean length of words.", _DCLM, "dclm_word_characters", "dclm_words"),
        "symbol_ratio": Signal(
            "per word", "Hash signs and ellipses (..., . . . or …) over words.", _DCLM, "dclm_symbols", "dclm_words"
        ),
        "bullet_lines": _fraction(
            lines, "Lines that begin with ●, •, * or -.", _DCLM, "dclm_bullet_lines", "dclm_lines"
        ),
        "ellipsis_lines": _fraction(
            lines, "Lines that end in an ellipsis.", _DCLM, "dclm_ellipsis_lines", "dclm_lines"
        ),
        "non_alphabetic_words": _fraction(
            words, "Words without a letter.", _DCLM, "dclm_non_alphabetic_words", "dclm_words"
        ),
        "stop_words": Signal(
            "words", "Occurrences of the, be, to, of, and, that, have, with, in either case.", _DCLM, "dclm_stop_words"
        ),
    }
    for kind in ("line", "paragraph"):
        found[f"repeated_{kind}s"] = _fraction(
            f"{kind}s", "Those that occur more than once, every copy.", _DCLM, f"dclm_repeated_{kind}s", f"dclm_{kind}s"
        )
        found[f"repeated_{kind}_chars"] = _fraction(
            "characters", f"Characters in {kind}s that occur more than once.", _DCLM,
            f"dclm_repeated_{kind}_characters", f"dclm_{kind}_characters",
        )  # fmt: skip
    for n in (2, 3, 4, 5, 6, 7, 8, 9, 10):
        kind = "top" if n < 5 else "repeated"
        what = (
            "The longest most frequent {}-gram's, times its count." if n < 5 else "Those of words in repeated {}-grams."
        )
        found[f"{kind}_{n}_gram_chars"] = _fraction(
            "characters of words", what.format(n), _DCLM, f"dclm_{kind}_{n}_gram_characters", "dclm_ngram_characters"
        )
    return found


_BY_GROUP: dict[str, dict[str, Signal]] = {
    "gopher_quality": {
        "words": Signal(
            "words", "Words (words v1) with a character that is not punctuation.", _GOPHER, "spoken_words"
        ),
        "mean_word_length": Signal(
            "characters", "Mean length of those words.", _GOPHER, "spoken_word_characters", "spoken_words"
        ),
        "hash_ratio": Signal("per word", "Hash signs over all words.", _GOPHER, "hashes", "words"),
        "ellipsis_ratio": Signal("per word", "Ellipses (... or …) over all words.", _GOPHER, "ellipses", "words"),
        "bullet_lines": _fraction("lines", "Lines that begin with • or -.", _GOPHER, "bullet_lines", "split_lines"),
        "ellipsis_lines": _fraction(
            "lines", "Lines that end in an ellipsis.", _GOPHER, "ellipsis_lines", "split_lines"
        ),
        "alphabetic_words": _fraction("words", "Words with a letter.", _GOPHER, "alphabetic_words", "words"),
        "stop_words": Signal(
            "words", "How many of the, be, to, of, and, that, have, with occur.", _GOPHER, "stop_words"
        ),
    },
    "gopher_repetition": _repetition_signals(),
    "fineweb": {
        "lines": Signal("lines", "Lines that are not blank.", _FINEWEB, "lines"),
        "punctuated_lines": _fraction(
            "lines", "Lines whose last character is terminal punctuation of any script.", _FINEWEB,
            "punctuated_lines", "lines",
        ),
        "short_lines": _fraction("lines", "Lines of at most 30 characters.", _FINEWEB, "short_lines", "lines"),
        "dup_line_chars": _fraction(
            "characters without line feeds", "Characters in lines that stood before.", _FINEWEB,
            "duplicate_line_characters", "piece_characters",
        ),
        "newline_ratio": Signal("per word", "Line feeds over words (words v1).", _FINEWEB, "newlines", "words"),
    },
    "code": {
        "longest_line": Signal("characters", "Length of the longest line.", _BIGCODE, "code_longest_line"),
        "mean_line_length": Signal(
            "characters", "Mean length of the lines.", _BIGCODE, "code_line_characters", "code_lines"
        ),
        "alphanumeric": _fraction(
            "characters", "Letters and numbers of any script.", _BIGCODE, "alphanumeric_characters", "code_characters"
        ),
        "digits": _fraction("characters", "Digits 0 to 9.", _PILE_GITHUB, "digits", "code_characters"),
        "chars_per_newline": Signal(
            "characters", "Characters over line feeds (plus 0.001).", _PILE_GITHUB,
            "code_characters", "code_newlines", _PILE_NEWLINES,
        ),
    },
    "dclm": _dclm_signals(),
    "redpajama_code": {
        "mean_line_length": Signal(
            "characters", "Characters, line ends included, over lines.", _REDPAJAMA, "code_characters", "code_lines"
        ),
        "alphabetic_per_token": Signal(
            "characters", "Letters over tokens (words v1, where RedPajama takes Pythia's).", _REDPAJAMA,
            "alphabetic_characters", "words",
        ),
    },
}  # fmt: skip

SIGNALS: Mapping[str, Signal] = {
    f"{group}.{name}": signal for group in GROUPS for name, signal in _BY_GROUP[group].items()
}
"""Every signal by its column name."""


def signals(
    column: TextColumn,
    groups: Sequence[str],
    words: WordSpans | None = None,
    n_words: NDArray[np.int64] | None = None,
) -> pa.RecordBatch:
    """Measure a column of text.

    Args:
        column: n texts.
        groups: which of GROUPS to compute; together they cost less than one by one.
        words: of the column, if they are known.
        n_words: how many words each text has, if only that is known; enough for the groups fineweb, code
            and redpajama_code.

    Returns:
        n rows, one column per signal of the groups in the order of SIGNALS: int64 for counts, float64 for quotients.

    Raises:
        ValueError: a group is unknown.
    """
    unknown = sorted(set(groups) - set(GROUPS))
    if unknown:
        msg = f"unknown signal group {unknown[0]!r}; known are {', '.join(GROUPS)}"
        raise ValueError(msg)
    if words is None and (_NEED_WORD_COUNTS if n_words is None else _NEED_WORDS).intersection(groups):
        words = find_words(column)
    if words is not None:
        n_words = np.diff(words.offsets)
    elif n_words is None:
        n_words = np.zeros(len(column), np.int64)
    spans, offsets = words or WordSpans(read_only(np.empty((0, 2), np.int32)), read_only(n_words))
    matrix = measure(
        read_only(column.data),
        read_only(column.offsets),
        load_word_tables(),
        spans,
        offsets,
        sum({_BITS[group] for group in groups}),
    )
    counts = {name: matrix[:, i] for i, name in enumerate(COUNTS)}
    counts["words"] = n_words
    counts["piece_characters"] = counts["characters"] - counts["newlines"]
    if "dclm" in groups:
        matrix = measure_dclm(read_only(column.data), read_only(column.offsets), load_word_tables(), spans, offsets)
        counts |= {f"dclm_{name}": matrix[:, i] for i, name in enumerate(DCLM_COUNTS)}
    wanted = {name: signal for name, signal in SIGNALS.items() if name.split(".")[0] in groups}
    return pa.record_batch({name: pa.array(signal_values(signal, counts)) for name, signal in wanted.items()})


def signal_values(signal: Signal, counts: Mapping[str, NDArray[np.int64]]) -> NDArray[np.int64] | NDArray[np.float64]:
    """A signal's column, shape (n,), from the columns of counts."""
    count = np.ascontiguousarray(counts[signal.count])
    if signal.per is None:
        return count
    per = counts[signal.per] + signal.per_plus
    return np.divide(count, per, out=np.zeros(len(count), np.float64), where=per != 0)


def read_only(array: NDArray[_Element]) -> NDArray[_Element]:
    """A view that kernels may not write to; columns come writable or not, and numba compiles for each kind anew."""
    view = array.view()
    view.flags.writeable = False
    return view
