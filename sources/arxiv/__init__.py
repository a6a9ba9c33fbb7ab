"""arXiv: bulk source tars, LaTeX to Markdown."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from email.utils import parsedate
from typing import Any, BinaryIO, ClassVar, Literal, cast

from pydantic import Field

from pile_builder.errors import InputError
from pile_builder.input_files import InputFile, list_files
from pile_builder.source import Document, Raw, Reject, Skipped, Source, SourceConfig, Upstream
from pile_builder.sources import bounded_json
from pile_builder.sources.arxiv.latex import inline_text, to_markdown
from pile_builder.sources.arxiv.tree import Submission, decode, main_file, unpack
from pile_builder.sources.creative_commons import creative_commons
from pile_builder.sources.tar_archive import tar_members
from pile_builder.streams import MAX_RECORD_BYTES, open_text_bytes, read_all

METADATA = "metadata"
MIN_WORDS = 20
"""A paper with fewer words holds no text."""
MAX_NOTICE_WORDS = 300
"""Longest withdrawal notice; a longer text is a paper that speaks of withdrawal."""

_OLD_ID = re.compile(r"([a-z][a-z-]*)(\d{7})")
_VERSION = re.compile(r"v\d+$")
_WITHDRAWN = re.compile(
    rb"\b(?:paper|article|manuscript|submission|preprint|work)\s+(?:has\s+been|was|is(?:\s+being)?|have\s+been)\s+"
    rb"(?:\w+\s+)?withdrawn|\bwithdrawn\s+by\s+(?:the\s+)?(?:author|arxiv)|^\s*withdrawn\b",
    re.IGNORECASE,
)


class Arxiv(Source):
    """arXiv papers from their LaTeX sources.

    Upstream: the requester-pays bucket `s3://arxiv/src/`, tars `arXiv_src_YYMM_NNN.tar` of one gzip file a paper;
    metadata and licences: the Kaggle data set `Cornell-University/arxiv` (`arxiv-metadata-oai-snapshot.json`).
    Licence: each paper's own, named by the metadata; most give arXiv alone the right to distribute, about 15 % are
    under Creative Commons. Out come Markdown documents with LaTeX formulas: title, abstract, body, appendix. Dropped:
    comments, authors, figures, tables that are not simple, parenthetical citations, the bibliography.

    Rejects: `pdf_only`, `withdrawn`, `no_main_file` (an archive without a LaTeX document), `not_latex` (plain TeX,
    PostScript, HTML, and other sources), `no_text`, `damaged`, `truncated`, `bomb`, `too_large`.
    """

    class Config(SourceConfig):
        """What an arXiv input is."""

        metadata: str = Field(default="", description="arxiv-metadata-oai-snapshot.json, for title, date and licence")

    config: Config
    pile_set_name: ClassVar[str] = "ArXiv"
    version: ClassVar[int] = 2
    upstreams: ClassVar[tuple[Upstream, ...]] = (
        Upstream("s3://arxiv/src/arXiv_src_manifest.xml", 3 << 40, 6_000, 500 << 20),
    )
    licence: ClassVar[str] = "per paper; most grant arXiv alone the right to distribute"
    tried: ClassVar[Literal["upstream", "samples"]] = "upstream"
    patterns: ClassVar[tuple[str, ...]] = ("*.tar",)

    def read_file(self, file: InputFile) -> Iterator[Raw | Reject | Skipped]:
        """Stream the papers of a tar."""
        with open_text_bytes(file) as stored:
            tail = _Tail(stored)
            try:
                for member in tar_members(cast("BinaryIO", tail), file.name):
                    if isinstance(member, str):
                        yield Skipped(member)
                        continue
                    name, _, ending = member.name.rsplit("/", 1)[-1].rpartition(".")
                    key = paper_id(name)
                    if ending == "pdf":
                        yield Reject("pdf_only", key=key)
                    elif ending != "gz":
                        yield Skipped("other")
                    elif member.size > MAX_RECORD_BYTES:
                        yield Reject("too_large", f"{member.size:,} bytes", key=key)
                    else:
                        yield Raw(key, read_all(member.content), "application/gzip")
            except tarfile.ReadError as error:
                raise InputError("truncated", f"tar {file.name}: {error}") from error
            tail.check_end(file.name)

    def extract(self, raw: Raw) -> Document | Reject:
        """Convert one paper."""
        try:
            submission = unpack(raw.payload)
            main = main_file(submission.files)
            if main is None:
                return _no_main(submission)
            if _is_notice(submission.files[main]):
                return Reject("withdrawn")
            paper = to_markdown(decode(submission.files, main), main)
        except InputError as error:
            return Reject(error.rule, error.detail)
        if paper.words < MIN_WORDS:
            return Reject("no_text", f"{paper.words} words")
        known = self.lookup(METADATA, _VERSION.sub("", raw.key)) or {}
        title = inline_text(known["title"]) if known.get("title") else paper.title
        meta = {**known, "title": title, "url": f"https://arxiv.org/abs/{raw.key}"}
        return Document(paper.text, {name: value for name, value in sorted(meta.items()) if value})

    def side_tables(self) -> Mapping[str, Sequence[InputFile]]:
        """The metadata snapshot, where the config names one."""
        if not self.config.metadata:
            return {}
        return {METADATA: list_files(self.config.metadata, self.config.root)}

    def read_table(self, name: str, files: Sequence[InputFile]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Stream title, authors, date, licence and categories of each paper, by arXiv id.

        Raises:
            InputError: `damaged`: a line is no JSON object of a paper.
        """
        for file in files:
            with open_text_bytes(file) as stream:
                for number, line in enumerate(stream, 1):
                    if not line.strip():
                        continue
                    try:
                        record = bounded_json.loads(line)
                        key, values = str(record["id"]), _values(record)
                    except (ValueError, LookupError, TypeError, AttributeError) as error:
                        detail = f"{file.name}, line {number}: expected a JSON object of a paper, with an id: {error}"
                        raise InputError("damaged", detail) from error
                    yield key, values


