"""Every source as a function of one file's bytes: read, joined, previewed, extracted and packed as the engine does it.

An input's first byte says which of the source's kinds of file it is, the rest is the file.
"""

import bz2
import gzip
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from pile_builder.contract.reading import BROKEN, Outcome, extracted, raw_records
from pile_builder.document import document_id, packed_json, valid_text
from pile_builder.errors import InputError, ManifestError
from pile_builder.lookup import build_lookup, open_lookup
from pile_builder.source import Reject, Skipped, Source, Split, load_source
from pile_builder.sources.common_crawl.links import LinkedPages
from pile_builder.sources.hacker_news import HackerNews
from pile_builder.text.repair import repair_texts

SAMPLES = Path(__file__).parents[2] / "samples"
TABLE = "table/"
"""A kind of file in this folder is a side table; the option that names it follows."""


@dataclass(frozen=True)
class Kinds:
    """A source's kinds of file: names, each with the samples to start from, and the source's options.

    A name as `table/metadata/a.csv` is a side table's, given as the option `metadata`.
    """

    files: Mapping[str, str]
    options: Mapping[str, Any] = field(default_factory=dict)
    plugin: str = ""


_LAWS = {
    "opinions-2026-03-31.csv": "freelaw/*.csv*",
    "cases/a.json": "",
    "all.tar": "freelaw/all.tar",
    "quay.zip": "freelaw/*.zip",
    "table/clusters/clusters.csv": "freelaw/tables/opinion*",
    "table/dockets/dockets.csv": "freelaw/tables/dockets*",
}
_SUBTITLES = {
    "a.en.vtt": "youtube_subtitles/*.vtt",
    "talks/a/en.srt": "youtube_subtitles/talks/*/en.srt",
    "a.en.json": "youtube_subtitles/list.en.json",
    "dump.jsonl": "youtube_subtitles/dump.jsonl",
    "table/metadata/a.info.json": "youtube_subtitles/*.info.json",
}
_LOGS = {"2005/01/03/#harbour.txt": "ubuntu_irc/2005/*/*/*.txt"}
_POSTS = {
    "ferries.stackexchange.com/Posts.xml": "stack_exchange/*/Posts.xml*",
    "ferries.stackexchange.com.7z": "stack_exchange/*.7z",
}
_ITEMS = {
    "a.json": "hacker_news/api/*.json",
    "a.jsonl": "hacker_news/lines/*",
    "a.parquet": "hacker_news/export/*0.parquet",
}
_PUBMED = {"pubmed26n0001.xml": "originals/pubmed_abstracts/*.xml"}
_PMC = {"PMC1.nxml": "originals/pubmed_central/*", "oa.tar": "pubmed_central/*.tar.gz"}
_PATENTS = {
    "ipg200107.xml": "originals/uspto/ipg*",
    "pg020101.xml": "originals/uspto/pg0*",
    "pftaps19760106_wk01.txt": "originals/uspto/pftaps*",
    "ipg200107.zip": "uspto/*.zip",
}
_GRANTS = {
    "RePORTER_PRJABS_C_FY2009.csv": "originals/nih_exporter/*.csv",
    "CRISP_PRJABS_C_FY1994.zip": "nih_exporter/*PRJABS*.zip",
    "table/projects/RePORTER_PRJ_C_FY2009.csv": "originals/nih_exporter/projects*",
}
_WIKIS = {
    "a-pages-articles.xml": "wikipedia/*.xml",
    "a-pages-articles-multistream.xml.bz2": "wikipedia/*multistream.xml.bz2",
}
_MAILS = {"a.eml": "enron/*.eml", "a.mbox": "enron/*.mbox", "mails.tar": "enron/*.tar.gz"}
_BOOKS = {"table/metadata/metadata.csv": "pg19/metadata.csv", "a.tar": "books/*.tar.gz", "a.txt": "pg19/train/*"}

