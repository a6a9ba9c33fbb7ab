r"""The pre-tokenization patterns that the fast engine knows, each with an equal one that needs no look-ahead.

All of them part white space by `\s+(?!\S)`: of a run before a word, the last character goes with the word. That
look-ahead alone keeps regex engines from their fast automaton. So the text is given a break, a character of its own
that is its own piece, wherever the look-ahead would end a match (`breaks.py`), and what is left of the pattern is
regular.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

END_MARK: Final = "\U0010fffe"
"""Stands behind each text in a joined stream; a noncharacter, and text that holds it takes another way."""
BREAK_MARK: Final = "\U0010ffff"
"""Parts two pieces where the pattern's look-ahead would."""

_MARKS = r"\x{10FFFE}\x{10FFFF}"


@dataclass(frozen=True)
class Pattern:
    r"""A pattern without look-ahead.

    Attributes:
        name: where it is from.
        regular: the regular expression, to be matched in text with breaks.
        newlines: whether `\s*[\r\n]+` comes before the look-ahead, so that only what follows the last line feed of a
            run of white space is parted.
        whole_tail: whether white space at the end of a text is one piece, line feeds in it or not.
        atoms: all classes of characters in it, which both regex engines must agree on.
    """

    name: str
    regular: str
    newlines: bool
    whole_tail: bool
    atoms: tuple[str, ...]

    def with_runs(self, longest: int) -> str:
        """The regular expression that takes runs of 2 to `longest` spaces before all else; none if it is 0."""
        return f" {{2,{longest}}}|{self.regular}" if longest else self.regular


_FOLDED = r"(?i:s|d|m|t|r|e|v|l)"
_BASE = (r"\p{L}", r"\p{N}", r"\s")


def _cl100k(name: str, numbers: str, *, whole_tail: bool = False) -> Pattern:
    regular = (
        rf"[{_MARKS}]|'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{{L}}\p{{N}}{_MARKS}]?\p{{L}}+|{numbers}"
        rf"| ?[^\s\p{{L}}\p{{N}}{_MARKS}]+[\r\n]*|\s*[\r\n]+|\s+"
    )
    return Pattern(name, regular, newlines=True, whole_tail=whole_tail, atoms=(*_BASE, _FOLDED))


_UPPER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}"
_LOWER = r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
_SUFFIX = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"

_GPT2 = Pattern(
    "gpt2",
    rf"[{_MARKS}]|'(?:[sdmt]|ll|ve|re)| ?\p{{L}}+| ?\p{{N}}+| ?[^\s\p{{L}}\p{{N}}{_MARKS}]+|\s+",
    newlines=False,
    whole_tail=False,
    atoms=_BASE,
)
_O200K = Pattern(
    "o200k",
    rf"[{_MARKS}]|[^\r\n\p{{L}}\p{{N}}{_MARKS}]?[{_UPPER}]*[{_LOWER}]+{_SUFFIX}"
    rf"|[^\r\n\p{{L}}\p{{N}}{_MARKS}]?[{_UPPER}]+[{_LOWER}]*{_SUFFIX}"
    rf"|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}{_MARKS}]+[\r\n/]*|\s*[\r\n]+|\s+",
    newlines=True,
    whole_tail=False,
    atoms=(*_BASE, _FOLDED, r"\p{Lu}", r"\p{Lt}", r"\p{Lm}", r"\p{Lo}", r"\p{Ll}", r"\p{M}"),
)

_GPT2_REGEX = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_CL100K_REGEX = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|NUMBERS"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_O200K_REGEX = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

PATTERNS: Final[Mapping[str, Pattern]] = {
    _GPT2_REGEX: _GPT2,
    # As tiktoken writes it: possessive, and the end of the text spelled out.
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s": _GPT2,
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]"
    r"|\s+(?!\S)|\s": _cl100k("cl100k of tiktoken", r"\p{N}{1,3}", whole_tail=True),
    _CL100K_REGEX.replace("NUMBERS", r"\p{N}{1,3}"): _cl100k("cl100k", r"\p{N}{1,3}"),
    _CL100K_REGEX.replace("NUMBERS", r"\p{N}"): _cl100k("qwen2", r"\p{N}"),
    _O200K_REGEX: _O200K,
}
"""Known patterns by the regular expression that definitions carry."""


def pattern_of(pre_tokenizer: Mapping[str, Any] | None) -> Pattern | str:
    """The known pattern of a byte-level pre-tokenizer, or why there is none."""
    steps = pre_tokenizer or {}
    parts = steps["pretokenizers"] if steps.get("type") == "Sequence" else [steps]
    last = parts[-1] if parts else {}
    if last.get("type") != "ByteLevel" or len(parts) > 2:
        return f"its pre-tokenizer is {steps.get('type') or 'none'}, not ByteLevel with one pattern"
    if last.get("add_prefix_space", True):
        return "its pre-tokenizer puts a space before the text"
    if len(parts) == 1:
        return PATTERNS[_GPT2_REGEX] if last.get("use_regex", True) else "its pre-tokenizer has no pattern"
    split = parts[0]
    if split.get("type") != "Split" or last.get("use_regex", True):
        return f"its pre-tokenizer is {split.get('type')} before ByteLevel, not one pattern"
    if split.get("behavior") != "Isolated" or split.get("invert") or "Regex" not in split.get("pattern", {}):
        return "its pattern does not part text into isolated matches"
    known = PATTERNS.get(split["pattern"]["Regex"])
    return known or "its pattern is none of those proven equal in both engines"
