"""The weekly files of the patent office cut into patents, whatever the era: APS text, SGML, concatenated XML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from pile_builder.streams import MAX_RECORD_BYTES

CHUNK_BYTES = 1 << 20
HEAD_BYTES = 1 << 14
"""A patent's number is looked for in so much of its beginning; entity declarations come first."""
MAX_OPENING_BYTES = 4_096
"""Most bytes before a document type that has the patent in it (seen: 100)."""

_APS_START = re.compile(rb"^PATN[ \t]*\r?$", re.M)
_XML_START = re.compile(rb"<\?xml |<!DOCTYPE ")
_TAG = re.compile(rb"<(?:!--|[A-Za-z])")
_WKU = re.compile(rb"^WKU[ \t]+([A-Z]{0,2}\d{5,9})", re.M)
_XML_NUMBER = re.compile(
    rb"(?:<B110>\s*<DNUM>\s*<PDAT>|<publication-reference[^>]*>\s*<document-id[^>]*>\s*<country>US</country>\s*<doc-number>|"
    rb"<subdoc-bibliographic-information>\s*<document-id>\s*<doc-number>)\s*([A-Z]{0,2}\d{4,12})"
)


def split_patents(stream: BinaryIO, limit: int = MAX_RECORD_BYTES) -> Iterator[bytes | int]:
    """Cut a weekly file before each patent; for one larger than `limit`, its number of bytes.

    What stands before the first patent (the header of an APS file) is left out.
    """
    head = stream.read(CHUNK_BYTES)
    is_xml = head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<")
    start = _XML_START if is_xml else _APS_START
    opening = b""
    for piece in _pieces(stream, head, start, limit):
        if isinstance(piece, int):
            yield piece
            opening = b""
        elif not is_xml:
            if _APS_START.match(piece):
                yield piece
        elif _has_element(opening + piece) or len(opening) > MAX_OPENING_BYTES:
            yield opening + piece
            opening = b""
        else:
            # A declaration alone: the document type after it belongs to the same patent.
            opening += piece


def _has_element(piece: bytes) -> bool:
    """Whether anything but declarations and comments stands in a piece."""
    at = 0
    while found := _TAG.search(piece, at):
        if found[0] != b"<!--":
            return True
        at = piece.find(b"-->", found.end())
        if at < 0:
            return False
    return False


def patent_number(record: bytes) -> str:
    """The number as the office writes it today, without leading zeros: `3937375`, `D435854`; "" if there is none."""
    if found := _XML_NUMBER.search(record[: 16 * HEAD_BYTES]):
        return plain_number(found[1].decode())
    found = _WKU.search(record[:HEAD_BYTES])
    # The last digit of an APS number is a check digit.
    return plain_number(found[1].decode()[:-1]) if found else ""


def plain_number(number: str) -> str:
    """`07643488` is `7643488`, `D0435854` is `D435854`."""
    parts = re.fullmatch(r"([A-Z]*)0*(\d+)", number)
    return parts[1] + parts[2] if parts else number


def _pieces(stream: BinaryIO, head: bytes, start: re.Pattern[bytes], limit: int) -> Iterator[bytes | int]:
    """The stream cut before each match of `start`."""
    held, searched, dropped, chunk = bytearray(), 0, 0, head
    while chunk:
        held += chunk
        begin = 0
        # The tail may hold a start that is not whole yet.
        for found in start.finditer(held, max(searched, 1)):
            if found.end() > len(held) - 16:
                break
            yield bytes(held[begin : found.start()]) if not dropped else dropped + found.start() - begin
            begin, dropped = found.start(), 0
        del held[:begin]
        searched = max(1, len(held) - 64)
        if len(held) > limit:
            dropped += len(held) - 64
            del held[:-64]
            searched = 1
        chunk = stream.read(CHUNK_BYTES)
    position = 0
    for found in start.finditer(held, 1):
        yield bytes(held[position : found.start()]) if not dropped else dropped + found.start()
        position, dropped = found.start(), 0
    if held[position:].strip():
        yield bytes(held[position:]) if not dropped else dropped + len(held)
