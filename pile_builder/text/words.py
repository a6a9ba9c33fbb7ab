"""Words v1: the words and sentences of a text as datatrove's English filters count them.

A word is a token of `spacy.blank("en")` that is not white space, a sentence one of spaCy's sentencizer over the same
tokens (datatrove: `SpaCyTokenizer.word_tokenize`, `split_into_sentences`). The steps are those of `spacy/tokenizer.pyx`:
chunks between white space; each split by `word_splitting`; then a second pass that joins adjacent tokens which together
are a special case. Most chunks are letters with at most one mark behind them, and take a short cut.

One known difference: spaCy fails on the word IS_ALPHA in some states of its vocabulary; here it is a word like others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from pile_builder.text.word_splitting import append_special, split_chunk
from pile_builder.text.word_tables import (
    ASCII,
    LONGEST_PATTERN,
    LONGEST_STRING,
    PATTERN,
    NEXT_GATE,
    PHRASE_GATE,
    PLAIN_MARK,
    SENTENCE_END,
    SPACE,
    SPLITS,
    UNICODE_PUNCTUATION,
    WordTables,
    bits_at,
    decode,
    string_hash,
    find_special,
    find_string,
    kernel,
    load_word,
    low_bytes,
    passes_gate,
)

_ONE = np.uint64(1)
_CASE_BITS = np.uint64(0x2020202020202020)
_HIGH_BITS = np.uint64(0x8080808080808080)
_LOW_SEVEN = np.uint64(0x7F7F7F7F7F7F7F7F)
# Added to a byte below 0x80, these set its highest bit from "a" on, and from the character behind "z" on.
_FROM_A = np.uint64(0x1F1F1F1F1F1F1F1F)
_BEHIND_Z = np.uint64(0x0505050505050505)


@kernel
def tokenize(data: NDArray[np.uint8], start: int, end: int, tables: WordTables, words: NDArray[np.int32]) -> int:
    """Find the words of `data[start:end]`, valid UTF-8 with 64 readable bytes behind it.

    Writes (first byte, byte behind the last) of each word, relative to `start`, into the rows of `words`, an int32 array
    of shape (capacity, 2). Returns the number of words, or -1 if `words` has too few rows; rows past that number hold
    nothing of use. `end - start` rows always suffice.
    """
    count = 0
    # The second pass joins nothing across white space other than single spaces, so it can go line by line.
    line = 0
    second_pass = False
    i = start
    while i < end:
        word = load_word(data, i)
        stop = min(i + _leading_letters(word), end)
        if stop == i + 8:
            while stop < end and _is_letter(data[stop]):
                stop += 1
        mark = np.int64(data[stop]) if stop < end else np.int64(ord(" "))
        marks = 0
        plain = mark < 0x80 and stop > i
        if plain and not tables.chars[ASCII + mark] & SPACE:
            marks = 1
            plain = (mark == ord(".") or tables.chars[ASCII + mark] & PLAIN_MARK != 0) and (
                stop + 1 >= end or (data[stop + 1] < 0x80 and tables.chars[ASCII + data[stop + 1]] & SPACE != 0)
            )
        first = count
        if not plain:
            stop = _chunk_end(data, stop, end, tables)
            if stop == i:
                # Not the one space behind a chunk.
                if second_pass:
                    count = _join_tokens(data, start, tables, words, line, count)
                    if count < 0:
                        return -1
                    second_pass = False
                line = count
                i += decode(data, i)[1]
                continue
            count = split_chunk(data, i, stop, start, tables, words, count)
            if count < 0:
                return -1
            second_pass |= count - first > 1 and _is_joined(data, start, tables, words, first, count)
            i = stop + (stop < end and data[stop] == ord(" "))
            continue
        slot = -1
        if mark == ord("."):
            slot = find_special(data, i, stop + 1, word, tables)
            # An abbreviation, or an initial, which keeps its period.
            if slot >= 0 or not _drops_period(data, i, stop):
                stop += 1
                marks = 0
        if slot < 0:
            slot = find_special(data, i, stop, word, tables)
        if slot >= 0:
            count = append_special(tables, slot, i - start, words, count, len(words))
            if count < 0:
                return -1
        else:
            if count >= len(words):
                return -1
            words[count, 0] = i - start
            words[count, 1] = stop - start
            count += 1
        if marks > 0:
            if count >= len(words):
                return -1
            words[count, 0] = stop - start
            words[count, 1] = stop + 1 - start
            count += 1
            second_pass |= slot >= 0 and _is_joined(data, start, tables, words, first, count)
        i = stop + marks
        i += i < end and data[i] == ord(" ")
    return _join_tokens(data, start, tables, words, line, count) if second_pass else count


@kernel
def count_sentences(data: NDArray[np.uint8], start: int, end: int, tables: WordTables, words: NDArray[np.int32]) -> int:
    """datatrove's `len(split_into_sentences(text))` for `data[start:end]`, at least 1.

    Arguments as for `tokenize`, whose words are left in `words`; -1 if it has too few rows.
    """
    count = tokenize(data, start, end, tables, words)
    if count < 0:
        return -1
    return sentences_of_words(data, start, end, tables, words, count)


@kernel
def sentences_of_words(
    data: NDArray[np.uint8], start: int, end: int, tables: WordTables, words: NDArray[np.int32], count: int
) -> int:
    """`count_sentences` for a text whose `count` words are in `words` already.

    spaCy makes tokens of white space too, all but the single spaces between words, and any token that is not
    punctuation begins a sentence behind a token that ends one: so a line break behind a period is a sentence.
    """
    sentences = 1
    ended = False
    previous = 0
    for k in range(count + 1):
        begin = np.int64(words[k, 0]) if k < count else end - start
        gap = begin - previous
        if gap > 1 or (gap == 1 and (previous == 0 or data[start + previous] != ord(" "))):
            sentences += ended
            ended = False
        if k == count:
            break
        previous = np.int64(words[k, 1])
        bits = bits_at(data, start + begin, tables)
        if bits & SENTENCE_END and decode(data, start + begin)[1] == previous - begin:
            ended = True
        elif ended and not _is_punctuation(data, start + begin, start + previous, tables):
            sentences += 1
            ended = False
    return sentences


@intrinsic
def _trailing_zeros(typing_context: Any, value: Any) -> Any:
    """Zero bits below the lowest one of a uint64; 64 if there is none."""
    signature = types.int64(types.uint64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return signature, generate


@kernel
def _leading_letters(word: int) -> int:
    """How many of the lowest bytes of a uint64 are ASCII letters, 0 to 8."""
    folded = (word | _CASE_BITS) & _LOW_SEVEN
    letters = (folded + _FROM_A) & ~(folded + _BEHIND_Z) & ~word
    return _trailing_zeros(~letters & _HIGH_BITS) >> 3


@kernel
def _is_letter(byte: int) -> bool:
    return 0x61 <= (byte | 0x20) <= 0x7A


@kernel
def _chunk_end(data: NDArray[np.uint8], i: int, end: int, tables: WordTables) -> int:
    """Where the next white space at or behind `i` begins, `end` if there is none."""
    while i < end:
        byte = np.int64(data[i])
        if byte < 0x80:
            if tables.chars[ASCII + byte] & SPACE:
                break
        # Only these begin a white space character: U+0085, U+00A0, U+1680, U+2000 to U+205F, U+3000.
        elif (byte == 0xC2 or 0xE1 <= byte <= 0xE3) and bits_at(data, i, tables) & SPACE:
            break
        i += 1
    return i


@kernel
def _drops_period(data: NDArray[np.uint8], low: int, stop: int) -> bool:
    """Whether a period comes off the letters `data[low:stop]`: behind a small letter or two capital ones."""
    return data[stop - 1] >= ord("a") or (stop - low > 1 and data[stop - 2] < ord("a"))


@kernel
def _is_punctuation(data: NDArray[np.uint8], i: int, end: int, tables: WordTables) -> bool:
    """spaCy's `is_punct`: every character has a Unicode category P*."""
    while i < end:
        if not bits_at(data, i, tables) & UNICODE_PUNCTUATION:
            return False
        i += decode(data, i)[1]
    return True


