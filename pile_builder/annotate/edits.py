"""What rewrites text before it is measured: the edits of recipes, one after the other.

An edit is a function from a column to spans and signals. Each sees the text that the ones before it left; their spans
are told as spans on the text as ingested.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.annotate.dclm_edits import DCLM_EDIT_SIGNALS, dclm_lines, dclm_urls
from pile_builder.annotate.lines import LINE_SIGNALS, CleanedLines, Reading, cleaned_lines
from pile_builder.annotate.signals import Signal
from pile_builder.pieces import spans_in_sequence
from pile_builder.recipes import Edit
from pile_builder.spans import apply_spans
from pile_builder.text.column import TextColumn
from pile_builder.text.words import WordSpans, find_words

EDIT_SIGNALS: Mapping[str, Signal] = {**LINE_SIGNALS, **DCLM_EDIT_SIGNALS}
"""Every signal of an edit by its column name."""

_READINGS: Mapping[Edit, Reading] = {"c4_fineweb": "fineweb", "c4_tfds": "tfds", "c4_paper": "paper"}


class Edited(NamedTuple):
    """n texts behind each of k edits.

    `texts` has k + 1 columns, the first as ingested. `n_words` has for each how many words its texts have, int64 of
    length n, where an edit says so. `spans`, n lists of type `SPANS`, lead from the first to the last; `signals` are
    the batches of the edits.
    """

    texts: list[TextColumn]
    n_words: list[NDArray[np.int64] | None]
    spans: pa.ListArray | None
    signals: list[pa.RecordBatch]


def edit_texts(column: TextColumn, edits: Sequence[Edit], words: WordSpans | None = None) -> Edited:
    """Apply edits in order.

    Args:
        column: n texts.
        edits: which.
        words: of the column, if they are known.
    """
    edited = Edited([column], [None], None, [])
    spans = None
    for name in edits:
        own, batch, n_words = _edit(edited.texts[-1], name, words)
        spans = own if spans is None else spans_in_sequence(spans, own)
        edited.texts.append(apply_spans(edited.texts[-1], own))
        edited.n_words.append(n_words)
        edited.signals.append(batch)
        words = None
    return edited._replace(spans=spans)


def _edit(
    column: TextColumn, name: Edit, words: WordSpans | None
) -> CleanedLines | tuple[pa.ListArray, pa.RecordBatch, None]:
    if name in _READINGS:
        return cleaned_lines(column, _READINGS[name], words or find_words(column))
    return (*(dclm_urls if name == "dclm_urls" else dclm_lines)(column), None)
