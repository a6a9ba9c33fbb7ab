"""NIH ExPORTER: abstracts of grant applications that were awarded."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, ClassVar

from pydantic import Field

from pile_builder.errors import InputError
from pile_builder.input_files import InputFile, list_files, open_input
from pile_builder.source import Document, Fragment, Reject, Skipped, Source, SourceConfig, Upstream
from pile_builder.sources.zip_archive import zip_members
from pile_builder.streams import open_text_bytes, read_lines

URL = "https://reporter.nih.gov/project-details/"
MIN_WORDS = 10
"""A shorter text says that there is no abstract ("Not applicable", "No abstract available")."""
MAX_LINES = 2_000
"""Most lines of a row: an open quotation mark must not swallow the rest of a file (an abstract is one page)."""
MAX_ROW_BYTES = 4 << 20
"""Most bytes of a row, and of a line of it."""

_COLUMNS = ("APPLICATION_ID", "ABSTRACT_TEXT")
_ROW_START = re.compile(rb'"?\d{4,10}"?,"')
_MARK = re.compile(r"\s*\[unreadable\]\s*|[\x00-\x1f\x7f]", re.I)
_HEADER = re.compile(
    r"""
    (?:\?\s+)+ | [.:;,\-–—/\s]+
    | (?:description|abstract|project\ (?:summary|description))\s*:?\s*
      \([^()]{0,80}(?:applicant|investigator|candidate|author|abstract|instructions|applicaton)[^()]{0,40}\)\s*[.:;]*\s*
    | project\ summary\s*(?:/|and|&|or)\s*abstract(?:\s*\(\d+\ lines?[^()]*\))?\s*[.:]*\s*
    | (?:project\ |overall\ |core\ |scientific\ )?(?:abstract|summary|description)\s*(?:section\s*)?[:]\s*
    """,
    re.I | re.X,
)
_CAPITALS = re.compile(
    r"(?:PROJECT (?:SUMMARY|ABSTRACT|DESCRIPTION|NARRATIVE)|ABSTRACT|SUMMARY|DESCRIPTION)\s*[.:]?\s+(?=[A-Z][^A-Z]|A )"
)
_END = re.compile(r"\s*[(\[]?\s*(?:end of (?:the )?abstract)\s*[)\]]?\.?$", re.I)
_NOTHING = re.compile(
    r"\W*(?:n/?a|none|not (?:applicable|available|provided)|"
    r"(?:no )?abstract (?:not )?(?:is )?(?:available|provided|on file)|"
    r"text (?:is )?not available|there is no abstract.*)\W*", re.I
)  # fmt: skip
_PILE_HEADERS = (
    "? ",
    "[unreadable] ",
    "description (adapted from applicant's abstract):",
    "description (adapted from applicant's abstract)",
    "description (provided by applicant):",
    "description (provided by applicant)",
    "description (provided by the applicant):",
    "description (provided by the applicant)",
    "description (adapted from the applicant's abstract):",
    "description: (adapted from the investigator's abstract)",
    "description: (adapted from the applicant's abstract)",
    "description: (adapted from investigator's abstract)",
    "description: (adapted from applicant's abstract)",
    "description: (provided by applicant)",
    "description (adapted from investigator's abstract):",
    "description (adapted from the investigator's abstract):",
    "description (adapted from the applicant's abstract)",
    "project summary / abstract",
    "project summary (see instructions):",
)
"""What the Pile took off, each once and in this order."""


class NihExporter(Source):
    """Abstracts of NIH grants.

    Upstream: https://reporter.nih.gov/exporter, one zip of a CSV per fiscal year: `RePORTER_PRJABS_C_FYyyyy.zip` (since
    1985) and the older `CRISP_PRJABS_C_FYyyyy.zip`, with APPLICATION_ID and ABSTRACT_TEXT; `RePORTER_PRJ_C_FYyyyy.zip`
    given as `projects` adds titles. Licence: none stated; public records of awards.

    Comes out: one document per application, key = APPLICATION_ID, the text of RePORTER where CRISP has it too: one
    paragraph, white space collapsed (line breaks of the upstream are those of a form), without headers of the form
    ("DESCRIPTION (provided by applicant):") and the scanner's "[unreadable]"; metadata application_id, url,
    fiscal_year, and title, date (of award) with `projects`. Bytes that are no UTF-8 are read as Windows-1252, none is
    lost. Equal texts of several applications (supplements, later years) are left to the deduplication.

    Dropped: headers and marks as above, all other columns. Skipped: nothing.

    Rejects: `no_abstract`, `damaged` (a row without number or end), `truncated`, `bomb`, `encrypted`, `too_large`.
    """

    class Config(SourceConfig):
        """Settings of the NIH source."""

        projects: tuple[str, ...] = Field(
            default=(), description="RePORTER_PRJ_C_FYyyyy files (zip or CSV): titles and dates of award"
        )

    config: Config
    pile_set_name: ClassVar[str] = "NIH ExPorter"
    patterns: ClassVar[tuple[str, ...]] = ("*PRJABS*.zip", "*PRJABS*.csv")
    compat: ClassVar[str] = (
        "bytes that are no UTF-8 are left out, the Pile's headers are taken off once each and nothing else is; "
        "metadata APPLICATION_ID alone"
    )
    upstreams: ClassVar[tuple[Upstream, ...]] = (
        Upstream("https://reporter.nih.gov/exporter/abstracts", size=3 << 30, files=41, unit=75 << 20, of="2026-01"),
    )
    licence: ClassVar[str] = "none stated; public records"

    def read_file(self, file: InputFile) -> Iterator[Fragment | Reject | Skipped]:
        """Stream the abstracts of a fiscal year."""
        base = file.name.rsplit("/", 1)[-1]
        year = re.search(r"FY((?:19|20)\d\d)", base)
        meta = {"fiscal_year": int(year[1])} if year else {}
        order = "1" if base.upper().startswith("CRISP") else "0"
        for stream, name in _tables(file):
            for number, row in enumerate(_rows(stream, name, _COLUMNS), 1):
                if isinstance(row, Reject):
                    yield row
                elif not _is_number(row[0]):
                    yield Reject("damaged", f"expected a number, got {row[0][:40]!r}", key=f"{name}#{number}")
                else:
                    yield Fragment(str(int(row[0])), row[1], f"{order}{base}", meta)

    def join(self, key: str, fragments: Sequence[Fragment]) -> Document | Reject:
        """The first text of an application, RePORTER's before CRISP's."""
        is_compat = self.config.compat == "pile-2020"
        for fragment in fragments:
            text = _as_the_pile(fragment.payload) if is_compat else clean(decoded(fragment.payload))
            if is_compat and text:
                return Document(text, {"APPLICATION_ID": int(key)})
            if len(text.split()) >= MIN_WORDS and not _NOTHING.fullmatch(text):
                known = self.lookup("projects", key) or {}
                return Document(text, {**fragment.meta, **known, "application_id": int(key), "url": f"{URL}{key}"})
        return Reject("no_abstract")

    def side_tables(self) -> Mapping[str, Sequence[InputFile]]:
        """The files of projects, where the config names any."""
        files = [file for pattern in self.config.projects for file in list_files(pattern, self.config.root)]
        return {"projects": files} if files else {}

    def read_table(self, name: str, files: Sequence[InputFile]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Stream title and date of award of each application."""
        for file in files:
            for stream, member in _tables(file):
                for row in _rows(stream, member, ("APPLICATION_ID", "PROJECT_TITLE", "AWARD_NOTICE_DATE")):
                    if isinstance(row, tuple) and _is_number(row[0]):
                        values = {"title": " ".join(decoded(row[1]).split()), "date": _date(row[2].decode("latin-1"))}
                        yield str(int(row[0])), {field: value for field, value in values.items() if value}


