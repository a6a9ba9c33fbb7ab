"""EuroParl: the debates of the European Parliament in 21 languages, one document per chapter file of a sitting."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from pile_builder.errors import InputError
from pile_builder.input_files import InputFile
from pile_builder.source import Document, Raw, Reject, Skipped, Source, Upstream
from pile_builder.sources.tar_archive import tar_members
from pile_builder.streams import open_text_bytes, read_all

MAX_BYTES = 32 << 20
"""Largest file of a sitting (a whole day of debate takes 2 MB)."""
MIN_CHARACTERS = 200
"""Files with less text are left out, as in the Pile."""

_PATH = re.compile(r"(?:^|/)([a-z]{2})/(ep-(\d{2})-(\d{2})-(\d{2})[\w-]{0,20})\.txt$")
_TAG = re.compile(r"<\s*(/?[A-Za-z]{1,20})\b([^<>\n]{0,500})>")
_NAME = re.compile(r'NAME\s*=\s*(?:"([^"]{0,300})"|([^\s">]{1,300}))', re.I)
_KNOWN = frozenset(["chapter", "speaker", "p", "brk", "/p", "/speaker", "/chapter", "affiliation"])


class Europarl(Source):
    """Debates of the European Parliament, one document per file of a sitting and language.

    Upstream: statmt.org/europarl/v7/europarl.tgz, members `txt/LANG/ep-YY-MM-DD(-NNN).txt`, 1996 to 2011, also unpacked
    (folders named after the language). Licence: the Parliament lets its texts be used with its name given.

    Comes out: key `LANG/ep-YY-MM-DD-NNN`; text = the chapter's title, then each speaker's name on a line of its own and
    what was said below, paragraphs between blank lines; meta: language, date. One sitting in 21 languages is 21
    documents: all are kept, as in the Pile. The archive is one stream, read in order; unpacked, it is read in parallel.

    Dropped: tags, numbers of chapters and speakers, the speaker's language and party. Skipped by kind: `directory`,
    `other_file`.

    Rejects: `too_short` (fewer than 200 characters), `undecodable` (no UTF-8), `unknown_tag` (only in `pile-2020`),
    `truncated`, `damaged`, `bomb`, `too_large`.
    """

    pile_set_name: ClassVar[str] = "EuroParl"
    version: ClassVar[int] = 1
    patterns: ClassVar[tuple[str, ...]] = ("ep-*.txt", "*.tgz", "*.tar.gz", "*.tar")
    compat: ClassVar[str] = "lines as published, tags taken out of them; a file with a tag of another name is dropped"
    upstreams: ClassVar[tuple[Upstream, ...]] = (
        Upstream("https://www.statmt.org/europarl/v7/europarl.tgz", 1_500_000_000, 1, 1_500_000_000, "2012"),
    )
    licence: ClassVar[str] = "European Parliament, use with its name given"

    def read_file(self, file: InputFile) -> Iterator[Raw | Reject | Skipped]:
        """Stream the files of a tar in order, or yield a file that is unpacked."""
        with open_text_bytes(file) as stream:
            if not re.search(r"\.(?:tgz|tar|tar\.gz)$", file.name):
                yield _offered(file.name, read_all(stream, MAX_BYTES), "")
                return
            for member in tar_members(stream, file.name):
                if isinstance(member, str):
                    yield Skipped(member)
                elif not _PATH.search(member.name):
                    yield Skipped("other_file")
                elif member.size > MAX_BYTES:
                    yield Reject("too_large", f"{member.size:,} bytes", key=_key(member.name, file.name))
                else:
                    yield _offered(member.name, read_all(member.content, MAX_BYTES), file.name)

    def preview(self, raw: Raw) -> str | None:
        """Sentences from the middle."""
        start = max(len(raw.payload) // 2 - 4_000, 0)
        return _TAG.sub(" ", raw.payload[start : start + 8_000].decode("utf-8", "ignore"))

    def extract(self, raw: Raw) -> Document | Reject:
        """Turn a file into speeches."""
        try:
            marked = raw.payload.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            return Reject("undecodable", str(error))
        marked = marked.replace("\r\n", "\n").replace("\r", "\n")
        try:
            text = _as_the_pile(marked) if self.config.compat == "pile-2020" else _speeches(marked)
        except InputError as error:
            return Reject(error.rule, error.detail)
        if len(text) < MIN_CHARACTERS:
            return Reject("too_short", f"{len(text)} characters, at least {MIN_CHARACTERS}")
        return Document(text, raw.meta)


def _offered(path: str, data: bytes, archive: str) -> Raw:
    found = _PATH.search(path)
    meta = {}
    if found:
        language, _, year, month, day = found.groups()
        meta = {"language": language, "date": f"{'19' if year > '50' else '20'}{year}-{month}-{day}"}
    return Raw(_key(path, archive), data, "text/plain", meta)


def _key(path: str, archive: str) -> str:
    if found := _PATH.search(path):
        return f"{found[1]}/{found[2]}"
    return f"{archive}/{path}" if archive else path


def _speeches(marked: str) -> str:
    """Speakers on lines of their own, paragraphs between blank lines."""
    blocks: list[str] = []
    paragraph: list[str] = []
    speaker = ""

    def end_paragraph() -> None:
        nonlocal speaker
        if paragraph:
            lines = [" ".join(line.split()) for line in "".join(paragraph).split("\n")]
            blocks.append("\n".join(line for line in (speaker, *lines) if line))
            speaker = ""
            paragraph.clear()

    for line in marked.split("\n"):
        at = 0
        for tag in _TAG.finditer(line):
            paragraph.append(line[at : tag.start()])
            at = tag.end()
            name = tag[1].lower()
            if name not in _KNOWN:
                # Emphasis and the like, inside a sentence.
                continue
            if not "".join(paragraph).strip():
                paragraph.clear()
            end_paragraph()
            if name == "speaker":
                speaker = _name(tag).rstrip(" .,")
            elif name == "chapter":
                speaker = ""
        if line[at:].strip():
            paragraph.append(f"{line[at:]}\n")
        elif not line.strip():
            end_paragraph()
    end_paragraph()
    return "\n\n".join(blocks)


def _as_the_pile(marked: str) -> str:
    """The file's lines with the tags taken out of them.

    Raises:
        InputError: `unknown_tag`.
    """

    def said(tag: re.Match[str]) -> str:
        name = tag[1].lower()
        if name == "speaker":
            return _name(tag)
        if name not in ("p", "brk", "chapter"):
            raise InputError("unknown_tag", tag[0][:100])
        return ""

    return _TAG.sub(said, marked).strip()


def _name(tag: re.Match[str]) -> str:
    found = _NAME.search(tag[2])
    return " ".join((found[1] or found[2] or "").split()) if found else ""
