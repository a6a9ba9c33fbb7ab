"""Stack Exchange: questions joined with their answers, from the dumps of the sites."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any, BinaryIO, ClassVar, cast

from lxml import etree
from pydantic import Field

from pile_builder.errors import InputError, ManifestError
from pile_builder.input_files import InputFile, open_input
from pile_builder.source import Document, Fragment, Reject, Skipped, Source, SourceConfig, Split, Upstream
from pile_builder.sources.markup import html_text
from pile_builder.sources.seven_zip import open_member
from pile_builder.streams import MAX_RECORD_BYTES, open_text_bytes

POSTS = "Posts.xml"
RANGE_BYTES = 128 << 20
"""Bytes of a plain Posts.xml that are one split."""
QUESTION, ANSWER = "1", "2"

_KINDS = {"3": "wiki", "4": "tag_wiki", "5": "tag_wiki", "6": "nomination", "7": "site_text", "8": "site_text"}
"""Post types without a question or answer, as the data dump's schema numbers them."""
_OTHER_TABLE = re.compile(r"-(?:Badges|Comments|PostHistory|PostLinks|Tags|Users|Votes)\.7z$")
_ENDING = re.compile(r"(?:-Posts)?\.7z$")
_FORBIDDEN = re.compile(rb"&#(?:x0*(?:[0-8bce-f]|1[0-9a-f]|fff[ef])|0*(?:[0-8]|1[124-9]|2\d|3[01]));", re.I)
_POWER = re.compile(r"(?<=[\d)\]])<sup>([+\u2212-]?\w{1,8})</sup>|(?<=\b[A-Za-z])<sup>([+\u2212-]?\d{1,4})</sup>")
_NOTE = re.compile(r"<sup>(\d{1,2}|\*{1,3}|\u2020)</sup>")
_NEEDED = frozenset(["Id", "ParentId"])
_NUMBER = re.compile(r"-?[0-9]{1,15}")
_FRAME = (b"<?xml", b"<posts", b"\xef\xbb\xbf<?xml", b"\xef\xbb\xbf<posts")
_LICENCES = ((date(2011, 4, 8), "CC-BY-SA-2.5"), (date(2018, 5, 2), "CC-BY-SA-3.0"))
"""Licence of posts from before a day; later ones are CC-BY-SA-4.0 (stackoverflow.com/help/licensing)."""