@kernel
def _begins_phrase(data: NDArray[np.uint8], start: int, tables: WordTables, words: NDArray[np.int32], i: int) -> bool:
    """Whether words i and i + 1 may be the first two of a pattern."""
    low = start + np.int64(words[i + 1, 0])
    length = start + np.int64(words[i + 1, 1]) - low
    if not passes_gate(tables, NEXT_GATE, string_hash(low_bytes(load_word(data, low), length), length)):
        return False
    low = start + np.int64(words[i, 0])
    length = start + np.int64(words[i, 1]) - low
    return passes_gate(tables, PHRASE_GATE, string_hash(low_bytes(load_word(data, low), length), length))


@kernel
def _is_joined(
    data: NDArray[np.uint8], start: int, tables: WordTables, words: NDArray[np.int32], first: int, count: int
) -> bool:
    """Whether the second pass changes the words from `first` on, all of one chunk."""
    for i in range(first, count - 1):
        if not _begins_phrase(data, start, tables, words, i):
            continue
        low = np.int64(words[i, 0])
        splits = _ONE
        for k in range(i + 1, count):
            length = np.int64(words[k, 1]) - low
            if length > LONGEST_STRING:
                break
            splits |= _ONE << np.uint64(words[k, 0] - low)
            slot = find_string(data, start + low, length, tables)
            if slot >= 0 and tables.strings[slot + PATTERN] == splits and tables.strings[slot + SPLITS] != splits:
                return True
    return False