def clean(text: str) -> str:
    """An abstract on one line, without headers of the form."""
    text = " ".join(_MARK.sub(" ", " ".join(text.split())).split())
    before = ""
    while text != before:
        before = text
        for pattern in (_HEADER, _CAPITALS):
            if found := pattern.match(text):
                text = text[found.end() :]
    return _END.sub("", text)


def _as_the_pile(payload: bytes) -> str:
    text = " ".join(payload.decode("utf-8", "ignore").split())
    for header in _PILE_HEADERS:
        if text.lower().startswith(header):
            text = text[len(header) :].strip()
    return text


def decoded(data: bytes) -> str:
    """UTF-8 where it is, Windows-1252 (Latin-1 for its gaps) for the bytes that are not."""
    parts: list[str] = []
    while True:
        try:
            return "".join([*parts, data.decode("utf-8")])
        except UnicodeDecodeError as error:
            parts.append(data[: error.start].decode("utf-8"))
            odd = data[error.start : error.end]
            try:
                parts.append(odd.decode("cp1252"))
            except UnicodeDecodeError:
                parts.append(odd.decode("latin-1"))
            data = data[error.end :]


def _tables(file: InputFile) -> Iterator[tuple[BinaryIO, str]]:
    """The CSV files in a zip, or the file itself."""
    if not file.name.lower().endswith(".zip"):
        with open_text_bytes(file) as stream:
            yield stream, file.name
        return
    with open_input(file) as stored:
        found = False
        for member in zip_members(stored, file.name):
            if not isinstance(member, str) and member.name.lower().endswith(".csv"):
                found = True
                with member.opened() as content:
                    yield content, file.name
        if not found:
            raise InputError("damaged", f"{file.name}: expected a zip with a .csv, there is none in it")


