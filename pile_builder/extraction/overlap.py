"""Which words of one text another text has too, by shingles: linear in time, whatever the order and the line ends.

A word of a line is held by another text if a shingle of the line around it is among that text's shingles. Shingles
are of SHINGLE words, or of the whole line where it has fewer; then it has to be in a short line, for a menu's "Home" is
in many a sentence. So a paragraph that was moved, or joined to another, is found, and a sentence made of a page's words
in another order is not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

SHINGLE = 4
SHORT = 2 * SHINGLE
"""Most words of a line in which a line of fewer than SHINGLE words may be found."""
MAX_WORDS = 200_000
"""Words of a text that are looked at; it is a page, and what is shown is a few screens of it."""
MAX_ALIGNED = 2_000
"""Lines of a text that are put beside another's."""
_WORD = re.compile(
    # Scripts without spaces by character: kana, Han, Thai, Lao, Khmer, Burmese.
    r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\u0e00-\u0eff\u1780-\u17ff\u1000-\u109f]"
    r"|(?:(?![\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\u0e00-\u0eff\u1780-\u17ff\u1000-\u109f])[^\W_])+"
)
_ALIKE = 0.4
_AHEAD = 20


@dataclass(frozen=True)
class Text:
    """Lines that are not blank, the words of each, and hashes of shingles: of SHINGLE words; of short lines, fewer."""

    lines: tuple[str, ...]
    words: tuple[tuple[str, ...], ...]
    shingles: frozenset[int]

    @property
    def word_count(self) -> int:
        """Words in all lines."""
        return sum(map(len, self.words))

    def held(self, words: Sequence[str]) -> list[bool]:
        """For each word of a line, whether this text has it in the same surroundings."""
        length = min(SHINGLE, len(words))
        marks = [False] * len(words)
        for at in range(len(words) - length + 1 if length else 0):
            if hash(tuple(words[at : at + length])) in self.shingles:
                marks[at : at + length] = [True] * length
        return marks

    def count_in(self, other: Text) -> int:
        """How many of this text's words another holds."""
        return sum(sum(other.held(words)) for words in self.words)


def text_of(text: str) -> Text:
    """Split a text for comparison; no more than MAX_WORDS of it."""
    lines: list[str] = []
    words: list[tuple[str, ...]] = []
    shingles: set[int] = set()
    left = MAX_WORDS
    for line in text.split("\n"):
        if not line.strip():
            continue
        found = tuple(match[0].casefold() for match, _ in zip(_WORD.finditer(line), range(left), strict=False))
        lines.append(line.rstrip())
        words.append(found)
        for length in range(1 if len(found) <= SHORT else SHINGLE, SHINGLE + 1):
            shingles.update(hash(found[at : at + length]) for at in range(len(found) - length + 1))
        left -= len(found)
        if left <= 0:
            break
    return Text(tuple(lines), tuple(words), frozenset(shingles))


def agreement(one: Text, other: Text) -> float:
    """Share of the words of both that the other holds, 1 for the same text and for two empty ones."""
    total = one.word_count + other.word_count
    return (one.count_in(other) + other.count_in(one)) / total if total else 1.0


def aligned(one: Text, other: Text) -> list[tuple[int | None, int | None]]:
    """Lines of two texts beside each other, by number, in the order of both: equal ones, then similar ones.

    Lines beyond the first MAX_ALIGNED are not in it.
    """
    left, right = one.words[:MAX_ALIGNED], other.words[:MAX_ALIGNED]
    pairs: list[tuple[int | None, int | None]] = []
    for kind, a, a_end, b, b_end in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind == "equal":
            pairs += zip(range(a, a_end), range(b, b_end), strict=True)
            continue
        at = b
        for line in range(a, a_end):
            ahead = range(at, min(b_end, at + _AHEAD))
            match = next((each for each in ahead if _are_alike(left[line], right[each])), None)
            if match is None:
                pairs.append((line, None))
            else:
                pairs += ((None, each) for each in range(at, match))
                pairs.append((line, match))
                at = match + 1
        pairs += ((None, each) for each in range(at, b_end))
    return pairs


def _are_alike(one: Sequence[str], other: Sequence[str]) -> bool:
    first, second = set(one), set(other)
    return len(first & second) > _ALIKE * max(min(len(first), len(second)), 1) if first and second else False