class StackExchange(Source):
    """Questions of Stack Exchange's sites, each with its best answers.

    Upstream: the data dump, `SITE.7z` per site on archive.org (`stackoverflow.com-Posts.7z` for the largest), or what
    lies in them: `SITE/Posts.xml`, also as .gz or .bz2. Other tables of the dump are not read. A site's name is that of
    its folder or archive. A .7z or compressed file is a stream and one split; a plain Posts.xml is split by ranges of
    bytes, each from the first row that begins in it: unpack the large sites (Stack Overflow: 100 GB) for many workers.
    Needs the extra `sevenzip` for .7z.

    Comes out: one document per question, key `SITE:ID`: `Q:`, title, body, then `A:` and the body for each answer, by
    score. An answer counts if it is accepted or has `min_score`, the best `max_answers` of them stay (the Pile's rules
    and numbers). HTML becomes plain text with code, lists, tables and MathJax. meta: title, url, date, license (that of
    all posts in it, by the dump or by the post's date), tags, score, answers (their scores), question_id, site.

    Dropped: answers that do not count, comments, pictures; wikis of tags and nominations are skipped.

    Rejects: `orphan` (answers whose question is not there), `no_answer` (none was given), `low_score` (none counts),
    `no_text` (pictures alone); a row that cannot be parsed is `damaged`, one that is too long `too_large`; of a file
    `truncated`, `damaged`, `bomb`, `encrypted`, `no_member`; with compat also `answer_count`.
    """

    class Config(SourceConfig):
        """What makes a question a document."""

        min_score: int = Field(default=3, description="least score of an answer that is not accepted")
        max_answers: int = Field(default=3, ge=1, description="answers of a document at most, the best by score")
        unanswered: bool = Field(default=False, description="keep questions without an answer that counts")

    config: Config
    pile_set_name: ClassVar[str] = "StackExchange"
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ("lxml",)
    patterns: ClassVar[tuple[str, ...]] = (POSTS, f"{POSTS}.gz", f"{POSTS}.bz2", "*.7z")
    compat: ClassVar[str] = (
        "plain text without layout of lists, tables and paragraphs; questions whose number of answers differs from the "
        "dump's AnswerCount are lost (`answer_count`)"
    )
    upstreams: ClassVar[tuple[Upstream, ...]] = (
        Upstream("https://archive.org/download/stackexchange", 93_000_000_000, 370, 500_000_000, "2024-04"),
    )
    licence: ClassVar[str] = "CC BY-SA 2.5, 3.0 or 4.0, by post"
    tried: ClassVar = "upstream"

    def splits(self) -> Iterable[Split]:
        """A split per compressed file, and per `RANGE_BYTES` of a plain one; a site is a group.

        Raises:
            ManifestError: an input is missing, is another table of the dump, or two are of one site.
        """
        sites: dict[str, InputFile] = {}
        found: list[Split] = []
        for file in self.input_files():
            if _OTHER_TABLE.search(file.name):
                if file.listed:
                    continue
                raise ManifestError(f"input {file.name}: expected posts (SITE.7z, SITE-Posts.7z), got another table")
            site = _site(file)
            if site in sites:
                msg = f"two inputs are of the site {site}: {sites[site].name} and {file.name}. Leave one out"
                raise ManifestError(msg)
            sites[site] = file
            params = {"site": site}
            if not file.name.endswith(f"{POSTS}") or file.size <= RANGE_BYTES:
                found.append(Split(file.name, (file,), params, site))
                continue
            for start in range(0, file.size, RANGE_BYTES):
                stop = min(start + RANGE_BYTES, file.size)
                name = f"{file.name}/{start // RANGE_BYTES:05}"
                found.append(Split(name, (file,), {**params, "start": start, "stop": stop}, site))
        return sorted(found, key=lambda split: split.name)

    def read(self, split: Split) -> Iterator[Fragment | Reject | Skipped]:
        """Stream the posts of a split, each a fragment of its question."""
        file, site = split.files[0], split.params["site"]
        skipped = Counter[str]()
        try:
            with _opened(file) as stream:
                for row in _rows(stream, split.params.get("start", 0), split.params.get("stop"), file.name):
                    item = row if isinstance(row, Reject) else _post(*row, site)
                    if isinstance(item, str):
                        skipped[item] += 1
                    else:
                        yield item
        except InputError as error:
            yield Reject(error.rule, error.detail, key=file.name)
        yield from (Skipped(kind, count) for kind, count in sorted(skipped.items()))

    def join(self, key: str, fragments: Sequence[Fragment]) -> Document | Reject:
        """Make a document of a question and its answers."""
        question, answers = fragments[0], [one for one in fragments if one.order[0] == ANSWER]
        if question.order[0] != QUESTION:
            return Reject("orphan", f"{len(answers)} answers without their question")
        is_compat = self.config.compat == "pile-2020"
        if is_compat:
            given = int(question.meta["answers"])
            if len(answers) < given:
                return Reject("answer_count", f"{given} answers announced, {len(answers)} in the dump")
            # The Pile wrote a question as soon as it had seen so many.
            answers = answers[:given]
        accepted = question.meta["accepted"]
        counting = [one for one in answers if one.meta["id"] == accepted or one.meta["score"] >= self.config.min_score]
        best = sorted(counting, key=lambda one: -one.meta["score"])[: self.config.max_answers]
        if not best and not self.config.unanswered:
            detail = f"the best of {len(answers)} answers is below {self.config.min_score} and not accepted"
            return Reject("low_score", detail) if answers else Reject("no_answer")
        try:
            body, *replies = [_text(one.payload.decode(), is_compat) for one in (question, *best)]
        except InputError as error:
            return Reject(error.rule, error.detail)
        # A picture may be all there is in an answer.
        texts = [(one, reply) for one, reply in zip(best, replies, strict=True) if reply.strip()]
        if not (body.strip() or texts) or (best and not texts and not self.config.unanswered):
            return Reject("no_text", "no text in the question, or in any answer that counts")
        parts = ["Q:", question.meta["title"].strip(), body] + [part for _, reply in texts for part in ("A:", reply)]
        text = "\n\n".join(part for part in parts if part)
        if is_compat:
            text = re.sub(r"\n{3,}", "\n\n", text + "\n\n")
        return Document(text, _meta(question, [one for one, _ in texts]))


def _site(file: InputFile) -> str:
    """The site's name: that of the archive, or of the folder."""
    folder, _, base = file.name.rpartition("/")
    if base.endswith(".7z"):
        return _ENDING.sub("", base)
    # Of a file right under the root, the folder is in its path alone.
    folder = folder or file.url.rpartition("/")[0]
    return folder.rpartition("/")[2].removesuffix("-Posts")


@contextmanager
def _opened(file: InputFile) -> Iterator[BinaryIO]:
    if file.name.endswith(".7z"):
        with open_input(file) as stored, open_member(stored, POSTS, file.name) as stream:
            yield stream
    elif file.name.endswith(POSTS):
        with open_input(file) as stored:
            yield stored
    else:
        with open_text_bytes(file) as stream:
            yield stream


