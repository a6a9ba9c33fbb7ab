"""Bad words: the automaton finds what brute force finds, by lines what C4's regular expression finds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.annotate.bad_words import BadWords, bad_words_batch, load_bad_words
from pile_builder.errors import ManifestError
from pile_builder.text.bad_words import DOCUMENT, LINES, compile_phrases, count_phrases, normalised
from pile_builder.text.column import from_strings
from pile_builder.text.normalise import BLOCK, DROPPED, JOINING, SINGLE, WORD, load_table

INDEX, ENTRIES = load_table()


def entry(character: str) -> int:
    point = ord(character)
    return int(ENTRIES[int(INDEX[point // BLOCK]) * BLOCK + point % BLOCK])


def kind(character: str) -> int:
    return entry(character) & 7


def lower(text: str) -> str:
    return "".join(chr(ord(character) + (entry(character) >> 3)) for character in text)


def counted(texts: list[str], phrases: list[str], mode: int) -> list[int]:
    automaton = compile_phrases(normalised(phrases, mode))
    return count_phrases(from_strings(texts), automaton, mode).tolist()


def in_lines(text: str, phrases: list[str]) -> int:
    found = 0
    for line in map(lower, map(str.strip, text.splitlines())):
        ends = {
            start + len(phrase)
            for phrase in map(lower, phrases)
            for start in range(1, len(line) - len(phrase))
            if line.startswith(phrase, start) and not re.match("[a-z]", line[start - 1])
            if not re.match("[a-z]", line[start + len(phrase)])
        }
        found += len(ends)
    return found


def in_document(text: str, phrases: list[str]) -> int:
    def parts(at: int) -> bool:
        if at in (0, len(plain)):
            return True
        left, right = kind(plain[at - 1]), kind(plain[at])
        if right == JOINING:
            return left not in (WORD, SINGLE, JOINING)
        return right != WORD or left not in (WORD, JOINING)

    visible = [character for character in text if character.isspace() or kind(character) != DROPPED]
    plain = re.sub(r"\s+", " ", lower("".join(visible))).lstrip()
    ends = {
        start + len(phrase)
        for phrase in map(lower, phrases)
        for start in range(len(plain))
        if plain.startswith(phrase, start) and parts(start) and parts(start + len(phrase))
    }
    return len(ends)


PHRASES = ["ab", "b", "abc", "c ab", "bc", "é", "aé", "中文", "ba b", "🙂", "ⱥ", "a-b"]
CHARACTERS = "aAbBcC éÉ中文🙂ȺⱥK'-.1\n\t\u00a0\u00ad\u0301\u2028"
TEXTS = st.lists(st.one_of(st.sampled_from(CHARACTERS), st.sampled_from(PHRASES)), max_size=40).map("".join)


@settings(deadline=None, max_examples=300)
@given(st.lists(TEXTS, min_size=1, max_size=3), st.lists(st.sampled_from(PHRASES), min_size=1, unique=True))
def test_counts_are_those_of_brute_force(texts: list[str], phrases: list[str]) -> None:
    assert counted(texts, phrases, LINES) == [in_lines(text, phrases) for text in texts]
    assert counted(texts, phrases, DOCUMENT) == [in_document(text, phrases) for text in texts]


@settings(deadline=None)
@given(st.text(alphabet="abc AB.\n-1", max_size=60), st.lists(st.sampled_from(["ab", "b", "abc", "c ab"]), min_size=1))
def test_by_lines_a_page_is_dropped_when_the_regular_expression_of_c4_matches(text: str, words: list[str]) -> None:
    pattern = re.compile(f"[^a-z]({'|'.join(words)})[^a-z]")
    matches = any(pattern.search(line.strip().lower()) for line in text.splitlines())
    assert (counted([text], words, LINES)[0] > 0) == matches


@pytest.mark.parametrize(
    ("text", "by_document", "by_lines"),
    [
        ("A turnip, said he.", 1, 1),
        ("Turnip soup is soup.", 1, 0),
        ("He ate a TURNIP", 1, 0),
        ("Two turnips and a turnipseed.", 0, 0),
        ("It is a wild\n   carrot, she said.", 1, 0),
        ("It is a wild carrot, she said.", 1, 1),
        ("A tur\u00adnip is a soft thing.", 1, 0),
        ("This is caféturnip again.", 0, 1),
        ("我吃蘿蔔了。", 1, 1),
        ("", 0, 0),
    ],
)
def test_whole_words_in_any_case(text: str, by_document: int, by_lines: int) -> None:
    phrases = ["turnip", "Wild  Carrot" if by_document else "wild carrot", "蘿蔔"]
    assert counted([text], phrases, DOCUMENT) == [by_document]
    assert counted([text], ["turnip", "wild carrot", "蘿蔔"], LINES) == [by_lines]


def test_lists_are_local_files(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("\ufeff# vegetables\nTurnip\n\nwild carrot\nturnip \n", encoding="utf-8")
    loaded = load_bad_words("words.txt", str(tmp_path), "document")
    assert loaded == BadWords("document", ("turnip", "wild carrot"))
    path.write_text("wild carrot\nturnip\n")
    assert load_bad_words("words.txt", str(tmp_path), "document").digest == loaded.digest
    batch = bad_words_batch(from_strings(["One turnip.", "None."]), loaded)
    assert batch.to_pydict() == {"bad_words.count": [1, 0]}
    path.write_bytes(b"\xff\xfe\n")
    with pytest.raises(ManifestError, match=r"words\.txt: expected a list of words in UTF-8"):
        load_bad_words("words.txt", str(tmp_path), "line")
    path.write_text("# nothing\n")
    with pytest.raises(ManifestError, match="found none"):
        load_bad_words("words.txt", str(tmp_path), "line")
    with pytest.raises(ManifestError, match="not found"):
        load_bad_words("absent.txt", str(tmp_path), "line")
