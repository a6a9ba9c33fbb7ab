"""C4's rules for one line (Raffel et al. 2020, section 2.2): what drops it, and the citations cut from it.

Three readings differ: FINEWEB is datatrove 0.10.1's `C4QualityFilter` as FineWeb sets it; TFDS is `c4_utils.py` of
tensorflow-datasets, which also wants a terminal mark and counts words behind the cutting of citations; PAPER is TFDS
without what the paper does not say, that overlong words drop a line and that an ellipsis is no terminal mark.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pile_builder.text.strings import count_characters, next_mark, space_length
from pile_builder.text.word_tables import (
    DECIMAL,
    WordTables,
    bits_at,
    decode,
    inlined_kernel,
    kernel,
    leading_letters,
    load_word,
)

FINEWEB, TFDS, PAPER = 0, 1, 2
"""The readings."""

DROPPING_RULES = ("too_long_word", "no_terminal_punctuation", "too_few_words", "javascript", "policy")
"""Rules that drop a line, by number."""
KEPT = -1
"""In place of a rule's number."""
LOREM_IPSUM, CURLY_BRACKET = 1, 2
"""Bits for what drops the whole document; `judge_line` reports them of lines that no earlier rule drops."""

_TOO_LONG_WORD, _NO_TERMINAL, _TOO_FEW_WORDS, _JAVASCRIPT, _POLICY = range(5)
_FOUND_JAVASCRIPT, _FOUND_POLICY = 4, 8
_LONGEST_WORD = 1000


def _phrase(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode("ascii"), np.uint8)


_EDIT, _CITATION_NEEDED = _phrase("[edit]"), _phrase("[citation needed]")
_LOREM, _SCRIPT = _phrase("lorem ipsum"), _phrase("javascript")
_PRIVACY_POLICY, _TERMS_OF_USE = _phrase("privacy policy"), _phrase("terms of use")
_COO, _IE, _S, _SPACE_POLICY = _phrase("coo"), _phrase("ie"), _phrase("s"), _phrase(" policy")
_USES, _USE_OF, _USE = _phrase("uses "), _phrase("use of "), _phrase("use ")


@inlined_kernel
def judge_line(
    data: NDArray[np.uint8],
    opens: int,
    closes: int,
    text: NDArray[np.uint8],
    low: int,
    high: int,
    marks: NDArray[np.uint8],
    reading: int,
    min_words: int,
) -> tuple[int, int]:
    """Judge the stripped line `data[opens:closes]`, which is `text[low:high]` without its citations.

    `marks` is scratch, as long as the line and 8 bytes more.

    Returns:
        Number of the rule that drops it or KEPT, and the bits LOREM_IPSUM and CURLY_BRACKET.
    """
    if reading != PAPER and _has_long_word(data, opens, closes):
        return _TOO_LONG_WORD, 0
    if reading != FINEWEB and not _ends_in_mark(text, low, high, reading):
        return _NO_TERMINAL, 0
    if reading != FINEWEB and _has_fewer_words(text, low, high, min_words):
        return _TOO_FEW_WORDS, 0
    if reading == FINEWEB and _has_fewer_words(data, opens, closes, min_words):
        return _TOO_FEW_WORDS, 0
    found = _find_phrases(text, low, high, marks)
    if found & _FOUND_JAVASCRIPT:
        return _JAVASCRIPT, found & LOREM_IPSUM
    return _POLICY if found & _FOUND_POLICY else KEPT, found & (LOREM_IPSUM | CURLY_BRACKET)


@kernel
def citation_length(data: NDArray[np.uint8], i: int, end: int, tables: WordTables) -> int:
    r"""Bytes of the match of `\[\d*]|\[edit]|\[citation needed]` at the bracket at i, or 0."""
    j = i + 1
    while j < end and bits_at(data, j, tables) & DECIMAL:
        j += decode(data, j)[1]
    if j < end and data[j] == 0x5D:
        return j + 1 - i
    for phrase in (_EDIT, _CITATION_NEEDED):
        if i + len(phrase) <= end:
            equal = True
            for k in range(len(phrase)):
                equal &= data[i + k] == phrase[k]
            if equal:
                return len(phrase)
    return 0


@kernel
def cut_citations(
    data: NDArray[np.uint8], low: int, high: int, tables: WordTables, scratch: NDArray[np.uint8]
) -> tuple[int, int]:
    """Copy `data[low:high]` without its citations to `scratch`; the bytes copied and the number of citations."""
    citations = size = 0
    i = low
    while i < high:
        length = citation_length(data, i, high, tables) if data[i] == 0x5B else 0
        if length > 0:
            citations += 1
            i += length
        else:
            scratch[size] = data[i]
            size += 1
            i += 1
    return size, citations