def _rows(stream: BinaryIO, start: int, stop: int | None, name: str) -> Iterator[tuple[str, bytes] | Reject]:
    """The rows that begin in a range of bytes, a line each, with where they lie."""
    place = start
    if start:
        # The line that reaches into the range belongs to the one before, unless it ends right in front of it.
        stream.seek(start - 1)
        place += _skip_line(stream) - 1
    last = b"" if start else b"nothing"
    while stop is None or place < stop:
        line = stream.readline(MAX_RECORD_BYTES)
        if not line:
            break
        where, place = f"{name}@{place}", place + len(line)
        if len(line) == MAX_RECORD_BYTES and not line.endswith(b"\n"):
            place += _skip_line(stream)
            yield Reject("too_large", f"a row of more than {MAX_RECORD_BYTES:,} bytes", where)
            continue
        stripped = line.strip()
        last = stripped or last
        if stripped.startswith(b"<row "):
            yield where, stripped
        elif stripped and stripped != b"</posts>" and not stripped.startswith(_FRAME):
            yield Reject("damaged", f"expected a row, got {stripped[:40]!r}", where)
    is_end = stop is None or not stream.read(1)
    if is_end and last not in (b"", b"</posts>"):
        raise InputError("truncated", f"{name}: expected </posts> at its end")


def _skip_line(stream: BinaryIO) -> int:
    """Read to the end of a line; returns the bytes that were left of it."""
    count = 0
    while part := stream.readline(1 << 20):
        count += len(part)
        if part.endswith(b"\n"):
            break
    return count


def _post(where: str, row: bytes, site: str) -> Fragment | Reject | str:
    """A row as a part of its question, or its kind if it is no part of any."""
    try:
        values = _attributes(row)
        kind, number = values["PostTypeId"], _number(values, "Id")
        if kind not in (QUESTION, ANSWER):
            return _KINDS.get(kind, "other_post")
        score = _number(values, "Score")
        meta: dict[str, Any] = {"id": number, "score": score, "license": _licence(values)}
        if kind == ANSWER:
            return Fragment(
                f"{site}:{_number(values, 'ParentId')}", values["Body"].encode(), f"{ANSWER}{number:012}", meta
            )
        accepted, answers = _number(values, "AcceptedAnswerId"), _number(values, "AnswerCount")
        meta |= {"accepted": accepted, "answers": answers, "site": site, "title": values.get("Title", "")}
        meta |= {"date": values["CreationDate"], "tags": re.findall(r"[^<>|]+", values.get("Tags", ""))}
        return Fragment(f"{site}:{number}", values["Body"].encode(), QUESTION, meta)
    except KeyError as error:
        return Reject("damaged", f"expected a row with {error.args[0]}", where)
    except (etree.XMLSyntaxError, ValueError) as error:
        return Reject("damaged", f"{type(error).__name__}: {error}"[:200], where)


def _number(values: Mapping[str, str], name: str) -> int:
    """A number of a row; 0 where it may be left out and is."""
    text = values[name] if name in _NEEDED else values.get(name) or "0"
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{name}: expected a number, got {text[:40]!r}")
    return int(text)


def _attributes(row: bytes) -> Mapping[str, str]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        return cast("Mapping[str, str]", etree.fromstring(row, parser).attrib)
    except etree.XMLSyntaxError:
        # Posts hold control characters, which the dump writes as references that XML forbids.
        return cast("Mapping[str, str]", etree.fromstring(_FORBIDDEN.sub(b"", row), parser).attrib)


def _licence(values: Mapping[str, str]) -> str:
    if stated := values.get("ContentLicense"):
        return stated.strip().replace(" ", "-")
    day = date.fromisoformat(values["CreationDate"][:10])
    return next((name for before, name in _LICENCES if day < before), "CC-BY-SA-4.0")


def _text(body: str, is_compat: bool) -> str:  # noqa: FBT001
    if not is_compat:
        # Raised numbers are powers or marks of notes; without a sign for it 10 to the 23rd would become 1023.
        return html_text(_NOTE.sub(r"[\1]", _POWER.sub(_power, body)))
    page = etree.fromstring(f"<div>{body}</div>", etree.HTMLParser(no_network=True, huge_tree=True))
    return "".join(map(str, page.itertext())) if page is not None else ""


def _power(found: re.Match[str]) -> str:
    exponent = found[1] or found[2]
    return found[0] if exponent in ("st", "nd", "rd", "th", "TM") else f"^{exponent}"


def _meta(question: Fragment, answers: Sequence[Fragment]) -> Mapping[str, Any]:
    known, site = question.meta, question.meta["site"]
    url = {"url": f"https://{site}/questions/{known['id']}"} if "." in site else {}
    licences = sorted({one.meta["license"] for one in (question, *answers)})
    return {
        "title": known["title"].strip(),
        **url,
        "date": known["date"],
        "license": " AND ".join(licences),
        "tags": known["tags"],
        "score": known["score"],
        "answers": [one.meta["score"] for one in answers],
        "question_id": known["id"],
        "site": site,
    }
