"""ftfy for one line, with the same result and a bound on its work.

ftfy repeats its fixes until a line stops changing, and a crafted line changes once per character: "Â" a thousand times
and then "©" costs it half a second, and a line of a million code points five days. Here every look that ftfy takes at a
line is paid for from an allowance, and a line that overdraws it stays as it is.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import groupby

import ftfy
from ftfy import ExplanationStep, TextFixerConfig, fixes
from ftfy.badness import is_bad
from ftfy.chardata import UTF8_DETECTOR_RE

CONFIG = TextFixerConfig(unescape_html=False, explain=False)
"""The configuration that repair stands for. Extractors have decoded HTML entities already: what is left is text about
HTML. Everything else is ftfy's default: NFC, straight quotes, mojibake decoding."""

MAX_LINE = 1 << 18
"""Code points. The decoder of ftfy that handles surrogates and NUL copies the rest of the line at each of them."""
LOOKS_PER_LINE = 16
"""How many times the length of a line ftfy may look at. Mojibake of mojibake needs one look per layer and a few to see
that it is done; the most that a line of 2,336 web pages needed was 6."""
SHORT_LINE = 256
"""Code points; shorter lines get the allowance of a line as long as this."""
LOOKS_PER_DOCUMENT = 1 << 23
"""Code points that ftfy may look at in all lines of a document, about 10 seconds at worst."""
MAX_MARKS = 256
"""Combining marks in a row. unicodedata.normalize sorts them in quadratic time; UAX 15 calls 30 enough for any text."""

_WHOLE_LINE = TextFixerConfig(unescape_html=False, explain=False, decode_inconsistent_utf8=False)
_CHARACTER_FIXERS = (
    fixes.fix_c1_controls,
    fixes.fix_latin_ligatures,
    fixes.fix_character_width,
    fixes.uncurl_quotes,
    fixes.fix_line_breaks,
    fixes.fix_surrogates,
    fixes.remove_terminal_escapes,
    fixes.remove_control_chars,
)


class WorkLimitError(Exception):
    """A line would cost more than its allowance."""


@dataclass(slots=True)
class Allowance:
    """What a document may still cost in code points looked at."""

    left: int = LOOKS_PER_DOCUMENT


@dataclass(slots=True)
class _LineAllowance:
    left: int

    def spend(self, text: str) -> None:
        self.left -= len(text)
        if self.left < 0:
            raise WorkLimitError


def fix_line(line: str, allowance: Allowance) -> str:
    """`ftfy.fix_text(line, CONFIG)` for one line (with its line feed), as long as no limit is passed.

    A line stays as it is when it is longer than MAX_LINE, needs looks at more than LOOKS_PER_LINE times its length or
    than `allowance` has left, or has more than MAX_MARKS combining marks in a row. It keeps its curly quotes too:
    straight ones would make its mojibake unreadable for good.
    """
    if len(line) <= min(MAX_LINE, allowance.left):
        limit = min(LOOKS_PER_LINE * max(len(line), SHORT_LINE), allowance.left)
        budget = _LineAllowance(limit)
        try:
            return _fix_line(line, budget)
        except WorkLimitError:
            pass
        finally:
            allowance.left -= limit - max(budget.left, 0)
    return line


def _fix_line(line: str, budget: _LineAllowance) -> str:
    """The loop of `ftfy.fix_and_explain` (6.3.1)."""
    text = line
    while True:
        before = text
        text = _fix_encoding(text, budget)
        budget.spend(text)
        for fix in _CHARACTER_FIXERS:
            text = fix(text)
        if _longest_run_of_marks(text) > MAX_MARKS:
            raise WorkLimitError
        text = unicodedata.normalize("NFC", text)
        if text == before:
            return text


def _fix_encoding(text: str, budget: _LineAllowance) -> str:
    """`ftfy.fix_encoding`: decode layers of mojibake until none is left."""
    while is_bad(text):
        budget.spend(text)
        before, text = text, _fix_one_layer(text, budget)
        if text == before:
            break
    return text


def _fix_one_layer(text: str, budget: _LineAllowance) -> str:
    """One step of ftfy: decode the whole text; else what looks like UTF-8 inside it; else single characters.

    ftfy's own step would go on without limit inside the second, so it runs without that and its plan tells whether the
    first applied.
    """
    fixed, plan = ftfy._fix_encoding_one_step_and_explain(text, _WHOLE_LINE)
    if plan and plan[-1] in (ExplanationStep("decode", "utf-8"), ExplanationStep("decode", "utf-8-variants")):
        return str(fixed)
    embedded = UTF8_DETECTOR_RE.sub(
        lambda match: _fix_encoding(match[0], budget) if len(match[0]) < len(text) and is_bad(match[0]) else match[0],
        text,
    )
    return embedded if embedded != text else str(fixed)


def _longest_run_of_marks(text: str) -> int:
    if not any(map(unicodedata.combining, text[MAX_MARKS::MAX_MARKS])):  # a longer run would cover one of these places
        return 0
    runs = groupby(text, lambda char: unicodedata.combining(char) != 0)
    return max((sum(1 for _ in run) for marks, run in runs if marks), default=0)
