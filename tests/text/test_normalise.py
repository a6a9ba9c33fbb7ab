"""Words v2 against a plain-Python twin, and what must hold of the hashes for all text."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pile_builder.text.column import TextColumn, from_strings
from pile_builder.text.normalise import (
    BLOCK,
    DROPPED,
    JOINING,
    SEPARATOR,
    SINGLE,
    WORD,
    hash_words,
    load_table,
    word_spans,
)

MASK = 2**64 - 1


def classify(point: int) -> tuple[int, int]:
    index, entries = load_table()
    entry = int(entries[int(index[point // BLOCK]) * BLOCK + point % BLOCK])
    return entry & 7, point + (entry >> 3)


def plain_words(text: str) -> list[str]:
    words: list[str] = []
    state = SEPARATOR
    for character in text:
        kind, lower = classify(ord(character))
        if kind == DROPPED:
            continue
        if kind == SEPARATOR:
            state = SEPARATOR
        elif state == SEPARATOR or kind == SINGLE or (kind == WORD and state == SINGLE):
            words.append(chr(lower))
            state = SINGLE if kind == SINGLE else WORD
        else:
            words[-1] += chr(lower)
    return words


def mix(value: int) -> int:
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ value >> 27) * 0x94D049BB133111EB & MASK
    return value ^ value >> 31


def plain_hash(data: bytes) -> int:
    result = 0
    for at in range(0, len(data), 8):
        result = mix(result ^ int.from_bytes(data[at : at + 8], "little"))
    return result


def plain_content(text: str) -> list[int]:
    words = [plain_hash(word.encode()) for word in plain_words(text)]
    low, high = 0x243F6A8885A308D3, 0xB7E151628AED2A6B
    for word in words:
        low = (low ^ word) * 0x243F6A8885A308D3 & MASK
        low ^= low >> 32
        high = (high + word) * 0xB7E151628AED2A6B & MASK
        high ^= high >> 29
    if not words and text:
        low ^= plain_hash(text.encode())
        high = high + mix(low) & MASK
    return [mix(low ^ len(words)), mix(high ^ len(words))]


mostly_awkward = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from(
            "aZ09 \n_-.\x00\u00ad\u200b\u0301\u0345\u0130\u03a3\u03c2\u023a\u212a日本ーกำ\ufe0f\u20e3😀ßДж"
        ),
    ),
    max_size=300,
)


@settings(deadline=None, max_examples=300)
@given(st.lists(mostly_awkward, max_size=4))
@example(["", "\x00", "x" * 64, "x" * 63 + " y", "日" * 200, "a" * 1000 + "é" + "b" * 1000, " " * 130 + "z"])
def test_kernel_agrees_with_the_twin_on_all_text(texts):
    words = hash_words(from_strings(texts))
    expected = [[plain_hash(word.encode()) for word in plain_words(text)] for text in texts]
    assert np.diff(words.offsets).tolist() == [len(one) for one in expected]
    assert words.hashes.tolist() == [word for one in expected for word in one]
    assert words.content.tolist() == [plain_content(text) for text in texts]


@settings(deadline=None)
@given(mostly_awkward, mostly_awkward)
def test_spans_hold_the_words_they_stand_for(before, text):
    column = from_strings([before, text])
    starts, ends = word_spans(column)
    assert len(starts) == hash_words(column).offsets[-1]
    data = column.data.tobytes()
    pieces = [data[start:end].decode() for start, end in zip(starts, ends, strict=True)]
    assert [word for piece in pieces for word in plain_words(piece)] == plain_words(before) + plain_words(text)


@settings(deadline=None)
@given(st.lists(mostly_awkward, min_size=3, max_size=3))
def test_a_slice_of_a_column_hashes_as_on_its_own(texts):
    whole = from_strings(texts)
    middle = hash_words(TextColumn(whole.data, whole.offsets[1:3]))
    alone = hash_words(from_strings(texts[1:2]))
    assert middle.hashes.tolist() == alone.hashes.tolist()
    assert middle.content.tolist() == alone.content.tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't stop: snake_case, 3.14!", ["don", "t", "stop", "snake", "case", "3", "14"]),
        ("co\u00adoperate zero\u200bwidth Ⅷ", ["cooperate", "zero", "width", "ⅷ"]),
        ("ΟΔΟΣ οδος İstanbul", ["οδοσ", "οδοσ", "istanbul"]),
        ("日本語のtext。テスト", ["日", "本", "語", "の", "text", "テ", "ス", "ト"]),
        ("ภาษา x", ["ภ", "า", "ษ", "า", "x"]),
        ("한국어 텍스트", ["한국어", "텍스트"]),
        ("I ❤\ufe0f C++ 😀", ["i", "c"]),
    ],
)
def test_what_is_a_word(text, expected):
    assert plain_words(text) == expected
    assert hash_words(from_strings([text])).hashes.tolist() == [plain_hash(word.encode()) for word in expected]


def test_content_hash_tells_apart_and_equates():
    texts = ["A red fox.", "a RED   fox", "a fox red", "a red fox fox", "", "+++", "---", "ared fox"]
    first, same, *others = (tuple(row) for row in hash_words(from_strings(texts)).content.tolist())
    assert first == same
    assert len({first, *others}) == 7


@pytest.mark.skipif(
    unicodedata.unidata_version != "14.0.0", reason="the table's Unicode version is that of Python 3.11"
)
def test_table_follows_unicode():
    for point in [*range(0x3400), *range(0xA000, 0xABFF), *range(0xF900, 0x11800), *range(0x1E900, 0x1FB00)]:
        kind, lower = classify(point)
        category = unicodedata.category(chr(point))
        if category[0] in "PSZ" or category == "Cc":
            assert kind == SEPARATOR
        elif category[0] == "M":
            assert kind in (JOINING, DROPPED)
        elif category[0] == "N":
            assert kind == (SINGLE if point == 0x3007 else WORD)
        if point not in (0x130, 0x3C2):
            assert chr(lower) == chr(point).lower()


def test_a_hot_loop_of_one_huge_word_and_many_small_ones():
    texts = ["q" * 1_000_000, "b c " * 250_000]
    assert np.diff(hash_words(from_strings(texts)).offsets).tolist() == [1, 500_000]
