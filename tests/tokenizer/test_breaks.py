"""Breaks: text with them, parted by the regular pattern, is what the pattern with its look-ahead makes of the text."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pile_builder.tokenizer import breaks
from pile_builder.tokenizer.characters import class_table
from pile_builder.tokenizer.patterns import BREAK_MARK, END_MARK

TABLE = class_table(np.array([ord("ŵ")], np.uint32), composes=True)
MARK = np.frombuffer(BREAK_MARK.encode(), np.uint8)
WHITE = " \u00a0\t\n\r"


def _broken(stream: str, rules: tuple[bool, bool, bool]) -> tuple[int, int, str]:
    data = np.frombuffer(stream.encode(), np.uint8)
    bits, ends, found = breaks.add_breaks(data, TABLE, MARK, rules)
    return bits, ends, found.tobytes().decode() or stream


def _plain(pattern: str, text: str) -> list[str]:
    return [match.group() for match in re.finditer(pattern, text)]


def _with_runs(pattern: str, text: str, longest: int) -> list[str]:
    """As the library does it: the longest runs from the left are tokens, and what is between them stands alone."""
    pieces: list[str] = []
    for part in re.split(f"( {{2,{longest}}})", text):
        pieces += [part] if part.startswith("  ") else _plain(pattern, part)
    return pieces


@pytest.mark.parametrize("newlines", [False, True])
@pytest.mark.parametrize("longest", [0, 3])
@settings(max_examples=200, deadline=None)
@given(texts=st.lists(st.text(st.sampled_from(WHITE + "  ab!1"), max_size=14), min_size=1, max_size=3))
def test_breaks_do_what_the_look_ahead_does(newlines: bool, longest: int, texts: list[str]) -> None:
    word = r" ?[^\s\d!]+| ?\d+| ?[!]+[\r\n]*" if newlines else r" ?[^\s\d!]+| ?\d+| ?[!]+"
    head = rf"{word}|\s*[\r\n]+" if newlines else word
    stream = END_MARK.join([*texts, ""])
    _, ends, broken = _broken(stream, (newlines, longest > 0, False))
    assert ends == len(texts)
    marks = f"[{END_MARK}{BREAK_MARK}]"
    run = f" {{2,{longest}}}|" if longest else ""
    regular = f"{run}{marks}|{head.replace('[^', f'[^{END_MARK}{BREAK_MARK}')}|\\s+"
    pieces = [piece for piece in _plain(regular, broken) if piece != BREAK_MARK]
    expected = []
    for text in texts:
        full = rf"{head}|\s+(?!\S)|\s+"
        expected += [*(_with_runs(full, text, longest) if longest else _plain(full, text)), END_MARK]
    assert pieces == expected


def test_all_short_runs_of_white_space() -> None:
    for size in range(1, 6):
        for run in itertools.product(" \t\n", repeat=size):
            text = f"a{''.join(run)}b"
            _, _, broken = _broken(text, (False, False, False))
            assert broken.replace(BREAK_MARK, "") == text
            assert broken.count(BREAK_MARK) == (size > 1)


def test_bits_of_all_characters_are_told() -> None:
    assert _broken("plain text", (False, False, False))[0] < breaks.TAIL
    assert _broken("ŵ", (False, False, False))[0] & breaks.ODD
    assert _broken("e\u0301", (False, False, False))[0] & breaks.CHANGES
    assert _broken(BREAK_MARK, (False, False, False))[0] & breaks.ODD
    for text, tail in ((f"a {END_MARK}", True), (f"a\u00a0{END_MARK}", True), (f"a\n{END_MARK}", False), ("a ", False)):
        assert bool(_broken(text, (True, False, True))[0] & breaks.TAIL) == tail
        assert not _broken(text, (True, False, False))[0] & breaks.TAIL