@njit(cache=True, nogil=True, _nrt=True)
def _join_tokens(
    data: NDArray[np.uint8], start: int, tables: WordTables, words: NDArray[np.int32], first: int, count: int
) -> int:
    """spaCy's second pass over the words from `first` on; the new count, or -1 if `words` has too few rows."""
    tokens = words[first:count].copy()
    chosen = np.zeros(len(tokens), np.uint8)
    matches = np.zeros(len(tokens), np.uint16)
    taken = np.zeros(len(tokens), np.bool_)
    _choose_phrases(data, start, tables, tokens, chosen, matches, taken, np.zeros(LONGEST_STRING + 8, np.uint8))
    count = first
    i = 0
    while i < len(tokens):
        low = np.int64(tokens[i, 0])
        last = i + max(np.int64(chosen[i]), 1) - 1
        covered = np.int64(0)
        for k in range(i, last + 1):
            covered += np.int64(tokens[k, 1]) - np.int64(tokens[k, 0])
        # A phrase with spaces in it is no special case.
        if last > i and np.int64(tokens[last, 1]) - low == covered:
            slot = find_string(data, start + low, covered, tables)
            count = append_special(tables, slot, low, words, count, len(words))
            if count < 0:
                return -1
            i = last + 1
            continue
        if count >= len(words):
            return -1
        words[count, 0] = tokens[i, 0]
        words[count, 1] = tokens[i, 1]
        count += 1
        i += 1
    return count


@kernel
def _choose_phrases(
    data: NDArray[np.uint8],
    start: int,
    tables: WordTables,
    tokens: NDArray[np.int32],
    chosen: NDArray[np.uint8],
    matches: NDArray[np.uint16],
    taken: NDArray[np.bool_],
    joined: NDArray[np.uint8],
) -> None:
    """Set `chosen[i]` to the number of tokens of the phrase that spaCy replaces from token i on.

    Of overlapping matches the longest wins, then the first; but one that loses keeps its tokens from others as well
    (`Tokenizer._filter_special_spans`). The last three are scratch, zero at first.
    """
    i = 0
    while i < len(tokens):
        # A run of matches that overlap.
        end = i
        k = i
        while k < len(tokens) and (k == i or k < end):
            if k + 1 < len(tokens) and _begins_phrase(data, start, tables, tokens, k):
                matches[k] = _phrase_lengths(data, start, tables, tokens, k, joined)
            for length in range(2, LONGEST_PATTERN + 1):
                if (np.int64(matches[k]) >> length) & 1 != 0:
                    end = max(end, k + length)
            k += 1
        if end > i:
            for length in range(LONGEST_PATTERN, 1, -1):
                for first in range(i, end + 1 - length):
                    if (np.int64(matches[first]) >> length) & 1 != 0:
                        if not taken[first] and not taken[first + length - 1]:
                            chosen[first] = length
                        taken[first : first + length] = True
        i = k


@kernel
def _phrase_lengths(
    data: NDArray[np.uint8],
    start: int,
    tables: WordTables,
    tokens: NDArray[np.int32],
    first: int,
    joined: NDArray[np.uint8],
) -> int:
    """Bit k set if the k tokens from `first` on are the pattern of a special case, single spaces between them or not.

    `joined` is scratch of LONGEST_STRING and 8 bytes.
    """
    lengths = 0
    size = np.int64(0)
    splits = np.uint64(0)
    for k in range(first, min(first + LONGEST_PATTERN, len(tokens))):
        low = np.int64(tokens[k, 0])
        length = np.int64(tokens[k, 1]) - low
        gap = low - np.int64(tokens[k - 1, 1]) if k > first else np.int64(0)
        spaced = gap == 1 and data[start + low - 1] == ord(" ")
        if (gap > 0 and not spaced) or size + length > LONGEST_STRING:
            break
        splits |= _ONE << np.uint64(size)
        for m in range(length):
            joined[size + m] = data[start + low + m]
        size += length
        slot = find_string(joined, 0, size, tables)
        if k > first and slot >= 0 and tables.strings[slot + PATTERN] == splits:
            lengths |= 1 << (k - first + 1)
    return lengths
