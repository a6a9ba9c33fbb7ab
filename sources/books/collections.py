"""Collections of books that are components of the Pile: PG-19, and two whose texts nobody may redistribute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from pile_builder.input_files import InputFile, list_files
from pile_builder.source import Document, Raw, Reject, Skipped, Upstream
from pile_builder.sources.books import Books, gutenberg

RESTRICTED = "LicenseRef-AllRightsReserved"
"""Of every book whose rights are somebody's, and which no licence lets others copy."""

_PARTS = frozenset({"train", "validation", "test"})
_METADATA = "metadata.csv"
_UNKNOWN = "NOASSERTION"


class Pg19Config(Books.Config):
    """Which parts of PG-19, and where its list of books is."""

    metadata: tuple[str, ...] = Field(
        default=(), description="metadata.csv: id, title, year, URL per line; the one among the inputs if empty"
    )
    parts: tuple[str, ...] = Field(default=("train",), description="of train, validation and test")


class Pg19(Books):
    """PG-19: 28,752 books of Project Gutenberg published before 1919, without its headers and footers.

    Upstream: the bucket `deepmind-gutenberg` of Google Cloud Storage (gs:// or https://storage.googleapis.com/):
    `train/<id>.txt`, `validation/`, `test/` and `metadata.csv`. Licence: in the public domain in the USA.

    Comes out: the text as published there, offensive words masked as `<DW>` included; title, date (the year of first
    publication), url and gutenberg_id from `metadata.csv`, which is looked for among the inputs. The key is
    `train/<id>.txt`. Of the three parts only `train` is read, as by the Pile, unless `parts` says otherwise.

    Dropped: what `books` drops, of which PG-19 has little left. Skipped: nothing.

    Rejects: as `books`: `damaged`, `undecodable`, `too_large`, `no_text`, `not_a_book`.
    """

    pile_set_name: ClassVar[str] = "Gutenberg (PG-19)"
    tried: ClassVar[Literal["upstream", "samples"]] = "samples"
    licence: ClassVar[str] = "public domain in the USA"
    patterns: ClassVar[tuple[str, ...]] = ("*.txt",)
    upstreams: ClassVar[tuple[Upstream, ...]] = (
        Upstream("https://github.com/google-deepmind/pg19", 11_700_000_000, 28_752, 400 << 10, of="2019-11"),
    )
    Config = Pg19Config
    config: Pg19Config

    def input_files(self) -> list[InputFile]:
        """The books of the wanted parts."""
        unwanted = _PARTS.difference(self.config.parts)
        books = [file for file in super().input_files() if not file.url.endswith(f"/{_METADATA}")]
        return [file for file in books if _folder(file.url) not in unwanted]

    def read_file(self, file: InputFile) -> Iterator[Raw | Reject | Skipped]:
        """The book in a file, named as the bucket has it."""
        for one in super().read_file(file):
            yield replace(one, key="/".join(file.url.split("/")[-2:])) if isinstance(one, Raw) else one

    def extract(self, raw: Raw) -> Document | Reject:
        """The book, in the public domain."""
        made = super().extract(raw)
        if isinstance(made, Reject):
            return made
        return Document(made.text, {"license": gutenberg.PUBLIC_DOMAIN, **made.meta})

    def side_tables(self) -> Mapping[str, Sequence[InputFile]]:
        """The list of books: the one that is named, or found among the inputs."""
        if self.config.metadata:
            return super().side_tables()
        listed = [file for pattern in self.config.inputs for file in list_files(pattern, self.config.root)]
        found = {file.url: file for file in listed if file.url.rpartition("/")[2] == _METADATA}
        return {"metadata": [found[url] for url in sorted(found)]} if found else {}


class Books3(Books):
    """Books3: a user's own copy of `books3.tar.gz`, which is offered nowhere and part of no manifest here.

    Upstream: none; what was at the-eye.eu was taken down at the demand of rights holders. Licence: restricted. The
    books are under copyright and no licence; whether you may use a copy is for you to find out. `books`, `pg19` and
    Standard Ebooks are open substitutes.

    Reads `*.epub.txt` in a tar or a folder (what `epub2txt` made of EPUBs), or the EPUBs. What comes out and what is
    dropped are as of `books`; every document that states nothing else has the license `LicenseRef-AllRightsReserved`,
    so that policies of licences drop it.

    Rejects: as `books`: `truncated`, `damaged`, `bomb`, `too_large`, `encrypted`, `undecodable`, `no_text`,
    `not_a_book`.
    """

    pile_set_name: ClassVar[str] = "Books3"
    upstreams: ClassVar[tuple[Upstream, ...]] = ()
    tried: ClassVar[Literal["upstream", "samples"]] = "samples"
    licence: ClassVar[str] = "restricted"

    def extract(self, raw: Raw) -> Document | Reject:
        """The book, all rights reserved unless it says otherwise."""
        made = super().extract(raw)
        if isinstance(made, Reject):
            return made
        stated = made.meta.get("license") or _UNKNOWN
        return Document(made.text, {**made.meta, "license": RESTRICTED if stated == _UNKNOWN else stated})


class BookCorpus2(Books3):
    """BookCorpus2: a user's own copy of `books1.tar.gz`, which is offered nowhere and part of no manifest here.

    Upstream: none; its books were free to read at smashwords.com, not free to copy. Licence: restricted, as of
    `books3`.

    Reads `books1/epubtxt/*.epub.txt` in the tar, or in a folder, or the EPUBs. What comes out and what is dropped are
    as of `books3`.

    Rejects: as `books`: `truncated`, `damaged`, `bomb`, `too_large`, `encrypted`, `undecodable`, `no_text`,
    `not_a_book`.
    """

    pile_set_name: ClassVar[str] = "BookCorpus2"


def _folder(url: str) -> str:
    return url.rpartition("/")[0].rpartition("/")[2]