def _rows(stream: BinaryIO, name: str, columns: Sequence[str]) -> Iterator[tuple[bytes, ...] | Reject]:
    """The fields of some columns of each row, as bytes; a Reject for a row that cannot be read.

    Raises:
        InputError: `damaged`: the columns are not there.
    """
    first = stream.readline(MAX_ROW_BYTES).removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    try:
        header = [field.strip().upper() for field in next(csv.reader([first]), [])]
    except csv.Error:
        header = []
    if not set(columns) <= set(header):
        raise InputError("damaged", f"{name}: expected the columns {', '.join(columns)}, got {first[:80]!r}")
    places = [header.index(column) for column in columns]
    held: list[bytes] = []
    quotes = size = 0
    for number, (_, line) in enumerate(read_lines(stream, limit=MAX_ROW_BYTES), 2):
        if line is None:
            yield Reject("too_large", f"a line of more than {MAX_ROW_BYTES:,} bytes", key=f"{name}:{number}")
            held, quotes, size = [], 0, 0
            continue
        held.append(line)
        quotes, size = quotes + line.count(b'"'), size + len(line)
        if quotes % 2 and len(held) > 1 and (len(held) > MAX_LINES or size > MAX_ROW_BYTES or _ROW_START.match(line)):
            # No abstract has such a line: the row before never ends, and this one starts anew.
            yield Reject("damaged", "a row with an open quotation mark", key=f"{name}:{number}")
            held, quotes, size = [line], line.count(b'"'), len(line)
        if quotes % 2 == 0:
            yield _fields(held, places, len(header), f"{name}:{number}")
            held, quotes, size = [], 0, 0
    if held:
        yield Reject("truncated", "the last row has no end", key=f"{name}:end")


def _fields(lines: list[bytes], places: Sequence[int], width: int, where: str) -> tuple[bytes, ...] | Reject:
    # As Latin-1, every byte is a character and comes back as it was.
    text = b"".join(lines).decode("latin-1")
    try:
        row = next(csv.reader(io.StringIO(text, newline="")), [])
    except csv.Error as error:
        return Reject("too_large", str(error), key=where)
    if len(row) != width:
        return Reject("damaged", f"expected {width} fields, got {len(row)}", key=where)
    return tuple(row[place].encode("latin-1") for place in places)


def _is_number(field: bytes) -> bool:
    return re.fullmatch(rb"\s*\d{1,15}\s*", field) is not None


def _date(text: str) -> str:
    """ISO of `2009-07-31` or `07/31/2009`."""
    if found := re.match(r"(\d{4})-(\d\d)-(\d\d)", text.strip()):
        return found[0]
    found = re.match(r"(\d{1,2})/(\d{1,2})/(\d{4})", text.strip())
    return f"{found[3]}-{int(found[1]):02}-{int(found[2]):02}" if found else ""
