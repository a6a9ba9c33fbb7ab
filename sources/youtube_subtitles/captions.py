"""Captions of a video to cues and to lines: WebVTT, SubRip, and the JSON that youtube_transcript_api gives."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from pile_builder.errors import InputError
from pile_builder.sources import bounded_json

MAX_CUES = 200_000
"""Most cues of a video (seen: 2,000 an hour)."""
MAX_SECONDS = 10_000_000
"""Latest second of a video that is believed, after four months."""
PAUSE = 4.0
"""Seconds of silence after which a new line begins."""
LONG_LINE = 400
"""Characters after which a line of captions without punctuation ends with its cue."""
ROLLING_SHARE = 0.3
"""Least share of cues that repeat the line before, in captions that roll over the screen."""

_TIMING = re.compile(
    r"^\s*(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})\s*-->\s*(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})(?:\s.*)?$"
)
_NO_CUE = re.compile(r"^(?:WEBVTT|NOTE|STYLE|REGION)(?:[ \t]|$)")
_WORD_TIME = re.compile(r"<\d{1,3}:\d{2}(?::\d{2})?\.\d{3}>")
_VOICE = re.compile(r"<v(?:\.[^ \t>]{0,50})?[ \t]+([^>\n]{1,100})>")
_TAG = re.compile(r"</?(?:c|i|b|u|v|ruby|rt|lang|font)(?:[.\s][^<>]{0,200})?>|\{\\[^{}]{0,100}\}", re.I)
_SOUND = re.compile(r"[\[［][^\[\]［］]{1,60}[\]］]")
_KNOWN_SOUND = re.compile(
    r"[\[(](?:background |upbeat |soft |loud )?"
    r"(?:music|applause|laughter|laughs?|laughing|cheering|silence|singing|noise)"
    r"(?: playing| continues)?[\])]",
    re.I,
)
_SPEAKER = re.compile(r"^(?:>>+|[-–—])\s*(?=\S)|^[A-ZÀ-ÞА-ЯІЇЄҐ][\w .'-]{1,30}:(?=\s)")
_END = re.compile(r"[.!?…。！？।؟][\"'”’»)\]]*$")
_CJK = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]")


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown from one second to another."""

    start: float
    end: float
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Captions:
    """A video's captions in one language, with what the file says of them (video_id, language, generated)."""

    cues: Sequence[Cue]
    meta: Mapping[str, Any] = field(default_factory=dict)


def parse_text(text: str) -> Captions:
    """Cues of WebVTT or SubRip, whatever is missing between them.

    Raises:
        InputError: `too_large`: more than `MAX_CUES`; `damaged`: no timing in it.
    """
    found: list[tuple[float, float, list[str]]] = []
    is_vtt = text.lstrip().startswith("WEBVTT")
    is_generated, is_skipped = False, False
    meta: dict[str, Any] = {}
    before = ""
    for line in text.split("\n"):
        if timing := _TIMING.match(line):
            if found and found[-1][2]:
                _drop_name(found[-1][2])
            if len(found) >= MAX_CUES:
                raise InputError("too_large", f"more than {MAX_CUES:,} cues")
            hours, minutes, seconds, parts, *until = timing.groups()
            found.append((_seconds(hours, minutes, seconds, parts), _seconds(*until), []))
            is_skipped = False
        elif is_vtt and (not before or not found) and _NO_CUE.match(line):
            is_skipped = True
        elif is_skipped or not found:
            is_skipped = is_skipped and bool(line.strip())
            name, colon, value = line.partition(":")
            if not found and colon and name == "Language":
                meta["language"] = value.strip()
        else:
            is_generated = is_generated or (is_vtt and "<c>" in line and _WORD_TIME.search(line) is not None)
            found[-1][2].append(line)
        before = line.strip()
    if not found:
        raise InputError("damaged", "no line with the times of a cue")
    cues = [Cue(start, end, tuple(_plain(lines))) for start, end, lines in found]
    if is_generated or _rolls(cues):
        cues = list(_unrolled(cues))
    return Captions([cue for cue in cues if cue.lines], {**meta, **({"generated": True} if is_generated else {})})


