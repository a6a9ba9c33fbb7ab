"""Books: Project Gutenberg's text files, PG-19, EPUBs and other plain text, one document per book."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, ClassVar, Literal, cast

from pydantic import Field

from pile_builder.errors import InputError
from pile_builder.input_files import InputFile, list_files
from pile_builder.source import Document, Raw, Reject, Skipped, Source, SourceConfig, Upstream
from pile_builder.sources.books import epub, gutenberg
from pile_builder.sources.tar_archive import tar_members
from pile_builder.sources.text_encoding import decode
from pile_builder.streams import MAX_RECORD_BYTES, open_text_bytes, read_all

EPUB = "application/epub+zip"
TEXT = "text/plain"
MIN_WORDS = 50
"""Fewer words are a note about a book, not a book (seen: readme files of 15 words; the shortest pamphlet has 1,100)."""
MIN_LETTERS = 0.6
"""Least share of letters among what is not white space (seen: prose and verse above 0.9, a directory listing 0.3)."""
JUDGED_CHARACTERS = 200_000
"""Whether a file is a book is judged by so much of its beginning."""
MIN_COPYRIGHT_YEAR = 1964
"""United States copyrights from this year on renewed themselves (Copyright Renewal Act of 1992)."""

_SUFFIXES = {".epub": EPUB, ".txt": TEXT}
_NUMBER = re.compile(r"[0-9]{1,9}")
_AUDIO = re.compile(r"\baudio (?:book|reading|performance|recording)|\.(?:mp3|ogg|m4b)\b", re.I)
_COPYRIGHT = re.compile(r"(?:copyright|\(c\)|©)[^\n]{0,30}?\b(\d{4})\b", re.I)


class Books(Source):
    """Books in plain text or EPUB.

    Upstream: gutenberg.org (mirrors with one .txt per book, as published: ASCII, Latin-1 or UTF-8), the PG-19 bucket
    (`train/<id>.txt`, with `metadata.csv` given as `metadata`), standardebooks.org, or any folder of .txt, .txt.gz,
    .epub and tars of them. Project Gutenberg's texts are in the public domain in the USA unless the file says
    otherwise; the licence of an EPUB is what its package states.

    Comes out: one document per book, key = the file's name under the root (a Gutenberg number is no key: one book
    comes in several editions and encodings), with title, authors, date, language, license, url, gutenberg_id where
    known. Line breaks, verse, tables and typographic marks (`_italics_`) of text files stay as published, as in PG-19:
    joining lines would ruin what is not prose. Trailing blanks go; of blank lines in a row two stay. Headings are
    plain paragraphs.

    Dropped: Gutenberg's header, footer, credits, transcriber's notes, markers of pictures without a caption; in EPUBs
    title page, imprint, colophon, tables of contents, cover, what is not in the linear reading order, navigation.

    Rejects: `truncated`, `damaged`, `bomb`, `too_large`, `encrypted` (password or rights management), `undecodable`,
    `no_text`, `not_a_book` (readme files, listings, indexes of audio recordings).
    """

    pile_set_name: ClassVar[str] = "Gutenberg (PG-19)"
    version: ClassVar[int] = 2
    upstreams: ClassVar[tuple[Upstream, ...]] = (
        Upstream("https://storage.googleapis.com/deepmind-gutenberg", 12 << 30, 28_752, 400 << 10, of="2020"),
        Upstream("https://www.gutenberg.org/robot/harvest", 30 << 30, 75_000, 400 << 10),
    )
    licence: ClassVar[str] = "public domain in the USA; an EPUB's as its package states"
    tried: ClassVar[Literal["upstream", "samples"]] = "upstream"
    libraries: ClassVar[tuple[str, ...]] = ("lxml", "resiliparse")
    patterns: ClassVar[tuple[str, ...]] = ("*.txt", "*.txt.gz", "*.epub", "*.tar", "*.tar.gz", "*.tgz")

    class Config(SourceConfig):
        """Settings of the books source."""

        metadata: tuple[str, ...] = Field(default=(), description="PG-19's metadata.csv: id, title, year, URL per line")

    def read_file(self, file: InputFile) -> Iterator[Raw | Reject | Skipped]:
        """Yield the book in a file, or each book in a tar."""
        with open_text_bytes(file) as stream:
            if re.search(r"\.(?:tar|tar\.gz|tgz)$", file.name):
                yield from _read_tar(stream, file.name)
            else:
                yield Raw(file.name, read_all(stream), _media_type(file.name))

    def preview(self, raw: Raw) -> str | None:
        """A passage of a text file where no English licence stands; nothing for EPUBs."""
        if raw.media_type == EPUB:
            return None
        declared = gutenberg.declared_encoding(raw.payload)
        begin = raw.payload.find(b"START OF TH", 0, 20_000) + 2_000 if len(raw.payload) < 100_000 else 0
        begin = begin if begin >= 2_000 else len(raw.payload) // 2
        passage = raw.payload[begin : begin + 4_000]
        # A character cut in half at either end is no reason to take the passage for something else.
        return decode(passage.strip(bytes(range(0x80, 0xC0))), declared) or passage.decode("utf-8", "ignore")

    def extract(self, raw: Raw) -> Document | Reject:
        """Turn one book's bytes into its text."""
        try:
            book = _epub(raw.payload) if raw.media_type == EPUB else _plain(raw.payload)
        except InputError as error:
            return Reject(error.rule, error.detail)
        if book is None:
            return Reject("undecodable", "neither UTF-8, nor the declared encoding, nor a detected one")
        opening = "".join(book.text[:JUDGED_CHARACTERS].split())
        letters = sum(map(str.isalpha, opening))
        if not letters:
            return Reject("no_text", "no letter outside headers and boilerplate")
        words = len(book.text[:JUDGED_CHARACTERS].split())
        if words < MIN_WORDS or letters < MIN_LETTERS * len(opening):
            return Reject("not_a_book", f"{words:,} words, {letters:,} letters in {len(opening):,} characters")
        if words < 2_000 and _AUDIO.search(book.text):
            return Reject("not_a_book", "an index of audio files")
        return Document(book.text, self._completed(raw.key, book.meta))

    def side_tables(self) -> Mapping[str, Sequence[InputFile]]:
        """PG-19's list of books."""
        config = cast("Books.Config", self.config)
        files = [file for pattern in config.metadata for file in list_files(pattern, config.root)]
        return {"metadata": files} if files else {}

    def read_table(self, name: str, files: Sequence[InputFile]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Stream (number, values) of PG-19's metadata.csv; lines without a number are left out.

        Raises:
            InputError: `damaged`: it is no CSV.
        """
        for file in files:
            with open_text_bytes(file) as stream:
                rows = csv.reader(io.TextIOWrapper(stream, "utf-8", errors="replace", newline=""))
                try:
                    yield from (_listed(row) for row in rows if len(row) >= 3 and _NUMBER.fullmatch(row[0]))
                except csv.Error as error:
                    raise InputError("damaged", f"{file.name}, line {rows.line_num}: {error}") from error

    def _completed(self, key: str, meta: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the metadata table says of a file named after its Gutenberg number, under what the file itself says."""
        stem = key.rsplit("/", 1)[-1].removesuffix(".gz").removesuffix(".txt")
        listed = self.lookup("metadata", stem)
        return {**listed, "license": gutenberg.PUBLIC_DOMAIN, **meta} if listed else meta


def _listed(row: Sequence[str]) -> tuple[str, Mapping[str, Any]]:
    date = row[2] if re.fullmatch(r"\d{4}", row[2]) else ""
    values = {"title": row[1], "date": date, "url": row[3] if len(row) > 3 else "", "gutenberg_id": int(row[0])}
    return row[0], {key: value for key, value in values.items() if value}


def _read_tar(stream: BinaryIO, name: str) -> Iterator[Raw | Reject | Skipped]:
    for member in tar_members(stream, name):
        if isinstance(member, str):
            yield Skipped(member)
        elif not member.name.endswith(tuple(_SUFFIXES)):
            yield Skipped("other_file")
        elif member.size > MAX_RECORD_BYTES:
            yield Reject("too_large", f"{member.size:,} bytes", key=f"{name}/{member.name}")
        else:
            yield Raw(f"{name}/{member.name}", read_all(member.content), _media_type(member.name))


def _media_type(name: str) -> str:
    return EPUB if name.endswith(".epub") else TEXT


def _epub(data: bytes) -> gutenberg.Book:
    book = epub.parse(data)
    # Project Gutenberg's own EPUBs carry the header and footer of its text files.
    cut = gutenberg.parse(book.text)
    return gutenberg.Book(cut.text, {**cut.meta, **book.meta}) if cut else gutenberg.Book(book.text, book.meta)


def _plain(data: bytes) -> gutenberg.Book | None:
    text = decode(data, gutenberg.declared_encoding(data))
    if text is None:
        return None
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")
    book = gutenberg.parse(text)
    if book is None:
        return gutenberg.Book(gutenberg.clean(text), {})
    if _is_recent(book.text[:4_000]) and book.meta["license"] == gutenberg.PUBLIC_DOMAIN:
        return gutenberg.Book(book.text, {**book.meta, "license": "NOASSERTION"})
    return book


def _is_recent(opening: str) -> bool:
    return any(MIN_COPYRIGHT_YEAR <= int(found[1]) <= 2100 for found in _COPYRIGHT.finditer(opening))
