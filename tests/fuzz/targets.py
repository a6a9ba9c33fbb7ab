"""The parsers as functions of bytes that may raise nothing: their declared errors are caught here, all else is a bug.

`TARGETS` names them; `seeds` gives each the samples that it starts from.
"""

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

from pile_builder.checked_yaml import read_yaml
from pile_builder.document import packed_json, valid_text
from pile_builder.errors import InputError, ManifestError
from pile_builder.input_files import InputFile
from pile_builder.manifest import Manifest, check_manifest
from pile_builder.masking import mask, public_url
from pile_builder.sources.arxiv.latex import to_markdown
from pile_builder.sources.arxiv.tree import unpack
from pile_builder.sources.books import epub, gutenberg
from pile_builder.sources.common_crawl import charset, html, urls, warc
from pile_builder.sources.github import Github, archive
from pile_builder.sources.github.licences import METADATA_FILES, licence_of, stated_licence
from pile_builder.sources.tar_archive import tar_members
from pile_builder.sources.text_encoding import decode
from pile_builder.streams import decompressed, read_all
from pile_builder.terminal import shown
from pile_builder.text.repair import repair_texts
from tests.fuzz import own_files, sources

SAMPLES = Path(__file__).parents[2] / "samples"
LIMIT = 8 << 20


def framing(data: bytes) -> None:
    """WARC records and the HTTP messages in them."""
    with suppress(InputError):
        for record in warc.read_records(io.BytesIO(data), "x", frozenset({"response"})):
            if isinstance(record, warc.Record) and record.block is not None:
                http(record.block)


def http(data: bytes) -> None:
    """Header, chunks and codings of one HTTP message."""
    with suppress(InputError):
        warc.decode_body(warc.parse_http(data), LIMIT)


def character_sets(data: bytes) -> None:
    """Bytes of pages and of text files to text."""
    kind, _, body = data.partition(b"\n")
    charset.decode(body, kind.decode("latin-1"))
    decode(body, kind.decode("latin-1"))


def pages(data: bytes) -> None:
    """A page's preview, depth, title and language."""
    text = data.decode("utf-8", "replace")
    html.preview(text)
    html.nesting(text)
    html.title_of(text).encode()
    html.language_of(text)


def addresses(data: bytes) -> None:
    """What is made of a URL."""
    text = data.decode("utf-8", "surrogateescape")
    urls.in_domains(urls.host_of(text), frozenset(urls.PILE_DOMAINS))
    urls.url_key(text)
    assert mask(mask(text)) == mask(text)
    public_url(text)


def latex(data: bytes) -> None:
    """A LaTeX file to Markdown."""
    with suppress(InputError):
        to_markdown({"main.tex": data.decode("utf-8", "replace")}, "main.tex")


def submissions(data: bytes) -> None:
    """An arXiv member, tar or file, compressed or not."""
    with suppress(InputError):
        unpack(data)


def epubs(data: bytes) -> None:
    """A book in a zip."""
    with suppress(InputError):
        epub.parse(data)


def gutenberg_texts(data: bytes) -> None:
    """A Gutenberg text."""
    gutenberg.declared_encoding(data)
    with suppress(InputError):
        gutenberg.parse(data.decode("utf-8", "replace"))


def licences(data: bytes) -> None:
    """Licence texts and package metadata."""
    text = data.decode("utf-8", "replace")
    licence_of(text)
    for name in METADATA_FILES:
        stated_licence(name, text)


def tars(data: bytes) -> None:
    """Members of a tar, whatever is compressed in whatever way."""
    with suppress(InputError):
        stream = cast("BinaryIO", io.BufferedReader(decompressed(io.BytesIO(data), "x")))
        for member in tar_members(stream, "x"):
            if not isinstance(member, str):
                member.name.encode()
                with suppress(InputError):
                    read_all(member.content, LIMIT)


def zips(data: bytes) -> None:
    """Members of a zip of a repository."""
    with _file(data, ".zip") as path, suppress(InputError):
        for entry in archive.archive_entries(InputFile("x.zip", str(path), len(data))):
            if not isinstance(entry, str) and entry.size <= LIMIT:
                with suppress(InputError):
                    entry.read()