def parse_json(value: Any) -> Captions:
    """Cues of a transcript as youtube_transcript_api gives it: a list of snippets, or an object around one.

    Raises:
        InputError: `too_large`: more than `MAX_CUES`; `damaged`: there are no snippets.
    """
    around: Mapping[str, Any] = value if isinstance(value, dict) else {}
    snippets = next((around[name] for name in ("snippets", "transcript", "captions") if name in around), value)
    if not isinstance(snippets, list) or not all(isinstance(one, dict) and "text" in one for one in snippets):
        raise InputError("damaged", 'expected a list of {"text", "start", "duration"}')
    if len(snippets) > MAX_CUES:
        raise InputError("too_large", f"more than {MAX_CUES:,} cues")
    cues = [
        Cue(start, start + _float(one.get("duration")), tuple(_plain(str(one["text"]).split("\n"))))
        for one in snippets
        for start in (_float(one.get("start")),)
    ]
    names = {"video_id": "video_id", "language_code": "language", "is_generated": "generated", "title": "title"}
    meta = {ours: around[theirs] for theirs, ours in names.items() if around.get(theirs)}
    if "language" not in meta and isinstance(around.get("language"), str):
        meta["language"] = around["language"]
    return Captions([cue for cue in cues if cue.lines], meta)


def load_json(data: bytes) -> Any:
    """A JSON value.

    Raises:
        InputError: `truncated` or `damaged`.
    """
    try:
        return bounded_json.loads(data)
    except ValueError as error:
        is_cut = data.lstrip()[:1] in (b"[", b"{") and not data.rstrip().endswith((b"]", b"}"))
        raise InputError("truncated" if is_cut else "damaged", str(error)[:200]) from error


def to_lines(cues: Sequence[Cue]) -> list[str]:
    """Cues joined to lines: one ends with its sentence, before another speaker, or at a pause."""
    lines: list[str] = []
    open_line = ""
    until = 0.0
    for cue in cues:
        for place, words in enumerate(cue.lines):
            begins = bool(_SPEAKER.match(words)) or (place == 0 and cue.start - until > PAUSE)
            if open_line and (begins or len(open_line) > LONG_LINE or _END.search(open_line[-8:])):
                lines.append(open_line)
                open_line = ""
            glue = "" if not open_line or (_CJK.match(open_line[-1]) and _CJK.match(words)) else " "
            open_line += glue + words
        until = cue.end
    return [*lines, open_line] if open_line else lines


def _plain(lines: Sequence[str]) -> Iterator[str]:
    """Lines of a cue without tags; what only describes a sound is none."""
    text = "\n".join(lines)
    if "<" in text or "{" in text or "&" in text:
        text = _WORD_TIME.sub("", text)
        text = _VOICE.sub(r"\1: ", text)
        text = html.unescape(_TAG.sub("", text))
    text = _KNOWN_SOUND.sub(" ", text).replace("\u200b", "").replace("\ufeff", "")
    if not _SOUND.sub("", text).strip(" \n♪♫-–>"):
        return
    for line in text.split("\n"):
        if line := re.sub(r"^(?:>>+)\s*", "- ", " ".join(line.split())):
            yield line


def _drop_name(lines: list[str]) -> None:
    """Take the next cue's number or name off the end of a cue's lines, with the blank lines before it."""
    while lines and not lines[-1].strip():
        lines.pop()
    is_apart = len(lines) > 1 and not lines[-2].strip()
    if lines and (lines[-1].strip().isdecimal() or is_apart):
        lines.pop()


def _rolls(cues: Sequence[Cue]) -> bool:
    repeats = sum(bool(one.lines and two.lines) and one.lines[-1] == two.lines[0] for one, two in pairwise(cues))
    return len(cues) > 10 and repeats > ROLLING_SHARE * len(cues)


def _unrolled(cues: Sequence[Cue]) -> Iterator[Cue]:
    """Cues without the lines that are still on the screen from the one before."""
    shown: tuple[str, ...] = ()
    for cue in cues:
        still = next((n for n in range(len(cue.lines), 0, -1) if shown[-n:] == cue.lines[:n]), 0)
        if fresh := cue.lines[still:]:
            yield Cue(cue.start, cue.end, fresh)
            shown = (shown + fresh)[-4:]


def _seconds(hours: str | None, minutes: str, seconds: str, parts: str) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int(parts.ljust(3, "0")) / 1000


def _float(value: Any) -> float:
    """Seconds, 0 for what is no time of a video."""
    return float(value) if isinstance(value, int | float) and 0 <= value < MAX_SECONDS else 0.0
