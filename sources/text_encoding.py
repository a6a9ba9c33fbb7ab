"""Bytes of unknown or declared character set to text, or None: exact decoders only, nothing is replaced or guessed at.

Order: byte order mark, UTF-8, what the file declares, then a detector. UTF-8 goes before the declaration because text
in another encoding is hardly ever valid UTF-8 by accident, while declarations are often stale.
"""

from __future__ import annotations

import codecs
import re

from resiliparse.parse.encoding import detect_encoding

DETECT_BYTES = 1 << 20
"""How much the detector reads."""
MAX_CONTROL = 0.001
"""Largest share of control characters in what counts as text."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"})
"""Codecs of Python that no text file is in: they compute, some in quadratic time, or make text of plain ASCII."""
_LATIN_1 = ("iso8859-1", "latin-1", "latin_1", "ascii")


def decode(data: bytes, declared: str = "") -> str | None:
    """The text of `data`, without a byte order mark, or None where no exact decoding gives text.

    Args:
        data: a whole file.
        declared: the encoding's name as the file states it, in any spelling; an unknown one is ignored.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _attempt(data, name)
    text = _attempt(data, "utf-8")
    if text is not None or b"\x00" in data:
        return text
    for candidate in (python_name(declared), detect_encoding(data[:DETECT_BYTES], html5_compatible=False)):
        if candidate and (text := _attempt(data, candidate)) is not None:
            return text
    return None


def python_name(declared: str) -> str:
    """Python's codec for an encoding as people write it ("ISO Latin-1", "ISO-646-US (US-ASCII)"), or ""."""
    plain = re.sub(r"\(.*", "", declared).strip().lower()
    plain = re.sub(r"^(?:iso |unicode |windows code ?page |code ?page |character set )", "", plain).strip(" .")
    plain = re.sub(r"^(?:cp-|windows-?)?(125\d)$", r"cp\1", plain)
    plain = "ascii" if plain == "iso-646-us" else plain
    try:
        name = codecs.lookup(plain.replace(" ", "-")).name
    except (LookupError, ValueError):
        return ""
    if name in _NO_CHARSETS:
        return ""
    # C1 controls never stand in text: what says Latin-1 and uses them is Windows-1252 (WHATWG encoding standard).
    return "cp1252" if name in _LATIN_1 else name


def _attempt(data: bytes, name: str) -> str | None:
    try:
        text = data.decode(name)
    except (UnicodeError, LookupError, AssertionError, AttributeError, TypeError):
        return None
    return None if _CONTROL.subn("", text)[1] > MAX_CONTROL * len(text) else text