def streams(data: bytes) -> None:
    """Everything that a compressed stream expands to."""
    stream = decompressed(io.BytesIO(data), "x")
    with suppress(InputError):
        while stream.read(1 << 16):
            pass


def code(data: bytes) -> None:
    """A source file."""
    from pile_builder.source import Document, Raw, SourceConfig

    raw = Raw("x", data, meta={"path": "a.py", "repository": "r", "license": "MIT"})
    found = Github(SourceConfig(inputs=("x",))).extract(raw)
    if isinstance(found, Document):
        packed_json(found.meta)


def manifests(data: bytes) -> None:
    """A manifest's YAML, and the models behind it."""
    with _file(data, ".yaml") as path, suppress(ManifestError):
        check_manifest(read_yaml(path, Manifest), str(path), {})


def texts(data: bytes) -> None:
    """Repair and showing of any text."""
    text = data.decode("utf-8", "replace")
    repair_texts([text])[0].encode()
    assert "\x1b" not in shown(text)
    valid_text(data.decode("utf-8", "surrogateescape")).encode()


class _file:  # noqa: N801
    """A file of some bytes, for what reads files."""

    def __init__(self, data: bytes, suffix: str) -> None:
        self._data, self._suffix = data, suffix

    def __enter__(self) -> Path:
        self._kept = tempfile.NamedTemporaryFile(suffix=self._suffix)
        self._kept.write(self._data)
        self._kept.flush()
        return Path(self._kept.name)

    def __exit__(self, *_: object) -> None:
        self._kept.close()


TARGETS: dict[str, tuple[Callable[[bytes], None], str]] = {
    "framing": (framing, "common_crawl/*.wet.gz"),
    "http": (http, "common_crawl/*.wet.gz"),
    "character_sets": (character_sets, "originals/common_crawl/*"),
    "pages": (pages, "originals/common_crawl/*"),
    "addresses": (addresses, ""),
    "latex": (latex, "originals/arxiv/*.tex"),
    "submissions": (submissions, "arxiv/*0305*.tar"),
    "epubs": (epubs, "books/*.epub"),
    "gutenberg_texts": (gutenberg_texts, "books/*.txt"),
    "licences": (licences, "originals/github/*"),
    "tars": (tars, "github/*.tar.gz"),
    "zips": (zips, "books/*.epub"),
    "streams": (streams, "common_crawl/*.gz"),
    "code": (code, "originals/github/*"),
    "manifests": (manifests, "evals/*.yaml"),
    "texts": (texts, "originals/common_crawl/*"),
}
"""A target's function, and which samples it starts from."""
TARGETS |= {name: (function, "") for name, function in {**sources.SOURCES, **own_files.FORMATS}.items()}
TARGETS |= {name: (function, "") for name, (function, _) in own_files.OWN_FILES.items()}
MARKED = frozenset([*sources.SOURCES, *own_files.FORMATS])
"""Targets whose inputs' first byte says which kind of file follows."""

_SMALL = {
    "addresses": (b"http://user:pw@www.a.example:80/x?sig=1&p=2#f", b"//[::1]/", b"a.example."),
    "http": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n\x78\x9c\x03\x00",
        b"HTTP/1.0 200\r\nContent-Encoding: br\r\n\r\n\x0b\x02\x80hello\x03",
    ),
    "manifests": (b"name: x\nsources: {books: {inputs: [a.txt], epochs: 1}}\nmix: {test: 0.1}\ndedup: null\n",),
}


def seeds(name: str) -> Iterator[bytes]:
    """What a target starts from."""
    if name in sources.SOURCES:
        yield from sources.seeds(name)
    elif name in own_files.FORMATS or name in own_files.OWN_FILES:
        yield from own_files.seeds(name)
    yield from _SMALL.get(name, ())
    pattern = TARGETS[name][1]
    for path in sorted(SAMPLES.glob(pattern)) if pattern else ():
        yield path.read_bytes()
