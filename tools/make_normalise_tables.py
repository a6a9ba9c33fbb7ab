"""Write pile_builder/text/tables/words_v2.npz: class and lower case of every code point, for words v2.

The table is a two-stage trie over blocks of 128 code points. It is made once with a known Unicode version and shipped,
so that hashes do not change with the Python that runs. Run with the interpreter whose Unicode version is pinned:

    python tools/make_normalise_tables.py
"""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pile_builder.text.normalise import BLOCK, DROPPED, JOINING, SEPARATOR, SINGLE, WORD

PINNED_UNICODE = "14.0.0"
TABLE = Path(__file__).parent.parent / "pile_builder" / "text" / "tables" / "words_v2.npz"

ZERO_WIDTH_SPACE = 0x200B
FINAL_SIGMA, SIGMA = 0x03C2, 0x03C3

# Letters and marks that Unicode calls default-ignorable (DerivedCoreProperties.txt); the rest of that property is Cf.
IGNORABLE = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0}
IGNORABLE |= {*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}

# Scripts written without spaces between words, by the beginning of their letters' names.
UNSPACED = (
    "CJK UNIFIED IDEOGRAPH",
    "CJK COMPATIBILITY IDEOGRAPH",
    "IDEOGRAPHIC ",
    "HIRAGANA ",
    "KATAKANA ",
    "KATAKANA-HIRAGANA ",
    "HALFWIDTH KATAKANA",
    "HENTAIGANA ",
    "BOPOMOFO ",
    "THAI ",
    "LAO ",
    "KHMER ",
    "MYANMAR ",
)


def character_class(point: int) -> int:
    """How words v2 treats one code point; the rules are stated in normalise.py."""
    if point == ZERO_WIDTH_SPACE:
        return SEPARATOR
    category = unicodedata.category(chr(point))
    if category == "Cf" or point in IGNORABLE:
        return DROPPED
    if category[0] in "PSZ" or category in ("Cc", "Cs"):
        return SEPARATOR
    if category[0] == "M":
        return JOINING
    if category in ("Lo", "Lm", "Nl") and unicodedata.name(chr(point), "").startswith(UNSPACED):
        return SINGLE
    return WORD


def lower_case(point: int) -> int:
    """The lower case of one code point, without context: the first of the full mapping; of final sigma, sigma."""
    return SIGMA if point == FINAL_SIGMA else ord(chr(point).lower()[0])


def make_table() -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Build the trie: index uint8[8704] of blocks, and entries int32[blocks * 128] of `delta * 8 + class`."""
    points = range(sys.maxunicode + 1)
    entries = np.array([(lower_case(point) - point) * 8 + character_class(point) for point in points], np.int32)
    blocks, index = np.unique(entries.reshape(-1, BLOCK), axis=0, return_inverse=True)
    if len(blocks) > 256:
        msg = f"expected at most 256 distinct blocks, got {len(blocks)}: widen the index"
        raise ValueError(msg)
    return index.reshape(-1).astype(np.uint8), blocks.reshape(-1)


def main() -> None:
    if unicodedata.unidata_version != PINNED_UNICODE:
        msg = f"expected Unicode {PINNED_UNICODE} (Python 3.11), got {unicodedata.unidata_version}: run another Python"
        raise SystemExit(msg)
    index, entries = make_table()
    np.savez_compressed(TABLE, index=index, entries=entries, unicode=np.array(PINNED_UNICODE))


if __name__ == "__main__":
    main()
