"""Words v1: the words and sentences of a text as datatrove's English filters count them.

A word is a token of `spacy.blank("en")` that is not white space, a sentence one of spaCy's sentencizer over the same
tokens (datatrove: `SpaCyTokenizer.word_tokenize`, `split_into_sentences`). The steps are those of
`spacy/tokenizer.pyx`: chunks between white space, each split by `word_splitting`, then `word_joining`. Most chunks are
letters with at most one mark behind them, and take a short cut.

One known difference: spaCy fails on the word IS_ALPHA in some states of its vocabulary; here it is a word like others.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pile_builder.text.column import TextColumn
from pile_builder.text.word_joining import is_joined, join_tokens
from pile_builder.text.word_splitting import append_special, split_chunk
from pile_builder.text.word_tables import (
    ASCII,
    PLAIN_MARK,
    SENTENCE_END,
    SPACE,
    UNICODE_PUNCTUATION,
    WordTables,
    bits_at,
    decode,
    find_special,
    kernel,
    leading_graphic,
    leading_letters,
    load_word,
    load_word_tables,
)

_BYTES_PER_WORD = 4


class WordSpans(NamedTuple):
    """The words of n texts: those of text i are the rows `offsets[i]` to `offsets[i + 1]` of `spans`.

    `spans` is int32 of shape (words, 2), the first byte and the byte behind the last, relative to the start of the
    text; `offsets` is int64 of length n + 1. Both are read-only.
    """

    spans: NDArray[np.int32]
    offsets: NDArray[np.int64]


def find_words(column: TextColumn) -> WordSpans:
    """Find the words of each text."""
    data, offsets = column.data.view(), column.offsets.view()
    data.flags.writeable = offsets.flags.writeable = False
    found = WordSpans(*_tokenize_column(data, offsets, load_word_tables()))
    for array in found:
        array.flags.writeable = False
    return found


@njit(cache=True, nogil=True)
def _tokenize_column(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], tables: WordTables
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    n = len(offsets) - 1
    words = np.empty(((offsets[n] - offsets[0]) // _BYTES_PER_WORD + 1024, 2), np.int32)
    word_offsets = np.zeros(n + 1, np.int64)
    at = 0
    for document in range(n):
        count = tokenize(data, offsets[document], offsets[document + 1], tables, words[at:])
        while count < 0:
            grown = np.empty((2 * len(words), 2), np.int32)
            grown[:at] = words[:at]
            words = grown
            count = tokenize(data, offsets[document], offsets[document + 1], tables, words[at:])
        at += count
        word_offsets[document + 1] = at
    return words[:at], word_offsets


@kernel
def tokenize(data: NDArray[np.uint8], start: int, end: int, tables: WordTables, words: NDArray[np.int32]) -> int:
    """Find the words of `data[start:end]`, valid UTF-8 with 64 readable bytes behind it.

    Writes (first byte, byte behind the last) of each word, relative to `start`, into the rows of `words`, an int32
    array of shape (capacity, 2). Returns the number of words, or -1 if `words` has too few rows; rows past that number
    hold nothing of use. `end - start` rows always suffice.
    """
    # Not the literal 0, for whose type numba would compile all callees once more.
    count = line = int(np.int64(0))
    # The second pass joins nothing across white space other than single spaces, so it can go line by line.
    second_pass = False
    i = start
    while i < end:
        word = load_word(data, i)
        stop = i + leading_letters(word)
        if stop == i + 8:
            letters = leading_letters(load_word(data, stop))
            stop += letters
            while letters == 8 and stop < end:
                letters = leading_letters(load_word(data, stop))
                stop += letters
        stop = min(stop, end)
        mark = np.int64(data[stop]) if stop < end else np.int64(ord(" "))
        if mark == ord(" ") and stop > i:
            # Most chunks; nothing here waits for anything but the length of the word.
            slot = find_special(data, i, stop, word, tables)
            if slot < 0:
                if count >= len(words):
                    return -1
                words[count, 0] = i - start
                words[count, 1] = stop - start
                count += 1
            else:
                count = append_special(tables, slot, i - start, words, count, len(words))
                if count < 0:
                    return -1
            i = stop + 1
            continue
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
                    count = join_tokens(data, start, tables, words, line, count)
                    if count < 0:
                        return -1
                    second_pass = False
                line = count
                i += decode(data, i)[1]
                continue
            count = split_chunk(data, i, stop, start, tables, words, count)
            if count < 0:
                return -1
            second_pass |= count - first > 1 and is_joined(data, start, tables, words, first, count)
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
            second_pass |= slot >= 0 and is_joined(data, start, tables, words, first, count)
        i = stop + marks
        i += i < end and data[i] == ord(" ")
    return join_tokens(data, start, tables, words, line, count) if second_pass else count


@kernel
def sentences_of_words(
    data: NDArray[np.uint8], base: int, start: int, end: int, tables: WordTables, words: NDArray[np.int32]
) -> int:
    """The number of datatrove's sentences, `len(split_into_sentences(text))`, in `data[start:end]`; at least 1.

    `words` are those that `tokenize` finds there, their places relative to `base`.

    spaCy makes tokens of white space too, all but the single spaces between words, and any token that is not
    punctuation begins a sentence behind a token that ends one: so a line break behind a period is a sentence.
    """
    sentences = 1
    ended = False
    previous = np.int64(start)
    for k in range(len(words) + 1):
        begin = base + np.int64(words[k, 0]) if k < len(words) else end
        if ended:
            gap = begin - previous
            if gap > 1 or (gap == 1 and data[previous] != ord(" ")):
                sentences += 1
                ended = False
        if k == len(words):
            break
        previous = base + np.int64(words[k, 1])
        bits = bits_at(data, begin, tables)
        if bits & SENTENCE_END and decode(data, begin)[1] == previous - begin:
            ended = True
        elif ended and not _is_punctuation(data, begin, previous, tables):
            sentences += 1
            ended = False
    return sentences


@kernel
def _chunk_end(data: NDArray[np.uint8], i: int, end: int, tables: WordTables) -> int:
    """Where the next white space at or behind `i` begins, `end` if there is none."""
    while i < end:
        skipped = leading_graphic(load_word(data, i))
        i += skipped
        if skipped == 8:
            continue
        byte = np.int64(data[i])
        if byte < 0x80:
            if tables.chars[ASCII + byte] & SPACE:
                break
        # Only these begin a white space character: U+0085, U+00A0, U+1680, U+2000 to U+205F, U+3000.
        elif (byte == 0xC2 or 0xE1 <= byte <= 0xE3) and bits_at(data, i, tables) & SPACE:
            break
        i += 1
    return min(i, end)


@kernel
def _drops_period(data: NDArray[np.uint8], low: int, stop: int) -> bool:
    """Whether a period comes off the letters `data[low:stop]`: behind a small letter or two capital ones."""
    return data[stop - 1] >= ord("a") or (stop - low > 1 and data[stop - 2] < ord("a"))


@kernel
def _is_punctuation(data: NDArray[np.uint8], i: int, end: int, tables: WordTables) -> bool:
    """Whether `data[i:end]` is punctuation to spaCy: every character has a Unicode category P*."""
    while i < end:
        if not bits_at(data, i, tables) & UNICODE_PUNCTUATION:
            return False
        i += decode(data, i)[1]
    return True
