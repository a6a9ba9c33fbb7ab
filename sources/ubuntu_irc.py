"""Ubuntu IRC: the logs of Ubuntu's channels, a document per channel and day or week."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, ClassVar, Literal
from urllib.parse import quote, unquote

from pydantic import Field

from pile_builder.input_files import InputFile
from pile_builder.source import Document, Fragment, Raw, Reject, Skipped, Source, SourceConfig, Split, Upstream, pack
from pile_builder.streams import open_text_bytes, read_all

LICENCE = "LicenseRef-PublicDomain-US"

_PATH = re.compile(r"(?:^|/)(\d{4})/(\d\d)/(\d\d)/([^/]+)\.txt(?:\.\w+)?$")
_CLOCK = re.compile(r"\[\d\d:\d\d(?::\d\d)?\] ?")
_EVENT = re.compile(
    r"=== (?:mode/|topic/|\.\.\[topic/|Topic |Users on #|Channel #|Irssi:|Netsplit |Disconnected|"
    r".{1,80}? \[[^@]*@.*\] +(?:has )?(?:joined|left) #|"
    r"(?:\S*\] )*\S+ +(?:(?:has )?(?:joined|left) #|has quit|is now known as|was kicked|changed the topic|sets mode|"
    r"entered the room|left the room))"
)
"""What the logging program reports. Before 2008 it wrote `=== NAME waves` for what users do, too: that is talk.
It also put a space behind a bracket in a name."""
_FORMATTING = re.compile(r"\x03(?:\d{1,2}(?:,\d{1,2})?)?|[\x00-\x08\x0b-\x1f\x7f]")
"""Colours, bold and the like, as mIRC writes them, and other control characters."""
_PILE_EVENTS = ("has joined #", "has left #", "Topic for #", "Topic (#", "is now known as")


class UbuntuIrc(Source):
    """Logs of Ubuntu's IRC channels.

    Upstream: irclogs.ubuntu.com, `YYYY/MM/DD/#channel.txt` (`%23channel.txt` as some programs save it), from 2004 on,
    700,000 files; date and channel are taken from the path. The logs are published as being in the public domain.

    Comes out: with `period: day` a document per file, key `YYYY/MM/DD/#channel`; with `week` a document per channel and
    ISO week, key `YYYY-Www/#channel`, its days joined in order. A day is headed `#channel YYYY-MM-DD`, then one line a
    message, `<name> text`, or `* name does something`. meta: channel, date (of the first day), url, license.

    Dropped: times, colours, and the lines in which the logging program reports who came, left, changed name, mode or
    topic. Such lines begin with `===`; lines in which somebody says `===` stay. Lines that are not UTF-8 are read as
    Windows-1252, which is what IRC programs of the time wrote.

    Rejects: `no_text` (nobody spoke), `undecodable` (NUL bytes), `truncated`, `damaged`, `bomb`, `too_large`; files
    whose path is not that of a log are skipped as `other_file`.
    """

    class Config(SourceConfig):
        """What a document is."""

        period: Literal["day", "week"] = Field(default="day", description="days of a channel that are one document")

    config: Config
    pile_set_name: ClassVar[str] = "Ubuntu IRC"
    version: ClassVar[int] = 1
    patterns: ClassVar[tuple[str, ...]] = ("*.txt", "*.txt.gz", "*.txt.xz", "*.txt.zst", "*.txt.bz2")
    compat: ClassVar[str] = (
        "one document for all weeks of one number, whatever their year (key `Www/#channel`); names of users who come, "
        "quit or change modes stay, as does the space before what users do"
    )
    upstreams: ClassVar[tuple[Upstream, ...]] = (
        Upstream("https://irclogs.ubuntu.com", 10_000_000_000, 700_000, 15_000, "2024"),
    )
    licence: ClassVar[str] = "public domain, as its publisher says"
    tried: ClassVar = "upstream"

    @property
    def joins(self) -> bool:
        """Whether documents are made of several days."""
        return self.config.period == "week" or self._is_compat

    def splits(self) -> Iterable[Split]:
        """Files packed together, those of one year where days are joined to weeks."""
        files = self.input_files()
        if not self.joins:
            return pack(files)
        groups: dict[str, list[InputFile]] = {}
        for file in files:
            log = _log(file.name)
            groups.setdefault(f"{log[0].isocalendar().year}" if log and not self._is_compat else "", []).append(file)
        found = [(group, split) for group, members in groups.items() for split in pack(members)]
        splits = [Split(split.name, split.files, group=group) for group, split in found]
        return sorted(splits, key=lambda split: split.name)

    def read_file(self, file: InputFile) -> Iterator[Raw | Fragment | Reject | Skipped]:
        """Yield the log of a day, whole or as a part of its week."""
        log = _log(file.name)
        if log is None:
            yield Skipped("other_file")
            return
        day, channel = log
        with open_text_bytes(file) as stream:
            content = read_all(stream)
        meta = {"channel": channel, "date": day.isoformat()}
        if self.joins:
            yield Fragment(self._week(day, channel), content, day.isoformat(), meta)
        else:
            yield Raw(f"{day:%Y/%m/%d}/{channel}", content, "text/plain", meta)

    def extract(self, raw: Raw) -> Document | Reject:
        """Make a document of a day, or of the days that were joined."""
        return self.join(raw.key, raw.fragments or (Fragment(raw.key, raw.payload, meta=raw.meta),))

    def join(self, key: str, fragments: Sequence[Fragment]) -> Document | Reject:
        """Make a document of the days of a channel."""
        if any(b"\x00" in one.payload for one in fragments):
            return Reject("undecodable", "a NUL byte")
        days = [(one.meta, decode_lines(one.payload)) for one in fragments]
        told = [(meta, _as_the_pile(lines) if self._is_compat else conversation(lines)) for meta, lines in days]
        told = [(meta, text) for meta, text in told if text.strip()]
        if not told:
            return Reject("no_text", "nobody spoke")
        between = "" if self._is_compat else "\n\n"
        text = between.join(f"{meta['channel']} {meta['date']}\n{text}" for meta, text in told)
        return Document(text, _meta(told[0][0], is_day=not self.joins))

    @property
    def _is_compat(self) -> bool:
        return self.config.compat == "pile-2020"

    def _week(self, day: date, channel: str) -> str:
        year, week, _ = day.isocalendar()
        return f"W{week:02}/{channel}" if self._is_compat else f"{year}-W{week:02}/{channel}"


def decode_lines(content: bytes) -> list[str]:
    """Lines of a log, each in the encoding of who wrote it."""
    lines = content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").split(b"\n")
    try:
        return [line.decode() for line in lines]
    except UnicodeDecodeError:
        return [_decode(line) for line in lines]


def conversation(lines: Iterable[str]) -> str:
    """What was said and done, without times and the program's own reports; empty if nothing was."""
    kept = []
    for line in lines:
        if _EVENT.match(line):
            continue
        if line.startswith("=== "):
            line = f"* {line[4:]}"
        else:
            line = _CLOCK.sub("", line, count=1) if _CLOCK.match(line) else line
        line = _FORMATTING.sub("", line).rstrip()
        # Actions of later logs have a space before the star.
        kept.append(line.removeprefix(" ") if line.startswith(" * ") else line)
    return "\n".join(line for line in kept if line.strip())


def _as_the_pile(lines: Sequence[str]) -> str:
    if not any(line for line in lines if not line.startswith("===")):
        return ""
    left = [line for line in lines if not (line.startswith("===") and any(term in line for term in _PILE_EVENTS))]
    # Eight characters are those of the time, whatever stands there.
    return "\n".join(f"* {line[4:]}" if line.startswith("===") else line[8:] for line in left)


def _decode(line: bytes) -> str:
    for encoding in ("utf-8", "cp1252"):
        try:
            return line.decode(encoding)
        except UnicodeDecodeError:
            continue
    return line.decode("latin-1")


def _log(name: str) -> tuple[date, str] | None:
    """Day and channel of a log by its path, or None if it is none."""
    found = _PATH.search(name)
    if not found:
        return None
    try:
        day = date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None
    return day, "#" + unquote(found[4]).removeprefix("#")


def _meta(first: Mapping[str, Any], *, is_day: bool) -> Mapping[str, Any]:
    day = first["date"].replace("-", "/")
    path = f"{day}/{quote(first['channel'], safe='')}.txt" if is_day else f"{day}/"
    return {**first, "url": f"https://irclogs.ubuntu.com/{path}", "license": LICENCE}
