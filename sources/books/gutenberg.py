"""Project Gutenberg's plain text files: licence, credits and transcriber's notes off, the header's fields as metadata.

What a volunteer or the project added goes, what the printed book had stays, line breaks included. Where the two cannot
be told apart the text stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pile_builder.errors import InputError

PUBLIC_DOMAIN = "LicenseRef-PublicDomain-US"
COPYRIGHTED = "LicenseRef-ProjectGutenberg-Copyrighted"
CREDIT_PARAGRAPHS = 14
"""Credits and notes are looked for in so many paragraphs at the start; the books seen have them in the first eight."""
CREDIT_CHARACTERS = 8_000
"""... and in so many characters (seen: 2,100)."""
HEADER_CHARACTERS = 20_000
"""Fields are looked for in so much of the header (seen: 13,000, with the small print of the 1990s)."""
MAX_NOTE = 6_000
"""Longest transcriber's note in brackets, in characters (seen: 1,300)."""
CLOSING_SHARE = 0.25
"""Transcriber's notes that close a file are at most this share of it (seen: 0.02)."""

_START = re.compile(r"^[ \t]*\*{2,}[ \t]*START OF TH(?:E|IS) PROJECT GUTENBERG", re.I | re.M)
_END = re.compile(r"^[ \t]*\*{2,}[ \t]*END OF TH(?:E|IS) PROJECT GUTENBERG", re.I | re.M)
_SMALL_PRINT = re.compile(r"^[ \t]*\*+[ \t]*(START|END)[ \t*]*THE SMALL PRINT.*$", re.I | re.M)
_CLOSING = re.compile(
    r"^\W{0,4}(?:This is the )?(?:End|Fin|Ende|Einde) (?:of|de|van) (?:the |this |th[ei]se? )?Project Gutenberg",
    re.I | re.M,
)
_TITLE_LINE = re.compile(r"\A\W{0,80}(?:The |This is the |A )?Project Gutenberg\b[^\n]*\b(?:E-?text|E-?book)", re.I)
_FIELD = re.compile(
    r"^(Title|Author|Editor|Translator|Release Date|Language|Credits):[ \t]*(.*(?:\n[ \t]+\S.*)*)", re.M | re.I
)
_NUMBER = re.compile(r"\[(?:E-?Book|E-?text)[ \t]*#?[ \t]*(\d+)\]", re.I)
_ENCODING = re.compile(rb"^Character set encoding:[ \t]*([^\r\n]{1,60})", re.M | re.I)
_OLD_TITLE = re.compile(r"Project Gutenberg(?:['’]s)? E-?(?:text|book)(?: of|,)? +([^\n]+)", re.I)
_DATE = re.compile(
    r"\b([A-Z][a-z]{2,8})\.? {1,3}(?:(\d{1,2})(?:st|nd|rd|th)?,? {1,3})?(\d{4})\b|\b([A-Z][a-z]{2,8}), {0,3}(\d{4})\b"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_CREDIT = re.compile(
    r"^\W{0,3}(?:this (?:e-?text|e-?book|file|text|document|edition) (?:was |is )?)?(?:html |e-?text |text )?"
    r"(?:version |file |conversion )?(?:first )?"
    r"(?:produced|prepared|transcribed|scanned|typed|entered|created|digiti[sz]ed|converted|proofed|proofread|contributed"
    r"|submitted|version) [\w ]{0,30}\bby\b",
    re.I,
)
_VOLUNTEERS = re.compile(
    r"Project Gutenberg|Distributed[ \n]+Proofread|pgdp\.net|\be-?text\b|generously[ \n]+made[ \n]+available"
    r"|Internet[ \n]+Wiretap"
    r"|\b(?:transcribed|scanned|proofread|typed|entered|prepared|produced)\b[^@]{0,200}@[\w-]+\.\w",
    re.I,
)
_NOTES = r"transcriber['’]?s?['’]? (?:end ?)?notes?|transcription notes?|notes? (?:by|of) (?:the )?transcriber"
_NOTE_HEADING = re.compile(rf"^\W{{0,8}}(?:original )?(?:{_NOTES})\b", re.I)
_CLOSING_NOTE = re.compile(
    rf"^[ \t\[*]*(?:{_NOTES}|[\w ,]{{0,40}}\(?noted by (?:the )?transcriber\)?)[ \t:.*]*$", re.I | re.M
)
_BRACKET_NOTE = re.compile(
    r"\[[ \t\n]*(?:transcriber['’]?s?\b|transcription note|note project gutenberg|this (?:e-?text|e-?book|file)\b)",
    re.I,
)
_MARKER = re.compile(
    r"^[ \t]*\[(?:Illustration|Decoration|Blank Page)\.?\][ \t]*$|\[Pg\.? ?[ivxlcdm\d]+\]", re.I | re.M
)

_LANGUAGES = {
    "afrikaans": "af", "catalan": "ca", "chinese": "zh", "czech": "cs", "danish": "da", "dutch": "nl", "english": "en",
    "esperanto": "eo", "finnish": "fi", "french": "fr", "german": "de", "greek": "el", "hungarian": "hu",
    "icelandic": "is", "italian": "it", "japanese": "ja", "latin": "la", "norwegian": "no", "polish": "pl",
    "portuguese": "pt", "russian": "ru", "spanish": "es", "swedish": "sv", "tagalog": "tl", "welsh": "cy",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Book:
    """A book's text, and what its file says of it (`title`, `authors`, `date`, `license`, ...)."""

    text: str
    meta: Mapping[str, Any]


def declared_encoding(data: bytes) -> str:
    """The file's `Character set encoding:` line as written, or ""."""
    found = _ENCODING.search(data[:HEADER_CHARACTERS])
    return found[1].decode("ascii", "ignore").strip() if found else ""


def parse(text: str) -> Book | None:
    """Cut a Gutenberg file; None where `text` bears no mark of Project Gutenberg.

    Raises:
        InputError: `truncated`: it begins as a modern file and has no end mark; `damaged`: where the header ends or the
            footer begins cannot be told.
    """
    start = _START.search(text)
    end = _last(_END, text)
    prints = list(_SMALL_PRINT.finditer(text))
    if start is None and end is None and not prints and not _TITLE_LINE.match(text):
        return None
    begin = _line_end(text, start.start(), marker=True) if start else 0
    begin = _after_small_print(begin, prints, is_modern=start is not None)
    if begin == 0:
        raise InputError("damaged", "a Project Gutenberg header without the line that ends it")
    stop = end.start() if end and end.start() >= begin else len(text)
    closing = _last(_CLOSING, text[begin:stop])
    if closing and (end is None or stop - (begin + closing.start()) < 500):
        stop = begin + closing.start()
    elif end is None and start:
        raise InputError("truncated", "a Project Gutenberg file without its closing line")
    header = text[: start.start() if start else begin]
    return Book(clean(text[begin:stop]), _fields(header[:HEADER_CHARACTERS]))


def clean(body: str) -> str:
    """Take credits, transcriber's notes and empty markers out of a book's text; trim lines and blank lines.

    Two blank lines in a row are the most that stay.
    """
    body = "\n".join(line.rstrip() for line in body.split("\n"))
    body = _without_bracket_notes(body)
    body = _without_credits(body.strip("\n"))
    body = _without_closing_notes(body)
    body = "\n".join(line.rstrip() for line in _MARKER.sub("", body).split("\n"))
    return re.sub(r"\n{4,}", "\n\n\n", body).strip("\n")


def iso_date(text: str) -> str:
    """The first English date in `text` as YYYY-MM-DD or YYYY-MM, or ""."""
    for found in _DATE.finditer(text):
        month, day, year = (found[1], found[2], found[3]) if found[1] else (found[4], None, found[5])
        if month.lower()[:3] in _MONTHS:
            number = _MONTHS.index(month.lower()[:3]) + 1
            return f"{year}-{number:02d}-{int(day):02d}" if day else f"{year}-{number:02d}"
    return ""


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    found = None
    for found in pattern.finditer(text):  # noqa: B007
        pass
    return found


def _line_end(text: str, at: int, *, marker: bool) -> int:
    """Offset after the line at `at`; a start marker may be wrapped, and then ends with the line that ends in stars."""
    end = text.find("\n", at)
    end = len(text) if end < 0 else end + 1
    lines = 0
    while marker and lines < 4 and not text[at:end].rstrip().endswith("*"):
        following = text.find("\n", end)
        if following < 0 or not text[end:following].strip():
            break
        end, lines = following + 1, lines + 1
    return end if text[at:end].rstrip().endswith("*") or not lines else _line_end(text, at, marker=False)


def _after_small_print(begin: int, prints: list[re.Match[str]], *, is_modern: bool) -> int:
    """Where the header ends, given the small print's marks: files of the 1990s have them, later ones may."""
    for mark in prints:
        near = mark.start() - begin < (20_000 if is_modern else 60_000)
        if mark[1].upper() == "END" and mark.start() >= begin and near:
            return mark.end()
    return begin


def _without_bracket_notes(body: str) -> str:
    if not _BRACKET_NOTE.search(body):
        return body
    closing = _bracket_pairs(body)
    parts: list[str] = []
    at = 0
    for found in _BRACKET_NOTE.finditer(body):
        end = closing.get(found.start(), 0)
        if found.start() >= at and 0 < end - found.start() <= MAX_NOTE:
            parts.append(body[at : found.start()])
            at = end
    return "".join([*parts, body[at:]])


def _bracket_pairs(body: str) -> dict[int, int]:
    """Offset after the closing bracket, by that of the opening one."""
    pairs: dict[int, int] = {}
    opened: list[int] = []
    for found in re.finditer(r"[\[\]]", body):
        if found[0] == "[":
            opened.append(found.start())
        elif opened:
            pairs[opened.pop()] = found.end()
    return pairs


def _without_credits(body: str) -> str:
    parts = re.split(r"(\n{2,})", body[:CREDIT_CHARACTERS], maxsplit=CREDIT_PARAGRAPHS)
    rest = body[CREDIT_CHARACTERS:]
    last = parts.pop()
    kept: list[str] = []
    is_leading, in_note = True, False
    for paragraph, gap in zip(parts[::2], parts[1::2], strict=True):
        is_heading = bool(_NOTE_HEADING.match(paragraph))
        in_note = is_heading or (in_note and all(line[:1] in " \t" for line in paragraph.split("\n")))
        is_credit = bool(is_leading and _CREDIT.match(paragraph)) or bool(_VOLUNTEERS.search(paragraph))
        if in_note or (is_credit and paragraph.count("\n") < 15) or _MARKER.fullmatch(paragraph):
            # Of the two gaps round it the wider one stays: it may set off a heading.
            kept[-1:] = [max(kept[-1], gap, key=len)] if kept else []
            continue
        is_leading = is_leading and not paragraph
        kept += [paragraph, gap]
    return "".join([*kept, last, rest])


def _without_closing_notes(body: str) -> str:
    first = int(len(body) * (1 - CLOSING_SHARE))
    found = _CLOSING_NOTE.search(body, first)
    if not found:
        return body
    before = body[: found.start()].rstrip()
    return re.sub(r"\n[ \t]*(?:\*[ \t]*){3,}\Z|\n[ \t]*[-_=]{5,}\Z", "", before)


def _fields(header: str) -> dict[str, Any]:
    fields: dict[str, str] = {}
    authors: list[str] = []
    for found in _FIELD.finditer(header):
        name, lines = found[1].lower(), [line.strip() for line in found[2].split("\n")]
        if name == "title":
            # A second line is the subtitle unless the first one was full.
            value = (
                (" " if len(lines[0]) > 55 else ": ").join([lines[0], " ".join(lines[1:])]) if lines[1:] else lines[0]
            )
        else:
            value = " ".join(lines)
        if name == "author" and value:
            authors.append(value)
        fields.setdefault(name, value)
    number = _NUMBER.search(header)
    title = fields.get("title", "")
    if not title and (old := _OLD_TITLE.search(header)):
        title, _, by = old[1].strip(" *").partition(", by ")
        authors = authors or [by] * bool(by)
    language = fields.get("language", "").lower()
    is_copyrighted = re.search(r"COPYRIGHTED Project Gutenberg", header, re.I)
    meta: dict[str, Any] = {
        "title": title,
        "authors": authors,
        "date": iso_date(fields.get("release date", "") or _line_of(header, number)),
        "language": _LANGUAGES.get(language, language),
        "license": COPYRIGHTED if is_copyrighted else PUBLIC_DOMAIN,
        "gutenberg_id": int(number[1]) if number and len(number[1]) < 9 else 0,
    }
    if meta["gutenberg_id"]:
        meta["url"] = f"https://www.gutenberg.org/ebooks/{meta['gutenberg_id']}"
    return {name: value for name, value in meta.items() if value}


def _line_of(header: str, found: re.Match[str] | None) -> str:
    if found is None:
        return ""
    begin = header.rfind("\n", 0, found.start()) + 1
    return header[begin : found.start()]
