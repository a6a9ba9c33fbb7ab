"""What single characters are to the two regex engines, found out from the engines themselves.

Their Unicode tables differ with their versions. Every code point is shown to both, once for each class that a pattern
has; characters on which they disagree keep a text from the fast engine.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, normalizers

from pile_builder.tokenizer import breaks
from pile_builder.tokenizer.patterns import BREAK_MARK, END_MARK
from pile_builder.tokenizer.reference import core, ids_of

CODE_POINTS: Final = 0x110000
_CHUNK = 4096
_NFC_BLOCKS: Final = (
    (0x0001, 0x0300),  # Latin
    (0x0370, 0x0483),  # Greek, Cyrillic
    (0x048A, 0x0590),  # Cyrillic, Armenian
    (0x05D0, 0x05EB),  # Hebrew letters
    (0x0620, 0x064B),  # Arabic letters
    (0x1E00, 0x2070),  # more Latin and Greek, punctuation
    (0x20A0, 0x20C0),  # currencies
    (0x2100, 0x2C00),  # letter-like, numbers, arrows, mathematics, boxes, symbols, Braille
    (0x3000, 0x302A),  # CJK punctuation
    (0x3030, 0x3099),  # Hiragana
    (0x309B, 0x3130),  # Katakana, Bopomofo
    (0x3400, 0xA000),  # ideographs
    (0xAC00, 0xD7A4),  # Hangul syllables
    (0xFE00, 0xFE10),  # variation selectors
    (0xFE30, 0xFFFE),  # forms of CJK and Arabic, byte order mark, full and half width, replacement character
    (0x1F000, 0x1FB00),  # pictographs
)
"""Blocks without marks, Jamo or anything else that composes with what is before it (UAX 15, NFC_Quick_Check=Maybe)."""


def disagreements(atoms: Iterable[str]) -> NDArray[np.uint32]:
    """Code points, sorted, that one of the engines counts to one of the classes and the other does not."""
    found = {code for atom in atoms for code in _unequal(atom)}
    return np.array(sorted(found), np.uint32)


def class_table(odd: NDArray[np.uint32], *, composes: bool) -> NDArray[np.uint8]:
    """Class and bits of each code point, for `breaks.add_breaks`.

    Args:
        odd: what `disagreements` found.
        composes: whether text is brought to NFC, so that characters which that may change are marked.
    """
    table = np.zeros(CODE_POINTS, np.uint8)
    if composes:
        table |= breaks.CHANGES * (1 - _stable_characters())
    table[_by_rust(r"\s")] |= breaks.BLANK
    table[[0x0A, 0x0D]] = breaks.NEWLINE
    table[0x20] = breaks.SPACE
    table[odd] |= breaks.ODD
    table[ord(END_MARK)] = breaks.END
    table[ord(BREAK_MARK)] = breaks.ODD
    return table


@cache
def _unequal(atom: str) -> tuple[int, ...]:
    return tuple(np.flatnonzero(_by_rust(atom) != _by_tokenizers(atom)).tolist())


@cache
def _all_characters() -> str:
    codes = np.concatenate([np.arange(0xD800, dtype="<u4"), np.arange(0xE000, 0x10FFFE, dtype="<u4")])
    return codes.tobytes().decode("utf-32-le")


def _by_rust(atom: str) -> NDArray[np.bool_]:
    """Which characters tiktoken's engine matches: it drops what a pattern leaves out. Of (0x110000,)."""
    encoding = core("class", atom, {bytes([byte]): byte for byte in range(256)})
    return _members(ids_of(encoding, _all_characters()).astype(np.uint8).tobytes().decode())


def _by_tokenizers(atom: str) -> NDArray[np.bool_]:
    """Which characters the other engine matches and so removes. Of (0x110000,)."""
    remove = normalizers.Replace(Regex(atom), "")
    text = _all_characters()
    left = "".join(remove.normalize_str(text[at : at + _CHUNK]) for at in range(0, len(text), _CHUNK))
    return _members(text) & ~_members(left)


def _members(text: str) -> NDArray[np.bool_]:
    found = np.zeros(CODE_POINTS, np.bool_)
    found[np.frombuffer(text.encode("utf-32-le"), "<u4")] = True
    return found


@cache
def _stable_characters() -> NDArray[np.uint8]:
    """1 for characters of which any sequence is in NFC, else 0: of (0x110000,) uint8."""
    stable = np.zeros(CODE_POINTS, np.uint8)
    compose = normalizers.NFC()
    for begin, end in _NFC_BLOCKS:
        codes = range(begin, end)
        # A NUL composes with nothing, so each character stands alone.
        alone = compose.normalize_str("\0".join(map(chr, codes))).split("\0")
        stable[begin:end] = [chr(code) == form for code, form in zip(codes, alone, strict=True)]
    stable[0] = 1
    return stable
