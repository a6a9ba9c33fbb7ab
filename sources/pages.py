"""Text that comes page by page, as from a PDF: heads and feet of pages, page numbers, paragraphs out of lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

MAX_FURNITURE = 100
"""Longest line that may be the head or foot of a page, in characters."""
MAX_FURNITURE_LINES = 3
"""Most lines that go at either end of a page."""
SHORT, VERY_SHORT = 0.85, 0.6
"""A line that is shorter than this share of a full one ends a paragraph: where it ends a sentence, and in any case."""

_PAGE_NUMBER = re.compile(r"^\W*(?:page\s+)?\d{1,4}(?:\s+of\s+\d{1,4})?\W*$", re.I)
_NUMBER_AT_END = re.compile(r"^[-–—\s]*(?:(\d{1,4})\b)?.*?(?:\b(\d{1,4}))?[-–—\s]*$")
_SENTENCE_END = re.compile(r"[.!?:;…][\"'”’»)\]]*\d{0,3}$")
_HEADING = re.compile(r"\d{1,2}(?:\.\d{1,2})*\.?\s+[^\W\d_]")
_HYPHENS = ("-", "\u00ad", "\u2010")
_ITEM = re.compile(r"(?:[-•–*]|\(?\d{1,2}[.)]|\([a-z]\))\s")


def trimmed(page: list[str]) -> list[str]:
    """A page without empty lines at its ends."""
    lines = [number for number, line in enumerate(page) if line]
    return page[lines[0] : lines[-1] + 1] if lines else []


def without_furniture(pages: list[list[str]]) -> list[list[str]]:
    """Pages of lines without page numbers and the lines that head or end them; none of `pages` is empty.

    Such a line is alike on several pages, but for its digits, or begins or ends with the number of its page, counted
    from any number on.
    """
    if len(pages) < 2:
        return pages
    shapes = Counter(shape for page in pages for shape in {_shape(line) for line in (*page[:2], *page[-2:])})
    starts = Counter(
        start for at, page in enumerate(pages) for start in {*_starts(page[0], at), *_starts(page[-1], at)}
    )
    # Heads change from left to right pages and from chapter to chapter.
    repeated = {shape for shape, count in shapes.items() if count >= max(3, len(pages) // 10)}
    counted = {start for start, count in starts.items() if count >= min(3, len(pages))}

    def is_furniture(line: str, at: int) -> bool:
        if _PAGE_NUMBER.match(line) or (len(line) <= MAX_FURNITURE and _shape(line) in repeated):
            return True
        return len(line) < SHORT * _full_length(pages[at]) and bool(counted & _starts(line, at))

    kept = []
    for at, page in enumerate(pages):
        lines = page
        for _ in range(MAX_FURNITURE_LINES):
            if lines and is_furniture(lines[-1], at):
                lines = trimmed(lines[:-1])
            if lines and is_furniture(lines[0], at):
                lines = trimmed(lines[1:])
        kept.append(lines)
    return kept


def paragraphs(pages: Iterable[Sequence[str]]) -> list[str]:
    """Put paragraphs together from lines without indents: a line that stops early, an empty one or an item ends one.

    What is early is measured by the lines of the same page. A word that is parted by a hyphen at a line's end becomes
    one word where it goes on with a small letter.
    """
    found: list[list[str]] = [[]]
    for page in pages:
        full = _full_length(page)
        for line in page:
            is_short = len(line) < VERY_SHORT * full
            if found[-1] and (not line or _ITEM.match(line) or (is_short and _HEADING.match(line))):
                found.append([])
            if not line:
                continue
            found[-1].append(line)
            if line.endswith(_HYPHENS):
                continue
            if is_short or (len(line) < SHORT * full and _SENTENCE_END.search(line)):
                found.append([])
    return [joined(each) for each in found if each]


def joined(lines: Iterable[str]) -> str:
    """Lines of one paragraph as one, without the hyphens that part words."""
    text = "\n".join(lines)
    text = re.sub(r"(?<=[^\W\d_])[-\u00ad\u2010]\n(?=[^\W\d_A-Z])", "", text)
    return re.sub(r"(?<=\w)([-\u2010–—])\n", r"\1", text).replace("\n", " ")


def _full_length(page: Sequence[str]) -> int:
    """Characters of a line that is full, on a page most of whose lines are."""
    lengths = sorted(len(line) for line in page if line)
    return lengths[len(lengths) * 3 // 4] if lengths else 1


def _shape(line: str) -> str:
    return re.sub(r"\d+", "0", " ".join(line.split()))


def _starts(line: str, at: int) -> set[int]:
    """The numbers that pages would be counted from if the line held the number of its page, the one at `at`."""
    found = _NUMBER_AT_END.match(line)
    return {int(number) - at for number in found.groups() if number} if found else set()