KINDS = {
    "pubmed_central": Kinds(_PMC),
    "pubmed_central_as_the_pile": Kinds(_PMC, {"compat": "pile-2020"}, "pubmed_central"),
    "pubmed_abstracts": Kinds(_PUBMED),
    "uspto": Kinds(_PATENTS, {"part": "description"}),
    "uspto_as_the_pile": Kinds(_PATENTS, {"compat": "pile-2020"}, "uspto"),
    "nih_exporter": Kinds(_GRANTS),
    "freelaw": Kinds(_LAWS),
    "freelaw_as_the_pile": Kinds(_LAWS, {"compat": "pile-2020"}, "freelaw"),
    "dm_mathematics": Kinds({"train-easy/algebra.txt": "", "a.tar": "dm_mathematics/*.tar.gz"}),
    "philpapers": Kinds({"HALOTM-1.pdf": "philpapers/*.pdf", "table/records/1.xml": "philpapers/oai/*.xml"}),
    "wikipedia": Kinds(_WIKIS),
    "wikipedia_as_the_pile": Kinds(_WIKIS, {"compat": "pile-2020"}, "wikipedia"),
    "opensubtitles": Kinds({"en/1999/1/2.xml": "", "en.zip": "opensubtitles/*.zip"}),
    "youtube_subtitles": Kinds(_SUBTITLES, {"generated": True}),
    "youtube_subtitles_as_the_pile": Kinds(_SUBTITLES, {"compat": "pile-2020"}, "youtube_subtitles"),
    "europarl": Kinds({"txt/en/ep-05-06-07-008.txt": "europarl/txt/en/*", "a.tgz": "europarl/*.tgz"}),
    "stack_exchange": Kinds(_POSTS, {"min_score": -10}),
    "stack_exchange_as_the_pile": Kinds(_POSTS, {"compat": "pile-2020"}, "stack_exchange"),
    "hacker_news": Kinds(_ITEMS),
    "hacker_news_as_the_pile": Kinds(_ITEMS, {"compat": "pile-2020"}, "hacker_news"),
    "ubuntu_irc": Kinds(_LOGS, {"period": "week"}),
    "enron": Kinds(_MAILS, {"strip_quoted": True}),
    "pg19": Kinds(_BOOKS),
    "jsonl": Kinds(
        {"a.jsonl": "jsonl/*.json*", "a.jsonl.tar": "jsonl/*.tar"}, {"text": ["text", "meta.text"], "metadata": True}
    ),
    "parquet": Kinds({"a.parquet": "parquet/*.parquet"}, {"metadata": True}),
    "openwebtext2": Kinds({"a.jsonl": "openwebtext2/*.tar"}),
    "openwebtext2_links": Kinds({"cdx-00000": "", "table/links/RS_2005-06": "", "table/links/a.csv": ""}),
    "arxiv_metadata": Kinds({"a.tar": "arxiv/*0305*.tar", "table/metadata/a.json": "arxiv/*.json"}, plugin="arxiv"),
}
_WRITTEN: Mapping[str, tuple[bytes, ...]] = {
    "cases/a.json": (
        b'{"id": 1, "name": "A v. B", "casebody": {"data": {"head_matter": "x", "opinions": [{"text": "y"}]}}, '
        b'"citations": [{"cite": "1 U.S. 1"}], "court": {"name": "c"}}',
        b'{"id": 2, "plain_text": "An opinion.", "html": "<p>An opinion.</p>", "cluster": "/api/clusters/7/"}',
    ),
    "train-easy/algebra.txt": (b"Solve 24 = 1601*c - 1605*c for c.\n-6\n" * 3,),
    "en/1999/1/2.xml": (
        b'<?xml version="1.0" encoding="utf-8"?><document id="2"><meta><subtitle><date>2005-01-02</date></subtitle>'
        b"<source><genre>Drama,War</genre></source></meta>"
        + b'<s id="1"><time id="T1S" value="00:00:01,000"/>- <w>Hello</w> <w>,</w> there.</s><s>{\\an8}No.</s>' * 8
        + b"</document>",
    ),
    "cdx-00000": (b'com,example)/ 20240101000000 {"url": "http://example.com/", "status": "404", "offset": "0", '
                  b'"length": "5", "filename": "a/b.warc.gz"}\n',),
    "table/links/RS_2005-06": (b'{"url": "http://example.com/", "score": 7}\n',),
    "table/links/a.csv": (b"url,score\nhttp://example.com/,5\n",),
}  # fmt: skip
"""What to start from where no sample file is of the kind."""


