"""How spaCy's English tokeniser splits one chunk, the text between two spaces: affixes, infixes, special cases, URLs.

The order is that of `spacy/tokenizer.pyx` (3.8): special cases first, then at most one prefix and one suffix at a time,
again special cases, then URLs, then infixes. Rules of one character are bits of `word_tables`; rules of more are here.
Ranges are byte positions in `data`; `low` is where the string under test begins, and no rule looks behind it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pile_builder.text.word_tables import (
    AFTER_DIGIT,
    BEFORE_PERIOD,
    INFIX,
    LENGTH,
    MAY_BE_INFIX,
    PREFIX,
    QUOTE,
    SPACY_ALPHA,
    SPACY_LOWER,
    SPACY_UPPER,
    SPLITS,
    SUFFIX,
    WordTables,
    bits_at,
    decode,
    find_special,
    find_string,
    inlined_kernel,
    kernel,
    leading_letters,
    load_word,
    previous_char,
)
from pile_builder.text.word_urls import is_url

_LONGEST_AFTER_DIGIT = 10
_ZEROS, _HIGH_NIBBLES = np.uint64(0x3030303030303030), np.uint64(0xF0F0F0F0F0F0F0F0)
_ONES, _HIGH_BITS = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
_ELLIPSIS, _EN_DASH, _EM_DASH, _RIGHT_QUOTE, _DEGREE = 0x2026, 0x2013, 0x2014, 0x2019, 0xB0


@inlined_kernel
def split_chunk(
    data: NDArray[np.uint8],
    low: int,
    high: int,
    base: int,
    tables: WordTables,
    words: NDArray[np.int32],
    count: int,
) -> int:
    """Append the tokens of the chunk `data[low:high]` to `words`, their places relative to `base`.

    The chunk is not empty and holds no white space. Returns the new count, or -1 if `words` has too few rows.
    """
    # Suffixes come off last to first: they wait at the end of the array, in the order of the text.
    top = len(words)
    special = find_special(data, low, high, load_word(data, low), tables)
    while special < 0 and leading_letters(load_word(data, low)) < high - low:
        prefix = _prefix_length(data, low, high, tables)
        suffix = 0
        rest = low + prefix
        if not (low < rest < high and find_special(data, rest, high, load_word(data, rest), tables) >= 0):
            suffix = _suffix_length(data, rest, high, tables)
            if 0 < suffix < high - low and find_special(data, low, high - suffix, load_word(data, low), tables) >= 0:
                prefix = 0
        if prefix == 0 and suffix == 0:
            break
        if count + (prefix > 0) + (suffix > 0) > top:
            return -1
        if prefix > 0:
            words[count, 0] = low - base
            words[count, 1] = low + prefix - base
            count += 1
            low += prefix
        if suffix > 0:
            top -= 1
            words[top, 0] = high - suffix - base
            words[top, 1] = high - base
            high -= suffix
        if low == high:
            break
        special = find_special(data, low, high, load_word(data, low), tables)
    if special >= 0:
        count = append_special(tables, special, low - base, words, count, top)
    elif low < high:
        count = _split_infixes(data, low, high, base, tables, words, count, top)
    if count < 0:
        return -1
    for waiting in range(top, len(words)):
        words[count, 0] = words[waiting, 0]
        words[count, 1] = words[waiting, 1]
        count += 1
    return count


@kernel
def append_special(
    tables: WordTables, slot: int, start: int, words: NDArray[np.int32], count: int, capacity: int
) -> int:
    """Append the tokens of a special case that begins at `start`; the new count, or -1 if it exceeds `capacity`."""
    splits = tables.strings[slot + SPLITS]
    length = np.int64(tables.strings[slot + LENGTH])
    first = 0
    for k in range(1, length + 1):
        splits >>= np.uint64(1)
        if k == length or splits & np.uint64(1) != 0:
            if count >= capacity:
                return -1
            words[count, 0] = start + first
            words[count, 1] = start + k
            count += 1
            first = k
    return count


@kernel
def _is_digit(byte: int) -> bool:
    return 0x30 <= byte <= 0x39


@kernel
def _may_have_digit(word: np.uint64) -> bool:
    """Whether a byte of a uint64 is from 0x30 to 0x3F: a digit of ASCII, or one of six marks."""
    word = (word ^ _ZEROS) & _HIGH_NIBBLES
    return (word - _ONES) & ~word & _HIGH_BITS != 0


@kernel
def _run_end(data: NDArray[np.uint8], i: int, high: int, byte: int) -> int:
    """Where the run of `byte` that begins at `data[i]` ends."""
    while i < high and data[i] == byte:
        i += 1
    return i


@inlined_kernel
def _prefix_length(data: NDArray[np.uint8], low: int, high: int, tables: WordTables) -> int:
    """Bytes of the prefix that comes off `data[low:high]`, 0 if none does; the range is not empty."""
    byte = data[low]
    if bits_at(data, low, tables) & PREFIX:
        return decode(data, low)[1]
    if byte == ord("."):
        dots = _run_end(data, low, high, ord(".")) - low
        return dots if dots > 1 else 0
    if byte == ord("+"):
        return 0 if low + 1 < high and _is_digit(data[low + 1]) else 1
    if (byte == ord("A") or byte == ord("C")) and low + 1 < high and data[low + 1] == ord("$"):
        return 2
    if byte == ord("U") and low + 2 < high and data[low + 1] == ord("S") and data[low + 2] == ord("$"):
        return 3
    return 0


@inlined_kernel
def _suffix_length(data: NDArray[np.uint8], low: int, high: int, tables: WordTables) -> int:
    """Bytes of the suffix that comes off `data[low:high]`, the longest that any rule matches, 0 if none does."""
    if low >= high:
        return 0
    last = previous_char(data, high, low)
    bits = bits_at(data, last, tables)
    byte = data[last]
    if bits & SUFFIX:
        if last - 3 >= low and decode(data, last)[0] == _ELLIPSIS and decode(data, last - 3)[0] == _ELLIPSIS:
            return 6
        return high - last
    if byte == ord("."):
        return _final_dots(data, low, last, tables)
    if (byte == ord("s") or byte == ord("S")) and last > low:
        before = previous_char(data, last, low)
        if data[before] == ord("'") or decode(data, before)[0] == _RIGHT_QUOTE:
            return high - before
    digit = high - 1
    floor = max(low, high - 1 - _LONGEST_AFTER_DIGIT)
    if not (_may_have_digit(load_word(data, floor)) or _may_have_digit(load_word(data, max(floor, high - 9)))):
        return 0
    while digit > floor and not _is_digit(data[digit]):
        digit -= 1
    tail = high - 1 - digit
    if tail > 0 and _is_digit(data[digit]):
        slot = find_string(data, digit + 1, tail, tables)
        if slot >= 0 and tables.strings[slot + AFTER_DIGIT] != 0:
            return tail
    return 0


@kernel
def _final_dots(data: NDArray[np.uint8], low: int, last: int, tables: WordTables) -> int:
    """`_suffix_length` of a string whose last byte, at `last`, is a period."""
    first = last
    while first > low and data[first - 1] == ord("."):
        first -= 1
    if first < last:
        return last + 1 - first
    if last == low:
        return 0
    before = previous_char(data, last, low)
    bits = bits_at(data, before, tables)
    if bits & BEFORE_PERIOD:
        return 1
    if before == low:
        return 0
    second = previous_char(data, before, low)
    if bits & SPACY_UPPER and bits_at(data, second, tables) & SPACY_UPPER:
        return 1
    byte = data[before]
    if (byte == ord("C") or byte == ord("F") or byte == ord("K")) and decode(data, second)[0] == _DEGREE:
        return 1
    return 0


@inlined_kernel
def _split_infixes(
    data: NDArray[np.uint8],
    low: int,
    high: int,
    base: int,
    tables: WordTables,
    words: NDArray[np.int32],
    count: int,
    capacity: int,
) -> int:
    """Append `data[low:high]`, cut at its infixes unless it is a URL; the new count, or -1 if it exceeds `capacity`."""
    piece = low
    i = low
    while i < high:
        infix = 0
        if bits_at(data, i, tables) & MAY_BE_INFIX:
            infix = _infix_length(data, i, low, high, tables)
        if infix == 0:
            i += decode(data, i)[1]
            # No letter of ASCII begins an infix.
            i += leading_letters(load_word(data, i))
            continue
        # An infix at the very start stays with what follows it.
        if i > low:
            if piece == low and is_url(data, low, high, tables):
                break
            if count + 1 + (piece < i) > capacity:
                return -1
            if piece < i:
                words[count, 0] = piece - base
                words[count, 1] = i - base
                count += 1
            words[count, 0] = i - base
            words[count, 1] = i + infix - base
            count += 1
            piece = i + infix
        i += infix
    if piece < high:
        if count >= capacity:
            return -1
        words[count, 0] = piece - base
        words[count, 1] = high - base
        count += 1
    return count


@kernel
def _infix_length(data: NDArray[np.uint8], i: int, low: int, high: int, tables: WordTables) -> int:
    """Bytes of the infix that begins at `data[i]`, 0 if none does."""
    byte = np.int64(data[i])
    if bits_at(data, i, tables) & INFIX:
        return decode(data, i)[1]
    if byte >= 0x80:
        code_point, length = decode(data, i)
        if code_point != _EN_DASH and code_point != _EM_DASH:
            return 0
        if code_point == _EM_DASH and i + 6 <= high and decode(data, i + 3)[0] == _EM_DASH:
            length = 6
        return length if _joins_letters(data, i, i + length, low, high, tables) else 0
    if byte == ord("."):
        dots = _run_end(data, i, high, ord(".")) - i
        if dots > 1:
            return dots
        if i == low or i + 1 == high:
            return 0
        before = bits_at(data, previous_char(data, i, low), tables) & (SPACY_LOWER | QUOTE)
        return 1 if before and bits_at(data, i + 1, tables) & (SPACY_UPPER | QUOTE) else 0
    if (byte == ord("+") or byte == ord("-") or byte == ord("*") or byte == ord("^")) and low < i < high - 1:
        after = data[i + 1]
        if _is_digit(data[i - 1]) and (_is_digit(after) or after == ord("-")):
            return 1
    if byte == ord(","):
        if i == low or _is_digit(data[i - 1]):
            return 0
        return 1 if _joins_letters(data, i, i + 1, low, high, tables) else 0
    if byte == ord("-"):
        hyphens = _run_end(data, i, min(high, i + 3), ord("-")) - i
        return hyphens if _joins_letters(data, i, i + hyphens, low, high, tables) else 0
    if byte == ord("~") or byte == ord("/") or byte == ord(":") or ord("<") <= byte <= ord(">"):
        return 1 if _joins_letters(data, i, i + 1, low, high, tables) else 0
    return 0


@kernel
def _joins_letters(data: NDArray[np.uint8], i: int, after: int, low: int, high: int, tables: WordTables) -> bool:
    """Whether `data[i:after]` stands between a letter or ASCII digit and a letter, within `low` and `high`."""
    if i == low or after >= high or not bits_at(data, after, tables) & SPACY_ALPHA:
        return False
    return _is_digit(data[i - 1]) or bits_at(data, previous_char(data, i, low), tables) & SPACY_ALPHA != 0