def paper_id(name: str) -> str:
    """The arXiv id of a member's base name: `hep-th9901001` is `hep-th/9901001`, new ids stay."""
    old = _OLD_ID.fullmatch(name)
    return f"{old[1]}/{old[2]}" if old else name


def _values(record: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if isinstance(record.get("title"), str):
        values["title"] = " ".join(record["title"].split())
    parsed = record.get("authors_parsed")
    if isinstance(parsed, list):
        values["authors"] = [" ".join(part for part in (*name[1:2], *name[:1], *name[2:3]) if part) for name in parsed]
    elif isinstance(record.get("authors"), str):
        values["authors"] = [part.strip() for part in re.split(r",\s*|\s+and\s+", record["authors"]) if part.strip()]
    versions = record.get("versions") or [{}]
    created = parsedate(versions[0].get("created") or "")
    values["date"] = f"{created[0]:04}-{created[1]:02}-{created[2]:02}" if created else record.get("update_date")
    if record.get("license"):
        values["license"] = creative_commons(str(record["license"])) or str(record["license"])
    if isinstance(record.get("categories"), str):
        values["categories"] = record["categories"].split()
    return values


def _is_notice(data: bytes) -> bool:
    return len(data) < 8 * MAX_NOTICE_WORDS and _WITHDRAWN.search(data) is not None


def _no_main(submission: Submission) -> Reject:
    """Why a submission without a LaTeX document is rejected."""
    if submission.single:
        data = submission.files[""]
        if not data.strip():
            return Reject("no_text", "an empty file")
        if _is_notice(data) or (data.lstrip().startswith(b"%auto-ignore") and len(data) < 8 * MAX_NOTICE_WORDS):
            return Reject("withdrawn")
        return Reject("pdf_only" if data.startswith(b"%PDF") else "not_latex", repr(data[:40]))
    if any(_is_notice(data) for data in submission.files.values()):
        return Reject("withdrawn")
    plain = any(
        b"\\bye" in data or b"\\magnification" in data or b"\\enddocument" in data for data in submission.files.values()
    )
    return Reject("not_latex" if plain else "no_main_file", f"{len(submission.files)} text files")


class _Tail:
    """Passes a tar through and sees whether it ends as tars do: with a block of zeros, and nothing after it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._last = b""

    def read(self, size: int = -1) -> bytes:
        """Read like the stream."""
        data = self._stream.read(size)
        self._last = (self._last + data)[-tarfile.BLOCKSIZE :]
        return data

    def check_end(self, name: str) -> None:
        """Read what is left.

        Raises:
            InputError: `truncated` or `damaged`.
        """
        while data := self.read(1 << 20):
            if data.strip(b"\0"):
                raise InputError("damaged", f"tar {name}: unreadable header in the middle")
        if self._last.strip(b"\0") or len(self._last) < tarfile.BLOCKSIZE:
            raise InputError("truncated", f"tar {name}: the end mark is missing")
