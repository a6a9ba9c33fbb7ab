"""Tables of characters: who disagrees, which are white space, and which leave a text in NFC whatever is beside them."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from tokenizers import normalizers

from pile_builder.tokenizer import breaks, characters

ALL = [code for code in range(0x10FFFE) if not 0xD800 <= code < 0xE000]


@pytest.fixture(scope="module")
def stable() -> list[str]:
    table = characters.class_table(np.zeros(0, np.uint32), composes=True)
    return [chr(code) for code in ALL if not table[code] & breaks.CHANGES]


def test_texts_of_stable_characters_are_in_nfc(stable: list[str]) -> None:
    assert len(stable) > 40_000
    assert set("aé“—中가ΩЖא🙂\n ") <= set(stable)
    text = "".join(stable)
    assert normalizers.NFC().normalize_str(text) == text
    assert normalizers.NFC().normalize_str(text[::-1]) == text[::-1]


def test_no_stable_character_composes_with_what_is_before_it(stable: list[str]) -> None:
    decompose = normalizers.NFD()
    forms = [decompose.normalize_str(chr(code)) for code in ALL]
    seconds = {char for form in forms for char in form[1:]}
    assert not seconds & set(stable)
    assert not {chr(code) for code in range(0x1161, 0x1176)} & set(stable)


def test_no_stable_character_is_moved_by_reordering(stable: list[str]) -> None:
    compose = normalizers.NFC()
    # U+0345 has the highest combining class: any other mark goes before it.
    given = "".join(f"x\u0345{char}" for char in stable)
    assert compose.normalize_str(given) == given
    assert not [char for char in stable if unicodedata.combining(char)]


def test_white_space_is_what_the_engines_say() -> None:
    table = characters.class_table(np.zeros(0, np.uint32), composes=False)
    spaces = {chr(code) for code in ALL if breaks.SPACE <= table[code] & breaks.CLASS <= breaks.NEWLINE}
    assert spaces == {char for char in map(chr, ALL) if char.isspace()} - set("\x1c\x1d\x1e\x1f")
    assert not (table & breaks.CHANGES).any()


def test_characters_that_engines_class_apart_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = characters._by_rust

    def other(atom: str) -> np.ndarray:
        found = ours(atom).copy()
        found[[0x41, 0x1F642]] ^= True
        return found

    characters._unequal.cache_clear()
    monkeypatch.setattr(characters, "_by_rust", other)
    assert characters.disagreements([r"\p{L}", r"\p{L}"]).tolist() == [0x41, 0x1F642]
    characters._unequal.cache_clear()


def test_folding_of_letters_is_compared() -> None:
    assert characters._by_rust(r"(?i:s)")[[ord("s"), ord("S"), ord("ſ")]].all()
    assert characters._by_tokenizers(r"(?i:s)")[[ord("s"), ord("S"), ord("ſ")]].all()