def read_source(name: str, data: bytes) -> None:
    """Read, join, extract and pack what one file holds."""
    kinds = list(KINDS[name].files)
    place = _place(name, kinds[data[0] % len(kinds)] if data else kinds[0])
    place.path.write_bytes(data[1:])
    if place.is_table:
        with suppress(InputError, ManifestError):
            place.bind_tables()
            if isinstance(place.source, LinkedPages):
                type(place.source)(place.source.config).list_files()
                list(place.source.read(place.splits[0]))
        return
    if isinstance(place.source, HackerNews):
        place.bind_tables()
    files = (replace(place.splits[0].files[0], size=len(data[1:])),)
    for item in raw_records(place.source, [replace(place.splits[0], files=files)]):
        found = item if isinstance(item, Skipped | Outcome | Reject) else extracted(place.source, item)
        if not isinstance(found, Skipped):
            _check(name, found if isinstance(found, Outcome) else Outcome(found.key, found.rule, found.detail))


def _check(name: str, found: Outcome) -> None:
    """What the engine does with a result, which may not fail."""
    # The pool makes rejects of these two.
    assert found.rule != BROKEN or found.detail.startswith(("RecursionError", "MemoryError")), found.detail
    document_id(name, valid_text(found.key))
    valid_text(found.detail[:500]).encode()
    if found.is_document:
        repair_texts([found.text.encode("utf-8", "replace").decode().replace("\x00", "")])[0].encode()
        packed_json(found.meta)


@dataclass(frozen=True)
class _Place:
    """A source with one file to write before it is read; `kept` lasts as long as the process."""

    source: Source
    path: Path
    splits: Sequence[Split]
    is_table: bool
    kept: tempfile.TemporaryDirectory[str]

    def bind_tables(self) -> None:
        """Index the side tables anew."""
        lookups = {}
        for table, files in self.source.side_tables().items():
            path = self.path.parent / f"{table}.sqlite"
            build_lookup(self.source.read_table(table, files), path)
            lookups[table] = open_lookup(str(path))
            lookups[table]("1")
        self.source.bind_tables(lookups)


@cache
def _place(name: str, kind: str) -> _Place:
    kinds = KINDS[name]
    kept = tempfile.TemporaryDirectory(prefix=f"fuzz-{name}-")
    top = Path(kept.name)
    tables: dict[str, tuple[str, ...]] = {}
    for each in kinds.files:
        path = top / each
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(next(samples(name, each), b""))
        if each.startswith(TABLE):
            option = each.split("/")[1]
            tables[option] = (*tables.get(option, ()), str(path))
    plugin = load_source(kinds.plugin or name)
    is_table = kind.startswith(TABLE)
    inputs = [next(each for each in kinds.files if not each.startswith(TABLE)) if is_table else kind]
    values = {"inputs": inputs, "root": str(top), **kinds.options}
    values |= {
        option: paths if plugin.Config.model_fields[option].annotation is not str else paths[0]
        for option, paths in tables.items()
    }
    source = plugin(plugin.Config.model_validate(values))
    place = _Place(source, top / kind, list(source.splits()), is_table, kept)
    place.bind_tables()
    return place


def samples(name: str, kind: str) -> Iterator[bytes]:
    """Files of a kind, expanded where they are compressed and the format itself is not."""
    yield from _WRITTEN.get(kind, ())
    pattern = KINDS[name].files[kind]
    for path in sorted(SAMPLES.glob(pattern)) if pattern else ():
        data = path.read_bytes()
        if path.suffix in (".gz", ".tgz"):
            data = gzip.decompress(data) if not path.name.startswith("cut") else data
        elif path.suffix == ".bz2" and "multistream" not in kind and "cut" not in path.name:
            data = bz2.decompress(data)
        yield data


def seeds(name: str) -> Iterator[bytes]:
    """Inputs of a target: the samples of all kinds, each behind its number."""
    for number, kind in enumerate(KINDS[name].files):
        for data in samples(name, kind):
            yield bytes([number]) + data


SOURCES: Mapping[str, Callable[[bytes], None]] = {name: partial(read_source, name) for name in KINDS}
"""A target for each source, and for those that read as the Pile did one of that."""
