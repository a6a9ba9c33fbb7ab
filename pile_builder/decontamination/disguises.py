"""The forms in which the recall probe plants an eval item."""

from __future__ import annotations

import re
import textwrap
from itertools import cycle

from pile_builder.decontamination.items import EvalItem
from pile_builder.text.column import from_strings
from pile_builder.text.normalise import word_spans

VERBATIM = "verbatim"
WHOLE = (VERBATIM, "re-cased", "re-punctuated", "re-wrapped")
"""Forms with all of an item's words in their order: none of them should be missed."""
FORMS = (*WHOLE, "first 75 %", "first 50 %", "question only", "answer apart")
COLUMNS = 60
"""Width of re-wrapped items."""
APART = "Before anybody could reply the kettle boiled over, so all ran to the kitchen and soon forgot what was asked."
"""Twenty words between question and answer, where they are planted apart."""

_MARK = re.compile(r"[!-/:-@\[-`{-~“”‘’«»–—…]")
_SPACE = re.compile(r"\s+")


def planted_forms(item: EvalItem) -> dict[str, str]:
    """An item in every form in which it can be planted; without words in the answer, its forms say nothing new."""
    whole = f"{item.question}\n{item.answer}" if item.answer else item.question
    forms = {
        VERBATIM: whole,
        "re-cased": whole.upper(),
        "re-punctuated": _repunctuated(whole),
        "re-wrapped": textwrap.fill(
            whole, COLUMNS, initial_indent="    ", subsequent_indent="    ", break_long_words=False
        ),
        "first 75 %": _first_words(whole, 3, 4),
        "first 50 %": _first_words(whole, 1, 2),
    }
    if word_bounds(item.question)[1] and word_bounds(item.answer)[1]:
        forms["question only"] = item.question
        forms["answer apart"] = f"{item.question}\n{APART}\n{item.answer}"
    return forms


def word_bounds(text: str) -> tuple[list[int], list[int]]:
    """First byte of each word v2 of a text, and the byte behind it."""
    starts, ends = word_spans(from_strings([text]))
    return starts.tolist(), ends.tolist()


def _first_words(text: str, parts: int, of: int) -> str:
    """A text up to the end of the last of its first words, `parts` `of` them all."""
    _, ends = word_bounds(text)
    count = len(ends) * parts // of
    return text.encode()[: ends[count - 1]].decode() if count else ""


def _repunctuated(text: str) -> str:
    """Marks in turn dropped and replaced by others, which never joins words, and commas where there were none."""
    marks, spaces = cycle((" ", " ~ ", " ", "/")), cycle((" ", "  ", ", ", " "))
    text = _SPACE.sub(lambda _: next(spaces), text)
    return _MARK.sub(lambda _: next(marks), text)
