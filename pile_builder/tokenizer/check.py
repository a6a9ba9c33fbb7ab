"""The check at start: texts of all sorts, on which the fast engine must give the reference's ids.

The engines' equality rests on what `byte_level.py` and `patterns.py` say; this would show a mistake in either, or a
release of a library that does something else.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Final

_WORDS: Final = (
    "The", "quick", "naïve", "café", "Ελληνικά", "Русский", "中文字", "日本語の", "한국어", "العربية", "हिन्दी", "ไทย",
    "don't", "I'LL", "we've", "it's", "ſ'ſ", "McDonald", "HTTPServer", "ΑΣ", "ǅ", "ª", "x²", "½", "Ⅷ", "٣٤", "12345678",
    "3.14", "1,000", "e\u0301", "A\u030a", "\u1e9b\u0323", "🙂", "👩‍👩‍👧", "🏳️‍🌈", "𝔘𝔫𝔦", "\u200b", "\ufeff",
    "\x00", "\x1f", "def f(x):", "if (a<b) {", "// --", "===", "…", "“quoted”", "—", "\u1100\u1161", "\ufffd", "a_b",
    "/usr/bin", "$5",
)  # fmt: skip
_SPACES: Final = (
    " ",
    " ",
    " ",
    "  ",
    "   ",
    "    ",
    "\n",
    "\n\n",
    "\r\n",
    "\t",
    " \n",
    "\n  ",
    "\u00a0",
    "\u2003",
    "\x0b",
)
_SIGNS: Final = "aB1'!\n\r\t \u00a0é中"


def check_texts(planted: Iterable[str]) -> list[str]:
    """Texts to compare engines on, the same at every call; `planted` are special tokens to put among them."""
    draw = random.Random(1)
    found = ["", " ", *_WORDS, *(f"{a}{b}{c}" for a in _SIGNS for b in _SIGNS for c in _SIGNS)]
    found += [f"a{sign * n}{tail}" for sign in " \n\t" for n in range(60) for tail in ("", "b", "\nb", ".")]
    found += [sign * 3000 for sign in " \n\tax1!é中🙂"]
    for token in planted:
        found += [token, f"a{token}b {token} {token}", token[1:] + token]
    for _ in range(300):
        found.append("".join(draw.choice(_WORDS) + draw.choice(_SPACES) * draw.randrange(3) for _ in range(40)))
        found.append("".join(draw.choices(_SIGNS, k=60)))
    return found
