"""Bytes of a web page to text: which character set, by the WHATWG's labels and in the order a browser looks."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

PRESCAN_BYTES = 16 << 10
"""How far into a page a declaration is looked for; the HTML standard asks for 1,024, pages put it later."""
DETECT_BYTES = 256 << 10
"""How much of a page without a usable declaration is looked at."""
MAX_BAD_SHARE = 10
"""A charset is still believed when at most one in this many of its non-ASCII characters does not decode."""

MAX_BAD_OVERALL = 100
"""When nothing fits, the first declared charset is taken as long as at most one in this many characters is lost."""

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_META = re.compile(rb"<meta\s[^>]{0,500}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)
_XML = re.compile(rb"\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{2,40})", re.IGNORECASE)
_PARAMETER = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)

_SINGLE_BYTE = re.compile(r"cp125|cp8|iso8859|koi8|mac")

# The web's encodings are supersets of those that their names mean to Python.
_SUPERSETS = {
    "shift_jis": "cp932",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "iso8859-11": "cp874",
}


def decode(body: bytes, media_type: str) -> tuple[str, str] | None:
    """Text of a page and the codec that gave it, or None where no charset fits; NULs are dropped.

    Byte order mark, then `charset` of the media type, then the page's own declaration (meta or XML), then detection.
    Valid UTF-8 beyond ASCII wins over a declared single-byte charset, in which any bytes are valid.
    """
    for bom, codec in _BOMS:
        if body.startswith(bom):
            return _clean(body[len(bom) :].decode(codec, "replace")), codec
    candidates = [codec for label in _declared(body, media_type) if (codec := codec_of(label))]
    if not candidates or _SINGLE_BYTE.match(candidates[0]):
        candidates.insert(0, "utf-8")
    for codec in candidates:
        text = _attempt(body, codec)
        if text is not None:
            return _clean(text), codec
    # Late, because it costs 0.2 ms a page, and on much of the body, because the beginning is often plain ASCII.
    detected = codec_of(detect_encoding(body, max_len=DETECT_BYTES) or "")
    for codec, share in ((detected, MAX_BAD_SHARE), (candidates[0], 0)):
        text = _attempt(body, codec, share) if codec else None
        if text is not None:
            return _clean(text), codec
    return None


def codec_of(label: str) -> str:
    """Python's codec for a charset label as the WHATWG means it (latin1 is windows-1252), empty for an unknown one."""
    name = map_encoding_to_html5(label, fallback_utf8=False)
    if name is None:
        try:
            name = map_encoding_to_html5(codecs.lookup(label).name, fallback_utf8=False)
        except (LookupError, ValueError):
            return ""
    if name is None:
        return ""
    return _SUPERSETS.get(name, str(name))


def _declared(body: bytes, media_type: str) -> Iterator[str]:
    if match := _PARAMETER.search(media_type):
        yield match[1]
    head = body[:PRESCAN_BYTES]
    for pattern in (_XML.match, _META.search):
        if found := pattern(head):
            label = found[1].decode("ascii", "replace").lower()
            # The declaration itself was readable as ASCII, so it is not UTF-16 (HTML standard, prescan algorithm).
            yield "utf-8" if label.startswith(("utf-16", "utf16", "unicode", "ucs-2")) else label


def _attempt(body: bytes, codec: str, share: int = MAX_BAD_SHARE) -> str | None:
    """The text, with replacement characters if few among the non-ASCII ones (share 0: among all), or None."""
    try:
        return body.decode(codec)
    except UnicodeDecodeError:
        pass
    text = body.decode(codec, "replace")
    bad = text.count("\ufffd")
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    return text if (bad * share <= beyond_ascii if share else bad * MAX_BAD_OVERALL <= len(text)) else None


def _clean(text: str) -> str:
    return text.replace("\0", "") if "\0" in text else text
