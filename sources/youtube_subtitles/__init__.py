"""Subtitles of YouTube videos in files, one document per video and language."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field

from pile_builder.errors import InputError
from pile_builder.input_files import InputFile, list_files
from pile_builder.source import Document, Fragment, Raw, Reject, Source, SourceConfig, Split, Upstream
from pile_builder.sources import bounded_json
from pile_builder.sources.text_encoding import decode
from pile_builder.sources.youtube_subtitles.captions import (
    Captions,
    Cue,
    load_json,
    parse_json,
    parse_text,
    to_lines,
)
from pile_builder.streams import open_text_bytes, read_all, read_lines

MAX_BYTES = 32 << 20
"""Longest file of one video's subtitles (seen: 130 kB an hour), and of a file that holds many of them a line each."""
MIN_WORDS = 20

_SUFFIX = re.compile(r"\.(vtt|srt|json|jsonl)(?:\.gz)?$")
_LANGUAGE = r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,10}){0,2}"
_NAMED = re.compile(rf"^(?:(.*?)[._])?({_LANGUAGE})$")
_VIDEO = re.compile(r"\[([\w-]{11})\]$|^([\w-]{11})$")
_LICENCES = {"Creative Commons Attribution license (reuse allowed)": "CC-BY-3.0"}
_LANGUAGES = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bangla", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German",
    "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "fa": "Persian", "fi": "Finnish",
    "fr": "French", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian",
    "it": "Italian", "iw": "Hebrew", "ja": "Japanese", "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian",
    "ms": "Malay", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "ta": "Tamil", "th": "Thai",
    "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip


class YoutubeSubtitles(Source):
    """Subtitles of videos, one document per video and language.

    Upstream: none that is public: files that a user has, and the Pile's can't be made again. As yt-dlp writes them
    (`TITLE [ID].LANG.vtt`, `ID.LANG.srt`, with `.info.json` given as `metadata`), and transcripts of
    youtube_transcript_api as JSON: a list of snippets, an object around one (`video_id`, `language_code`,
    `is_generated`), or a line each in .jsonl. Licence: a video's uploader holds the rights, unless the metadata says
    otherwise.

    Comes out: key `VIDEO/LANG`, or the path where the name states no video; text = cues joined to lines that end with
    the sentence, before another speaker (`- `, `NAME:`) and at pauses of four seconds; meta: video_id, url, language,
    generated, and title, date, channel, license from the metadata.

    Dropped: times, settings, styles, tags, names of cues, lines that roll through captions twice, cues that only
    describe a sound, [Music], [Applause] and the like anywhere.

    Rejects: `generated` (made by speech recognition, unless `generated: true`), `no_text` (fewer than 20 words),
    `undecodable`, `damaged`, `truncated`, `bomb`, `too_large`.
    """

    pile_set_name: ClassVar[str] = "YoutubeSubtitles"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ("resiliparse",)
    patterns: ClassVar[tuple[str, ...]] = ("*.vtt", "*.srt", "*.json", "*.jsonl", "*.vtt.gz", "*.srt.gz", "*.jsonl.gz")
    compat: ClassVar[str] = (
        "one document per video, cut by minutes, where each language follows the other under its name"
    )
    upstreams: ClassVar[tuple[Upstream, ...]] = ()
    licence: ClassVar[str] = "each uploader's"
    tried: ClassVar = "upstream"

    class Config(SourceConfig):
        """Settings of the youtube_subtitles source."""

        generated: bool = Field(default=False, description="keep captions made by speech recognition")
        metadata: tuple[str, ...] = Field(default=(), description="yt-dlp's .info.json files")

    config: Config

    @property
    def joins(self) -> bool:
        """The Pile's documents are joined of a video's languages."""
        return self.config.compat == "pile-2020"

    def splits(self) -> Iterable[Split]:
        """Small files packed together; metadata is no subtitle. Languages of a video may lie in any two files."""
        for split in super().splits():
            files = tuple(file for file in split.files if not file.name.endswith(".info.json"))
            if files:
                yield replace(split, files=files)

    def read_file(self, file: InputFile) -> Iterator[Raw | Fragment | Reject]:
        """Yield the subtitles in a file: one, or one per line of a .jsonl."""
        name = _SUFFIX.sub("", file.name)
        with open_text_bytes(file) as stream:
            if not re.search(r"\.jsonl(?:\.gz)?$", file.name):
                kind = "json" if ".json" in file.name[-8:] else "text"
                yield self._offered(name, read_all(stream, MAX_BYTES), kind)
                return
            for number, (_, line) in enumerate(read_lines(stream, limit=MAX_BYTES), 1):
                if line is None:
                    yield Reject("too_large", f"a line of more than {MAX_BYTES:,} bytes", key=f"{name}#{number}")
                elif line.strip():
                    yield self._offered(f"{name}#{number}", line, "json")

    def _offered(self, name: str, data: bytes, kind: str) -> Raw | Fragment | Reject:
        video, language = _names(name)
        if kind == "json":
            try:
                value = load_json(data)
            except InputError as error:
                return Reject(error.rule, error.detail, key=name)
            if isinstance(value, dict):
                stated = value.get("language_code") or value.get("language")
                language = stated if isinstance(stated, str) and re.fullmatch(_LANGUAGE, stated) else language
                video = value["video_id"] if isinstance(value.get("video_id"), str) else video
        folder = name.rpartition("/")[0]
        key = f"{video}/{language}" if video and language else video or name
        if not self.joins:
            known = {"video_id": video, "language": language}
            return Raw(key, data, kind, {name: value for name, value in known.items() if value})
        # Without a video's id, languages of one talk lie in one folder.
        together = video or (folder if language and not _stem(name) else name)
        return Fragment(together, data, f"{language}/{name}", {"kind": kind, "video_id": video, "language": language})

    def preview(self, raw: Raw) -> str | None:
        """Words from the middle of SubRip or WebVTT."""
        if raw.media_type == "json" or raw.fragments:
            return None
        start = max(len(raw.payload) // 2 - 4_000, 0)
        sample = raw.payload[start : start + 8_000].decode("utf-8", "ignore")
        return " ".join(re.sub(r"<[^<>]*>|^.*-->.*$|^\d+\s*$", " ", sample, flags=re.M).split())

    def extract(self, raw: Raw) -> Document | Reject:
        """Turn one file's subtitles into lines."""
        if raw.fragments:
            return self.join(raw.key, raw.fragments)
        captions = self._captions(raw.payload, raw.media_type)
        if isinstance(captions, Reject):
            return captions
        lines = to_lines(captions.cues)
        return self._document("\n".join(lines), {**raw.meta, **captions.meta})

    def join(self, key: str, fragments: Sequence[Fragment]) -> Document | Reject:
        """All languages of a video, minute by minute, as the Pile had them."""
        tracks: dict[str, Sequence[Cue]] = {}
        meta: dict[str, Any] = {}
        reject = Reject("no_text", "no subtitles")
        for fragment in fragments:
            captions = self._captions(fragment.payload, fragment.meta["kind"])
            if isinstance(captions, Reject):
                reject = captions
                continue
            language = fragment.meta["language"] or captions.meta.get("language", "")
            tracks.setdefault(language, captions.cues)
            meta = {**meta, **captions.meta, "video_id": fragment.meta["video_id"] or captions.meta.get("video_id", "")}
        if not tracks:
            return reject
        meta["language"] = next(iter(tracks)) if len(tracks) == 1 else ""
        return self._document(_by_minutes(tracks), {**meta, "languages": sorted(tracks)})

    def _captions(self, data: bytes, kind: str) -> Captions | Reject:
        try:
            if kind == "json":
                captions = parse_json(load_json(data))
            else:
                text = decode(data)
                if text is None:
                    return Reject("undecodable", "neither UTF-8 nor a detected encoding")
                captions = parse_text(text.replace("\r\n", "\n").replace("\r", "\n"))
        except InputError as error:
            return Reject(error.rule, error.detail)
        if captions.meta.get("generated") and (self.joins or not self.config.generated):
            return Reject("generated", "captions made by speech recognition")
        return captions

    def _document(self, text: str, meta: Mapping[str, Any]) -> Document | Reject:
        words = len(text.split())
        if words < MIN_WORDS and len(text) < 5 * MIN_WORDS:
            return Reject("no_text", f"{words} words, at least {MIN_WORDS}")
        video = meta.get("video_id")
        url = {"url": f"https://www.youtube.com/watch?v={video}"} if video else {}
        known = self.lookup("metadata", video) if video else None
        return Document(text, {name: value for name, value in {**meta, **url, **(known or {})}.items() if value})

    def side_tables(self) -> Mapping[str, Sequence[InputFile]]:
        """What yt-dlp wrote beside the subtitles."""
        files = [file for pattern in self.config.metadata for file in list_files(pattern, self.config.root)]
        files = [file for file in files if not file.listed or file.name.endswith(".info.json")]
        return {"metadata": files} if files else {}

    def read_table(self, name: str, files: Sequence[InputFile]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Stream title, date, channel and licence of videos, by video id.

        Raises:
            InputError: `damaged`: a file is no JSON object with an id.
        """
        for file in files:
            with open_text_bytes(file) as stream:
                try:
                    told = bounded_json.loads(read_all(stream, MAX_BYTES))
                    video = told["id"]
                except (ValueError, KeyError, TypeError) as error:
                    raise InputError("damaged", f"{file.name}: expected a JSON object with an id ({error})") from error
            day = str(told.get("upload_date") or "")
            values = {
                "title": told.get("title"),
                "date": f"{day[:4]}-{day[4:6]}-{day[6:]}" if re.fullmatch(r"\d{8}", day) else "",
                "channel": told.get("channel") or told.get("uploader"),
                "license": _LICENCES.get(told.get("license") or "", told.get("license")),
            }
            yield video, {key: value for key, value in values.items() if value}


def _stem(name: str) -> str:
    """What a file is called before the language; empty if it is called after the language alone."""
    named = _NAMED.match(name.rpartition("/")[2])
    return (named[1] or "") if named else name


def _names(name: str) -> tuple[str, str]:
    """Video id and language that a file's name states, each or empty."""
    stem = name.rpartition("/")[2]
    video = _VIDEO.search(stem)
    language = ""
    if not video and (named := _NAMED.match(stem)):
        language = named[2]
        video = _VIDEO.search(named[1] or "")
    return (video[1] or video[2]) if video else "", language


def _by_minutes(tracks: Mapping[str, Sequence[Cue]]) -> str:
    if len(tracks) == 1:
        return "\n".join(line for cues in tracks.values() for cue in cues for line in cue.lines)
    minutes: dict[int, dict[str, list[str]]] = defaultdict(dict)
    for language, cues in tracks.items():
        for cue in cues:
            minutes[int(cue.start // 60)].setdefault(language, []).extend(cue.lines)
    blocks = [
        f"{_LANGUAGES.get(language.partition('-')[0], language)}: \n" + "\n".join(lines)
        for _, said in sorted(minutes.items())
        for language, lines in said.items()
    ]
    return "\n\n".join(blocks)