@kernel
def _has_long_word(text: NDArray[np.uint8], low: int, high: int) -> bool:
    """Whether a word has more than 1,000 characters; looks back from 1,000 bytes on for the space that prevents it."""
    while high - low > _LONGEST_WORD:
        i = low + _LONGEST_WORD
        while i >= low and space_length(text, i) == 0:
            i -= 1
        if i < low:
            i = low + _LONGEST_WORD
            while i < high and space_length(text, i) == 0:
                i += 1
            if count_characters(text, low, i) > _LONGEST_WORD:
                return True
        low = i + 1
    return False


@kernel
def _has_fewer_words(text: NDArray[np.uint8], low: int, high: int, min_words: int) -> bool:
    """Whether the line has fewer than `min_words` words between white space."""
    n = 0
    in_word = False
    i = low
    while i < high and n < min_words:
        length = space_length(text, i)
        n += length == 0 and not in_word
        in_word = length == 0
        i += max(length, 1)
        if in_word:
            i += leading_letters(load_word(text, i))
    return n < min_words


@kernel
def _ends_in_mark(text: NDArray[np.uint8], low: int, high: int, reading: int) -> bool:
    if high == low:
        return False
    b = text[high - 1]
    if b == 0x2E:
        return reading == PAPER or high - low < 3 or text[high - 2] != 0x2E or text[high - 3] != 0x2E
    return b == 0x3F or b == 0x21 or b == 0x22


@kernel
def _mark_phrases(line: NDArray[np.uint8], marks: NDArray[np.uint8]) -> None:
    """Mark curly brackets, Kelvin signs and a rare pair of letters of each phrase; the line is one byte longer."""
    for k in range(len(line) - 1):
        a = line[k] | 0x20
        b = line[k + 1] | 0x20
        pair = ((a == ord("j")) | (a == ord("v"))) & (b == ord("a"))
        pair |= ((a == ord("m")) | (a == ord("p"))) & (b == ord("s"))
        pair |= (a == ord("k")) & (b == ord("i"))
        marks[k] = pair | (line[k] == ord("{")) | (line[k] == 0xE2)


@kernel
def _find_phrases(text: NDArray[np.uint8], low: int, high: int, marks: NDArray[np.uint8]) -> int:
    """Bits of the phrases in the lower-cased line; the Kelvin sign is the one other character that becomes ASCII."""
    found = 0
    _mark_phrases(text[low : high + 1], marks)
    at = -1
    while True:
        at = next_mark(marks, at + 1, high - low)
        if at == high - low:
            break
        i = low + at
        b = text[i]
        if b == 0x7B:
            found |= CURLY_BRACKET
        elif b == 0xE2 or b == 0x6B or b == 0x4B:
            size = 1
            if b == 0xE2:
                if text[i + 1] != 0x84 or text[i + 2] != 0xAA:
                    continue
                size = 3
            if _is_at(text, i - 3, low, high, _COO) and _is_at(text, i + size, low, high, _IE):
                cookie = i - 3
                after = i + size + 2
                plural = _is_at(text, after, low, high, _S)
                used = _is_at(text, cookie - 5, low, high, _USES) or _is_at(text, cookie - 4, low, high, _USE)
                used |= _is_at(text, cookie - 7, low, high, _USE_OF)
                if (plural and used) or _is_at(text, after, low, high, _SPACE_POLICY):
                    found |= _FOUND_POLICY
        elif b | 0x20 == 0x6A:
            if _is_at(text, i, low, high, _SCRIPT):
                found |= _FOUND_JAVASCRIPT
        elif b | 0x20 == 0x70:
            if _is_at(text, i - 7, low, high, _LOREM):
                found |= LOREM_IPSUM
        elif b | 0x20 == 0x76:
            if _is_at(text, i - 3, low, high, _PRIVACY_POLICY):
                found |= _FOUND_POLICY
        elif _is_at(text, i - 3, low, high, _TERMS_OF_USE):
            found |= _FOUND_POLICY
    return found


@kernel
def _is_at(text: NDArray[np.uint8], at: int, low: int, high: int, phrase: NDArray[np.uint8]) -> bool:
    """Whether `text[low:high]` has the ASCII phrase, in either case, at `at`."""
    if at < low or at + len(phrase) > high:
        return False
    for k in range(len(phrase)):
        b = text[at + k]
        if 0x41 <= b <= 0x5A:
            b |= 0x20
        if b != phrase[k]:
            return False
    return True
