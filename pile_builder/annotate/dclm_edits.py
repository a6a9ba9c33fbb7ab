"""DCLM's removal of URLs and its line modifiers over a column: spans, and what was counted on the way."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pile_builder.annotate.signals import Signal, read_only, signal_values
from pile_builder.document import SPAN
from pile_builder.text.column import TextColumn
from pile_builder.text.dclm_lines import DCLM_LINE_COUNTS, DCLM_LINE_RULES, cut_lines
from pile_builder.text.dclm_urls import DCLM_URL_COUNTS, DCLM_URL_RULES, cut_urls, load_top_levels
from pile_builder.text.removal import room_for
from pile_builder.text.word_tables import load_word_tables

_MODIFIERS = "DCLM, baselines/mappers/modifiers.py"
_FILTERS = "DCLM, baselines/mappers/filters/content_filters.py word_removal_ratio_filter"
_TOUCHED = {
    "uppercase": "Lines dropped because more than half of their characters are upper case.",
    "digits": "Lines dropped because all their characters are digits.",
    "counter": "Lines dropped because they count something, such as 3 likes.",
    "short": "Lines dropped because they have one word, or white space alone.",
    "items_in_cart": "Lines of at most ten words from which items in cart was cut.",
    "read_more": "Lines of at most ten words from whose end Read more and three characters were cut.",
    "sign_in": "Lines of at most ten words from whose start Sign-in was cut.",
}

DCLM_EDIT_SIGNALS: Mapping[str, Signal] = {
    "dclm_urls.urls": Signal("matches", "Host names cut, with scheme and path.", _MODIFIERS, "urls"),
    "dclm_urls.addresses": Signal("matches", "IPv4 addresses cut, with scheme and path.", _MODIFIERS, "addresses"),
    "dclm_urls.newlines": Signal("characters", "Line feeds cut behind two others.", _MODIFIERS, "newlines"),
    "dclm_urls.characters_left": Signal("characters", "Characters of what is left.", _MODIFIERS, "characters_left"),
    "dclm_lines.lines": Signal("lines", "Lines before any was dropped.", _MODIFIERS, "lines"),
    "dclm_lines.words": Signal(
        "words", "Words that begin with a letter or number, before any line was dropped.", _FILTERS, "words"
    ),
    "dclm_lines.removed_words": Signal(
        "fraction of words", "How many of those words went.", _FILTERS, "removed_words", "words"
    ),
    **{
        f"dclm_lines.{rule}_lines": Signal("lines", definition, _MODIFIERS, f"{rule}_lines")
        for rule, definition in _TOUCHED.items()
    },
}
"""Every signal of the two functions by its column name."""


def dclm_urls(column: TextColumn) -> tuple[pa.ListArray, pa.RecordBatch]:
    """Spans, n lists of type `SPANS`, that cut URLs and blank lines from n texts; the signals `dclm_urls.*`."""
    data, offsets, left = read_only(column.data), read_only(column.offsets), room_for(column.offsets)
    spans, lists, counts = cut_urls(data, offsets, load_word_tables(), load_top_levels(), left)
    return _spans(spans, lists, DCLM_URL_RULES), _signals("dclm_urls.", DCLM_URL_COUNTS, counts)


def dclm_lines(column: TextColumn) -> tuple[pa.ListArray, pa.RecordBatch]:
    """Spans, n lists of type `SPANS`, that drop and cut lines of n texts; the signals `dclm_lines.*`."""
    data, offsets, left = read_only(column.data), read_only(column.offsets), room_for(column.offsets)
    spans, lists, counts = cut_lines(data, offsets, load_word_tables(), left)
    return _spans(spans, lists, DCLM_LINE_RULES), _signals("dclm_lines.", DCLM_LINE_COUNTS, counts)


def _spans(spans: NDArray[np.int64], offsets: NDArray[np.int64], rules: tuple[str, ...]) -> pa.ListArray:
    flat = pa.StructArray.from_arrays(
        [
            pa.array(np.ascontiguousarray(spans[:, 0])),
            pa.array(np.ascontiguousarray(spans[:, 1])),
            pa.repeat("", len(spans)),
            pa.array([f"dclm.{rule}" for rule in rules]).take(pa.array(spans[:, 2])),
        ],
        fields=list(SPAN),
    )
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat)


def _signals(prefix: str, names: tuple[str, ...], matrix: NDArray[np.int64]) -> pa.RecordBatch:
    counts = {name: matrix[:, i] for i, name in enumerate(names)}
    wanted = {name: signal for name, signal in DCLM_EDIT_SIGNALS.items() if name.startswith(prefix)}
    return pa.record_batch({name: pa.array(signal_values(signal, counts)) for name, signal in wanted.items()})
