"""OpenSubtitles as OPUS publishes it: subtitles of films in XML, one document per file of subtitles."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from lxml import etree

from pile_builder.errors import InputError
from pile_builder.input_files import InputFile, open_input
from pile_builder.source import Document, Raw, Reject, Skipped, Source, Split, Upstream, pack
from pile_builder.sources.zip_archive import zip_members
from pile_builder.streams import gunzip, open_text_bytes, read_all

RANGE_BYTES = 16 << 20
"""Stored bytes of an archive that one split reads; they expand to about 120 MB."""
MAX_BYTES = 16 << 20
"""Longest file of subtitles; three hours of film take 400 kB."""
MIN_SENTENCES = 10
EDGE = 12
"""Credits of the people who made the subtitles stand among so many first and last sentences."""
PREVIEW_BYTES = 12_000

_PATH = re.compile(r"([a-z]{2,3}(?:_[A-Za-z]{2,4})?)/(\d{1,4})/(\d{1,10})/(\d{1,12})\.xml(?:\.gz)?$")
_FORMATTING = re.compile(r"\{[\\/][^{}]{0,100}\}|</?(?:i|b|u|font)(?:\s[^<>]{0,200})?>", re.I)
_DASH = re.compile(r"^[-–—‐]+\s*(?=\S)")
_ADVERTISEMENT = re.compile(
    r"open ?subtitles|\bVIP member\b|remove all ads|advertise your product|addic7ed|podnapisi\.", re.I
)
_CREDIT = re.compile(
    r"\bsub(?:title|bing|bed)?s?\b.{0,30}\b(?:by|from|edited|ripped|downloaded|adapted|provided|created)\b"
    r"|\b(?:sync(?:h?ed|hroni[sz]ed|hro|ed)?|rip(?:ped)?|resync(?:ed)?|transcript|transl?ated?|translation|captions?|captioned"
    r"|captioning|corrections?|encoded|timing|corrected)\b.{0,24}\bby\b.{0,60}$"
    r"|\bwww\.|https?:|\.(?:com|org|net)\b",
    re.I,
)
_BEFORE = re.compile(r" +(?=[,.!?;:…)\]}%»”]|'(?:s|re|ve|ll|d|m|t)\b|n't\b|'$)")
_QUOTED = re.compile(r'" ([^"]{0,1000}?) ?"')
_AFTER = re.compile(r"(?<=[(\[{«“$¿¡]) +")


class OpenSubtitles(Source):
    r"""Subtitles of films and series, one document per file of subtitles.

    Upstream: OPUS, corpus OpenSubtitles (v2018, v2024): `raw/LANG.zip` (sentences as they are) or `xml/LANG.zip` (in
    words) with members `OpenSubtitles/raw/LANG/YEAR/IMDB/ID.xml`, also gzipped or unpacked. Whoever wrote the subtitles
    holds the rights, next to the film's owners: no licence is given.

    Comes out: key `LANG/YEAR/IMDB/ID`; text = a sentence per line, as OPUS cut them, a dash before a change of
    speakers; meta: imdb_id, subtitle_id, language, date (year of the film), uploaded (date of the subtitles), genres.
    A film often has several files of subtitles: all are kept, and near-duplicate removal is there for them. Words of
    `xml/` are put together by rules that fit European languages; `raw/` is better.

    Dropped: times, formatting (`<i>`, `{\an8}`), advertisements, credits of the subtitles among the first and last 12
    sentences. Descriptions of sounds stay.

    Rejects: `truncated`, `damaged`, `bomb`, `too_large`, `encrypted`, `no_text` (fewer than 10 sentences).
    """

    pile_set_name: ClassVar[str] = "OpenSubtitles"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("lxml",)
    patterns: ClassVar[tuple[str, ...]] = ("*.zip", "*.xml", "*.xml.gz")
    compat: ClassVar[str] = "every sentence in quotation marks, without dashes, all in one line; nothing is dropped"
    upstreams: ClassVar[tuple[Upstream, ...]] = (
        Upstream(
            "https://opus.nlpl.eu/OpenSubtitles/corpus/version/OpenSubtitles", 4_400_000_000, 1, RANGE_BYTES, "2018"
        ),
    )
    licence: ClassVar[str] = "none given"

    def splits(self) -> Iterable[Split]:
        """A range of a zip per split; files that are unpacked are packed together."""
        loose: list[InputFile] = []
        found: list[Split] = []
        for file in self.input_files():
            if not file.name.endswith(".zip"):
                loose.append(file)
                continue
            for start in range(0, max(file.size, 1), RANGE_BYTES):
                found.append(Split(f"{file.name}@{start:013d}", (file,), {"start": start, "end": start + RANGE_BYTES}))
        return sorted([*found, *pack(loose)], key=lambda split: split.name)

    def read(self, split: Split) -> Iterator[Raw | Reject | Skipped]:
        """Stream the files of subtitles of a split."""
        for file in split.files:
            try:
                if "start" in split.params:
                    yield from _from_zip(file, split.params["start"], split.params["end"])
                else:
                    with open_text_bytes(file) as stream:
                        yield Raw(
                            _key(file.name, ""), read_all(stream, MAX_BYTES), "application/xml", _from_path(file.name)
                        )
            except InputError as error:
                # An archive without a directory is one reject, whatever the number of its splits.
                if not split.params.get("start"):
                    key = file.name if split.params else _key(file.name, "")
                    yield Reject(error.rule, error.detail, key=key)

    def preview(self, raw: Raw) -> str | None:
        """Sentences from the middle."""
        start = max(len(raw.payload) // 2 - PREVIEW_BYTES // 2, 0)
        sample = raw.payload[start : start + PREVIEW_BYTES].decode("utf-8", "ignore")
        return " ".join(re.sub(r"^[^<>]*>|<[^<>]*>|<[^<>]*$", " ", sample).split())

    def extract(self, raw: Raw) -> Document | Reject:
        """Turn a file of subtitles into lines."""
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True
        )
        try:
            root = etree.fromstring(raw.payload, parser)
        except etree.XMLSyntaxError as error:
            is_cut = not raw.payload.rstrip().endswith(b"</document>")
            return Reject("truncated" if is_cut else "damaged", str(error))
        said = [_sentence(element) for element in root.iter("s")]
        if self.config.compat == "pile-2020":
            text = " ".join(f'"{_bare(each)}"' for each in said)
            return Document(text, raw.meta) if said else Reject("no_text", "no sentence")
        lines = [line for line in (_line(each) for each in said) if line]
        lines = [line for place, line in enumerate(lines) if not _is_credit(line, min(place, len(lines) - 1 - place))]
        if len(lines) < MIN_SENTENCES:
            return Reject("no_text", f"{len(lines)} sentences, at least {MIN_SENTENCES}")
        return Document("\n".join(lines), {**raw.meta, **_stated(root)})


def _from_zip(file: InputFile, start: int, end: int) -> Iterator[Raw | Reject | Skipped]:
    with open_input(file) as stored:
        for member in zip_members(stored, file.name, start, end):
            if isinstance(member, str) or not member.name.endswith((".xml", ".xml.gz")):
                yield Skipped(member if isinstance(member, str) else "other_file")
                continue
            key = _key(member.name, file.name)
            try:
                data = member.read(MAX_BYTES)
                data = gunzip(data, MAX_BYTES) if data.startswith(b"\x1f\x8b") else data
            except InputError as error:
                yield Reject(error.rule, error.detail, key=key)
                continue
            yield Raw(key, data, "application/xml", _from_path(member.name))


def _key(path: str, archive: str) -> str:
    if found := _PATH.search(path):
        return "/".join(found.groups())
    name = re.sub(r"\.xml(?:\.gz)?$", "", path)
    return f"{archive}/{name}" if archive else name


def _from_path(path: str) -> Mapping[str, Any]:
    found = _PATH.search(path)
    if not found:
        return {}
    language, year, film, number = found.groups()
    year = {"date": year} if len(year) == 4 else {}
    return {"imdb_id": f"tt{film.zfill(7)}", "subtitle_id": number, "language": language.replace("_", "-"), **year}


def _stated(root: etree._Element) -> Mapping[str, Any]:
    """What the file's own `<meta>` says."""
    uploaded = (root.findtext("meta/subtitle/date") or "").strip()
    genres = [genre.strip() for genre in (root.findtext("meta/source/genre") or "").split(",") if genre.strip()]
    date = {"uploaded": uploaded} if re.fullmatch(r"\d{4}-\d{2}-\d{2}", uploaded) else {}
    return {**date, **({"genres": genres} if genres else {})}


def _sentence(element: etree._Element) -> str:
    """Text of a sentence; of words, put together with the blanks that belong there."""
    words = [word.text or "" for word in element.iter("w")]
    if not words:
        return "".join(map(str, element.itertext()))
    text = _AFTER.sub("", _BEFORE.sub("", " ".join(words)))
    return _QUOTED.sub(r'"\1"', text)


def _line(sentence: str) -> str:
    text = " ".join(_FORMATTING.sub("", sentence).split())
    return _DASH.sub("- ", text) if text.strip("-–—‐ .♪*#") else ""


def _bare(sentence: str) -> str:
    """A sentence as the Pile had it."""
    return sentence.replace("\n", " ").replace("\t", " ").strip().strip("-/").strip()


def _is_credit(line: str, from_edge: int) -> bool:
    return bool(_ADVERTISEMENT.search(line)) or (from_edge < EDGE and bool(_CREDIT.search(line)))
